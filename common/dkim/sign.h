/*
 * Signing as steps that never block:
 *
 *	sign_select      which fields to cover, once per message and profile
 *	digest_body_*    the body, as it arrives
 *	sign_prepare     the field without its signature, and the hash to sign
 *	key_sign         in a worker thread
 *	sign_finish      the complete field
 */
#ifndef COMMON_DKIM_SIGN_H
#define COMMON_DKIM_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/dkim/fields.h"
#include "common/dkim/key.h"
#include "common/dkim/sig.h"

enum {
	SIGN_FIELD_MAX = 256 * 1024, /* bytes of a field that we make */
};

enum sign_oversign {
	SIGN_STRICT, /* one name more than there are fields, also if none */
	SIGN_LIST_FRIENDLY, /* only what mailing lists do not add or change */
	SIGN_NO_OVERSIGN, /* only fields that are there */
};

enum sign_copy {
	SIGN_COPY_NONE,
	SIGN_COPY_SIGNED, /* z= has the signed fields */
	SIGN_COPY_ALL, /* z= has all fields */
};

/*
 * Adds the h= list for this header: the built-in table of fields and profile,
 * or, with a list ("From:To", not empty), its names: all instances of each
 * that is there, and with SIGN_STRICT one more of each, else From only.  Never
 * Bcc, Return-Path, Received and such.  Case of names as in the tables or the
 * list.  Returns 0, or -1 if the header has no From or several.
 */
int sign_select(const struct fields *, enum sign_oversign, struct str list,
    struct buf *h) __attribute__((__warn_unused_result__));
/* Is list a colon-separated list of field names that has From? */
bool sign_is_list(struct str list);

struct sign_options {
	struct str domain, selector; /* from sig_domain */
	struct str identity; /* i= unquoted; empty: none */
	enum canon header, body;
	bool timestamp; /* t= */
	uint64_t lifetime; /* seconds from t= to x=; 0: no x= */
	enum sign_copy copy;
	const struct key *key;
};

/*
 * Makes the field of one signature up to "b=" in *out (empty, see
 * SIGN_FIELD_MAX) and stores the hash to sign.  block is the header that
 * fields indexes, h from sign_select, bh the body's hash.  Returns 0, or -1
 * without memory.
 */
int sign_prepare(const struct sign_options *, struct fields *, struct str block,
    struct str h, const unsigned char bh[DIGEST_SIZE], uint64_t now,
    struct buf *out, unsigned char hash[DIGEST_SIZE])
    __attribute__((__warn_unused_result__));

/*
 * Adds what key_sign gave.  *out is then the whole field, its lines ended by
 * LF, the last one too.  Returns 0, or -1 if the buffer has failed.
 */
int sign_finish(const unsigned char *sig, size_t n, struct buf *out)
    __attribute__((__warn_unused_result__));

#endif
