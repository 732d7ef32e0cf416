/*
 * A filter under the golden driver.  Each program has one of these, in
 * golden_NAME.c; the filter's own main() is compiled as filter_entry().
 */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include "tests/golden/judge.h"

struct golden {
	const char *name;
	enum judge_whole whole;
	int added; /* see judge.h */
	bool forks; /* cannot be started twice in one process */
	bool exact; /* accepts with the script's text only, whatever fails */
	bool alone; /* accepts a message without help: try one at the end */
	/* The verbs http and dns; NULL if the filter has none. */
	void (*http)(struct str);
	void (*dns)(struct str);
};

extern const struct golden golden;

int filter_entry(int argc, char **argv);

#endif
