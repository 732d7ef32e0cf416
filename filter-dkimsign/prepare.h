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

/* What of it was done. */
struct prepare {
	bool date, message_id;
	unsigned qualified; /* fields */
	const char *unsigned_why; /* smtpd could not take it: for the log */
};

/* Does smtpd add Date and Message-ID to this session's messages? */
bool prepare_is_completed(const struct session *);

/*
 * Completes addresses without domain in From, To and Cc (not with an empty
 * host), and with complete adds Date and Message-ID at the end if there
 * are none.  id is a word that no other message of this second has.  Lines
 * stay under line_max bytes, doubled dot included.  Returns 0, or -1 without
 * memory, or with out->unsigned_why.
 */
int prepare_edit(struct edit *, const struct qualify *, bool complete,
    time_t now, const char *id, size_t line_max, struct prepare *out)
    __attribute__((__warn_unused_result__));

#endif
