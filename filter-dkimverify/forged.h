/*
 * Authentication-Results fields that claim to be ours: RFC 8601 sections 2.2
 * and 5.
 */
#ifndef FILTER_DKIMVERIFY_FORGED_H
#define FILTER_DKIMVERIFY_FORGED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"
#include "common/message/edit.h"
#include "common/message/store.h"

enum {
	FORGED_ID_MAX = 255, /* bytes of an authserv-id */
	FORGED_IDS_MAX = 64, /* names that count as ours */
};

enum forged_mode {
	FORGED_OWN, /* with one of our names, or not to be understood */
	FORGED_ALL,
	FORGED_KEEP,
};

/* Names in the form of forged_name; ".example.net" is all below it. */
struct forged_ids {
	char v[FORGED_IDS_MAX][FORGED_ID_MAX + 1];
	size_t n;
};

/*
 * A name for comparison: A-labels in lower case without a last dot; what is no
 * domain name just in lower case.  Returns 0, or -1 if it is empty, too long
 * or not UTF-8 of a domain name.
 */
int forged_name(struct str text, char out[FORGED_ID_MAX + 1])
    __attribute__((__warn_unused_result__));

/*
 * An authserv-id as it is written: as given, or in A-labels, since U-labels are
 * for internationalized mail only (RFC 8616).  Returns 0, or -1 if it is no
 * name by forged_name, or stands for all below one.
 */
int forged_id(struct str text, char out[FORGED_ID_MAX + 1])
    __attribute__((__warn_unused_result__));

/* What is to be removed. */
struct forged_rule {
	enum forged_mode mode;
	const struct forged_ids *ids; /* ours, always */
	char own[FORGED_ID_MAX + 1]; /* one more; empty if there is none */
};

/*
 * Is this field, given as a whole, to be removed?  In mode FORGED_OWN those
 * are: fields whose authserv-id is one of ours; fields that cannot be parsed,
 * among them those of an authres-version other than 1; and fields of any name
 * in which a bare CR is followed by the name, since some readers take CR for a
 * line end.  White space, control characters and what is not ASCII do not count
 * in the name, since some readers drop them.
 */
bool forged_is(const struct forged_rule *, struct str raw);

/*
 * Is there a field of this name in raw, behind a bare CR, for readers who take
 * that for a line end?  Then *rest is what follows the name and its colon.
 */
bool forged_smuggled(struct str raw, struct str name, struct str *rest);

/*
 * Takes those fields out; with rename, those that have the name as it should be
 * become X-Original-Authentication-Results.  Returns how many there were.
 */
size_t forged_remove(const struct forged_rule *, bool rename, struct edit *);

/*
 * The rest of a header that was too large to be kept stands at the start of a
 * store.  Can it hide a field that is to be removed?  1 if it has an
 * Authentication-Results field or begins with a continuation line, 0 if not, -1
 * if it cannot be read.
 */
int forged_in_rest(const struct store *);
/* The same for a From field. */
int forged_author_in_rest(const struct store *);

#endif
