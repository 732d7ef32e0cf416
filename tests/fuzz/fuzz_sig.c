/* DKIM-Signature fields. */
#include "common/base/buf.h"
#include "common/dkim/sig.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char name[SIG_NAME_MAX + 1], again[SIG_NAME_MAX + 1];
	struct str text = fuzz_text(data, n);
	struct sig sig;
	struct buf raw;

	buf_init(&raw, SIZE_MAX);
	buf_str(&raw, STR("DKIM-Signature:"));
	buf_str(&raw, text);
	if (sig_parse(buf_view(&raw), &sig) == DKIM_OK) {
		MUST(sig.b_size > 0 && sig.b_size <= SIG_VALUE_MAX);
		MUST(strlen(sig.domain) <= SIG_NAME_MAX);
		MUST(strlen(sig.query) <= SIG_NAME_MAX);
		MUST(sig_is_below(sig.identity, sig.domain));
		(void)sig_check(&sig, 1795341962, false);
	}
	buf_clear(&raw);
	if (sig_domain(text, name) == 0) {
		MUST(strlen(name) <= SIG_NAME_MAX);
		/* The form is final. */
		MUST(sig_domain(str_c(name), again) == 0);
		MUST(strcmp(name, again) == 0);
	}
	return 0;
}
