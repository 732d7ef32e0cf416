/*
 * Verification as steps that never block:
 *
 *	verify_new       at the end of the header: all signatures
 *	verify_get       for each: the DNS name of its key, if it needs one
 *	verify_body      the body, as it arrives
 *	verify_key, verify_dns   what DNS said, at any time and in any order
 *	verify_finish    at the end of the body, when no key is missing
 *	verify_get       the results
 *
 * Whatever is left out, a signature that was not checked never passes.
 */
#ifndef COMMON_DKIM_VERIFY_H
#define COMMON_DKIM_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/dkim/error.h"
#include "common/dkim/record.h"
#include "common/dkim/sig.h"

enum {
	VERIFY_CHECKED = 8, /* signatures checked, default */
	VERIFY_CHECKED_MAX = 64, /* the most that may be asked for */
	VERIFY_LISTED_MAX = 100, /* signatures that get a result of their own */
};

struct verify;

struct verify_options {
	size_t checked; /* 0: VERIFY_CHECKED */
	bool allow_l; /* take signatures of a part of the body */
};

/* One signature with its result.  Views live as long as the struct verify. */
struct verify_sig {
	enum dkim_error error; /* DKIM_UNCHECKED until it is decided */
	enum dkim_result result; /* error_result(error) */
	struct str d, i, s, a; /* as written, unchecked; empty if not found */
	struct str b; /* first 8 or more characters of b=, without FWS */
	const char *domain; /* d= as A-labels; "" if there is no good one */
	const char *query; /* DNS name of the key, or NULL if not needed */
	unsigned bits; /* of the key, once known; 0 before */
	bool testing; /* the key says t=y */
	bool single_label; /* d= has one label */
};

/*
 * Reads the header block (only during the call; lines ended by LF, no empty
 * line).  cut: the block is not all of the header, so no signature can be
 * checked.  author is the domain of From as A-labels or empty: signatures
 * aligned with it are preferred when there are too many.  now in seconds since
 * 1970.  NULL without memory.
 */
struct verify *verify_new(struct str block, bool cut, struct str author,
    const struct verify_options *, uint64_t now);
void verify_free(struct verify *);

/* Signatures, in the order of the header; and those beyond the listed ones. */
size_t verify_count(const struct verify *);
size_t verify_dropped(const struct verify *);
/* Signature number i, below verify_count. */
const struct verify_sig *verify_get(const struct verify *, size_t i);
/* Was the header cut?  Then there may be signatures that are not known. */
bool verify_cut(const struct verify *);
/* Is any body hash or key still needed? If not, skip body and DNS. */
bool verify_is_decided(const struct verify *);

/* The next lines of the body, each ended by LF; the last one need not be. */
void verify_body(struct verify *, struct str text);

enum verify_dns {
	VERIFY_NO_RECORD, /* NXDOMAIN, or no TXT record */
	VERIFY_DNS_FAILED, /* SERVFAIL, timeout, bogus, malformed, ... */
	VERIFY_CHAIN_TOO_LONG, /* CNAMEs without end */
};

/* Signature i: its key records (a reference is taken), or why not. */
void verify_key(struct verify *, size_t i, struct record_set *);
void verify_dns(struct verify *, size_t i, enum verify_dns);

/*
 * The body is complete: decides everything.  Signatures whose key was never
 * given end as DKIM_KEY_DNS.  Afterwards all results are final.
 */
void verify_finish(struct verify *);

/*
 * The result for the message: pass if any signature passes, none without
 * signatures, or policy if the header was cut; temperror if one of them may
 * pass later, else that of the first.
 */
enum dkim_result verify_result(const struct verify *);

#endif
