#include <errno.h>
#include <float.h>
#include <stddef.h>
#include <stdlib.h>

#include "filter-rspamd/verdict.h"
#include "filter-rspamd/verdict_json.h"

#define ESCAPE_LEN 6 /* \u1234 */

/* Where jansson's memory comes from; blocks are only added. */
struct block {
	struct block *next;
	max_align_t start[];
};

struct verdict_memory {
	struct block *blocks;
	char *p;
	size_t left;
	bool failed;
};

/* Of the one call that is under way. */
static struct verdict_memory *memory;

static int
add_block(struct verdict_memory *m, size_t n)
{
	struct block *b = malloc(sizeof(*b) + n);

	if (b == NULL)
		return -1;
	b->next = m->blocks;
	m->blocks = b;
	m->p = (char *)b->start;
	m->left = n;
	return 0;
}

static void *
take(size_t n)
{
	size_t unit = sizeof(max_align_t);
	char *p;

	n = (n + unit - 1) / unit * unit;
	if (n > memory->left && add_block(memory, n) == -1) {
		memory->failed = true;
		return NULL;
	}
	p = memory->p;
	memory->p += n;
	memory->left -= n;
	return p;
}

static void
give_back(void *p)
{
	(void)p;
}

static void
memory_free(struct verdict_memory *m)
{
	struct block *b, *next;

	if (m == NULL)
		return;
	for (b = m->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(m);
}

static struct verdict_memory *
memory_new(size_t n)
{
	struct verdict_memory *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (add_block(m, n) == -1) {
		free(m);
		return NULL;
	}
	return m;
}

int
verdict_json_count(struct str json, size_t *n)
{
	size_t depth = 0, values = 1;
	bool quoted = false;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];
		if (quoted && c == '\\') {
			i++;
			continue;
		}
		if (c == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (c == '[' || c == '{' || c == ',')
			values++;
		if (depth > VERDICT_DEPTH_MAX || values > VERDICT_VALUES_MAX)
			return -1;
	}
	*n = values;
	return 0;
}

/* \u0000, or half of a pair, whole pairs too: who knows what they meant. */
static bool
is_bad_escape(struct str s)
{
	char a, b;

	if (s.n < ESCAPE_LEN || s.p[1] != 'u')
		return false;
	a = to_lower(s.p[2]);
	b = to_lower(s.p[3]);
	return str_eq(str_n(s.p + 2, 4), STR("0000")) ||
	    (a == 'd' && (b == '8' || b == '9' || (b >= 'a' && b <= 'f')));
}

/* Copies one character of a string; returns how many bytes it had. */
static size_t
repair_char(struct str s, struct buf *out)
{
	size_t n;

	if (s.p[0] == '\\' && is_bad_escape(s)) {
		buf_chr(out, '?');
		return ESCAPE_LEN;
	}
	if (s.p[0] == '\\' && s.n > 1 && str_has(STR("\"\\/bfnrtu"), s.p[1])) {
		buf_add(out, s.p, 2);
		return 2;
	}
	n = str_utf8(s);
	if (n == 0 || (unsigned char)s.p[0] < 32 || s.p[0] == '\\') {
		buf_chr(out, '?');
		return 1;
	}
	buf_add(out, s.p, n);
	return n;
}

static bool
is_word_char(char c)
{
	return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}

static bool
is_finite(struct str s)
{
	char text[VERDICT_NUMBER_MAX + 1], *end;
	double d;

	if (s.n > VERDICT_NUMBER_MAX)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	/* The locale is "C": nobody sets another. */
	d = strtod(text, &end);
	/* isfinite() would need libm on FreeBSD. */
	return d >= -DBL_MAX && d <= DBL_MAX && *end == '\0';
}

/* Is what stands before rest a key? */
static bool
is_key(struct str rest)
{
	while (rest.n > 0 && str_has(STR(" \t\r\n"), rest.p[0]))
		rest = str_from(rest, 1);
	return rest.n > 0 && rest.p[0] == ':';
}

/* Copies a number, true, false or null; returns its length. */
static size_t
repair_word(struct str s, struct buf *out)
{
	struct str rest;
	size_t n = 0;

	while (n < s.n && is_word_char(s.p[n]))
		n++;
	rest = str_from(s, n);
	s = str_head(s, n);
	if (str_eq(s, STR("null")) && is_key(rest))
		buf_str(out, STR("\"\"")); /* so rspamd writes an empty key */
	else if (str_eq(s, STR("true")) || str_eq(s, STR("false")) ||
	    is_finite(s))
		buf_str(out, s);
	else
		buf_str(out, STR("null"));
	return n;
}

void
verdict_json_repair(struct str json, struct buf *out)
{
	bool quoted = false;

	while (json.n > 0) {
		size_t n = 1;
		if (json.p[0] == '"') {
			quoted = !quoted;
			buf_chr(out, '"');
		} else if (quoted) {
			n = repair_char(json, out);
		} else if (is_word_char(json.p[0])) {
			n = repair_word(json, out);
		} else {
			buf_chr(out, json.p[0]);
		}
		json = str_from(json, n);
	}
}

/* Returns 0, or an errno. */
static int
load(struct str json, size_t values, struct verdict_json *out)
{
	json_error_t err;
	int ret = 0;

	memory = memory_new(
	    json.n * VERDICT_BYTE_COST + values * VERDICT_VALUE_COST);
	if (memory == NULL)
		return ENOMEM;
	json_set_alloc_funcs(take, give_back);
	out->root = json_loadb(json.p, json.n,
	    JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK | JSON_DECODE_INT_AS_REAL,
	    &err);
	json_set_alloc_funcs(malloc, free);
	if (out->root != NULL && !memory->failed) {
		out->memory = memory;
		out->rest = str_from(json, (size_t)err.position);
	} else {
		out->root = NULL;
		ret = memory->failed ? ENOMEM : EBADMSG;
		memory_free(memory);
	}
	memory = NULL;
	return ret;
}

static int
load_repaired(struct str json, size_t values, struct verdict_json *out)
{
	struct buf b;
	int ret = ENOMEM;

	/* A word of one letter becomes four. */
	buf_init(&b, json.n * 4);
	verdict_json_repair(json, &b);
	if (!buf_failed(&b))
		ret = load(buf_view(&b), values, out);
	buf_clear(&b);
	out->rest = STR_NULL;
	out->repaired = true;
	return ret;
}

int
verdict_json_parse(struct str json, struct verdict_json *out)
{
	struct verdict_json j = { .root = NULL };
	size_t values;

	errno = EBADMSG;
	if (json.n == 0 || verdict_json_count(json, &values) == -1)
		return -1;
	errno = load(json, values, &j);
	if (errno == EBADMSG)
		errno = load_repaired(json, values, &j);
	if (j.root == NULL)
		return -1;
	*out = j;
	return 0;
}

void
verdict_json_clear(struct verdict_json *j)
{
	memory_free(j->memory);
	*j = (struct verdict_json){ .root = NULL };
}
