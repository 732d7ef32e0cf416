/*
 * SPDX-License-Identifier: ISC
 *
 * The physical limit: a filter that does nothing but give lines back, in
 * large blocks.  It trusts smtpd and is not for use.
 *   echo line   answers each line as it reads it
 *   echo hold   keeps each message until its dot
 * Words after that are phases to register besides data-line and commit.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 262144
#define DATA_LINE "|smtp-in|data-line|"
#define ANSWER "filter-dataline|"
#define SLOTS 4096 /* hash chains, a power of two */

struct buffer {
	char *p;
	size_t len, cap;
};

struct slot {
	struct slot *next;
	char sid[16];
	struct buffer held;
};

static struct buffer out;
static struct slot *slots[SLOTS];

static void
buffer_add(struct buffer *b, const void *p, size_t len)
{
	if (b->cap - b->len < len) {
		b->cap = b->cap < 4096 ? 4096 : b->cap;
		while (b->cap - b->len < len)
			b->cap *= 2;
		b->p = realloc(b->p, b->cap);
		if (b->p == NULL)
			_exit(1);
	}
	memcpy(b->p + b->len, p, len);
	b->len += len;
}

static void
flush(struct buffer *b)
{
	size_t done;
	ssize_t n;

	for (done = 0; done < b->len; done += (size_t)n) {
		n = write(1, b->p + done, b->len - done);
		if (n < 0 && errno != EINTR)
			_exit(0);
		if (n < 0)
			n = 0;
	}
	b->len = 0;
}

static struct slot **
find(const char *sid)
{
	struct slot **s;
	uint64_t a, c;

	memcpy(&a, sid, 8);
	memcpy(&c, sid + 8, 8);
	s = &slots[((a * 31 + c) * 0x9e3779b97f4a7c15U >> 40) & (SLOTS - 1)];
	while (*s != NULL && memcmp((*s)->sid, sid, 16) != 0)
		s = &(*s)->next;
	return s;
}

static struct slot *
get(const char *sid)
{
	struct slot **s = find(sid);

	if (*s == NULL) {
		*s = calloc(1, sizeof(**s));
		if (*s == NULL)
			_exit(1);
		memcpy((*s)->sid, sid, 16);
	}
	return *s;
}

/* The message is complete: everything that was held goes out at once. */
static void
release(struct slot *s)
{
	flush(&out);
	flush(&s->held);
	free(s->held.p);
	s->held = (struct buffer){ NULL, 0, 0 };
}

static void
request(const char *p, size_t len, bool hold)
{
	const char *sid;
	struct slot *s;
	size_t i, rest;

	/* filter|0.7|SECONDS.MICROS|smtp-in|PHASE|SID|TOKEN|PARAM */
	if (memcmp(p + 28, DATA_LINE, strlen(DATA_LINE)) == 0) {
		sid = p + 28 + strlen(DATA_LINE);
		rest = len - (size_t)(sid - p);
		if (!hold) {
			buffer_add(&out, ANSWER, strlen(ANSWER));
			buffer_add(&out, sid, rest);
			return;
		}
		s = get(sid);
		buffer_add(&s->held, ANSWER, strlen(ANSWER));
		buffer_add(&s->held, sid, rest);
		if (rest == 36 && sid[34] == '.')
			release(s);
		return;
	}
	for (i = 28 + strlen("|smtp-in|"); i < len && p[i] != '|'; i++)
		continue;
	buffer_add(&out, "filter-result|", strlen("filter-result|"));
	buffer_add(&out, p + i + 1, 34);
	buffer_add(&out, "proceed\n", strlen("proceed\n"));
}

/* The reports that a filter with sessions wants, and more phases if asked. */
static void
registration(char **phases)
{
	static const char reports[] =
	    "register|report|smtp-in|link-connect\n"
	    "register|report|smtp-in|link-disconnect\n"
	    "register|report|smtp-in|link-greeting\n"
	    "register|report|smtp-in|link-identify\n"
	    "register|report|smtp-in|link-tls\n"
	    "register|report|smtp-in|link-auth\n"
	    "register|report|smtp-in|tx-begin\n"
	    "register|report|smtp-in|tx-mail\n"
	    "register|report|smtp-in|tx-rcpt\n"
	    "register|report|smtp-in|tx-commit\n"
	    "register|report|smtp-in|tx-rollback\n"
	    "register|report|smtp-in|tx-reset\n";
	static const char rest[] = "register|filter|smtp-in|data-line\n"
				   "register|filter|smtp-in|commit\n"
				   "register|ready\n";
	static const char phase[] = "register|filter|smtp-in|";

	buffer_add(&out, reports, sizeof(reports) - 1);
	for (; *phases != NULL; phases++) {
		buffer_add(&out, phase, sizeof(phase) - 1);
		buffer_add(&out, *phases, strlen(*phases));
		buffer_add(&out, "\n", 1);
	}
	buffer_add(&out, rest, sizeof(rest) - 1);
}

static void
forget(const char *p, size_t len)
{
	struct slot **s, *old;

	if (len < 53 + 17 ||
	    memcmp(p + 28, "|smtp-in|link-disconnect|", 25) != 0)
		return;
	s = find(p + 53);
	old = *s;
	if (old == NULL)
		return;
	*s = old->next;
	free(old->held.p);
	free(old);
}

int
main(int argc, char **argv)
{
	static char in[READ_SIZE + 65536];
	bool hold = argc > 1 && strcmp(argv[1], "hold") == 0;
	char **phases = argc > 2 ? argv + 2 : argv + argc;
	size_t len = 0;
	ssize_t n;
	char *p, *lf;

	(void)signal(SIGPIPE, SIG_IGN);
	while ((n = read(0, in + len, READ_SIZE)) > 0) {
		len += (size_t)n;
		for (p = in;
		     (lf = memchr(p, '\n', (size_t)(in + len - p))) != NULL;
		     p = lf + 1) {
			if (p[0] == 'f')
				request(p, (size_t)(lf - p) + 1, hold);
			else if (p[0] == 'r')
				forget(p, (size_t)(lf - p) + 1);
			else if (lf - p == 12 &&
			    memcmp(p, "config|ready", 12) == 0)
				registration(phases);
		}
		len = (size_t)(in + len - p);
		memmove(in, p, len);
		flush(&out);
	}
	return 0;
}
