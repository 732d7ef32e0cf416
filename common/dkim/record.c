#include <stdlib.h>

#include "common/dkim/record.h"
#include "common/dkim/tags.h"

/* Is the tag absent, or is one of these words in its list? */
static bool
allows(const struct tags *t, const char *name, const char *a, const char *b)
{
	struct str rest = tags_value(t, str_c(name)), item;
	bool more = true;

	if (tags_find(t, str_c(name)) == NULL)
		return true;
	while (tags_item(&rest, &more, &item) == 1)
		if (str_eq(item, str_c(a)) || str_eq(item, str_c(b)))
			return true;
	return false;
}

static bool
has_flag(const struct tags *t, const char *flag)
{
	return tags_find(t, STR("t")) != NULL && allows(t, "t", flag, flag);
}

/* v= must come first and be DKIM1, if there is one. */
static enum dkim_error
check_version(const struct tags *t)
{
	const struct tag *v = tags_find(t, STR("v"));

	if (v == NULL)
		return DKIM_OK;
	if (v != &t->v[0] || !str_eq(v->value, STR("DKIM1")))
		return DKIM_KEY_VERSION;
	return DKIM_OK;
}

static enum dkim_error
check_type(const struct tags *t, enum key_type *type)
{
	struct str k = tags_value(t, STR("k"));

	*type = KEY_RSA;
	if (tags_find(t, STR("k")) == NULL || str_eq(k, STR("rsa")))
		return DKIM_OK;
	*type = KEY_ED25519;
	return str_eq(k, STR("ed25519")) ? DKIM_OK : DKIM_KEY_TYPE;
}

static enum dkim_error
take_key(const struct tags *t, struct record *r)
{
	unsigned char raw[RECORD_MAX];
	const struct tag *p = tags_find(t, STR("p"));
	int n;

	if (p == NULL)
		return DKIM_KEY_SYNTAX;
	if (p->value.n == 0)
		return DKIM_KEY_REVOKED;
	n = digest_from_base64(p->value, raw, sizeof(raw));
	if (n <= 0)
		return DKIM_KEY_SYNTAX;
	return key_public(r->type, raw, (size_t)n, &r->key, &r->bits);
}

/* The checks of RFC 6376 section 6.1.2 that need no signature. */
static enum dkim_error
check_record(const struct tags *t, struct record *r)
{
	enum dkim_error e = check_version(t);

	r->testing = has_flag(t, "y");
	r->strict = has_flag(t, "s");
	if (e == DKIM_OK)
		e = check_type(t, &r->type);
	if (e != DKIM_OK)
		return e;
	if (!allows(t, "h", "sha256", "sha256"))
		return DKIM_KEY_HASH;
	if (!allows(t, "s", "*", "email"))
		return DKIM_KEY_SERVICE;
	return take_key(t, r);
}

/*
 * Is this meant as a key record?  It has p=, or else a v= that says so; text of
 * other kinds (SPF, say) has neither.
 */
static bool
is_record(const struct tags *t)
{
	return tags_find(t, STR("p")) != NULL ||
	    str_ieq(tags_value(t, STR("v")), STR("DKIM1"));
}

static void
record_parse(struct str txt, struct record *r, bool *is)
{
	struct tags tags;

	*r = (struct record){ .error = DKIM_KEY_SIZE };
	*is = true;
	if (txt.n > RECORD_MAX)
		return;
	r->error = DKIM_KEY_SYNTAX;
	if (tags_parse(txt, &tags) == -1) {
		/* Broken, but meant as one? */
		*is = str_starts(str_trim_fws(txt), STR("v=DKIM1"));
		return;
	}
	*is = is_record(&tags);
	if (*is)
		r->error = check_record(&tags, r);
}

/*
 * RFC 6376 section 3.6.1: a record with a v= other than DKIM1 is discarded, so
 * it stands back behind any other.
 */
static bool
is_ignored(const struct record *r)
{
	return r->error == DKIM_KEY_VERSION;
}

/* Adds the record that txt is, if it is one; -1 without memory. */
static int
add_record(struct record_set *set, struct str txt)
{
	struct record r;
	bool is;

	record_parse(txt, &r, &is);
	if (is && r.error == DKIM_INTERNAL)
		return -1;
	if (is && is_ignored(&r))
		set->error = r.error;
	else if (is)
		set->v[set->n++] = r;
	return 0;
}

struct record_set *
record_set_new(const struct str *txt, size_t n)
{
	struct record_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->refs = 1;
	set->error = DKIM_KEY_NONE;
	for (size_t i = 0; i < n && i < RECORD_TXT_MAX; i++) {
		if (set->n == RECORD_KEYS_MAX)
			break;
		if (add_record(set, txt[i]) == -1) {
			record_set_free(set);
			return NULL;
		}
	}
	return set;
}

struct record_set *
record_set_ref(struct record_set *set)
{
	set->refs++;
	return set;
}

void
record_set_free(struct record_set *set)
{
	if (set == NULL || --set->refs > 0)
		return;
	for (size_t i = 0; i < set->n; i++)
		key_free(set->v[i].key);
	free(set);
}

static enum record_match
match_one(const struct record *r, const struct key *k)
{
	if (r->error == DKIM_KEY_REVOKED)
		return RECORD_REVOKED;
	if (r->error != DKIM_OK)
		return RECORD_UNUSABLE;
	return key_eq(r->key, k) ? RECORD_SAME : RECORD_DIFFERENT;
}

enum record_match
record_match(const struct record_set *set, const struct key *k)
{
	if (set->n == 0)
		return set->error == DKIM_KEY_NONE ? RECORD_MISSING
						   : RECORD_UNUSABLE;
	for (size_t i = 0; i < set->n; i++)
		if (match_one(&set->v[i], k) == RECORD_SAME)
			return RECORD_SAME;
	/* Verifiers may take any of several: the first is as good as any. */
	return match_one(&set->v[0], k);
}

void
record_format(const struct key *k, struct buf *out)
{
	buf_str(out, STR("v=DKIM1; k="));
	buf_str(out, key_type(k) == KEY_RSA ? STR("rsa") : STR("ed25519"));
	buf_str(out, STR("; p="));
	key_format_public(k, out);
}

void
record_format_zone(
    struct str selector, struct str domain, struct str text, struct buf *out)
{
	struct str part;

	buf_str(out, selector);
	buf_str(out, STR("._domainkey."));
	buf_str(out, domain);
	buf_str(out, STR(". IN TXT ("));
	do {
		part = str_head(text, RECORD_STRING_MAX);
		text = str_from(text, part.n);
		buf_str(out, STR(" \""));
		for (size_t i = 0; i < part.n; i++) {
			if (part.p[i] == '"' || part.p[i] == '\\')
				buf_chr(out, '\\');
			buf_chr(out, part.p[i]);
		}
		buf_chr(out, '"');
	} while (text.n > 0);
	buf_str(out, STR(" )\n"));
}
