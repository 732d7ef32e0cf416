/* Fields that may claim our name, and the names. */
#include "filter-dkimverify/forged.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct forged_ids ids = { { "mx.example.org", ".example.net" },
		2 };
	struct str text = fuzz_text(data, n);
	char out[FORGED_ID_MAX + 1];

	if (forged_name(text, out) == 0)
		MUST(out[0] != '\0' && strlen(out) <= FORGED_ID_MAX);
	MUST(!forged_is(FORGED_KEEP, &ids, text));
	/* What is ours among all is ours. */
	if (forged_is(FORGED_OWN, &ids, text))
		MUST(forged_is(FORGED_ALL, &ids, text));
	return 0;
}
