/*
 * SHA-256, the hash of a message body, and base64.
 */
#ifndef COMMON_DKIM_DIGEST_H
#define COMMON_DKIM_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/dkim/canon.h"

enum {
	DIGEST_SIZE = 32, /* octets of SHA-256 */
};

struct digest;
struct digest_body;

/* A SHA-256 context; NULL without memory. */
struct digest *digest_new(void);
void digest_free(struct digest *);
/* Adds n bytes.  A failure is kept for digest_final. */
void digest_add(struct digest *, const void *p, size_t n);
/*
 * Stores the hash of what was added since the start or the last digest_final,
 * and begins anew.  Returns 0, or -1 if anything failed on the way.
 */
int digest_final(struct digest *, unsigned char out[DIGEST_SIZE])
    __attribute__((__warn_unused_result__));
/* A sink that adds to this context, for canon_field and so on. */
struct canon_sink digest_sink(struct digest *);

/*
 * The hash of a body, canonicalized as it arrives: one serves all signatures
 * with the same canonicalization and limit.  NULL without memory.
 */
struct digest_body *digest_body_new(enum canon how, uint64_t limit);
void digest_body_free(struct digest_body *);
/* The next lines, as canon_body_text() takes them. */
void digest_body_text(struct digest_body *, struct str text);
/* Does this one serve signatures with that canonicalization and limit? */
bool digest_body_is(const struct digest_body *, enum canon, uint64_t limit);
/*
 * The body is complete.  Returns 0 with its hash in out and its canonical
 * length in *length, or -1 if hashing failed.  Call it any number of times.
 */
int digest_body_final(struct digest_body *, unsigned char out[DIGEST_SIZE],
    uint64_t *length) __attribute__((__warn_unused_result__));

/*
 * Decodes base64 (RFC 4648 section 4) with FWS anywhere in it, which is
 * removed first, strictly: padding as it must be, no other bytes.  Returns the
 * number of bytes stored in out, or -1 if it is not base64 or decodes to more
 * than max (at most 64 KiB).
 */
int digest_from_base64(struct str, unsigned char *out, size_t max)
    __attribute__((__warn_unused_result__));
/* Adds n octets as base64 in one line. */
void digest_to_base64(const unsigned char *, size_t n, struct buf *out);

#endif
