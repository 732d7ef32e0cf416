/*
 * Pull parser for a header block (RFC 5322 section 2.2), and its limits.
 *
 * The block is held as lines ended by LF, without the empty line that ends
 * it.  A field is a line and the lines after it that begin with SP or HTAB.
 */
#ifndef COMMON_MESSAGE_HEADER_H
#define COMMON_MESSAGE_HEADER_H

#include "common/base/str.h"

enum {
	HEADER_MAX = 1024 * 1024, /* bytes of a header block that are kept */
};

struct field {
	struct str raw; /* the whole field with its last LF */
	struct str name; /* before the colon, without WSP; empty: malformed */
	struct str value; /* after the colon with folds, without the last LF */
};

/*
 * Takes the next field off *block.  Returns 1, or 0 at the end.  A line that
 * is no field (no colon, nothing or a byte outside 33..126 before it but for
 * WSP next to the colon, a continuation line with nothing to continue) comes
 * out with an empty name and value.
 */
int header_next(struct str *block, struct field *);

/*
 * The same for the next field with this name (without case, not empty); those
 * before it are dropped.  At the end *f may hold anything.
 */
int header_find(struct str *block, struct str name, struct field *f);

/* Does it end the header for smtpd: is there no colon in its first line? */
static inline bool
header_ends(struct str raw)
{
	struct str line;

	(void)str_cut(&raw, '\n', &line);
	return line.n == 0 || is_wsp(line.p[0]) || !str_has(line, ':');
}

#endif
