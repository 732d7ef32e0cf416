/*
 * What a run in which something fails still owes to its script: a failure that
 * passes leads to no refusal for good, and to no other text than the script's
 * where the filter must not let a message go without its work.
 */
#ifndef TESTS_GOLDEN_PROMISE_H
#define TESTS_GOLDEN_PROMISE_H

#include "tests/golden/script.h"

/* Does the script have this line of the filter, whatever its ids are? */
bool promise_line(const struct script *, struct str line);

/* Does a message leave in the script with this text (lines with LF)? */
bool promise_text(const struct script *, struct str text);

#endif
