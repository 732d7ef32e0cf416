/*
 * What is wrong with a configuration: collected, since all of it is told and
 * not just the first, and since it may be read in another thread.
 */
#ifndef FILTER_DKIMSIGN_REPORT_H
#define FILTER_DKIMSIGN_REPORT_H

#include "common/base/buf.h"

enum {
	REPORT_MAX = 32 * 1024 /* bytes; what is more is only counted */
};

struct report {
	struct buf lines; /* each ended by LF */
	unsigned errors; /* warnings are not counted */
};

void report_init(struct report *);
void report_clear(struct report *);

/* Adds an error (a warning) about line n of file; n is 0 for all of it. */
void report_error(struct report *, const char *file, unsigned n,
    const char *fmt, ...) __attribute__((__format__(__printf__, 4, 5)));
void report_warning(struct report *, const char *file, unsigned n,
    const char *fmt, ...) __attribute__((__format__(__printf__, 4, 5)));

/* Says each line, by filter_config_error or log_warn. */
void report_say(const struct report *, void (*say)(const char *fmt, ...));

#endif
