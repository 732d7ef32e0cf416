/*
 * Private keys as files have them.  A key that is taken signs, its PEM is the
 * same key, and its public part is what key_public reads.
 */
#include "common/dkim/key.h"
#include "tests/fuzz/fuzz.h"

static void
check_key(struct key *key)
{
	static const unsigned char hash[DIGEST_SIZE] = { 1, 2, 3 };
	unsigned char sig[KEY_SIGNATURE_MAX];
	char *pem = key_pem(key);
	struct key *again;
	struct buf text;
	size_t n;

	MUST(key_type(key) == KEY_ED25519 ||
	    (key_bits(key) >= KEY_RSA_MIN && key_bits(key) <= KEY_RSA_MAX));
	MUST(key_sign(key, hash, sig, &n) == 0 && n <= sizeof(sig));
	MUST(key_verify(key, hash, sig, n) == 1);
	sig[n / 2] ^= 1;
	MUST(key_verify(key, hash, sig, n) == 0);
	MUST(pem != NULL && key_parse(str_c(pem), &again) == KEY_GOOD);
	MUST(key_eq(key, again) && key_type(key) == key_type(again));
	buf_init(&text, SIZE_MAX);
	key_format_public(key, &text);
	MUST(text.n > 0 && !str_has(buf_view(&text), '\n'));
	buf_clear(&text);
	key_free(again);
	key_pem_free(pem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct key *key = NULL;
	enum key_error error = key_parse(fuzz_text(data, n), &key);

	MUST((error == KEY_GOOD) == (key != NULL));
	MUST(key_error_text(error)[0] != '\0' || error == KEY_GOOD);
	if (key != NULL)
		check_key(key);
	key_free(key);
	return 0;
}
