#include <stdarg.h>
#include <stdio.h>

#include "filter-dkimsign/report.h"

enum {
	TEXT_MAX = 500 /* bytes of one error */
};

void
report_init(struct report *r)
{
	buf_init(&r->lines, REPORT_MAX);
	r->errors = 0;
}

void
report_clear(struct report *r)
{
	buf_clear(&r->lines);
	r->errors = 0;
}

static void
add(struct report *r, const char *file, unsigned n, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (n > 0)
		buf_fmt(&r->lines, "%s:%u: %s\n", file, n, text);
	else
		buf_fmt(&r->lines, "%s: %s\n", file, text);
}

void
report_error(
    struct report *r, const char *file, unsigned n, const char *fmt, ...)
{
	va_list ap;

	r->errors++;
	va_start(ap, fmt);
	add(r, file, n, fmt, ap);
	va_end(ap);
}

void
report_warning(
    struct report *r, const char *file, unsigned n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, file, n, fmt, ap);
	va_end(ap);
}

void
report_say(const struct report *r, void (*say)(const char *fmt, ...))
{
	struct str rest = buf_view(&r->lines), line;

	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		say("%.*s", (int)line.n, line.p);
	}
	if (buf_failed(&r->lines))
		say("%u errors in all, not all are shown", r->errors);
}
