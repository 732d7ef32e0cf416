/*
 * Writing Authentication-Results fields: RFC 8601 section 2.2 and 2.7.1.
 */
#ifndef FILTER_DKIMVERIFY_AUTHRES_H
#define FILTER_DKIMVERIFY_AUTHRES_H

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/dkim/verify.h"

enum {
	/* Bytes of a field: VERIFY_LISTED_MAX times FOLD_VALUE_MAX. */
	AUTHRES_MAX = 512 * 1024,
};

/*
 * Adds the field for a finished verification, folded, with its last LF: a
 * result for each signature in their order, or dkim=none.  Everything that
 * comes from the message is quoted; i= keeps its UTF-8, since the message then
 * has it in its header anyway.  Failures stay in the buffer.
 */
void
authres_format(struct str authserv_id, const struct verify *, struct buf *out);

#endif
