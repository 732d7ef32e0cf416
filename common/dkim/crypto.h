/*
 * OpenSSL 3 and LibreSSL 3.7 under one set of names.  For key.c, keymem.c,
 * rsa.c and digest.c only.
 */
#ifndef COMMON_DKIM_CRYPTO_H
#define COMMON_DKIM_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

typedef void *crypto_malloc_fn(size_t, const char *, int);
typedef void *crypto_realloc_fn(void *, size_t, const char *, int);
typedef void crypto_free_fn(void *, const char *, int);

#ifdef LIBRESSL_VERSION_NUMBER

/* Has libcrypto allocate by these, if it has allocated nothing so far. */
static inline bool
crypto_set_memory(crypto_malloc_fn *m, crypto_realloc_fn *r, crypto_free_fn *f)
{
	(void)m;
	(void)r;
	(void)f;
	return false; /* LibreSSL does not let others do that */
}

/* An EVP_MD for SHA-256 that lives as long as the process. */
static inline const EVP_MD *
crypto_sha256(void)
{
	return EVP_sha256();
}

static inline int
crypto_same_public(const EVP_PKEY *a, const EVP_PKEY *b)
{
	return EVP_PKEY_cmp(a, b) == 1;
}

/* The hash that a context signs; LibreSSL has a macro that casts const away. */
static inline int
crypto_set_sha256(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_signature_md(ctx, (uintptr_t)EVP_sha256());
}

/* May an RSA key sign?  LibreSSL crashes where it has no private part. */
static inline bool
crypto_rsa_signs(EVP_PKEY *pkey)
{
	const BIGNUM *d = NULL;

	RSA_get0_key(EVP_PKEY_get0_RSA(pkey), NULL, NULL, &d);
	return d != NULL;
}

/* A public RSA key; takes n and e even if it fails.  NULL without memory. */
static inline EVP_PKEY *
crypto_rsa_public(BIGNUM *n, BIGNUM *e)
{
	EVP_PKEY *pkey = EVP_PKEY_new();
	RSA *rsa = RSA_new();

	if (pkey == NULL || rsa == NULL || RSA_set0_key(rsa, n, e, NULL) != 1) {
		BN_free(n);
		BN_free(e);
		goto bad;
	}
	if (EVP_PKEY_assign_RSA(pkey, rsa) == 1)
		return pkey;
bad:
	RSA_free(rsa);
	EVP_PKEY_free(pkey);
	return NULL;
}

#else

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/param_build.h>

static inline bool
crypto_set_memory(crypto_malloc_fn *m, crypto_realloc_fn *r, crypto_free_fn *f)
{
	return CRYPTO_set_mem_functions(m, r, f) == 1;
}

static inline const EVP_MD *
crypto_sha256(void)
{
	return EVP_MD_fetch(NULL, "SHA256", NULL);
}

static inline int
crypto_same_public(const EVP_PKEY *a, const EVP_PKEY *b)
{
	return EVP_PKEY_eq(a, b) == 1;
}

static inline int
crypto_set_sha256(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256());
}

static inline bool
crypto_rsa_signs(EVP_PKEY *pkey)
{
	(void)pkey;
	return true; /* OpenSSL tells when it is asked to */
}

static inline EVP_PKEY *
crypto_rsa_public(BIGNUM *n, BIGNUM *e)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;

	if (bld == NULL ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		goto out;
	params = OSSL_PARAM_BLD_to_param(bld);
	ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
out:
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	return pkey;
}

#endif
#endif
