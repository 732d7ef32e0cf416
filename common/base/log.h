/*
 * Lines on stderr, which smtpd copies to its log under the filter's name: no
 * timestamp, no program name.  A line never blocks: what stderr does not take
 * at once is dropped and counted.  Control bytes, DEL and bytes above 126 are
 * written as \xNN.
 *
 * Between log_hold() and log_release() lines are collected, since a write for
 * each costs as much as reading a small message.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

enum {
	LOG_LINE_MAX = 1000, /* bytes of a line; what is more is cut */
	LOG_TEXT_MAX = 200 /* bytes of outside text shown by log_text() */
};

enum log_level {
	LOG_WARNING, /* an operator can act on it */
	LOG_INFO, /* what was done with a message */
	LOG_DEBUG
};

/* The highest level that is written; at first LOG_INFO. */
void log_level(enum log_level);
bool log_is(enum log_level);

/*
 * For whoever asks by a signal: with true, info is written whatever the level
 * is; with false it is as before.
 */
void log_loud(bool);

void
log_warn(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2)));
void
log_info(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2)));
void
log_debug(const char *fmt, ...) __attribute__((__format__(__printf__, 1, 2)));

/*
 * Writes a ready line of up to LOG_LINE_MAX bytes, LF included, as it is, at
 * any level; for signal handlers too.
 */
void log_raw(struct str line);

/* Pairs may be nested; the last log_release() writes what was collected. */
void log_hold(void);
void log_release(void);

/* A line that the caller has formatted. */
void log_put(enum log_level, struct str line);

/* Room for log_text(): LOG_TEXT_MAX bytes escaped, an ellipsis and a NUL. */
struct log_text {
	char s[LOG_TEXT_MAX * 4 + 4];
};

/*
 * Outside text made safe for one value of a log line: SP, '"', '\\', control
 * bytes and bytes above 126 as \xNN, cut after LOG_TEXT_MAX bytes.  Returns
 * t->s; the empty text gives "-".
 */
const char *log_text(struct log_text *t, struct str);

/* Lines that stderr did not take. */
uint64_t log_dropped(void);

#endif
