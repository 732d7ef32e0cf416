/* Key records as DNS has them: text, and what is inside. */
#include "common/dkim/record.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const unsigned char hash[DIGEST_SIZE] = { 1, 2, 3 };
	struct str rest = fuzz_text(data, n), txt[4];
	struct record_set *set;
	size_t count = 0;

	while (count < 4 && rest.n > 0)
		(void)str_cut(&rest, '\n', &txt[count++]);
	set = record_set_new(txt, count);
	if (set == NULL)
		return 0;
	MUST(set->n <= RECORD_KEYS_MAX);
	MUST(set->n > 0 || set->error != DKIM_OK);
	for (size_t i = 0; i < set->n; i++) {
		const struct record *r = &set->v[i];
		struct buf out;

		MUST((r->error == DKIM_OK) == (r->key != NULL));
		if (r->key == NULL)
			continue;
		MUST(key_type(r->key) == KEY_ED25519 ||
		    (r->bits >= KEY_RSA_MIN && r->bits <= KEY_RSA_MAX));
		MUST(key_verify(r->key, hash, hash, sizeof(hash)) != 1);
		buf_init(&out, SIZE_MAX);
		record_format(r->key, &out);
		MUST(out.n > 0);
		buf_clear(&out);
	}
	record_set_free(set);
	return 0;
}
