#include "tests/golden/golden.h"

const struct golden golden = {
	.name = "sample",
	.whole = JUDGE_ALL,
	.added = 1,
	.alone = true,
};
