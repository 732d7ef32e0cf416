#include "common/protocol/phase.h"

#define BIT(answer) (1u << (answer))
#define REFUSALS \
	(BIT(ANSWER_PROCEED) | BIT(ANSWER_REJECT) | BIT(ANSWER_DISCONNECT))
#define MARKS (REFUSALS | BIT(ANSWER_JUNK))
#define REWRITES (MARKS | BIT(ANSWER_REWRITE))

static const struct {
	const char *name;
	unsigned allows; /* BIT of each harmless answer */
} phases[] = {
	[PHASE_CONNECT] = { "connect", MARKS },
	[PHASE_HELO] = { "helo", REWRITES },
	[PHASE_EHLO] = { "ehlo", REWRITES },
	[PHASE_STARTTLS] = { "starttls", REFUSALS },
	[PHASE_AUTH] = { "auth", REWRITES },
	[PHASE_MAIL_FROM] = { "mail-from", REWRITES },
	[PHASE_RCPT_TO] = { "rcpt-to", REWRITES },
	[PHASE_DATA] = { "data", MARKS },
	[PHASE_DATA_LINE] = { "data-line", 0 },
	[PHASE_RSET] = { "rset", REFUSALS },
	[PHASE_NOOP] = { "noop", REFUSALS },
	[PHASE_QUIT] = { "quit", REFUSALS },
	[PHASE_COMMIT] = { "commit", REFUSALS },
	[PHASE_UNKNOWN] = { "", BIT(ANSWER_PROCEED) },
};

static const struct {
	const char *name;
	unsigned fields;
} events[] = {
	[EVENT_LINK_CONNECT] = { "link-connect", 4 },
	[EVENT_LINK_DISCONNECT] = { "link-disconnect", 0 },
	[EVENT_LINK_GREETING] = { "link-greeting", 1 },
	[EVENT_LINK_IDENTIFY] = { "link-identify", 2 },
	[EVENT_LINK_TLS] = { "link-tls", 1 },
	[EVENT_LINK_AUTH] = { "link-auth", 2 },
	[EVENT_TX_RESET] = { "tx-reset", 1 },
	[EVENT_TX_BEGIN] = { "tx-begin", 1 },
	[EVENT_TX_MAIL] = { "tx-mail", 3 },
	[EVENT_TX_RCPT] = { "tx-rcpt", 3 },
	[EVENT_TX_COMMIT] = { "tx-commit", 2 },
	[EVENT_TX_ROLLBACK] = { "tx-rollback", 1 },
	[EVENT_UNKNOWN] = { "", 0 },
};

const char *
phase_name(enum phase p)
{
	return phases[p].name;
}

const char *
event_name(enum event e)
{
	return events[e].name;
}

enum phase
phase_parse(struct str name)
{
	for (unsigned p = 0; p < PHASE_UNKNOWN; p++)
		if (str_eq(name, str_c(phases[p].name)))
			return (enum phase)p;
	return PHASE_UNKNOWN;
}

enum event
event_parse(struct str name)
{
	for (unsigned e = 0; e < EVENT_UNKNOWN; e++)
		if (str_eq(name, str_c(events[e].name)))
			return (enum event)e;
	return EVENT_UNKNOWN;
}

unsigned
event_fields(enum event e)
{
	return events[e].fields;
}

bool
phase_allows(enum phase p, enum answer a)
{
	return (phases[p].allows & BIT(a)) != 0;
}
