#include "tests/golden/golden.h"

const struct golden golden = {
	.name = "plain",
	.whole = JUDGE_ALL,
	.added = 0,
	.alone = true,
};
