/* common/dkim/key and common/dkim/der */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/dkim/key.h"
#include "tests/unit/guard.h"
#include "tests/unit/nomem.h"
#include "tests/unit/vectors.h"

static enum key_error
parse_file(const char *path, struct key **k)
{
	struct buf file = vectors_read(path);
	struct str text = guard_copy(buf_view(&file));
	enum key_error e = key_parse(text, k);

	guard_free(text);
	buf_clear(&file);
	return e;
}

static void
reads_files(void **state)
{
	static const struct {
		const char *path;
		enum key_error error;
		unsigned bits;
	} files[] = {
		{ VECTORS "keys/rfc6376-rsa1024.pem", KEY_GOOD, 1024 },
		{ VECTORS "keys/rfc8463-rsa1024.pem", KEY_GOOD, 1024 },
		{ VECTORS "keys/rfc8463-ed25519.pem", KEY_GOOD, 256 },
		{ VECTORS "keys/rfc8463-ed25519.seed.b64", KEY_GOOD, 256 },
		{ VECTORS "keys/test-rsa2048.pem", KEY_GOOD, 2048 },
		{ VECTORS "keys/test-rsa2048.pkcs8.pem", KEY_GOOD, 2048 },
		{ VECTORS "keys/test-rsa4096.pem", KEY_GOOD, 4096 },
		{ VECTORS "keys/test-rsa768.pem", KEY_TOO_SHORT, 0 },
		{ VECTORS "keys/test-rsa512.pem", KEY_TOO_SHORT, 0 },
		{ VECTORS "README.md", KEY_UNREADABLE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct key *k = NULL;

		assert_int_equal(parse_file(files[i].path, &k), files[i].error);
		if (files[i].error != KEY_GOOD) {
			assert_null(k);
			continue;
		}
		assert_int_equal(key_bits(k), files[i].bits);
		assert_int_equal(
		    key_type(k), files[i].bits == 256 ? KEY_ED25519 : KEY_RSA);
		key_free(k);
	}
	key_free(NULL);
}

/* The same key in two formats. */
static void
compares(void **state)
{
	struct key *a, *b, *c;

	(void)state;
	assert_int_equal(parse_file(VECTORS "keys/test-rsa2048.pem", &a), 0);
	assert_int_equal(
	    parse_file(VECTORS "keys/test-rsa2048.pkcs8.pem", &b), 0);
	assert_int_equal(parse_file(VECTORS "keys/test-rsa1024.pem", &c), 0);
	assert_true(key_eq(a, b));
	assert_false(key_eq(a, c));
	key_free(b);
	key_free(c);
	assert_int_equal(parse_file(VECTORS "keys/rfc8463-ed25519.pem", &b), 0);
	assert_int_equal(
	    parse_file(VECTORS "keys/rfc8463-ed25519.seed.b64", &c), 0);
	assert_true(key_eq(b, c));
	assert_false(key_eq(a, b));
	key_free(a);
	key_free(b);
	key_free(c);
}

/* Made for this test with "openssl pkey -aes128" and "openssl ecparam". */
static const char encrypted[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiir6tLONJMiAICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEIbU9ngTsCTkXAMpZHrRJOcEQEs6\n"
    "PdApcFqNj0T0Ssyse9mI++T+IV6V87d6Wrb+4s6hLyoCnf1uHIUoyBshB+29W4d+\n"
    "tnoiVjQphkeZV3ppIbc=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
static const char elliptic[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXiwYUPengTAKJf/F\n"
    "yPfQqRvUQtQFCUWVWx81QPsmHX+hRANCAATDCb6xA1AsGB56Q05odiCPT0pkd5UB\n"
    "WsJPRVUFXa86+/HYGSoUBoeV8V49nKtZEDSvSfz3NiQCdR+iQBmL+ODz\n"
    "-----END PRIVATE KEY-----\n";

static void
refuses(void **state)
{
	static const struct {
		const char *text;
		enum key_error error;
	} cases[] = {
		{ encrypted, KEY_ENCRYPTED },
		{ elliptic, KEY_UNSUPPORTED },
		{ "", KEY_UNREADABLE },
		{ "\n", KEY_UNREADABLE },
		{ "AAAA", KEY_UNREADABLE },
		{ "-----BEGIN PRIVATE KEY-----\n", KEY_UNREADABLE },
		{ "-----BEGIN PRIVATE KEY-----\nAAAA\n"
		  "-----END PRIVATE KEY-----\n",
		    KEY_UNREADABLE },
	};
	struct key *k = NULL;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = guard_copy(str_c(cases[i].text));

		assert_int_equal(key_parse(text, &k), cases[i].error);
		assert_null(k);
		guard_free(text);
	}
	buf_init(&b, 100000);
	while (b.n <= KEY_FILE_MAX)
		buf_chr(&b, 'A');
	assert_int_equal(key_parse(buf_view(&b), &k), KEY_UNREADABLE);
	assert_int_equal(key_parse(STR_NULL, &k), KEY_UNREADABLE);
	buf_clear(&b);
	for (enum key_error e = KEY_GOOD; e <= KEY_NO_MEMORY; e++)
		assert_true(strlen(key_error_text(e)) > 0);
}

/* Signs, verifies, and verifies nothing else. */
static void
check_pair(struct key *private, struct key *public)
{
	unsigned char hash[DIGEST_SIZE] = "hash";
	unsigned char sig[KEY_SIGNATURE_MAX];
	size_t n;

	assert_int_equal(key_sign(private, hash, sig, &n), 0);
	assert_true(n >= 64);
	assert_int_equal(key_verify(public, hash, sig, n), 1);
	assert_int_equal(key_verify(public, hash, sig, n - 1), 0);
	assert_int_equal(key_verify(public, hash, sig, n + 1), 0);
	assert_int_equal(key_verify(public, hash, sig, 0), 0);
	sig[n / 2] ^= 1;
	assert_int_equal(key_verify(public, hash, sig, n), 0);
	sig[n / 2] ^= 1;
	hash[31] ^= 1;
	assert_int_equal(key_verify(public, hash, sig, n), 0);
}

/* The public part as text and back. */
static struct key *
publish(const struct key *k)
{
	unsigned char raw[2000];
	struct key *public = NULL;
	struct buf b;
	unsigned bits = 0;
	int n;

	buf_init(&b, 4000);
	key_format_public(k, &b);
	assert_false(buf_failed(&b));
	n = digest_from_base64(buf_view(&b), raw, sizeof(raw));
	assert_true(n > 0);
	assert_int_equal(
	    key_public(key_type(k), raw, (size_t)n, &public, &bits), DKIM_OK);
	assert_int_equal(bits, key_bits(k));
	assert_true(key_eq(k, public));
	buf_clear(&b);
	return public;
}

static void
generates(void **state)
{
	static const struct {
		enum key_type type;
		unsigned bits;
		const char *algorithm;
	} kinds[] = {
		{ KEY_RSA, 2048, "rsa-sha256" },
		{ KEY_RSA, 1024, "rsa-sha256" },
		{ KEY_ED25519, 0, "ed25519-sha256" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct key *k = key_generate(kinds[i].type, kinds[i].bits);
		struct key *public, *again;
		char *pem;

		assert_non_null(k);
		assert_string_equal(key_algorithm(k), kinds[i].algorithm);
		public = publish(k);
		check_pair(k, public);
		pem = key_pem(k);
		assert_non_null(pem);
		assert_int_equal(key_parse(str_c(pem), &again), KEY_GOOD);
		assert_true(key_eq(k, again));
		check_pair(again, public);
		key_pem_free(pem);
		key_free(again);
		key_free(public);
		key_free(k);
	}
	key_pem_free(NULL);
}

static void
counts_references(void **state)
{
	struct key *k = key_generate(KEY_ED25519, 0), *same;

	(void)state;
	same = key_ref(k);
	key_free(k);
	assert_int_equal(key_bits(same), 256);
	check_pair(same, same);
	key_free(same);
}

/* An RSA key has no private part: signing fails, and nothing else happens. */
static void
needs_a_private_key(void **state)
{
	unsigned char hash[DIGEST_SIZE] = "", sig[KEY_SIGNATURE_MAX];
	struct key *k, *public;
	size_t n;

	(void)state;
	assert_int_equal(parse_file(VECTORS "keys/test-rsa2048.pem", &k), 0);
	public = publish(k);
	assert_int_equal(key_sign(public, hash, sig, &n), -1);
	key_free(public);
	key_free(k);
}

/* Builds DER: tag, length in the shortest form, content. */
static void
der(struct buf *out, unsigned char tag, const struct buf *content)
{
	size_t n = content->n;

	buf_chr(out, (char)tag);
	if (n >= 0x100) {
		buf_chr(out, (char)0x82);
		buf_chr(out, (char)(n >> 8));
	} else if (n >= 0x80)
		buf_chr(out, (char)0x81);
	buf_chr(out, (char)(n & 0xff));
	buf_add(out, content->p, n);
}

/* An RSAPublicKey with a modulus of so many bits and exponent e. */
static void
der_key(struct buf *out, unsigned bits, const char *e, size_t e_size)
{
	struct buf n, ex, both;

	buf_init(&n, 10000);
	buf_init(&ex, 100);
	buf_init(&both, 20000);
	if (bits % 8 == 0)
		buf_chr(&n, '\0');
	buf_chr(&n, (char)(1 << ((bits - 1) % 8)));
	for (unsigned i = 0; i < (bits - 1) / 8; i++)
		buf_chr(&n, '\x55');
	buf_add(&ex, e, e_size);
	der(&both, 0x02, &n);
	der(&both, 0x02, &ex);
	der(out, 0x30, &both);
	buf_clear(&n);
	buf_clear(&ex);
	buf_clear(&both);
}

static void
keeps_limits(void **state)
{
	static const struct {
		unsigned bits;
		const char *e;
		size_t e_size;
		enum dkim_error error;
	} keys[] = {
		{ 1024, "\1\0\1", 3, DKIM_OK },
		{ 1023, "\1\0\1", 3, DKIM_KEY_SHORT },
		{ 512, "\1\0\1", 3, DKIM_KEY_SHORT },
		{ 8192, "\1\0\1", 3, DKIM_OK },
		{ 8193, "\1\0\1", 3, DKIM_KEY_LONG },
		{ 2048, "\3", 1, DKIM_OK },
		{ 2048, "\1", 1, DKIM_KEY_SYNTAX },
		{ 2048, "\4", 1, DKIM_KEY_SYNTAX },
		{ 2048, "\0", 1, DKIM_KEY_SYNTAX },
		{ 2048, "\x81", 1, DKIM_KEY_SYNTAX },
		{ 2048, "", 0, DKIM_KEY_SYNTAX },
		{ 2048, "\0\xff\xff\xff\xff", 5, DKIM_OK },
		{ 2048, "\1\0\0\0\1", 5, DKIM_KEY_LONG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct key *k = NULL;
		unsigned bits = 0;
		struct buf b;
		struct str text;

		buf_init(&b, 10000);
		der_key(&b, keys[i].bits, keys[i].e, keys[i].e_size);
		text = guard_copy(buf_view(&b));
		assert_int_equal(
		    key_public(KEY_RSA, (const unsigned char *)text.p, text.n,
			&k, &bits),
		    keys[i].error);
		if (keys[i].error != DKIM_KEY_SYNTAX)
			assert_int_equal(bits, keys[i].bits);
		key_free(k);
		guard_free(text);
		buf_clear(&b);
	}
}

/* A good key cut anywhere, or with any one octet changed: never a crash. */
static void
survives_broken_der(void **state)
{
	struct buf b, copy;
	unsigned bits;
	struct key *k;

	(void)state;
	buf_init(&b, 10000);
	der_key(&b, 1024, "\1\0\1", 3);
	for (size_t i = 0; i < b.n; i++) {
		struct str cut = guard_copy(str_head(buf_view(&b), i));

		k = NULL;
		assert_int_equal(
		    key_public(KEY_RSA, (const unsigned char *)cut.p, cut.n, &k,
			&bits),
		    DKIM_KEY_SYNTAX);
		guard_free(cut);
	}
	for (size_t i = 0; i < b.n; i++) {
		struct str changed;

		buf_init(&copy, 10000);
		buf_str(&copy, buf_view(&b));
		copy.p[i] ^= (char)0x91;
		changed = guard_copy(buf_view(&copy));
		k = NULL;
		(void)key_public(KEY_RSA, (const unsigned char *)changed.p,
		    changed.n, &k, &bits);
		key_free(k);
		guard_free(changed);
		buf_clear(&copy);
	}
	buf_chr(&b, 'x');
	assert_int_equal(
	    key_public(KEY_RSA, (const unsigned char *)b.p, b.n, &k, &bits),
	    DKIM_KEY_SYNTAX);
	buf_clear(&b);
}

static void
takes_32_octets(void **state)
{
	unsigned char raw[33] = { 1 };
	struct key *k = NULL;
	unsigned bits;

	(void)state;
	assert_int_equal(
	    key_public(KEY_ED25519, raw, 31, &k, &bits), DKIM_KEY_SYNTAX);
	assert_int_equal(
	    key_public(KEY_ED25519, raw, 33, &k, &bits), DKIM_KEY_SYNTAX);
	assert_null(k);
	assert_int_equal(key_public(KEY_ED25519, raw, 32, &k, &bits), DKIM_OK);
	assert_int_equal(bits, 256);
	key_free(k);
}

/* A key is not called bad because there was no memory to read it. */
static void
tells_no_memory(void **state)
{
	(void)state;
#ifdef NOMEM_WHY
	print_message("%s\n", NOMEM_WHY);
	skip();
#else
	static const enum key_type types[] = { KEY_RSA, KEY_ED25519 };
	unsigned char raw[32] = { 1 };
	struct buf der;
	unsigned bits;

	buf_init(&der, 10000);
	der_key(&der, 1024, "\1\0\1", 3);
	for (size_t i = 0; i < 2; i++) {
		const void *p = types[i] == KEY_RSA ? der.p : (void *)raw;
		size_t n = types[i] == KEY_RSA ? der.n : sizeof(raw);
		enum dkim_error e = DKIM_INTERNAL;
		struct key *k = NULL;

		for (long left = 0; e == DKIM_INTERNAL; left++) {
			nomem_left = left;
			e = key_public(types[i], p, n, &k, &bits);
			nomem_left = -1;
		}
		assert_int_equal(e, DKIM_OK);
		key_free(k);
	}
	buf_clear(&der);
#endif
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_files),
		cmocka_unit_test(compares),
		cmocka_unit_test(refuses),
		cmocka_unit_test(generates),
		cmocka_unit_test(counts_references),
		cmocka_unit_test(needs_a_private_key),
		cmocka_unit_test(keeps_limits),
		cmocka_unit_test(survives_broken_der),
		cmocka_unit_test(takes_32_octets),
		cmocka_unit_test(tells_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
