/*
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/smtpd.h"

#define REPLY_MAX 510 /* RFC 5321 4.5.3.1.5 without CR LF */

/* Reads up to 16 hex digits that end in '|'; NULL if they do not. */
static const char *
hex_field(const char *p, const char *end, uint64_t *value)
{
	const char *start = p;
	uint64_t n = 0;

	for (; p < end && *p != '|'; p++) {
		if (*p >= '0' && *p <= '9')
			n = n << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			n = n << 4 | (uint64_t)(*p - 'a' + 10);
		else if (*p >= 'A' && *p <= 'F')
			n = n << 4 | (uint64_t)(*p - 'A' + 10);
		else
			return NULL;
	}
	if (p == end || p == start || p - start > 16)
		return NULL;
	*value = n;
	return p + 1;
}

/* Which place of the chain a token stands for in this phase, or -1. */
static int
token_place(const struct bench *b, uint64_t token, enum phase ph)
{
	char hex[17];
	unsigned int i;

	(void)snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)token);
	for (i = 0; i < b->opt.chain; i++) {
		if (strcmp(b->token[i][ph], hex) == 0)
			return (int)i;
	}
	return -1;
}

/* The same after smtpd has taken one leading dot away. */
static bool
same_line(const char *a, size_t alen, const char *c, size_t clen)
{
	if (alen > 1 && a[0] == '.') {
		a++;
		alen--;
	}
	if (clen > 1 && c[0] == '.') {
		c++;
		clen--;
	}
	return alen == clen && memcmp(a, c, alen) == 0;
}

/* A line on top that was not in the message: a field or its continuation. */
static bool
added_line(const char *p, size_t len)
{
	size_t i;

	if (len == 0 || memchr(p, '\r', len) != NULL ||
	    memchr(p, '\0', len) != NULL)
		return false;
	if (p[0] == ' ' || p[0] == '\t')
		return true;
	for (i = 0; i < len && p[i] > ' ' && p[i] <= '~'; i++) {
		if (p[i] == ':')
			return i > 0;
	}
	return false;
}

/* The dot came back: everything must be there, or it will be refused. */
static void
dot(struct bench *b, struct session *s, const char *line, size_t len)
{
	if (!s->dot_sent[s->link])
		bench_fault(b, s, line, len, "dot before the client's dot");
	s->partial =
	    s->text->loose ? s->got < s->text->content : s->want < s->nlines;
	if (b->opt.expect == EXPECT_ANY)
		s->partial = false;
	if (s->partial && !b->phase[PH_COMMIT])
		bench_fault(b, s, line, len, "dot before the whole message");
	session_whole(b, s);
}

/* A line from the last place of the chain: is it the next of the message? */
static void
check_line(struct bench *b, struct session *s, const char *line, size_t len,
    const char *data, size_t n)
{
	const char *want;
	size_t wantlen;

	if (n == 1 && data[0] == '.') {
		s->dot_back[b->opt.chain - 1] = true;
		s->link = b->opt.chain - 1;
		dot(b, s, line, len);
		return;
	}
	s->got += n - (n > 0 && data[0] == '.');
	if (b->opt.expect == EXPECT_ANY || s->text->loose)
		return;
	want = mail_line(s, s->want, &wantlen);
	if (s->want < s->nlines && same_line(data, n, want, wantlen - 1)) {
		s->want++;
		return;
	}
	if (b->opt.expect == EXPECT_EXACT || s->want > 0 ||
	    !added_line(data, n))
		bench_fault(b, s, line, len, "line is not the message's");
	b->st.added++;
}

/* What leaves one place of the chain goes on to the next. */
static void
forward(struct bench *b, struct session *s, unsigned int place,
    const char *data, size_t n)
{
	channel_put(b, s->ask[place + 1], b->asklen);
	channel_put(b, data, n + 1);
	if (n == 1 && data[0] == '.') {
		if (!s->dot_sent[place])
			bench_fault(
			    b, s, data, n, "dot before the client's dot");
		s->dot_back[place] = s->dot_sent[place + 1] = true;
	}
}

static void
dataline(struct bench *b, struct session *s, uint64_t token, const char *line,
    size_t len, const char *data)
{
	size_t n = len - (size_t)(data - line);
	int place;

	place = token_place(b, token, PH_DATA_LINE);
	if (place < 0)
		bench_fault(b, s, line, len, "data-line with a wrong token");
	if (s->step != ST_LINES || s->dot_back[place])
		bench_fault(
		    b, s, line, len, "data-line outside the data phase");
	b->last = s;
	if ((unsigned int)place + 1 < b->opt.chain)
		forward(b, s, (unsigned int)place, data, n);
	else
		check_line(b, s, line, len, data, n);
}

static bool
is_word(const char *p, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(p, word, len) == 0;
}

static bool
has_word(const char *p, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(p, word, strlen(word)) == 0;
}

static bool
is_reply(const char *p, size_t len)
{
	size_t i;

	if (len < 5 || len > REPLY_MAX || (p[0] != '4' && p[0] != '5') ||
	    p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9' || p[3] != ' ')
		return false;
	for (i = 0; i < len; i++) {
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			return false;
	}
	return true;
}

static void
result(struct bench *b, struct session *s, uint64_t token, const char *line,
    size_t len, const char *word)
{
	char text[REPLY_MAX + 1];
	size_t n = len - (size_t)(word - line), skip;
	enum verdict v;

	if (s->step == ST_LINES)
		bench_fault(b, s, line, len, "result in the data phase");
	if (s->open < 0)
		bench_fault(b, s, line, len, "no such request is open");
	if (token_place(b, token, (enum phase)s->open) != (int)s->link)
		bench_fault(b, s, line, len, "token of another request");
	if (is_word(word, n, "proceed")) {
		session_answer(b, s, V_PROCEED, "");
		return;
	}
	if (is_word(word, n, "junk") || has_word(word, n, "rewrite|")) {
		if (s->open == PH_COMMIT ||
		    (word[0] == 'r' && s->open == PH_DATA))
			bench_fault(b, s, line, len, "not in this phase");
		session_answer(b, s, word[0] == 'j' ? V_JUNK : V_REWRITE, "");
		return;
	}
	v = word[0] == 'r' ? V_REJECT : V_DISCONNECT;
	skip = v == V_REJECT ? strlen("reject|") : strlen("disconnect|");
	if (!has_word(word, n, "reject|") && !has_word(word, n, "disconnect|"))
		bench_fault(b, s, line, len, "unknown decision");
	if (!is_reply(word + skip, n - skip))
		bench_fault(b, s, line, len, "bad reply text");
	memcpy(text, word + skip, n - skip);
	text[n - skip] = '\0';
	if (strncmp(text, "421", 3) == 0)
		v = V_DISCONNECT;
	session_answer(b, s, v, text);
}

/* One line of the filter without its LF. */
static void
answer_line(struct bench *b, const char *line, size_t len)
{
	const char *end = line + len, *p = line;
	uint64_t sid, token, swap;
	struct session *s;
	bool data, old;

	if (!b->ready || has_word(line, len, "register|report|")) {
		handshake_line(b, line, len);
		return;
	}
	data = has_word(line, len, "filter-dataline|");
	if (!data && !has_word(line, len, "filter-result|"))
		bench_fault(b, NULL, line, len, "unknown message type");
	p += data ? strlen("filter-dataline|") : strlen("filter-result|");
	if ((p = hex_field(p, end, &sid)) == NULL ||
	    (p = hex_field(p, end, &token)) == NULL)
		bench_fault(b, NULL, line, len, "bad session or token");
	if (b->opt.proto < 5) {
		swap = sid;
		sid = token;
		token = swap;
	}
	s = session_find(b, sid, &old);
	if (s == NULL && !old)
		bench_fault(b, NULL, line, len, "no session had this id");
	if (s == NULL && !data) /* no session ends with a request open */
		bench_fault(
		    b, NULL, line, len, "result for a session that has ended");
	if (s == NULL)
		b->st.late++;
	else if (data)
		dataline(b, s, token, line, len, p);
	else
		result(b, s, token, line, len, p);
}

/*
 * The usual case, in as few steps as possible: lines of the session that had
 * the line before, just as they were sent.  Returns where it stops.
 */
static char *
expected_lines(struct bench *b, char *p, char *end)
{
	struct session *s = b->last;
	const char *want;
	size_t len;

	if (s == NULL || b->opt.chain > 1 || b->opt.expect == EXPECT_ANY ||
	    s->step != ST_LINES || s->text->loose)
		return p;
	while (s->want < s->nlines) {
		want = mail_line(s, s->want, &len);
		if ((size_t)(end - p) < b->anslen + len ||
		    memcmp(p, s->ans[0], b->anslen) != 0 ||
		    memcmp(p + b->anslen, want, len) != 0)
			break;
		s->want++;
		p += b->anslen + len;
	}
	return p;
}

/* Takes all whole lines from the input buffer. */
void
answer_bytes(struct bench *b)
{
	char *p = b->in, *end = b->in + b->inlen, *lf;

	for (;;) {
		p = expected_lines(b, p, end);
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			break;
		if ((size_t)(lf - p) > b->linemax)
			bench_fault(b, NULL, p, (size_t)(lf - p),
			    "line longer than %zu bytes", b->linemax);
		answer_line(b, p, (size_t)(lf - p));
		p = lf + 1;
	}
	b->inlen = (size_t)(end - p);
	if (b->inlen > b->linemax)
		bench_fault(b, NULL, p, b->inlen, "line longer than %zu bytes",
		    b->linemax);
	memmove(b->in, p, b->inlen);
}
