/*
 * Address lists of header fields: RFC 5322 sections 3.4 and 4.4, RFC 6532.
 */
#ifndef COMMON_MESSAGE_ADDRESS_H
#define COMMON_MESSAGE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"

enum {
	ADDRESS_LOCAL_MAX = 255, /* bytes of a local part that is kept */
	ADDRESS_DOMAIN_MAX = 255, /* bytes of a domain that is kept */
	ADDRESS_NESTING = 32, /* comments within comments */
};

/* One mailbox: unfolded, without comments and white space, unquoted. */
struct address {
	char local[ADDRESS_LOCAL_MAX + 1];
	char domain[ADDRESS_DOMAIN_MAX + 1]; /* empty: there was no "@" */
	size_t local_n, domain_n; /* bytes */
};

/*
 * Takes white space, folds and comments (RFC 5322 section 3.2.2) off the start.
 * Returns 0, or -1 if a comment does not end or has more than ADDRESS_NESTING
 * within each other.
 */
int address_skip_cfws(struct str *) __attribute__((__warn_unused_result__));

/* Where the parser stands; address_init sets it. */
struct address_parser {
	struct str rest;
	const char *no_end; /* up to here no encoded word ends */
	bool group; /* inside "name: ... ;" */
	bool failed;
	bool odd; /* a display name so far was no phrase: it had "@" or so */
};

/* Parses value, the part after the colon of From and so on, with its folds. */
void address_init(struct address_parser *, struct str value);

/*
 * The next mailbox, groups entered, empty places passed over: quoted strings,
 * nested comments, obsolete routes, white space around dots, raw 8-bit text in
 * display names and local parts, encoded words, domain literals; also display
 * names that should have been quoted, as in "Joe @ Work <a@b>".  The domain is
 * as written (any case, U-labels).  Returns 1, 0 at the end, or -1 if the list
 * is malformed from here on or something is too long.
 */
int address_next(struct address_parser *, struct address *)
    __attribute__((__warn_unused_result__));

#endif
