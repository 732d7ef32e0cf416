/*
 * Bytes from smtpd to lines.
 */
#ifndef COMMON_ENGINE_LINES_H
#define COMMON_ENGINE_LINES_H

#include "common/base/str.h"

enum {
	LINES_FIRST = 256 * 1024, /* bytes of the buffer at first */
	LINES_MAX = 1024 * 1024, /* bytes of a line; what is longer is lost */
	LINES_HEAD = 1024 /* bytes of a lost line that are shown */
};

struct lines {
	char *p;
	size_t start; /* of what was not taken yet */
	size_t seen; /* up to here there is no LF */
	size_t end;
	size_t cap;
	bool lost; /* in the middle of a line that is too long */
};

/* Returns -1 without memory. */
int lines_init(struct lines *);
void lines_clear(struct lines *);

/*
 * Where to read into, and how much; always some.  All lines must have been
 * taken before.  lines_added() says how much was read.
 */
char *lines_room(struct lines *, size_t *n);
void lines_added(struct lines *, size_t n);

/*
 * The next line, without LF; it lives until lines_room().  Returns 1, or 0 if
 * there is no whole line yet, or -1 for a line over LINES_MAX, or one that
 * found no memory, of which *line is the start; the rest will be dropped.
 */
int lines_next(struct lines *, struct str *line);

#endif
