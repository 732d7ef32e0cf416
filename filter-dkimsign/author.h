/*
 * Who wrote a message, and so which keys sign it.
 */
#ifndef FILTER_DKIMSIGN_AUTHOR_H
#define FILTER_DKIMSIGN_AUTHOR_H

#include "common/base/str.h"
#include "common/dkim/sig.h"
#include "common/message/qualify.h"
#include "filter-dkimsign/config.h"

enum author_result {
	AUTHOR_SIGN, /* with these keys */
	AUTHOR_NO_FROM, /* no From field */
	AUTHOR_MANY_FROM, /* several From fields: RFC 5322 3.6 forbids it */
	AUTHOR_NO_DOMAIN, /* no address in it has a domain name */
	AUTHOR_NO_KEY,
	AUTHOR_NOT_ALLOWED, /* the user may not use that domain */
	AUTHOR_NO_MEMORY
};

struct author {
	char domain[SIG_NAME_MAX + 1]; /* A-labels; the first if there is none
					  that can be signed for */
	const struct keydomain *keys; /* of the configuration */
};

/*
 * Looks for the first mailbox of From in the header block whose domain has
 * keys (else those of "*" for the first mailbox) and that login may use, if it
 * is not NULL.  With by_sender, and several mailboxes in From, that of the
 * only Sender goes before them.  Addresses without domain are completed first,
 * as smtpd will do; not with an empty host.
 */
enum author_result author_find(const struct config *, struct str block,
    const struct qualify *, const char *login, struct author *out);

/* One word for the log: "no-from". */
const char *author_word(enum author_result);

#endif
