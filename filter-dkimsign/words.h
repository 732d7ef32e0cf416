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
	const char *path; /* set by words_load() */
	struct report *report; /* likewise */
	struct str rest; /* lines not taken yet */
	unsigned line; /* number of the line just taken, from 1 */
	struct str v[WORDS_MAX];
	size_t n;
};

/* Starts with the first line of text. */
void words_init(struct words *, struct str text);
/*
 * The next line that has words, between SP, HTAB or CR, up to one that begins
 * with "#".  Returns 1, 0 at the end, or -1 if the line has too many.
 */
int words_next(struct words *) __attribute__((__warn_unused_result__));

/*
 * Reads a file, if nobody else can have changed it, and gives each line to
 * take.  Tells why it cannot be read, which line has too many words, and that
 * there is none: a file of no keys or domains is seldom what was meant.  what
 * says of what, in the plural.
 */
void words_load(const char *path, const char *what,
    void (*take)(void *arg, const struct words *), void *arg, struct report *);

#endif
