#include <stdlib.h>

#include "common/engine/lines.h"

int
lines_init(struct lines *l)
{
	*l = (struct lines){ .p = malloc(LINES_FIRST), .cap = LINES_FIRST };
	return l->p == NULL ? -1 : 0;
}

void
lines_clear(struct lines *l)
{
	free(l->p);
	*l = (struct lines){ .p = NULL };
}

/* A line fills the buffer: more room, if it may and can have it. */
static bool
grow(struct lines *l)
{
	char *p;

	if (l->cap >= LINES_MAX)
		return false;
	p = realloc(l->p, l->cap * 2);
	if (p == NULL)
		return false;
	l->p = p;
	l->cap *= 2;
	return true;
}

char *
lines_room(struct lines *l, size_t *n)
{
	if (l->start > 0) {
		memmove(l->p, l->p + l->start, l->end - l->start);
		l->end -= l->start;
		l->seen -= l->start;
		l->start = 0;
	}
	*n = l->cap - l->end;
	return l->p + l->end;
}

void
lines_added(struct lines *l, size_t n)
{
	l->end += n;
}

int
lines_next(struct lines *l, struct str *line)
{
	const char *lf = memchr(l->p + l->seen, '\n', l->end - l->seen);

	if (lf != NULL && l->lost) {
		/* Here ends the line that was too long. */
		l->start = l->seen = (size_t)(lf - l->p) + 1;
		l->lost = false;
		lf = memchr(l->p + l->seen, '\n', l->end - l->seen);
	}
	if (lf == NULL) {
		l->seen = l->end;
		if (l->lost) {
			l->start = l->end;
			return 0;
		}
		/* lines_room() must have room to give. */
		if (l->end - l->start < l->cap || grow(l))
			return 0;
		*line = str_n(l->p + l->start, LINES_HEAD);
		l->start = l->end;
		l->lost = true;
		return -1;
	}
	*line = str_n(l->p + l->start, (size_t)(lf - (l->p + l->start)));
	l->start = l->seen = (size_t)(lf - l->p) + 1;
	return 1;
}
