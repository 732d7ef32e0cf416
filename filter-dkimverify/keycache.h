/*
 * Public keys by the name they are published under: parsed once, kept for
 * their time to live, and asked for once however many messages wait for them.
 */
#ifndef FILTER_DKIMVERIFY_KEYCACHE_H
#define FILTER_DKIMVERIFY_KEYCACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/dkim/record.h"
#include "common/dkim/verify.h"

enum {
	KEYCACHE_MAX = 4096, /* names kept; the least recently used one goes */
	KEYCACHE_TTL_MAX = 60 * 60, /* seconds that a key is kept at most */
	KEYCACHE_TTL_NONE = 60, /* seconds that the lack of one is kept */
};

/* What is known of a name. */
struct keycache_answer {
	struct record_set *keys; /* borrowed; NULL: there is no key, because */
	enum verify_dns why;
	const char *text; /* of a DNS failure, for the log; "" otherwise */
};

/* One that waits for an answer; embed it, zeroed. */
struct keycache_wait {
	void (*cb)(struct keycache_wait *, const struct keycache_answer *);
	struct keycache_entry *entry; /* NULL: it does not wait */
	struct keycache_wait *prev, *next;
};

struct keycache_counters {
	uint64_t hits;
	uint64_t misses;
	uint64_t merged; /* found a query of the same name under way */
	uint64_t evicted;
};

/* Frees all entries; nobody may wait any more. */
void keycache_clear(void);

/* Is the answer known already?  It is valid until the next call. */
bool keycache_find(const char *name, struct keycache_answer *out);

/*
 * Asks for the keys of a name that keycache_find() does not know.  cb is called
 * once, from the loop, never from in here; the wait is over then and may be
 * used again.  The answer lives during the callback.  Returns -1 without
 * memory.
 */
int keycache_start(const char *name, struct keycache_wait *,
    void (*cb)(struct keycache_wait *, const struct keycache_answer *));
/* Stops waiting, if it does; cb will not be called. */
void keycache_cancel(struct keycache_wait *);

const struct keycache_counters *keycache_counters(void);

#endif
