/*
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/smtpd.h"

/* An empty message in the next place of the table. */
struct text *
text_new(struct bench *b)
{
	struct text *t;

	if (b->ntexts == TEXTS_MAX)
		bench_die("too many messages");
	t = &b->text[b->ntexts++];
	t->off = bench_grow(t->off, &t->linecap, 1, sizeof(*t->off));
	t->off[0] = 0;
	return t;
}

/* Appends a line as it stands, for clients that do not stuff dots. */
void
text_raw(struct text *t, const char *p, size_t len)
{
	t->buf = bench_grow(t->buf, &t->cap, t->len + len + 1, 1);
	memcpy(t->buf + t->len, p, len);
	t->len += len;
	t->buf[t->len++] = '\n';
	t->off =
	    bench_grow(t->off, &t->linecap, t->nlines + 2, sizeof(*t->off));
	t->off[++t->nlines] = t->len;
	t->content += len - (len > 0 && p[0] == '.');
}

/* Appends a line and stuffs its dot. */
void
text_line(struct text *t, const char *p, size_t len)
{
	static char stuffed[LINE_MAX_07 + 2];

	if (len == 0 || p[0] != '.' || len > LINE_MAX_07) {
		text_raw(t, p, len);
		return;
	}
	stuffed[0] = '.';
	memcpy(stuffed + 1, p, len);
	text_raw(t, stuffed, len + 1);
}

static void
add(struct text *t, const char *line)
{
	text_line(t, line, strlen(line));
}

static void
add_header(struct bench *b, struct text *t, size_t number)
{
	char line[128];
	size_t i;

	add(t, "Date: Sun, 22 Nov 2026 10:06:02 +0000");
	add(t, "From: Sender <sender@example.net>");
	add(t, "To: <u1@example.org>");
	(void)snprintf(line, sizeof(line), "Subject: message %zu", number);
	add(t, line);
	(void)snprintf(line, sizeof(line),
	    "Message-ID: <%016llx.%zu@example.net>",
	    (unsigned long long)bench_random(b), number);
	add(t, line);
	add(t, "MIME-Version: 1.0");
	add(t, "Content-Type: text/plain;");
	add(t, "\tcharset=us-ascii");
	for (i = 0; i < b->opt.headers; i++) {
		(void)snprintf(line, sizeof(line),
		    "X-Bench-%zu: %016llx "
		    "some value of usual length",
		    i, (unsigned long long)bench_random(b));
		add(t, line);
	}
	add(t, "");
}

/* Words of printable bytes; each 50th line starts with a dot. */
static void
add_body(struct bench *b, struct text *t, size_t size)
{
	static const char letters[] =
	    "etaoin shrdlu cmfwyp vbgkqj xz ETAOIN 0123456789 etaoin shrdlu";
	char *line;
	size_t i, n;
	uint64_t r = 0;

	line = malloc(b->opt.line);
	if (line == NULL)
		bench_die("no memory");
	for (n = 0; t->len + b->opt.line < size; n++) {
		for (i = 0; i < b->opt.line; i++, r >>= 6) {
			if (i % 10 == 0)
				r = bench_random(b);
			line[i] = letters[(r & 63) % (sizeof(letters) - 1)];
		}
		if (n % 50 == 7)
			line[0] = '.';
		if (line[b->opt.line - 1] == ' ')
			line[b->opt.line - 1] = '-';
		text_line(t, line, b->opt.line);
	}
	free(line);
}

/* A message of about that size; a header at least. */
void
text_made(struct bench *b, size_t size)
{
	struct text *t = text_new(b);

	add_header(b, t, b->ntexts - 1);
	add_body(b, t, size);
}

/* A message from a file, whose lines may end in LF or CR LF. */
void
text_file(struct bench *b, const char *path)
{
	struct text *t = text_new(b);
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	f = fopen(path, "r");
	if (f == NULL)
		bench_die("%s: %s", path, strerror(errno));
	while ((n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (n > 0 && line[n - 1] == '\r')
			n--;
		text_line(t, line, (size_t)n);
	}
	free(line);
	(void)fclose(f);
}

void
text_load(struct bench *b)
{
	struct text *t;
	size_t i;

	for (i = 0; i < b->opt.nfiles; i++)
		text_file(b, b->opt.files[i]);
	soak_texts(b);
	while (
	    b->opt.nfiles + b->opt.nshares == 0 && b->ntexts < b->opt.variants)
		text_made(b, b->opt.size);
	if (b->opt.chaos)
		chaos_texts(b);
	for (t = b->text; t < b->text + b->ntexts; t++) {
		for (i = 0; i < t->nlines; i++) {
			if (t->off[i + 1] - t->off[i] - 1 > b->datamax)
				t->loose = true;
		}
	}
}
