/*
 * Scripts of golden tests: one step a line.
 *
 *	> LINE		smtpd sends a line
 *	< LINE		the filter has answered with it
 *	tick MS		time passes
 *	http TEXT	the HTTP server does TEXT (filters that use HTTP)
 *	dns TEXT	the DNS server does TEXT (filters that use DNS)
 *	disk fails	from now on temporary files do ("disk works": no more)
 *	disk gone	none can be made
 *	memory fails	the same for allocations
 *
 * Before the first step: "args WORDS" is the command line, "once" keeps the
 * script out of the runs that repeat it, "changes" says that messages are
 * refused or changed, so that they are not compared.  "#" starts a comment,
 * {x*N} stands for N times the text before the "*".  In "<" lines ids may be
 * short, and "< register" stands for the whole registration.
 */
#ifndef TESTS_GOLDEN_SCRIPT_H
#define TESTS_GOLDEN_SCRIPT_H

#include <stdbool.h>

#include "common/base/str.h"

enum {
	SCRIPT_STEPS = 8192,
	SCRIPT_ARGS = 32
};

enum verb {
	VERB_IN,
	VERB_OUT,
	VERB_TICK,
	VERB_HTTP,
	VERB_DNS,
	VERB_DISK,
	VERB_MEMORY
};

struct step {
	enum verb verb;
	struct str text; /* expanded */
	char *owned; /* text.p, if it is not in the file's text */
	unsigned line;
};

struct script {
	char *file;
	struct step steps[SCRIPT_STEPS];
	size_t n;
	char *args[SCRIPT_ARGS];
	int nargs;
	bool once;
	bool changes;
};

/* Returns 0, or -1 after a line on stderr. */
int script_read(struct script *, const char *path);
void script_clear(struct script *);

#endif
