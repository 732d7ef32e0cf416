/*
 * RSA public keys in DER (ITU-T X.690), read by hand: the library call for it
 * costs four times as much as verifying a signature.
 */
#ifndef COMMON_DKIM_DER_H
#define COMMON_DKIM_DER_H

#include <stddef.h>

#include "common/dkim/error.h"

/* A borrowed view of octets. */
struct der {
	const unsigned char *p;
	size_t n;
};

/*
 * Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1) or a bare RSAPublicKey
 * (RFC 8017 appendix A.1.1) that is all of d.  DKIM_OK with modulus and
 * exponent, positive and without leading zeros; DKIM_KEY_TYPE if it is a key
 * of another algorithm, DKIM_KEY_SYNTAX if it is nothing of the kind.
 */
enum dkim_error der_rsa(struct der d, struct der *n, struct der *e);

/* How many bits a number has that begins with an octet other than 0. */
unsigned der_bits(struct der number);

#endif
