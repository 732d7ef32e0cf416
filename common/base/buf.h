/*
 * Growable bytes with a cap and a sticky failure.
 *
 * Writers need not check each call: after the first one that passes the cap
 * or finds no memory, nothing more is added, and buf_failed() says so at the
 * end.  What was added before stays.
 */
#ifndef COMMON_BASE_BUF_H
#define COMMON_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"

struct buf {
	char *p;
	size_t n; /* bytes used */
	size_t cap; /* bytes allocated */
	size_t max; /* n never exceeds this */
	bool failed;
};

/* An empty buffer of at most max bytes; allocates nothing. */
void buf_init(struct buf *, size_t max);
/* One over n bytes of the caller's; never to be cleared. */
static inline struct buf
buf_over(char *p, size_t n)
{
	return (struct buf){ .p = p, .cap = n, .max = n };
}

/* Frees the memory; the buffer is empty and usable again. */
void buf_clear(struct buf *);
/* Forgets the content and the failure, keeps the memory. */
void buf_reset(struct buf *);

/* buf_room() when the memory that is there is not enough. */
char *buf_grow(struct buf *, size_t n);

/*
 * Room for n more bytes: returns where they go, for the caller to fill and to
 * add to ->n; NULL, and the buffer has failed, if there is none.
 */
static inline char *
buf_room(struct buf *b, size_t n)
{
	if (!b->failed && n <= b->cap - b->n)
		return b->p + b->n;
	return buf_grow(b, n);
}

/* Add bytes, a view, a byte, formatted text. */
static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = n == 0 ? NULL : buf_room(b, n);

	if (to == NULL)
		return;
	memcpy(to, p, n);
	b->n += n;
}

static inline void
buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

static inline void
buf_chr(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

/* Decimal digits, much faster than buf_fmt(). */
void buf_u64(struct buf *, uint64_t);

void buf_fmt(struct buf *, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/* Did anything not fit? */
static inline bool
buf_failed(const struct buf *b)
{
	return b->failed;
}

/* The content; dies with the next change of the buffer. */
static inline struct str
buf_view(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

#endif
