/*
 * Command lines: the options of all filters and those of one, by getopt_long.
 */
#ifndef COMMON_ENGINE_CLI_H
#define COMMON_ENGINE_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "common/engine/engine.h"

enum {
	CLI_OPTIONS_MAX = 96, /* options of a program, the common ones too */
	CLI_RCPTS_MAX = 1000 /* --rcpt */
};

struct cli {
	bool only_check; /* -n */
	bool help;
	bool version;
	bool reject_long;
	bool sandbox; /* false: --no-sandbox */
	unsigned deadline_s;
	unsigned verbose;
	bool quiet;
	struct store_pool pool;
	struct check check; /* file is NULL without --check */
	const char *rcpts[CLI_RCPTS_MAX];
};

/*
 * Reads the command line, calling the filter for its own options and
 * operands.  Each error is one line on stderr that names option and value;
 * returns how many there were.
 */
unsigned cli_parse(const struct filter *, int argc, char **argv, struct cli *);

/* Writes usage and options to stdout. */
void cli_help(const struct filter *);

#endif
