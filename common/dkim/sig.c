#include <errno.h>
#include <stdlib.h>

#include <idn2.h>

#include "common/base/scratch.h"
#include "common/dkim/sig.h"
#include "common/dkim/tags.h"
#include "common/message/header.h"

enum {
	IDN_MAX = 1024, /* bytes of a name with U-labels */
	DIGITS_MAX = 12, /* of t= and x= */
	LENGTH_MAX = 76, /* digits of l= */
};

/* ---- names ---- */

static bool
is_label(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-' &&
		    s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= SIG_LABEL_MAX;
}

/* Labels of ASCII to lower case. */
static int
ascii_domain(struct str text, char out[SIG_NAME_MAX + 1])
{
	struct str rest = text, label;
	bool more = true;

	if (text.n > SIG_NAME_MAX)
		return -1;
	while (more) {
		more = str_cut(&rest, '.', &label);
		if (!is_label(label))
			return -1;
	}
	for (size_t i = 0; i < text.n; i++)
		out[i] = to_lower(text.p[i]);
	out[text.n] = '\0';
	return 0;
}

int
sig_domain(struct str text, char out[SIG_NAME_MAX + 1])
{
	char *name, *ascii = NULL;
	int idn = IDN2_MALLOC, r = -1;

	errno = EINVAL;
	if (str_is_ascii(text))
		return ascii_domain(text, out);
	if (text.n > IDN_MAX || str_has(text, '\0'))
		return -1;
	name = str_dup(text);
	if (name != NULL)
		idn = idn2_lookup_u8((const uint8_t *)name, (uint8_t **)&ascii,
		    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (idn == IDN2_OK)
		r = ascii_domain(str_c(ascii), out);
	idn2_free(ascii);
	free(name);
	errno = idn == IDN2_MALLOC ? ENOMEM : EINVAL;
	return r;
}

int
sig_rooted_domain(struct str text, char out[SIG_NAME_MAX + 1])
{
	if (text.n > 0 && text.p[text.n - 1] == '.')
		text.n--;
	return sig_domain(text, out);
}

/* What a name that sig_domain refused leads to. */
static enum dkim_error
name_error(enum dkim_error bad)
{
	return errno == ENOMEM ? DKIM_INTERNAL : bad;
}

bool
sig_is_below(const char *name, const char *parent)
{
	size_t n = strlen(name), m = strlen(parent);

	if (n < m || strcmp(name + n - m, parent) != 0)
		return false;
	return n == m || name[n - m - 1] == '.';
}

/* ---- checks, each for one tag or a few (RFC 6376 section 6.1.1) ---- */

static bool
has(const struct tags *t, const char *name)
{
	return tags_find(t, str_c(name)) != NULL;
}

static enum dkim_error
check_required(const struct tags *t, struct sig *s)
{
	static const char *const names[] = { "v", "a", "b", "bh", "d", "h",
		"s" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!has(t, names[i]))
			return DKIM_SIG_MISSING;
	(void)s;
	return DKIM_OK;
}

static enum dkim_error
check_version(const struct tags *t, struct sig *s)
{
	(void)s;
	return str_eq(tags_value(t, STR("v")), STR("1")) ? DKIM_OK
							 : DKIM_SIG_VERSION;
}

static enum dkim_error
check_algorithm(const struct tags *t, struct sig *s)
{
	(void)t;
	if (str_eq(s->a, STR("rsa-sha256")))
		s->algorithm = SIG_RSA_SHA256;
	else if (str_eq(s->a, STR("ed25519-sha256")))
		s->algorithm = SIG_ED25519_SHA256;
	else if (str_eq(s->a, STR("rsa-sha1")))
		return DKIM_SIG_SHA1;
	else
		return DKIM_SIG_ALGORITHM;
	return DKIM_OK;
}

static int
canon_word(struct str s, enum canon *how)
{
	if (str_eq(s, STR("simple")))
		*how = CANON_SIMPLE;
	else if (str_eq(s, STR("relaxed")))
		*how = CANON_RELAXED;
	else
		return -1;
	return 0;
}

int
sig_canon(struct str text, enum canon *header, enum canon *body)
{
	struct str word;

	if (!str_cut(&text, '/', &word))
		text = STR("simple");
	if (canon_word(word, header) == -1)
		return -1;
	return canon_word(text, body);
}

static enum dkim_error
check_canon(const struct tags *t, struct sig *s)
{
	s->header = s->body = CANON_SIMPLE;
	if (!has(t, "c") ||
	    sig_canon(tags_value(t, STR("c")), &s->header, &s->body) == 0)
		return DKIM_OK;
	return DKIM_SIG_CANON;
}

static enum dkim_error
check_query(const struct tags *t, struct sig *s)
{
	struct str rest = tags_value(t, STR("q")), item;
	bool more = true;

	(void)s;
	if (!has(t, "q"))
		return DKIM_OK;
	while (tags_item(&rest, &more, &item) == 1)
		if (str_eq(item, STR("dns/txt")))
			return DKIM_OK;
	return DKIM_SIG_QUERY;
}

static enum dkim_error
check_names(const struct tags *t, struct sig *s)
{
	char selector[SIG_NAME_MAX + 1];
	struct buf b;

	(void)t;
	if (sig_domain(s->d, s->domain) == -1)
		return name_error(DKIM_SIG_DOMAIN);
	if (sig_domain(s->s, selector) == -1)
		return name_error(DKIM_SIG_SELECTOR);
	if (strlen(selector) + strlen("._domainkey.") + strlen(s->domain) >
	    SIG_NAME_MAX)
		return DKIM_SIG_SELECTOR;
	b = buf_over(s->query, sizeof(s->query));
	buf_str(&b, str_c(selector));
	buf_str(&b, STR("._domainkey."));
	buf_str(&b, str_c(s->domain));
	buf_chr(&b, '\0');
	return DKIM_OK;
}

static bool
is_field_name(struct str s)
{
	return s.n > 0 && str_printable(s, '!') == s.n;
}

static enum dkim_error
check_fields(const struct tags *t, struct sig *s)
{
	struct str rest = tags_value(t, STR("h")), item;
	bool more = true, from = false;

	s->h = rest;
	for (size_t n = 0; tags_item(&rest, &more, &item) == 1; n++) {
		if (n == SIG_FIELDS_MAX || !is_field_name(item))
			return DKIM_SIG_FIELDS;
		from = from || str_ieq(item, STR("from"));
	}
	return from ? DKIM_OK : DKIM_SIG_FROM;
}

static enum dkim_error
check_values(const struct tags *t, struct sig *s)
{
	int n =
	    digest_from_base64(tags_value(t, STR("bh")), s->bh, sizeof(s->bh));

	if (n != DIGEST_SIZE)
		return DKIM_SIG_HASH;
	n = digest_from_base64(s->b_raw, s->b, sizeof(s->b));
	if (n <= 0)
		return DKIM_SIG_VALUE;
	s->b_size = (size_t)n;
	if (s->algorithm == SIG_ED25519_SHA256 && n != 64)
		return DKIM_SIG_VALUE;
	return DKIM_OK;
}

int
sig_unquote(struct str s, struct buf *out)
{
	uint64_t c;

	while (s.n > 0) {
		if (s.p[0] == '=') {
			if (s.n < 3 || str_hex64(str_n(s.p + 1, 2), &c) == -1) {
				errno = EINVAL;
				return -1;
			}
			buf_chr(out, (char)c);
			s = str_from(s, 3);
			continue;
		}
		if (!is_fws(s.p[0]))
			buf_chr(out, s.p[0]);
		s = str_from(s, 1);
	}
	errno = ENOMEM;
	return buf_failed(out) ? -1 : 0;
}

/* The domain of an identity, which may have any octet encoded, "@" too. */
static enum dkim_error
identity_domain(struct str i, char out[SIG_NAME_MAX + 1])
{
	enum dkim_error e = DKIM_SIG_IDENTITY;
	struct str local, domain;
	struct buf b;

	buf_init(&b, SIG_FIELD_MAX);
	if (sig_unquote(i, &b) == -1) {
		e = name_error(DKIM_SIG_SYNTAX);
	} else {
		local = buf_view(&b);
		if (str_rcut(&local, '@', &domain))
			e = sig_domain(domain, out) == 0 ? DKIM_OK
							 : name_error(e);
	}
	buf_clear(&b);
	return e;
}

static enum dkim_error
check_identity(const struct tags *t, struct sig *s)
{
	enum dkim_error e;

	s->has_i = has(t, "i");
	if (!s->has_i) {
		memcpy(s->identity, s->domain, sizeof(s->identity));
		return DKIM_OK;
	}
	e = identity_domain(s->i, s->identity);
	if (e != DKIM_OK)
		return e;
	return sig_is_below(s->identity, s->domain) ? DKIM_OK
						    : DKIM_SIG_IDENTITY;
}

static enum dkim_error
check_time(const struct tags *t, struct sig *s)
{
	struct str at = tags_value(t, STR("t")),
		   until = tags_value(t, STR("x"));

	s->has_t = has(t, "t");
	s->has_x = has(t, "x");
	if (at.n > DIGITS_MAX || until.n > DIGITS_MAX ||
	    (s->has_t && str_u64(at, UINT64_MAX, &s->t) == -1) ||
	    (s->has_x && str_u64(until, UINT64_MAX, &s->x) == -1) ||
	    (s->has_t && s->has_x && s->x <= s->t))
		return DKIM_SIG_TIME;
	return DKIM_OK;
}

static enum dkim_error
check_length(const struct tags *t, struct sig *s)
{
	struct str l = tags_value(t, STR("l"));

	s->has_l = has(t, "l");
	if (!s->has_l)
		return DKIM_OK;
	for (size_t i = 0; i < l.n; i++)
		if (!is_digit(l.p[i]))
			return DKIM_SIG_LENGTH;
	if (l.n == 0 || l.n > LENGTH_MAX)
		return DKIM_SIG_LENGTH;
	/* A number that no body reaches is as good as any other such. */
	if (str_u64(l, UINT64_MAX - 1, &s->l) == -1)
		s->l = UINT64_MAX - 1;
	return DKIM_OK;
}

static enum dkim_error (*const checks[])(const struct tags *, struct sig *) = {
	check_required,
	check_version,
	check_algorithm,
	check_canon,
	check_query,
	check_names,
	check_fields,
	check_values,
	check_identity,
	check_time,
	check_length,
};

enum dkim_error
sig_parse(struct str raw, struct sig *s)
{
	struct field f;
	SCRATCH struct tags tags;
	const struct tag *b;
	enum dkim_error e = DKIM_OK;

	memset(s, 0, offsetof(struct sig, identity));
	if (raw.n > SIG_FIELD_MAX)
		return DKIM_SIG_SIZE;
	if (header_next(&raw, &f) != 1 || f.name.n == 0 ||
	    tags_parse(f.value, &tags) == -1)
		return DKIM_SIG_SYNTAX;
	s->d = tags_value(&tags, STR("d"));
	s->s = tags_value(&tags, STR("s"));
	s->i = tags_value(&tags, STR("i"));
	s->a = tags_value(&tags, STR("a"));
	b = tags_find(&tags, STR("b"));
	if (b != NULL)
		s->b_raw = b->raw;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		e = checks[i](&tags, s);
		if (e != DKIM_OK)
			break;
	}
	return e;
}

enum dkim_error
sig_check(const struct sig *s, uint64_t now, bool allow_l)
{
	if (s->has_x && s->x + SIG_SKEW < now)
		return DKIM_SIG_EXPIRED;
	if (s->has_t && s->t > now + SIG_SKEW)
		return DKIM_SIG_FUTURE;
	if (s->has_l && !allow_l)
		return DKIM_SIG_PARTIAL;
	return DKIM_OK;
}
