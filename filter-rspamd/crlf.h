/*
 * A message as it travels: header and store one after the other, each LF as
 * CRLF, read piece by piece without a copy of the whole.
 */
#ifndef FILTER_RSPAMD_CRLF_H
#define FILTER_RSPAMD_CRLF_H

#include <stdint.h>
#include <sys/types.h>

#include "common/base/str.h"
#include "common/message/store.h"

enum {
	CRLF_BLOCK = 64 * 1024 /* most bytes taken from the store at once */
};

/* Where the reader stands; crlf_init sets it.  Both parts are borrowed. */
struct crlf {
	struct str head; /* what is left of the header */
	const struct store *store; /* may be NULL */
	uint64_t off; /* of the next byte in the store */
	bool cr; /* the CR of the next LF is out already */
};

void crlf_init(struct crlf *, struct str head, const struct store *);

/* Bytes that crlf_read() will give in all. */
uint64_t crlf_size(struct str head, const struct store *);

/*
 * Writes up to room bytes to out.  Returns how many, 0 at the end, or -1 if
 * the store cannot be read.
 */
ssize_t crlf_read(struct crlf *, char *out, size_t room)
    __attribute__((__warn_unused_result__));

#endif
