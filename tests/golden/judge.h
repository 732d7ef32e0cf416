/*
 * smtpd as a judge: it follows both directions of the filter protocol and
 * counts each line of the filter that the real one would not survive, would
 * not understand or would wait for without end.
 */
#ifndef TESTS_GOLDEN_JUDGE_H
#define TESTS_GOLDEN_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

/* What an accepted message must look like. */
enum judge_whole {
	JUDGE_ALL, /* each line that came leaves, in order */
	JUDGE_BODY, /* the same from the first empty line on */
	JUDGE_NOTHING
};

struct judge_rules {
	enum judge_whole whole;
	int added; /* lines more than came, if none was cut; -1: any number */
	uint64_t deadline_us; /* a message is answered by then */
	/* Sees each accepted message, its dots doubled; or NULL. */
	void (*leaves)(struct str in, struct str out);
	/* May a message leave with this text (dots doubled)?  NULL: yes. */
	bool (*may_leave)(void *arg, struct str out);
	void *arg;
};

struct judge;

struct judge *judge_new(const struct judge_rules *);
void judge_free(struct judge *);

/*
 * A line smtpd is about to send, without LF.  Returns false if the real one
 * would not send it now (a commit before the dot, a second request, anything
 * for a session that is gone): then it must not be sent, unless forced: then
 * a commit is judged all the same.
 */
bool judge_in(struct judge *, struct str line, uint64_t now_us, bool forced);
/* A line that the filter sent, without LF. */
void judge_out(struct judge *, struct str line);
/* The filter has had its turn: what had to be answered at once is. */
void judge_turn(struct judge *, uint64_t now_us);

/* Faults so far; the first one in words, NULL if there is none. */
unsigned judge_faults(const struct judge *);
const char *judge_first(const struct judge *);
/* Protocol version of the lines so far, as in wire.h; 0.7 without any. */
unsigned judge_version(const struct judge *);
/* Commits answered by proceed. */
unsigned judge_accepted(const struct judge *);

#endif
