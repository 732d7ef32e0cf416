/*
 * What data lines look like up to their text, for the messages that are now
 * coming in: all but the time is the same on each line of a message, so most
 * lines need not be parsed.
 */
#ifndef COMMON_ENGINE_HEADS_H
#define COMMON_ENGINE_HEADS_H

#include "common/base/str.h"

enum {
	HEADS_SLOTS = 16384, /* messages remembered; a power of two */
	HEADS_LENGTH = 53 /* "|smtp-in|data-line|SID|TOKEN|" of smtpd */
};

struct msg;

struct heads {
	struct {
		struct msg *msg;
		char head[HEADS_LENGTH];
	} slot[HEADS_SLOTS];
	size_t at; /* where a head began last, 0 before the first */
};

/* The message that this line is one of, and its text; NULL if not known. */
struct msg *heads_find(const struct heads *, struct str line, struct str *text);

/* Remembers the message of a data line, of which text is the end. */
void heads_put(struct heads *, struct str line, struct str text, struct msg *);

/* Forgets a message of this session, if it is remembered. */
void heads_drop(struct heads *, uint64_t sid, const struct msg *);

#endif
