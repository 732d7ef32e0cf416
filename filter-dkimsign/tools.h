/*
 * What the program does with keys besides signing: makes them, prints their
 * DNS records, and compares those with what DNS has.
 */
#ifndef FILTER_DKIMSIGN_TOOLS_H
#define FILTER_DKIMSIGN_TOOLS_H

#include "filter-dkimsign/config.h"

enum {
	TOOLS_QUERIES = 50, /* DNS queries at once */
};

/* --genkey: a new file with a key, and its record on stdout. */
int tools_genkey(const struct options *);
/* --dns: the records of all keys, as lines of a zone file. */
int tools_dns(const struct config *);
/*
 * --check-dns: one line for each key; needs the loop.  All return the exit
 * status: 0 if all is well, 1 if not, 75 if DNS did not tell.
 */
int tools_check_dns(const struct options *, const struct config *);

/* Looks at -r, for configure; -1 if it is wrong, which was told. */
int tools_configure(const struct options *);

#endif
