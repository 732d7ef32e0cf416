/*
 * What filter-rspamd says: its log lines, and the output of --check.
 */
#ifndef FILTER_RSPAMD_SHOW_H
#define FILTER_RSPAMD_SHOW_H

#include <stdio.h>

#include "common/engine/filter.h"
#include "filter-rspamd/config.h"
#include "filter-rspamd/hosts.h"
#include "filter-rspamd/verdict.h"

/* The line of one message. */
struct show_line {
	const struct verdict *verdict; /* NULL: there is none */
	const char *host; /* NULL: none was asked */
	const char *result; /* accept, junk, reject, tempfail, skipped */
	const char *reason; /* why there is no verdict; NULL: there is one */
};

struct show_counters {
	uint64_t messages;
	uint64_t skipped;
	uint64_t memory; /* refused without memory */
	uint64_t unscanned[CONFIG_CASES];
	uint64_t action[VERDICT_CUSTOM + 1];
};

void show_line(const struct msg *, const struct show_line *);
void show_counters(const struct show_counters *, const struct hosts *,
    const struct config *, size_t waiting);

/*
 * Appends the fields that edit took out of header and put in, in their order,
 * for show_check().
 */
void show_changes(struct buf *, struct str header, const struct edit *);

/* Prints the verdict (NULL: none), the changes, and the refusal if any. */
void show_check(const struct verdict *, struct str changes, const char *host,
    struct str refused, FILE *out);

#endif
