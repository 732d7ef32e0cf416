/*
 * What smtpd asks and tells: the phases of filter requests and the events of
 * reports (smtpd-filters(7), OpenSMTPD usr.sbin/smtpd/lka_filter.c).
 */
#ifndef COMMON_PROTOCOL_PHASE_H
#define COMMON_PROTOCOL_PHASE_H

#include <stdbool.h>

#include "common/base/str.h"

enum phase {
	PHASE_CONNECT,
	PHASE_HELO,
	PHASE_EHLO,
	PHASE_STARTTLS,
	PHASE_AUTH,
	PHASE_MAIL_FROM,
	PHASE_RCPT_TO,
	PHASE_DATA,
	PHASE_DATA_LINE,
	PHASE_RSET,
	PHASE_NOOP,
	PHASE_QUIT,
	PHASE_COMMIT,
	PHASE_UNKNOWN /* one that a newer smtpd may know */
};

enum event {
	EVENT_LINK_CONNECT,
	EVENT_LINK_DISCONNECT,
	EVENT_LINK_GREETING,
	EVENT_LINK_IDENTIFY,
	EVENT_LINK_TLS,
	EVENT_LINK_AUTH,
	EVENT_TX_RESET,
	EVENT_TX_BEGIN,
	EVENT_TX_MAIL,
	EVENT_TX_RCPT,
	EVENT_TX_ROLLBACK,
	EVENT_UNKNOWN /* one we do not register */
};

/* What a filter can answer to a request. */
enum answer {
	ANSWER_PROCEED,
	ANSWER_JUNK,
	ANSWER_REWRITE,
	ANSWER_REJECT,
	ANSWER_DISCONNECT
};

/* Name on the wire; "" for _UNKNOWN. */
const char *phase_name(enum phase);
const char *event_name(enum event);

/* The phase (event) of that name, or _UNKNOWN. */
enum phase phase_parse(struct str name);
enum event event_parse(struct str name);

/*
 * How many fields follow the session id in a report of this event; the last
 * one may hold '|'.  0 for events whose fields we do not read.
 */
unsigned event_fields(enum event);

/*
 * May this answer be given in this phase without harm to smtpd?  "junk" and
 * "rewrite" at commit, and any result to a data line, stop it or the session;
 * rewrite at data, rset, quit and starttls breaks the command.
 */
bool phase_allows(enum phase, enum answer);

#endif
