/*
 * Did a message come through whole?  Compares the lines that went into a
 * filter with those that came out.
 */
#ifndef TESTS_GOLDEN_WHOLE_H
#define TESTS_GOLDEN_WHOLE_H

#include <stdbool.h>

#include "common/base/str.h"

struct whole_message {
	struct str in, out; /* lines with LF, dots doubled */
	bool body_only; /* compare from the first empty line on */
	int added; /* lines there must be more in out; -1: any number */
};

/*
 * NULL if each line of in is found in out, in order, whole or cut into pieces
 * (of which all but the first may begin with a HTAB); else what is wrong.
 */
const char *whole_check(const struct whole_message *);

#endif
