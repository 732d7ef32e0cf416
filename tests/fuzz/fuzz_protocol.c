/* Any lines from smtpd, to filter-sample. */
#include "tests/fuzz/engine.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char name[] = "filter-sample", spool[] = "--spool-size",
		    size[] = "4096";
	static char *argv[] = { name, spool, size, NULL };
	const struct judge_rules rules = { .whole = JUDGE_ALL, .added = 1 };
	struct str in = fuzz_text(data, n), line;
	struct fuzz_engine *fe;

	fe = fuzz_engine_new(3, argv, &rules);
	while (in.n > 0) {
		(void)str_cut(&in, '\n', &line);
		fuzz_engine_line(fe, line);
	}
	fuzz_engine_free(fe);
	return 0;
}
