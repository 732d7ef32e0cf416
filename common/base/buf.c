#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"

#define BUF_FIRST 256 /* bytes of the first allocation */

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_clear(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

char *
buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap;
	char *p;

	if (b->failed || n > b->max - b->n) {
		b->failed = true;
		return NULL;
	}
	while (cap - b->n < n) {
		if (cap > b->max / 2)
			cap = b->max;
		else
			cap = cap == 0 ? BUF_FIRST : cap * 2;
		if (cap > b->max)
			cap = b->max;
	}
	p = realloc(b->p, cap);
	if (p == NULL) {
		b->failed = true;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return b->p + b->n;
}

void
buf_u64(struct buf *b, uint64_t n)
{
	char digits[STR_U64];
	size_t count = str_format_u64(n, digits);

	buf_add(b, digits, count);
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	/* One byte more than is kept, for the NUL that vsnprintf adds. */
	if (n < 0 || buf_room(b, (size_t)n + 1) == NULL) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}
