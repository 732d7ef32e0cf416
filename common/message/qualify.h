/*
 * What smtpd does to addresses without a domain, done before it does.
 */
#ifndef COMMON_MESSAGE_QUALIFY_H
#define COMMON_MESSAGE_QUALIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/message/header.h"

enum {
	QUALIFY_MAX = 64 * 1024, /* bytes of a field that smtpd takes */
	QUALIFY_ADDRESS = 65535, /* its buffer for one address, with NUL */
};

/* What smtpd does it with. */
struct qualify {
	struct str host; /* the listener's name, not empty */
	bool old; /* before 7.5: it heeds no backslash within quotes */
};

/* Is this "config|smtpd-version" one of the old ones? */
bool qualify_is_old(struct str version);

/* Is it From, To or Cc? */
bool qualify_is_name(struct str name);

/*
 * smtpd completes addresses without "@" in From, To and Cc after the filters
 * (usr.sbin/smtpd/smtp_session.c).  Does the same edit: if f is such a field
 * and has such an address, adds the whole edited field to *out, with its folds
 * and last LF, and returns 1.  Returns 0 with nothing added if smtpd would
 * leave f as it is.  No memory: 1, and the buffer has failed.
 */
int
qualify_field(const struct field *f, const struct qualify *, struct buf *out);

#endif
