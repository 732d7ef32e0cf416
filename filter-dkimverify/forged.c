#include <stdlib.h>

#include "common/dkim/sig.h"
#include "common/message/address.h"
#include "common/message/fold.h"
#include "filter-dkimverify/forged.h"

enum {
	BLOCK = 64 * 1024, /* bytes of a store looked at in one go */
};

static const struct str field_name = STR("Authentication-Results");
static const struct str original_name =
    STR("X-Original-Authentication-Results");

int
forged_name(struct str text, char out[FORGED_ID_MAX + 1])
{
	char name[SIG_NAME_MAX + 1];

	text = str_trim(text);
	if (text.n > 1 && text.p[text.n - 1] == '.')
		text.n--;
	if (text.n == 0 || text.n > FORGED_ID_MAX)
		return -1;
	if (!str_is_ascii(text)) {
		/* A suffix keeps its dot. */
		if (text.p[0] == '.')
			*out++ = '.';
		if (sig_domain(str_from(text, text.p[0] == '.'), name) == -1)
			return -1;
		memcpy(out, name, sizeof(name));
		return 0;
	}
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < ' ' || text.p[i] == 0x7f)
			return -1;
		out[i] = to_lower(text.p[i]);
	}
	out[text.n] = '\0';
	return 0;
}

int
forged_id(struct str text, char out[FORGED_ID_MAX + 1])
{
	if (text.n > FORGED_ID_MAX || str_starts(text, STR(".")) ||
	    forged_name(text, out) == -1)
		return -1;
	if (str_is_ascii(text)) {
		memcpy(out, text.p, text.n);
		out[text.n] = '\0';
	}
	return 0;
}

/* ---- the syntax of RFC 8601 section 2.2 ---- */

/* A token of RFC 2045 section 5.1, or a byte of UTF-8. */
static bool
is_token_char(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && !is_tspecial(c);
}

/* The inside of a quoted-string, unfolded and unquoted. */
static int
take_quoted(struct str *s, char *out, size_t *n)
{
	*s = str_from(*s, 1);
	*n = 0;
	while (s->n > 0 && s->p[0] != '"') {
		if (s->p[0] == '\\')
			*s = str_from(*s, 1);
		if (s->n == 0 || *n == FORGED_ID_MAX)
			return -1;
		if (s->p[0] != '\n' && s->p[0] != '\r')
			out[(*n)++] = s->p[0];
		*s = str_from(*s, 1);
	}
	if (s->n == 0)
		return -1;
	*s = str_from(*s, 1);
	return 0;
}

static int
take_value(struct str *s, char *out, size_t *n)
{
	*n = 0;
	if (s->n > 0 && s->p[0] == '"')
		return take_quoted(s, out, n);
	while (s->n > 0 && is_token_char(s->p[0])) {
		if (*n == FORGED_ID_MAX)
			return -1;
		out[(*n)++] = s->p[0];
		*s = str_from(*s, 1);
	}
	return *n > 0 ? 0 : -1;
}

/* The version, if there is one, must be 1; then only results may follow. */
static int
check_version(struct str s)
{
	struct str digits;
	uint64_t version;
	size_t n = 0;

	if (address_skip_cfws(&s) == -1)
		return -1;
	while (n < s.n && is_digit(s.p[n]))
		n++;
	digits = str_head(s, n);
	s = str_from(s, n);
	if (n > 0 &&
	    (str_u64(digits, UINT32_MAX, &version) == -1 || version != 1))
		return -1;
	if (address_skip_cfws(&s) == -1)
		return -1;
	return s.n == 0 || s.p[0] == ';' ? 0 : -1;
}

/* Quotes and comments of the rest must be closed. */
static int
check_rest(struct str s)
{
	while (s.n > 0) {
		if (address_skip_cfws(&s) == -1)
			return -1;
		if (s.n > 0 && s.p[0] == '"') {
			do
				s = str_from(s, s.p[0] == '\\' ? 2 : 1);
			while (s.n > 0 && s.p[0] != '"');
			if (s.n == 0)
				return -1;
		}
		s = str_from(s, 1);
	}
	return 0;
}

static bool
matches(const struct forged_rule *rule, const char *name)
{
	struct str s = str_c(name);

	if (strcmp(name, rule->own) == 0)
		return true;
	for (size_t i = 0; i < rule->ids->n; i++) {
		struct str id = str_c(rule->ids->v[i]);
		if (str_eq(s, id))
			return true;
		if (id.p[0] == '.' &&
		    (str_iends(s, id) || str_eq(s, str_from(id, 1))))
			return true;
	}
	return false;
}

/* A name in which some readers may see another one. */
static bool
is_unclear(const char *name)
{
	size_t n = strlen(name);

	return strpbrk(name, " \t") != NULL || strstr(name, "=?") != NULL ||
	    strstr(name, "..") != NULL || name[0] == '.' ||
	    (n > 0 && name[n - 1] == '.');
}

/* Is the field's value ours, or nothing that can be understood? */
static bool
is_claim(const struct forged_rule *rule, struct str value)
{
	char id[FORGED_ID_MAX], name[FORGED_ID_MAX + 1];
	size_t n;

	if (address_skip_cfws(&value) == -1 ||
	    take_value(&value, id, &n) == -1 ||
	    forged_name(str_n(id, n), name) == -1)
		return true;
	return matches(rule, name) || is_unclear(name) ||
	    check_version(value) == -1 || check_rest(value) == -1;
}

/*
 * What some readers drop from a name: white space and control characters, of
 * Unicode too.
 */
static bool
is_dropped(char c)
{
	return (unsigned char)c <= ' ' || (unsigned char)c >= 0x7f;
}

/* Is it this name, whatever is to be dropped from it? */
static bool
is_name(struct str s, struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (is_dropped(s.p[i]))
			continue;
		if (n == name.n || to_lower(s.p[i]) != to_lower(name.p[n]))
			return false;
		n++;
	}
	return n == name.n;
}

bool
forged_smuggled(struct str raw, struct str name, struct str *rest)
{
	struct str line, before;
	bool more = str_cut(&raw, '\r', &line);

	while (more) {
		*rest = raw;
		more = str_cut(&raw, '\r', &line);
		if (!str_starts(line, STR("\n")) &&
		    str_cut(&line, ':', &before) && is_name(before, name)) {
			(void)str_cut(rest, ':', &before);
			return true;
		}
	}
	return false;
}

static bool
is_smuggled(struct str raw)
{
	struct str rest;

	return forged_smuggled(raw, field_name, &rest);
}

bool
forged_is(const struct forged_rule *rule, struct str raw)
{
	struct str name;

	switch (rule->mode) {
	case FORGED_KEEP:
		return false;
	case FORGED_ALL:
	case FORGED_OWN:
		break;
	}
	if (is_smuggled(raw))
		return true;
	if (!str_cut(&raw, ':', &name) || !is_name(name, field_name))
		return false;
	return rule->mode == FORGED_ALL || is_claim(rule, raw);
}

/* Can it stay under another name? */
static bool
can_rename(struct str name, struct str raw)
{
	return str_ieq(name, field_name) && !is_smuggled(raw);
}

static bool
is_to_go(void *rule, struct str name, struct str raw)
{
	(void)name;
	return forged_is(rule, raw);
}

static bool
is_to_go_anyway(void *rule, struct str name, struct str raw)
{
	return !can_rename(name, raw) && forged_is(rule, raw);
}

size_t
forged_remove(const struct forged_rule *rule, bool rename, struct edit *e)
{
	struct forged_rule r = *rule;
	size_t n;

	n = edit_remove_if(e, 0, rename ? is_to_go_anyway : is_to_go, &r);
	for (size_t i = 0; rename && i < edit_count(e); i++) {
		if (!forged_is(rule, edit_raw(e, i)))
			continue;
		n++;
		if (edit_rename(e, i, original_name) == -1)
			edit_remove(e, i--);
	}
	return n;
}

/* ---- a header too large to be kept ---- */

/* Where a line stands that may be the field. */
struct rest {
	struct str name;
	size_t matched; /* bytes of the name seen */
	bool off; /* this line is something else */
	bool empty; /* nothing of this line was seen */
	bool first; /* no line was complete yet */
};

enum seen {
	SEEN_NOTHING,
	SEEN_FIELD,
	SEEN_END,
};

static enum seen
see(struct rest *r, char c)
{
	if (r->first && r->empty && is_wsp(c))
		return SEEN_FIELD;
	if (c == '\n' && r->empty)
		return SEEN_END;
	if (c == '\r' && r->matched == r->name.n && !r->off)
		return SEEN_FIELD;
	if (c == '\n' || c == '\r') {
		*r = (struct rest){ .name = r->name, .empty = c == '\n' };
		return SEEN_NOTHING;
	}
	/* A continuation line. */
	if (r->empty && is_wsp(c))
		r->off = true;
	r->empty = false;
	if (r->off || is_dropped(c))
		return SEEN_NOTHING;
	if (r->matched < r->name.n) {
		r->off = to_lower(c) != to_lower(r->name.p[r->matched]);
		r->matched++;
		return SEEN_NOTHING;
	}
	r->off = true;
	return c == ':' ? SEEN_FIELD : SEEN_NOTHING;
}

static int
is_in_rest(const struct store *st, struct str name)
{
	static char scratch[BLOCK];
	struct rest r = { .name = name, .empty = true, .first = true };
	enum seen seen = SEEN_NOTHING;
	uint64_t off = 0;
	struct str block;

	while (seen == SEEN_NOTHING && off < store_size(st)) {
		if (store_block(st, off, BLOCK, scratch, &block) == -1 ||
		    block.n == 0)
			return -1;
		for (size_t i = 0; i < block.n && seen == SEEN_NOTHING; i++)
			seen = see(&r, block.p[i]);
		off += block.n;
	}
	return seen == SEEN_FIELD;
}

int
forged_in_rest(const struct store *st)
{
	return is_in_rest(st, field_name);
}

int
forged_author_in_rest(const struct store *st)
{
	return is_in_rest(st, STR("From"));
}
