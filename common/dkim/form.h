/*
 * Writing DKIM-Signature fields: RFC 6376 section 3.5, in the plainest of the
 * forms it allows, since verifiers trip over the others.
 */
#ifndef COMMON_DKIM_FORM_H
#define COMMON_DKIM_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/dkim/canon.h"
#include "common/dkim/sig.h"

/*
 * What a field is made of.  Text is used as it is: domain and selector have
 * gone through sig_domain, identity through form_quote.  A tag that is longer
 * than a line may be (FOLD_LINE_MAX) fails.
 */
struct form {
	enum sig_algorithm algorithm;
	enum canon header, body;
	struct str domain, selector;
	struct str identity; /* i=, quoted-printable; empty: none */
	struct str fields; /* h= as "From:To", no white space */
	struct str copied; /* z=, quoted-printable; empty: none */
	uint64_t t, x; /* seconds since 1970; 0: none */
	const unsigned char *bh; /* DIGEST_SIZE octets */
};

/*
 * Adds the field up to and with "b=", folded with LF HTAB under 78 columns in
 * the order v a c d s t x i h z bh b (RFC 6376 section 3.5).  This is what is
 * hashed.  Failures stay in the buffer.
 */
void form_head(const struct form *, struct buf *out);

/*
 * Adds the signature's n octets to what form_head made, as base64 folded
 * under 78 columns, and the last LF.
 */
void form_value(const unsigned char *sig, size_t n, struct buf *out);

/*
 * Adds text as dkim-quoted-printable (RFC 6376 section 2.11), UTF-8 too: only
 * some messages may have it as it is (RFC 8616).  bar is for z=: quotes "|",
 * and an LF as CRLF.
 */
void form_quote(struct str text, bool bar, struct buf *out);

#endif
