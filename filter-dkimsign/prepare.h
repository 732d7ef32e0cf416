/*
 * What smtpd does to a message after its filters, done before it does, so
 * that what is signed is what leaves: usr.sbin/smtpd/smtp_session.c.
 */
#ifndef FILTER_DKIMSIGN_PREPARE_H
#define FILTER_DKIMSIGN_PREPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/engine/session.h"
#include "common/message/edit.h"
#include "common/message/qualify.h"

enum {
	PREPARE_QUALIFIED_MAX = 900, /* fields that are completed */
	PREPARE_FIELD_MAX = 16 * 1024 * 1024 /* bytes of a field completed */
};

/* What it takes to do it. */
struct prepare_how {
	struct qualify qualify; /* empty host: neither addresses nor ids */
	bool complete; /* prepare_is_completed() */
	time_t now;
	uint64_t session; /* with msgid: like no other message of this second */
	const char *msgid;
	size_t line_max; /* bytes of a line, doubled dot included */
};

/* What of it was done. */
struct prepare {
	bool date, message_id;
	unsigned qualified; /* fields */
	const char *unsigned_why; /* smtpd could not take it: for the log */
};

/* Does smtpd add Date and Message-ID to this session's messages? */
bool prepare_is_completed(const struct session *);

/*
 * Completes addresses without domain in From, To and Cc, and adds Date and
 * Message-ID at the end if smtpd would.  Returns 0, or -1 without memory, or
 * with out->unsigned_why.
 */
int prepare_edit(struct edit *, const struct prepare_how *, struct prepare *out)
    __attribute__((__warn_unused_result__));

#endif
