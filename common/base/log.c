#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/log.h"

static enum log_level level = LOG_INFO;
static bool loud;
static uint64_t dropped;

enum {
	/*
	 * Bytes written at once, which are taken if poll() says so: by a pipe
	 * PIPE_BUF, by a BSD's socket, as smtpd gives to a filter, 2048.
	 */
	HELD_MAX = PIPE_BUF > 2048 ? PIPE_BUF : 2048
};

static char held[HELD_MAX];
static size_t nheld;
static unsigned lines, holds;

void
log_level(enum log_level l)
{
	level = l;
}

bool
log_is(enum log_level l)
{
	return l <= level || (loud && l == LOG_INFO);
}

void
log_loud(bool on)
{
	loud = on;
}

uint64_t
log_dropped(void)
{
	return dropped;
}

/*
 * poll() says that a pipe or socket takes some bytes; HELD_MAX is no more than
 * that, so the write does not block after it.
 */
static bool
write_now(struct str text)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLOUT) != 0 &&
	    write(STDERR_FILENO, text.p, text.n) == (ssize_t)text.n;
}

void
log_raw(struct str line)
{
	if (!write_now(line))
		dropped++;
}

static void
flush(void)
{
	if (!write_now(str_n(held, nheld)))
		dropped += lines;
	nheld = lines = 0;
}

void
log_hold(void)
{
	holds++;
}

void
log_release(void)
{
	int saved = errno;

	if (--holds == 0 && lines > 0)
		flush();
	errno = saved;
}

/* How much of s stays as it is. */
static size_t
plain(struct str s, bool strict)
{
	size_t n = str_printable(s, strict ? '!' : ' ');

	for (size_t i = 0; strict && i < n; i++)
		if (s.p[i] == '"' || s.p[i] == '\\')
			return i;
	return n;
}

static size_t
escape(char *to, size_t room, struct str s, bool strict)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0, k;
	unsigned char c;

	for (;;) {
		k = plain(s, strict);
		k = k < room - n ? k : room - n;
		if (k > 0)
			memcpy(to + n, s.p, k);
		n += k;
		s = str_from(s, k);
		if (s.n == 0 || room - n < 4)
			return n;
		c = (unsigned char)s.p[0];
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = hex[c >> 4];
		to[n++] = hex[c & 15];
		s = str_from(s, 1);
	}
}

void
log_put(enum log_level l, struct str line)
{
	int saved = errno;

	if (!log_is(l))
		return;
	if (sizeof(held) - nheld < LOG_LINE_MAX + 1)
		flush();
	nheld += escape(held + nheld, LOG_LINE_MAX, line, false);
	held[nheld++] = '\n';
	lines++;
	if (holds == 0)
		flush();
	errno = saved;
}

static void
vline(enum log_level l, const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX + 1];
	int n;

	if (!log_is(l))
		return;
	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n > 0)
		log_put(l, str_head(str_n(line, (size_t)n), LOG_LINE_MAX));
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vline(LOG_WARNING, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vline(LOG_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vline(LOG_DEBUG, fmt, ap);
	va_end(ap);
}

const char *
log_text(struct log_text *t, struct str s)
{
	size_t n =
	    escape(t->s, LOG_TEXT_MAX * 4, str_head(s, LOG_TEXT_MAX), true);

	if (n == 0)
		t->s[n++] = '-';
	if (s.n > LOG_TEXT_MAX) {
		memcpy(t->s + n, "...", 3);
		n += 3;
	}
	t->s[n] = '\0';
	return t->s;
}
