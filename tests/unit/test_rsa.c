/* common/dkim/rsa */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/dkim/rsa.h"

enum {
	SIZE = 128, /* octets of a signature by RSA-1024 */
	THREADS = 2 * RSA_READY_MAX,
	TIMES = 200
};

static const unsigned char hash[DIGEST_SIZE] =
    "what thirty-two octets may say.";
static unsigned char first[SIZE]; /* PKCS#1 v1.5: the same each time */
static EVP_PKEY *pkey;
static struct rsa rsa;

static int
start(void **state)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	size_t n = SIZE;

	(void)state;
	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024) != 1 ||
	    EVP_PKEY_keygen(ctx, &pkey) != 1)
		return -1;
	EVP_PKEY_CTX_free(ctx);
	rsa_init(&rsa, pkey);
	return rsa_sign(&rsa, hash, first, &n);
}

static int
end(void **state)
{
	(void)state;
	rsa_clear(&rsa);
	EVP_PKEY_free(pkey);
	return 0;
}

static void
test_again(void **state)
{
	unsigned char sig[SIZE], bad[SIZE];
	size_t n;

	(void)state;
	memcpy(bad, first, SIZE);
	bad[SIZE - 1] ^= 1;
	for (int i = 0; i < 3; i++) {
		n = SIZE;
		assert_int_equal(rsa_sign(&rsa, hash, sig, &n), 0);
		assert_int_equal(n, SIZE);
		assert_memory_equal(sig, first, SIZE);
		assert_int_equal(rsa_verify(&rsa, hash, sig, n), 1);
		assert_int_equal(rsa_verify(&rsa, hash, sig, n - 1), 0);
		assert_int_equal(rsa_verify(&rsa, hash, bad, n), 0);
		assert_int_equal(rsa_verify(&rsa, hash, NULL, 0), 0);
		/* A room that is too small leaves nothing behind, either. */
		n = SIZE - 1;
		assert_int_equal(rsa_sign(&rsa, hash, sig, &n), -1);
	}
}

static void *
work(void *arg)
{
	unsigned char sig[SIZE];
	size_t n, *good = arg;

	for (int i = 0; i < TIMES; i++) {
		n = SIZE;
		*good += rsa_sign(&rsa, hash, sig, &n) == 0 && n == SIZE &&
		    memcmp(sig, first, SIZE) == 0 &&
		    rsa_verify(&rsa, hash, sig, n) == 1;
	}
	return NULL;
}

/* More threads than contexts are kept. */
static void
test_threads(void **state)
{
	pthread_t thread[THREADS];
	size_t good[THREADS] = { 0 };

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, work, &good[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_int_equal(good[i], TIMES);
	}
}

static void
test_public(void **state)
{
	unsigned char sig[SIZE];
	unsigned char *der = NULL;
	const unsigned char *p;
	struct rsa public;
	EVP_PKEY *half;
	size_t n = SIZE;
	int size = i2d_PUBKEY(pkey, &der);

	(void)state;
	assert_true(size > 0);
	p = der;
	half = d2i_PUBKEY(NULL, &p, size);
	assert_non_null(half);
	rsa_init(&public, half);
	assert_int_equal(rsa_verify(&public, hash, first, SIZE), 1);
	assert_int_equal(rsa_sign(&public, hash, sig, &n), -1);
	assert_int_equal(rsa_verify(&public, hash, first, SIZE), 1);
	rsa_clear(&public);
	EVP_PKEY_free(half);
	OPENSSL_free(der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_public),
	};

	return cmocka_run_group_tests(tests, start, end);
}
