/*
 * One run of a script through a filter.
 */
#ifndef TESTS_GOLDEN_RUN_H
#define TESTS_GOLDEN_RUN_H

#include "common/engine/filter.h"
#include "tests/golden/script.h"

enum run_mode {
	RUN_LINES, /* each line is read alone */
	RUN_BATCH, /* lines that come together are read together */
	RUN_BYTES, /* one byte a read */
	RUN_TRICKLE, /* smtpd takes a few bytes at a time */
	RUN_CUT, /* ends after the first steps */
	RUN_FAULT /* an allocation fails */
};

struct run_plan {
	enum run_mode mode;
	size_t steps; /* how many of them */
	uint64_t fail; /* the allocation that fails (RUN_FAULT) */
	bool more; /* and all after it, to the end of the script */
};

/* Reasons of a failure: bytes of text. */
enum {
	RUN_WHY_MAX = 600
};

/*
 * Runs it.  Returns 0, or -1 with the reason in why.  allocations tells how
 * many were counted.
 */
int
run_script(const struct filter *, int argc, char **argv, const struct script *,
    const struct run_plan *, char *why, uint64_t *allocations);

#endif
