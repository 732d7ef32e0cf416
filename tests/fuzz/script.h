/*
 * Inputs of the whole-filter targets: what smtpd and the rest of the world do
 * to a filter, one step a line, so that the fuzzer changes steps and not only
 * bytes.
 *
 * The first line chooses the options of the filter (its first byte: "a" the
 * first set), the protocol version of the short steps ("4" to "7"), and all
 * log lines ("v").  Then, by the first byte of each line:
 *
 *	>LINE	smtpd sends LINE
 *	=HEX	the session of the short steps; "=" alone: 1
 *	C B A R E X	connect, begin (MAIL and RCPT), authenticate, roll
 *		back, end (commit and reset), disconnect; text: see script.c
 *	:TEXT	a line of the message; ":." is its end
 *	Q	commit?
 *	LN	a line of N * 64 bytes
 *	TMS	time passes
 *	H U	SIGHUP, SIGUSR1
 *
 * Any other byte is a step of the target: HTTP, DNS, files.
 */
#ifndef TESTS_FUZZ_SCRIPT_H
#define TESTS_FUZZ_SCRIPT_H

#include "tests/fuzz/engine.h"

enum {
	SCRIPT_OPTS = 16, /* words of a set of options */
	SCRIPT_TEXT_MAX = 65536 /* bytes that fuzz_unescape gives */
};

/* What is the filter's own. */
struct fuzz_filter {
	const char *const (*sets)[SCRIPT_OPTS]; /* command lines, NULL-ended */
	size_t nsets;
	enum judge_whole whole; /* see judge.h */
	int added;
	bool body_changes; /* the last set may give messages a new body */
	/* A step that is not smtpd's; NULL: there are none. */
	void (*outside)(char verb, struct str text);
	void (*leaves)(struct str in, struct str out); /* see judge.h */
};

/* Runs an input from start to end; aborts where something is wrong. */
void fuzz_script(const struct fuzz_filter *, struct str input);

/*
 * Any bytes in a line: a backslash and a byte stand for the byte with bit 6
 * the other way round.  A view of a static buffer.
 */
struct str fuzz_unescape(struct str);

#endif
