#include "common/base/scratch.h"
#include "common/protocol/reply.h"
#include "common/protocol/wire.h"

static const char *const words[] = {
	[ANSWER_PROCEED] = "proceed",
	[ANSWER_JUNK] = "junk",
	[ANSWER_REWRITE] = "rewrite",
	[ANSWER_REJECT] = "reject",
	[ANSWER_DISCONNECT] = "disconnect",
};

size_t
reply_line_max(unsigned version)
{
	return version < WIRE_V07 ? REPLY_LINE_MAX_V06 : REPLY_LINE_MAX;
}

static size_t
put(char *to, const char *s)
{
	size_t n = strlen(s);

	memcpy(to, s, n);
	return n;
}

static size_t
put_hex(char *to, uint64_t v)
{
	str_format_hex64(v, to);
	to[STR_HEX64] = '|';
	return STR_HEX64 + 1;
}

/* "WORD|SID|TOKEN|"; up to 0.4 the token stands first. */
static size_t
put_head(char *to, const char *word, const struct reply_to *rt)
{
	bool old = rt->version <= WIRE_V04;
	size_t n = put(to, word);

	to[n++] = '|';
	n += put_hex(to + n, old ? rt->token : rt->sid);
	n += put_hex(to + n, old ? rt->sid : rt->token);
	return n;
}

size_t
reply_prefix(const struct reply_to *rt, char *out)
{
	return put_head(out, "filter-dataline", rt);
}

/* smtpd hangs up with 421 on anything else. */
static bool
is_reply(struct str s)
{
	return s.n >= 5 && (s.p[0] == '4' || s.p[0] == '5') &&
	    is_digit(s.p[1]) && is_digit(s.p[2]) && s.p[3] == ' ' &&
	    str_printable(s, ' ') == s.n;
}

static bool
has_text(enum answer a)
{
	return a == ANSWER_REWRITE || a == ANSWER_REJECT ||
	    a == ANSWER_DISCONNECT;
}

int
reply_result(struct buf *b, const struct reply_to *rt, enum phase phase,
    enum answer a, struct str text)
{
	SCRATCH char line[REPLY_RESULT_MAX];
	size_t n;

	if (!phase_allows(phase, a))
		return -1;
	if (a == ANSWER_REWRITE &&
	    (text.n > REPLY_PARAM_MAX || str_printable(text, ' ') < text.n))
		return -1;
	if ((a == ANSWER_REJECT || a == ANSWER_DISCONNECT) &&
	    (text.n > REPLY_TEXT_MAX || !is_reply(text)))
		return -1;
	n = put_head(line, "filter-result", rt);
	n += put(line + n, words[a]);
	if (has_text(a)) {
		line[n++] = '|';
		memcpy(line + n, text.p, text.n);
		n += text.n;
	}
	line[n++] = '\n';
	buf_add(b, line, n);
	return buf_failed(b) ? -1 : 0;
}

void
reply_text(struct buf *out, int code, struct str status, struct str text)
{
	size_t start = out->n;
	bool gap = false;

	if (code < 400 || code > 599 || code == 421)
		code = 451;
	buf_fmt(out, "%d", code);
	if (status.n > 0) {
		buf_chr(out, ' ');
		buf_str(out, status);
	}
	buf_chr(out, ' ');
	for (size_t i = 0; i < text.n && out->n - start < REPLY_TEXT_MAX; i++) {
		char c = text.p[i];
		if (c == '\r' || c == '\n' || c == '\t') {
			if (!gap)
				buf_chr(out, ' ');
			gap = true;
			continue;
		}
		gap = false;
		buf_chr(out, c < 32 || c > 126 ? '?' : c);
	}
	if (text.n == 0)
		buf_chr(out, '-');
}
