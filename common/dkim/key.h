/*
 * Keys, private and public, and the two operations with them: RFC 8301, RFC
 * 8463.
 */
#ifndef COMMON_DKIM_KEY_H
#define COMMON_DKIM_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/dkim/digest.h"
#include "common/dkim/error.h"

enum {
	KEY_RSA_MIN = 1024, /* bits; RFC 8301 section 3.2 */
	KEY_RSA_MAX = 8192,
	KEY_RSA_GOOD_MIN = 2048, /* outside of these two: worth a warning */
	KEY_RSA_GOOD_MAX = 4096,
	KEY_FILE_MAX = 32 * 1024, /* bytes of a key file */
	KEY_SIGNATURE_MAX = KEY_RSA_MAX / 8, /* octets of a signature */
};

enum key_type {
	KEY_RSA,
	KEY_ED25519,
};

/* One key, private or public.  Shared by counting; any thread may use it. */
struct key;

struct key *key_ref(struct key *);
void key_free(struct key *);
enum key_type key_type(const struct key *);
/* Bits of the modulus; 256 for Ed25519. */
unsigned key_bits(const struct key *);
/* "rsa-sha256" or "ed25519-sha256". */
const char *key_algorithm(const struct key *);
/* Do both have the same public part? */
bool key_eq(const struct key *, const struct key *);

enum key_error {
	KEY_GOOD,
	KEY_UNREADABLE, /* no PEM, no base64 seed, too large */
	KEY_ENCRYPTED,
	KEY_UNSUPPORTED, /* neither RSA nor Ed25519 */
	KEY_TOO_SHORT, /* RSA under KEY_RSA_MIN */
	KEY_TOO_LONG, /* RSA over KEY_RSA_MAX */
	KEY_BROKEN, /* does not verify what it signs */
	KEY_NO_MEMORY,
};

/*
 * Reads a private key from the content of a file: PEM of PKCS#1 or PKCS#8, or
 * the base64 of an Ed25519 seed of 32 octets (as dkimpy writes it; 64 octets
 * are a seed and its public key).  The key is tried out.  KEY_GOOD and a new
 * key in *out that the caller frees, or the reason.  text is not changed: the
 * caller cleanses it.
 */
enum key_error key_parse(struct str text, struct key **out);
/* One line of text for an error. */
const char *key_error_text(enum key_error);

/* A new key pair; bits are for RSA.  NULL if that failed. */
struct key *key_generate(enum key_type, unsigned bits);
/*
 * The private key as PEM of PKCS#8: a new NUL-terminated text, to be given to
 * key_pem_free, which cleanses it.  NULL without memory.
 */
char *key_pem(const struct key *);
void key_pem_free(char *);
/* Overwrites n bytes so that no compiler leaves it out. */
void key_cleanse(void *, size_t n);

/*
 * Signs the hash of a header (RSASSA-PKCS1-v1_5, RFC 8017; PureEdDSA over the
 * hash, RFC 8463 section 3).  Touches nothing but its arguments: run it in any
 * thread.  Returns 0 with up to KEY_SIGNATURE_MAX octets in out, or -1.
 */
int key_sign(struct key *, const unsigned char hash[DIGEST_SIZE],
    unsigned char out[KEY_SIGNATURE_MAX], size_t *n)
    __attribute__((__warn_unused_result__));
/* 1 if sig is this key's signature of hash, 0 if not, -1 without memory. */
int key_verify(struct key *, const unsigned char hash[DIGEST_SIZE],
    const unsigned char *sig, size_t n);

/*
 * A public key as p= has it, decoded: SubjectPublicKeyInfo or bare
 * RSAPublicKey (DER, read by hand: RFC 8017 appendix A.1.1), or the 32 octets
 * of RFC 8463 section 4.  DKIM_OK with a new key in *out and its *bits, or why
 * not; *bits are set too for a key of a refused size.  Without memory
 * DKIM_INTERNAL.
 */
enum dkim_error key_public(enum key_type, const unsigned char *, size_t n,
    struct key **out, unsigned *bits);
/* Adds the public part as key_public reads it, in base64. */
void key_format_public(const struct key *, struct buf *out);

#endif
