/*
 * Canonicalization: RFC 6376 sections 3.4.1 to 3.4.4.
 *
 * Canonical octets go to a sink in runs as long as possible.  Only SP and HTAB
 * are white space here; CR inside a line, VT, FF, NUL are content.
 */
#ifndef COMMON_DKIM_CANON_H
#define COMMON_DKIM_CANON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

enum {
	CANON_BLOCK = 4 * 1024, /* octets of body that are handed on at once */
};

#define CANON_NO_LIMIT UINT64_MAX

enum canon {
	CANON_SIMPLE,
	CANON_RELAXED,
};

/* Where canonical octets go.  They are only valid during the call. */
struct canon_sink {
	void (*add)(void *arg, const void *p, size_t n);
	void *arg;
};

/* A body on its way; embed it, nothing in it needs freeing. */
struct canon_body {
	struct canon_sink sink;
	enum canon how;
	uint64_t limit; /* octets that the sink may still get */
	uint64_t length; /* canonical octets so far */
	uint64_t blank; /* empty lines not yet known to be trailing */
};

/*
 * A body starts.  Of its canonical octets the sink gets the first limit (the
 * l= tag), or all with CANON_NO_LIMIT.
 */
void canon_body_init(
    struct canon_body *, enum canon how, uint64_t limit, struct canon_sink);

/* The next lines of the body, each ended by LF; the last one need not be. */
void canon_body_text(struct canon_body *, struct str text);

/*
 * The body is complete; everything has reached the sink on return.  A body of
 * no lines or of empty lines only is CRLF (simple) or nothing (relaxed).
 */
void canon_body_end(struct canon_body *);

/* Canonical octets in all, whatever the limit; final after canon_body_end. */
uint64_t canon_body_length(const struct canon_body *);

/*
 * One header field: raw is all of it, with folds as LF and with or without its
 * last LF.  Each LF is hashed as CRLF (simple) or disappears (relaxed); the
 * end is always CRLF.  A raw without colon is taken as a name.
 */
void canon_field(enum canon how, struct str raw, struct canon_sink);

/*
 * The field that is being made or verified: as canon_field, but the octets of
 * without, a view into raw (the b= value with the FWS around it, RFC 6376
 * section 3.7), are left out, and there is no CRLF at the end.
 */
void canon_signature(
    enum canon how, struct str raw, struct str without, struct canon_sink);

#endif
