/*
 * A message as lines to smtpd: prefix, dot doubled, long lines cut.
 */
#ifndef COMMON_ENGINE_REPLAY_H
#define COMMON_ENGINE_REPLAY_H

#include "common/base/buf.h"
#include "common/message/store.h"
#include "common/protocol/reply.h"

enum {
	REPLAY_SCRATCH = 128 * 1024, /* more than the longest line it emits */
};

struct replay {
	char prefix[REPLY_PREFIX_MAX];
	size_t nprefix;
	size_t line_max; /* bytes of a line's content */
	struct str header; /* what is left of it; borrowed */
	const struct store *store; /* borrowed; NULL: none */
	uint64_t off; /* where it stands in the store */
	bool tab; /* the next piece needs a HTAB */
	struct replay *prev, *next;
};

/* header and store must live until it is done; both may be empty. */
void replay_init(struct replay *, const struct reply_to *, struct str header,
    const struct store *);

/*
 * Appends lines to out until it holds limit bytes or more.  scratch has
 * REPLAY_SCRATCH bytes.  Returns 1 when the dot has been appended, 0 if there
 * is more, -1 if the store cannot be read; out never fails before that if it
 * has room for limit, the longest line and its prefix.
 */
int replay_fill(struct replay *, struct buf *out, size_t limit, char *scratch);

#endif
