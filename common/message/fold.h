/*
 * Writing header fields: folding (RFC 5322 section 2.2.3) and the quoting of
 * values that came from outside (RFC 8601 section 2.7).
 */
#ifndef COMMON_MESSAGE_FOLD_H
#define COMMON_MESSAGE_FOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/str.h"

enum {
	FOLD_COLUMNS = 77, /* a line is folded before it gets longer */
	FOLD_LINE_MAX = 998, /* bytes of a line, RFC 5322 section 2.1.1 */
	FOLD_TAB = 8, /* columns of the HTAB that starts a line */
	FOLD_VALUE_MAX = 255, /* bytes of a value from outside */
};

/* A field being written; embed it. */
struct fold {
	struct buf *out;
	size_t column; /* of the next byte */
	size_t bytes; /* in this line */
};

/* Begins a field: "Name:".  Failures stay in the buffer. */
void fold_init(struct fold *, struct buf *out, struct str name);

/* Goes on with the field that out ends in, "Name:" and more. */
void fold_resume(struct fold *, struct buf *out);

/*
 * Adds a word that is not broken.  Before it goes a space, or, if the word
 * would end beyond FOLD_COLUMNS, a fold (LF HTAB).
 */
void fold_word(struct fold *, struct str word);
/* As fold_word, but its n bytes come with fold_glue. */
void fold_space(struct fold *, size_t n);
/* As fold_word, but always on a new line. */
void fold_line(struct fold *, struct str word);
/* Adds text right here, without a fold. */
void fold_glue(struct fold *, struct str text);
/* A fold, if n bytes of fold_glue that follow would not fit: else nothing. */
void fold_break(struct fold *, size_t n);
/* Adds text that may be broken anywhere (base64), folded to FOLD_COLUMNS. */
void fold_stream(struct fold *, struct str text);
/* Ends the field: LF. */
void fold_end(struct fold *);

/*
 * Adds value as RFC 8601 takes it: as it is if it is a token (RFC 2045) or a
 * domain after "@" with or without a dot-atom before it, else as a
 * quoted-string.  CR, LF, NUL and other controls are left out, and it is cut at
 * FOLD_VALUE_MAX bytes (never within a UTF-8 sequence); bytes of 0x80 and above
 * stay only if they are UTF-8 and utf8 is true, else each becomes "?", as do
 * controls among UTF-8: line ends, and what turns the direction of text.
 */
void fold_value(struct str value, bool utf8, struct buf *out);
/* Likewise for an authserv-id, in ASCII; with "@" it is quoted. */
void fold_name(struct str name, struct buf *out);

/* What RFC 2045 section 5.1 keeps out of tokens (tspecials). */
static inline bool
is_tspecial(char c)
{
	switch (c) {
	case '(':
	case ')':
	case '<':
	case '>':
	case '@':
	case ',':
	case ';':
	case ':':
	case '\\':
	case '"':
	case '/':
	case '[':
	case ']':
	case '?':
	case '=':
		return true;
	}
	return false;
}

#endif
