/*
 * What is read from files: keys, domains, users.  Read at start and again at
 * SIGHUP, when a new one takes the place of the old; messages on their way
 * keep the one they began with.
 */
#ifndef FILTER_DKIMSIGN_CONFIG_H
#define FILTER_DKIMSIGN_CONFIG_H

#include "filter-dkimsign/keytable.h"
#include "filter-dkimsign/options.h"
#include "filter-dkimsign/report.h"
#include "filter-dkimsign/usermap.h"

struct config {
	unsigned refs;
	struct keytable *keys;
	struct usermap *users; /* NULL: no --user-map */
	bool by_sender; /* see struct options */
};

/*
 * Reads all files that the options name; may run in any thread.  NULL if
 * there were errors, which are told.
 */
struct config *config_load(const struct options *, struct report *);

/* Counts one more user (one less; the last frees it); in one thread. */
struct config *config_ref(struct config *);
void config_free(struct config *);

#endif
