/* Fields that may claim our name, and the names. */
#include "filter-dkimverify/forged.h"
#include "tests/fuzz/fuzz.h"

static bool
is_forged(enum forged_mode mode, struct str text)
{
	static const struct forged_ids ids = {
		{ "mx.example.org", ".example.net" }, 2
	};
	struct forged_rule rule = { mode, &ids, "own.example" };

	return forged_is(&rule, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_text(data, n);
	char out[FORGED_ID_MAX + 1];

	if (forged_name(text, out) == 0)
		MUST(out[0] != '\0' && strlen(out) <= FORGED_ID_MAX);
	MUST(!is_forged(FORGED_KEEP, text));
	/* What is ours among all is ours. */
	if (is_forged(FORGED_OWN, text))
		MUST(is_forged(FORGED_ALL, text));
	return 0;
}
