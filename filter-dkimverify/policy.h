/*
 * What is done with a message, by its results: RFC 6376 section 6.3, codes of
 * RFC 7372.
 */
#ifndef FILTER_DKIMVERIFY_POLICY_H
#define FILTER_DKIMVERIFY_POLICY_H

#include "common/message/qualify.h"
#include "filter-dkimverify/config.h"

/* The authors of a message: all mailboxes of all its From fields. */
struct authors {
	char first[SIG_NAME_MAX + 1]; /* domain of the first; may be empty */
	size_t fields; /* From fields; RFC 5322 section 3.6 wants one */
	bool bad; /* none, several, or one that cannot be read */
	uint64_t must; /* bit i: one is at or below config.must[i] */
	size_t guessed; /* bytes of fields that are no lists of addresses */
};

struct policy {
	enum action action;
	const char *why; /* for the log: "must-sign", "from", "result" */
	int code; /* of the reply; 0 if the message passes */
	const char *status;
	const char *text;
};

/*
 * Reads the From fields of a header block.  What cannot be read counts in must
 * all the same: an author without a domain has the one that smtpd will give
 * him, and of a field that is no list of addresses each domain after an "@" is
 * taken; of more than QUALIFY_MAX bytes of such fields, all of must.  Returns
 * 0, or -1 without memory.
 */
int policy_authors(const struct config *, struct str block,
    const struct qualify *, struct authors *out);

/*
 * The strictest of what the options say: about From, about domains that must
 * sign, about the message's result.  Signatures of keys in test mode (t=y)
 * count as none where they do not pass, and a missing signature that could not
 * be checked for DNS trouble is no reason to refuse for good.
 */
struct policy policy_decide(
    const struct config *, const struct authors *, const struct verify *);

#endif
