/*
 * Lines longer than smtpd takes in an answer, cut into pieces: header lines
 * folded at white space (RFC 5322 2.2.3), body lines split.
 */
#ifndef COMMON_MESSAGE_LONGLINE_H
#define COMMON_MESSAGE_LONGLINE_H

#include "common/base/str.h"

/*
 * The next piece of a line of which rest is left, at most max (at least 8)
 * bytes with a doubled first dot counted in.  In a header every piece but the
 * first must begin with white space: where the line has none to fold at, a
 * HTAB has to be put before the next piece, and *tab says so; that next piece
 * is then cut for max - 1.  The name of a field stays with its colon, if both
 * fit.  Body pieces do not end inside a UTF-8 sequence.
 * Takes the piece off rest.
 */
struct str
longline_next(struct str *rest, size_t max, bool in_header, bool *tab);

/* Does the line pass max, with its doubled dot counted in? */
static inline bool
longline_is(struct str line, size_t max)
{
	return line.n + (line.n > 0 && line.p[0] == '.') > max;
}

#endif
