#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "filter-rspamd/verdict.h"
#include "filter-rspamd/verdict_json.h"

#define ESCAPE_LEN 6 /* \u1234 */

bool
verdict_json_is_bounded(struct str json)
{
	unsigned depth = 0, values = 1;
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
			return false;
	}
	return true;
}

/* Length of the UTF-8 sequence that s starts with, 0 if it is none. */
static size_t
utf8_length(struct str s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s.p[0];
	uint32_t code;
	size_t n;

	if (c < 0x80)
		return 1;
	n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc0 || c > 0xf7 || s.n < n)
		return 0;
	code = c & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		c = (unsigned char)s.p[i];
		if ((c & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (c & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
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
	n = utf8_length(s);
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

	if (s.n > VERDICT_NUMBER_MAX)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	/* The locale is "C": nobody sets another. */
	return isfinite(strtod(text, &end)) && *end == '\0';
}

/* Copies a number, true, false or null; returns its length. */
static size_t
repair_word(struct str s, struct buf *out)
{
	size_t n = 0;

	while (n < s.n && is_word_char(s.p[n]))
		n++;
	s = str_head(s, n);
	if (str_eq(s, STR("true")) || str_eq(s, STR("false")) || is_finite(s))
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

static json_t *
load(struct str json, size_t *end, bool *no_memory)
{
	json_error_t err;
	json_t *root;

	*no_memory = false;
	root = json_loadb(json.p, json.n,
	    JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK | JSON_DECODE_INT_AS_REAL,
	    &err);
	if (root == NULL)
		*no_memory = json_error_code(&err) == json_error_out_of_memory;
	else
		*end = (size_t)err.position;
	return root;
}

/* As load, of the repaired text; *end is then not known. */
static json_t *
load_repaired(struct str json, bool *no_memory)
{
	struct buf b;
	json_t *root = NULL;
	size_t end;

	/* A word of one letter becomes four. */
	buf_init(&b, json.n * 4);
	verdict_json_repair(json, &b);
	*no_memory = buf_failed(&b);
	if (!buf_failed(&b))
		root = load(buf_view(&b), &end, no_memory);
	buf_clear(&b);
	return root;
}

json_t *
verdict_json_parse(struct str json, bool *repaired, struct str *rest)
{
	bool no_memory = false;
	size_t end = json.n;
	json_t *root;

	if (json.n == 0 || !verdict_json_is_bounded(json)) {
		errno = EBADMSG;
		return NULL;
	}
	root = load(json, &end, &no_memory);
	*repaired = root == NULL && !no_memory;
	if (*repaired)
		root = load_repaired(json, &no_memory);
	if (root == NULL) {
		errno = no_memory ? ENOMEM : EBADMSG;
		return NULL;
	}
	*rest = str_from(json, end);
	return root;
}
