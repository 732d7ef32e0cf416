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
#include "common/dkim/form.h"
#include "common/dkim/key.h"
#include "common/dkim/sig.h"

enum {
	SIGN_FIELD_MAX = 64 * 1024, /* bytes of a field in the making */
	SIGN_NAMES_MAX = 12 * 1024, /* bytes of h= */
};

enum sign_oversign {
	SIGN_STRICT, /* forbid more fields, also of some that are absent */
	SIGN_LIST_FRIENDLY, /* let mailing lists add the fields they add */
	SIGN_NO_OVERSIGN, /* cover the fields that are there */
};

enum sign_copy {
	SIGN_COPY_NONE,
	SIGN_COPY_SIGNED, /* z= has the signed fields */
	SIGN_COPY_ALL, /* z= has all fields */
};

/*
 * Adds the h= list for this header: from the built-in table of fields, or
 * from list ("From:To") if that is not empty.  Each name comes as often as
 * there are such fields; once more for a list with SIGN_STRICT, and with
 * SIGN_LIST_FRIENDLY if there is such a field, but for those that relays and
 * mailing lists add: Received, DKIM-Signature, Resent-*, List-Id and so on.
 * Never Bcc and Return-Path.
 * Names are spelled as in the table or list.
 * Returns 0, or -1 if the header has no From or several, or so many fields that
 * there would be more than SIG_FIELDS_MAX names or SIGN_NAMES_MAX bytes.
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
	struct key *key;
};

/*
 * Makes the field of one signature up to "b=" in *out (empty, see
 * SIGN_FIELD_MAX) and stores the hash to sign.  block is the header that
 * fields indexes, h from sign_select, bh the body's hash.  z= is left out where
 * it would make the field larger than verifiers read (SIG_FIELD_MAX).  Returns
 * 0, or -1 without memory.
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
