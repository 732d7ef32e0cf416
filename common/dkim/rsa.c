#include <stdbool.h>

#include "common/dkim/rsa.h"

void
rsa_init(struct rsa *r, EVP_PKEY *pkey)
{
	r->pkey = pkey;
	for (size_t i = 0; i < RSA_READY_MAX; i++) {
		atomic_init(&r->ready[false][i], NULL);
		atomic_init(&r->ready[true][i], NULL);
	}
}

void
rsa_clear(struct rsa *r)
{
	for (size_t i = 0; i < RSA_READY_MAX; i++) {
		EVP_PKEY_CTX_free(atomic_load(&r->ready[false][i]));
		EVP_PKEY_CTX_free(atomic_load(&r->ready[true][i]));
	}
}

/* A context that no other thread has; NULL without memory. */
static EVP_PKEY_CTX *
take(struct rsa *r, bool verify)
{
	EVP_PKEY_CTX *ctx = NULL;

	for (size_t i = 0; ctx == NULL && i < RSA_READY_MAX; i++)
		ctx = atomic_exchange(&r->ready[verify][i], NULL);
	if (ctx != NULL)
		return ctx;
	ctx = EVP_PKEY_CTX_new(r->pkey, NULL);
	if (ctx != NULL &&
	    (verify ? EVP_PKEY_verify_init(ctx) : EVP_PKEY_sign_init(ctx)) ==
		1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    crypto_set_sha256(ctx) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static void
give_back(struct rsa *r, bool verify, EVP_PKEY_CTX *owned)
{
	EVP_PKEY_CTX *none;

	for (size_t i = 0; i < RSA_READY_MAX; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(
			&r->ready[verify][i], &none, owned))
			return;
	}
	EVP_PKEY_CTX_free(owned);
}

int
rsa_sign(struct rsa *r, const unsigned char hash[DIGEST_SIZE],
    unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = crypto_rsa_signs(r->pkey) ? take(r, false) : NULL;
	int good;

	if (ctx == NULL)
		return -1;
	good = EVP_PKEY_sign(ctx, out, n, hash, DIGEST_SIZE) == 1;
	give_back(r, false, ctx);
	return good ? 0 : -1;
}

int
rsa_verify(struct rsa *r, const unsigned char hash[DIGEST_SIZE],
    const unsigned char *sig, size_t n)
{
	EVP_PKEY_CTX *ctx = take(r, true);
	int good;

	if (ctx == NULL)
		return -1;
	good = EVP_PKEY_verify(ctx, sig, n, hash, DIGEST_SIZE) == 1;
	give_back(r, true, ctx);
	return good;
}
