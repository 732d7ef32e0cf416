/* A header block: nothing of it is left out, names are names. */
#include "common/message/header.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str block = fuzz_text(data, n), rest = block, from, all;
	const char *at = block.p;
	struct field f, g;

	for (from = rest; header_next(&rest, &f) == 1; from = rest) {
		MUST(f.raw.p == at && f.raw.n > 0);
		MUST(fuzz_within(f.name, f.raw) && fuzz_within(f.value, f.raw));
		at += f.raw.n;
		for (size_t i = 0; i < f.name.n; i++)
			MUST(f.name.p[i] > 32 && f.name.p[i] < 127 &&
			    f.name.p[i] != ':');
		if (f.name.n == 0)
			continue;
		all = block;
		MUST(header_find(&all, f.name, &g) == 1);
		MUST(g.raw.p <= f.raw.p && str_ieq(f.name, g.name));
		MUST(header_find(&from, f.name, &g) == 1);
		MUST(g.raw.p == f.raw.p && g.raw.n == f.raw.n);
		MUST(g.name.n == f.name.n && g.value.p == f.value.p);
	}
	MUST(at == block.p + block.n);
	return 0;
}
