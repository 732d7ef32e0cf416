/*
 * RSA with SHA-256 (RFC 6376 section 3.3.1), in contexts of libcrypto that are
 * kept: to set one up takes 2 % of a signature and a fifth of a verification.
 */
#ifndef COMMON_DKIM_RSA_H
#define COMMON_DKIM_RSA_H

#include <stdatomic.h>
#include <stddef.h>

#include "common/dkim/crypto.h"
#include "common/dkim/digest.h"

enum {
	RSA_READY_MAX = 4 /* contexts kept: threads that need one at once */
};

/* What belongs to one key.  Any thread may use it. */
struct rsa {
	EVP_PKEY *pkey; /* borrowed */
	/* To sign and to verify; NULL: in use, or not made yet. */
	_Atomic(EVP_PKEY_CTX *) ready[2][RSA_READY_MAX];
};

void rsa_init(struct rsa *, EVP_PKEY *);
void rsa_clear(struct rsa *);

/*
 * Signs a hash.  *n is the room at out in octets, then the size of the
 * signature.  Returns 0; -1 without memory, or if the key is no private one.
 */
int rsa_sign(struct rsa *, const unsigned char hash[DIGEST_SIZE],
    unsigned char *out, size_t *n) __attribute__((__warn_unused_result__));
/*
 * 1 if the n octets at sig, however many, are the signature of hash, 0 if not,
 * -1 without memory.
 */
int rsa_verify(struct rsa *, const unsigned char hash[DIGEST_SIZE],
    const unsigned char *sig, size_t n) __attribute__((__warn_unused_result__));

#endif
