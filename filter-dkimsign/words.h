/*
 * Lines of words: the form of the key table, the user map and the domain list.
 */
#ifndef FILTER_DKIMSIGN_WORDS_H
#define FILTER_DKIMSIGN_WORDS_H

#include "common/base/buf.h"
#include "common/base/str.h"
#include "filter-dkimsign/report.h"

enum {
	WORDS_FILE_MAX = 16 * 1024 * 1024, /* bytes of such a file */
	WORDS_MAX = 64, /* words in a line */
};

struct words {
	struct str rest; /* lines not taken yet */
	unsigned line; /* number of the line just taken, from 1 */
	struct str v[WORDS_MAX];
	size_t n;
};

/*
 * Reads a file into text (common/base/buf.h, empty), if nobody else can have
 * changed it.  Returns 0, or -1 with the error told.
 */
int words_read(const char *path, struct buf *text, struct report *)
    __attribute__((__warn_unused_result__));

/* Starts with the first line of text. */
void words_init(struct words *, struct str text);
/*
 * The next line that has words, between SP, HTAB or CR, up to one that begins
 * with "#".  Returns 1, 0 at the end, or -1 if the line has too many.
 */
int words_next(struct words *) __attribute__((__warn_unused_result__));

#endif
