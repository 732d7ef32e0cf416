/*
 * Address lists of header fields: RFC 5322 sections 3.4 and 4.4, RFC 6532.
 */
#ifndef COMMON_MESSAGE_ADDRESS_H
#define COMMON_MESSAGE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/message/header.h"

enum {
	ADDRESS_LOCAL_MAX = 255, /* bytes of a local part that is kept */
	ADDRESS_DOMAIN_MAX = 255, /* bytes of a domain that is kept */
	ADDRESS_NESTING = 32, /* comments within comments */
	ADDRESS_QUALIFY_MAX = 64 * 1024, /* field that smtpd would edit */
};

/* One mailbox: unfolded, without comments and white space, unquoted. */
struct address {
	char local[ADDRESS_LOCAL_MAX + 1];
	char domain[ADDRESS_DOMAIN_MAX + 1]; /* empty: there was no "@" */
	size_t local_n, domain_n; /* bytes */
};

/* Where the parser stands; address_init sets it. */
struct address_parser {
	struct str rest;
	bool group; /* inside "name: ... ;" */
	bool failed;
};

/* Parses value, the part after the colon of From and so on, with its folds. */
void address_init(struct address_parser *, struct str value);

/*
 * The next mailbox, groups entered, empty places passed over: quoted strings,
 * nested comments, obsolete routes, white space around dots, raw 8-bit text in
 * display names and local parts, encoded words, domain literals.  The domain
 * is as written (any case, U-labels).  Returns 1, 0 at the end, or -1 if the
 * list is malformed from here on or something is too long.
 */
int address_next(struct address_parser *, struct address *)
    __attribute__((__warn_unused_result__));

/*
 * smtpd completes addresses without "@" in From, To and Cc after the filters
 * (usr.sbin/smtpd/smtp_session.c).  Does the same edit: if f is such a field
 * and has such an address, adds the whole edited field to *out, with its folds
 * and last LF, and returns 1.  Returns 0 with nothing added if smtpd would
 * leave f as it is.  No memory: 1, and the buffer has failed.
 */
int address_qualify(const struct field *f, struct str host, struct buf *out);

#endif
