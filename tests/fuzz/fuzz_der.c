/*
 * Public keys in DER: numbers lie in the input, and what OpenSSL takes, and
 * writes the same way, is taken, with the same numbers as from its own form
 * of RSAPublicKey.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/dkim/der.h"
#include "common/dkim/key.h"
#include "tests/fuzz/fuzz.h"

static bool
is_same(struct der a, struct der b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void
check_same(EVP_PKEY *pkey, struct der modulus, struct der exponent)
{
	unsigned char *out = NULL;
	int n = i2d_PublicKey(pkey, &out);
	struct der m, e;

	MUST(n > 0);
	MUST(der_rsa((struct der){ out, (size_t)n }, &m, &e) == DKIM_OK);
	MUST(is_same(m, modulus) && is_same(e, exponent));
	MUST(der_bits(m) == (unsigned)EVP_PKEY_bits(pkey));
	OPENSSL_free(out);
}

/* Is this its one form in DER? */
static bool
is_canonical(EVP_PKEY *pkey, struct der d)
{
	unsigned char *out = NULL;
	int n = i2d_PUBKEY(pkey, &out);
	bool same = n > 0 && is_same((struct der){ out, (size_t)n }, d);

	OPENSSL_free(out);
	return same;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct der d = { data, n }, modulus, exponent;
	enum dkim_error error = der_rsa(d, &modulus, &exponent);
	const unsigned char *p = data;
	struct key *key = NULL;
	EVP_PKEY *pkey;
	unsigned bits;

	if (error == DKIM_OK) {
		MUST(modulus.p >= data && modulus.p + modulus.n <= data + n);
		MUST(exponent.p >= data && exponent.p + exponent.n <= data + n);
		MUST(modulus.n > 0 && exponent.n > 0);
		MUST(modulus.p[0] != 0 && exponent.p[0] != 0);
		bits = der_bits(modulus);
		MUST(bits <= modulus.n * 8 && bits > modulus.n * 8 - 8);
	}
	for (int type = KEY_RSA; type <= KEY_ED25519; type++) {
		if (key_public((enum key_type)type, data, n, &key, &bits) !=
		    DKIM_OK)
			continue;
		MUST(key_type(key) == (enum key_type)type);
		MUST(key_bits(key) == bits);
		key_free(key);
	}
	pkey = n > 60000 ? NULL : d2i_PUBKEY(NULL, &p, (long)n);
	if (pkey != NULL && EVP_PKEY_base_id(pkey) == EVP_PKEY_RSA &&
	    is_canonical(pkey, d)) {
		MUST(error == DKIM_OK);
		check_same(pkey, modulus, exponent);
	}
	EVP_PKEY_free(pkey);
	return 0;
}
