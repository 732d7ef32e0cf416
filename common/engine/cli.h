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

/* Exit statuses (sysexits.h has the last two). */
enum {
	CLI_OK = 0,
	CLI_BAD = 1,
	CLI_USAGE = 64,
	CLI_AGAIN = 75
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

/*
 * For option callbacks: a decimal number of min to max; a size in bytes,
 * with K, M or G as suffix.  -1 if it is none.
 */
int cli_number(const char *arg, uint64_t min, uint64_t max, uint64_t *out);
int cli_size(const char *arg, uint64_t min, uint64_t max, uint64_t *out);

/* The index of arg in a list of words that ends with NULL, or -1. */
int cli_word(const char *arg, const char *const *words);

#endif
