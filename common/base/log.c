#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/log.h"

static enum log_level level = LOG_INFO;
static uint64_t dropped;

void
log_level(enum log_level l)
{
	level = l;
}

bool
log_is(enum log_level l)
{
	return l <= level;
}

uint64_t
log_dropped(void)
{
	return dropped;
}

/*
 * poll() says that a pipe or socket takes some bytes; a line is shorter than
 * PIPE_BUF, so the write of a whole line does not block after it.
 */
void
log_raw(struct str line)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&pfd, 1, 0) != 1 || (pfd.revents & POLLOUT) == 0 ||
	    write(STDERR_FILENO, line.p, line.n) != (ssize_t)line.n)
		dropped++;
}

static size_t
escape(char *to, size_t room, struct str s, bool strict)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool bad = c < 0x20 || c > 0x7e ||
		    (strict && (c == ' ' || c == '"' || c == '\\'));
		if (n + (bad ? 4 : 1) > room)
			break;
		if (!bad) {
			to[n++] = (char)c;
			continue;
		}
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = hex[c >> 4];
		to[n++] = hex[c & 15];
	}
	return n;
}

static void
vline(enum log_level l, const char *fmt, va_list ap)
{
	char raw[LOG_LINE_MAX], line[LOG_LINE_MAX + 1];
	int saved = errno, n;
	size_t len;

	if (!log_is(l))
		return;
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n < 0)
		return;
	len = (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1;
	len = escape(line, LOG_LINE_MAX, str_n(raw, len), false);
	line[len++] = '\n';
	log_raw(str_n(line, len));
	errno = saved;
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
