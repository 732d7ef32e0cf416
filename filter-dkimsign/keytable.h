/*
 * Which keys sign for which domain.
 *
 * A key table is a file of lines "DOMAIN SELECTOR KEYFILE [OPTION]...", where
 * several lines for one domain give as many signatures, and "*" as DOMAIN
 * stands for all domains without a line of their own.  Options:
 *
 *	d=NAME		write this domain as d=, instead of DOMAIN (for "*":
 *			instead of the author's)
 *	i=ADDRESS	write this as i=; else there is none
 *	c=simple/relaxed	canonicalization, instead of -c
 *	x=SECONDS	lifetime of the signature, instead of -x
 *	exact		not for subdomains of DOMAIN; one such line is enough
 */
#ifndef FILTER_DKIMSIGN_KEYTABLE_H
#define FILTER_DKIMSIGN_KEYTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/hash.h"
#include "common/base/str.h"
#include "common/dkim/canon.h"
#include "common/dkim/key.h"
#include "filter-dkimsign/report.h"

enum {
	KEYTABLE_DOMAIN_KEYS = 8, /* keys of one domain */
	KEYTABLE_LIFETIME_MAX = 2000000000, /* seconds, x= */
	KEYTABLE_LOCAL_MAX = 64, /* bytes before the "@" of i= */
};

/* One key as it is used for one domain. */
struct signer {
	char *selector; /* from sig_domain() */
	char *d; /* what d= says; NULL: the domain it was found for */
	char *identity; /* what i= says, unquoted; NULL: there is none */
	struct key *key;
	enum canon header, body;
	uint64_t lifetime; /* seconds; 0: no x= */
};

/* A domain, its keys in the order of the signatures: RSA first. */
struct keydomain {
	char *name; /* A-labels in lower case, or "*" */
	struct signer v[KEYTABLE_DOMAIN_KEYS];
	size_t n;
	bool exact; /* not for subdomains */
	UT_hash_handle hh;
};

struct keytable;

/* What lines and -d do not say. */
struct keytable_defaults {
	enum canon header, body;
	uint64_t lifetime;
};

/* An empty table.  NULL without memory.  free(NULL) is fine. */
struct keytable *keytable_new(const struct keytable_defaults *);
void keytable_free(struct keytable *);

/*
 * Adds the lines of a file, of which there has to be one.  Each error is told
 * with file and line.
 */
void keytable_load(struct keytable *, const char *path, struct report *);

/*
 * Adds a key for one domain, or "*" (then d is what d= says, or NULL).  where
 * and line say in errors whence it comes.
 */
struct keytable_line {
	struct str domain, selector, file;
	struct str d, i; /* empty: not given */
	enum canon header, body;
	uint64_t lifetime;
	bool exact;
	bool repeatable; /* the same domain and selector again is no error */
	bool told; /* that selector or file are wrong or missing was */
};
void keytable_add(struct keytable *, const struct keytable_line *,
    const char *where, unsigned line, struct report *);

/*
 * Reads a key that lines will name, once for all of them.  NULL if it is no
 * good, which is told.
 */
const struct key *keytable_key(
    struct keytable *, struct str file, const char *where, struct report *);

/* A line with the defaults. */
struct keytable_line keytable_line(const struct keytable *);

/*
 * The keys for a domain (A-labels): those of the domain itself, else of its
 * closest parent with keys that are not exact.  NULL if there are none.
 */
const struct keydomain *
keytable_find(const struct keytable *, const char *domain);
/* The keys of "*", or NULL. */
const struct keydomain *keytable_fallback(const struct keytable *);

/* What d= says of a signer of this domain; with "*", the author's. */
const char *
keytable_d(const struct keydomain *, const struct signer *, const char *author);

/* Walks all domains in the order they were added: first with NULL. */
const struct keydomain *
keytable_each(const struct keytable *, const struct keydomain *last);
/* Walks all key files, and their names: first with NULL. */
struct keyfile;
const struct keyfile *
keytable_each_file(const struct keytable *, const struct keyfile *last);
const char *keytable_file_path(const struct keyfile *);
/* How many domains there are. */
size_t keytable_count(const struct keytable *);

#endif
