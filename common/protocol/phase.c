#include "common/protocol/phase.h"

#define NAME(lit) \
	{ \
		"" lit, sizeof(lit) - 1 \
	}
#define BIT(answer) (1u << (answer))
#define REFUSALS \
	(BIT(ANSWER_PROCEED) | BIT(ANSWER_REJECT) | BIT(ANSWER_DISCONNECT))
#define MARKS (REFUSALS | BIT(ANSWER_JUNK))
#define REWRITES (MARKS | BIT(ANSWER_REWRITE))

static const struct {
	struct str name;
	unsigned allows; /* BIT of each harmless answer */
} phases[] = {
	[PHASE_CONNECT] = { NAME("connect"), MARKS },
	[PHASE_HELO] = { NAME("helo"), REWRITES },
	[PHASE_EHLO] = { NAME("ehlo"), REWRITES },
	[PHASE_STARTTLS] = { NAME("starttls"), REFUSALS },
	[PHASE_AUTH] = { NAME("auth"), REWRITES },
	[PHASE_MAIL_FROM] = { NAME("mail-from"), REWRITES },
	[PHASE_RCPT_TO] = { NAME("rcpt-to"), REWRITES },
	[PHASE_DATA] = { NAME("data"), MARKS },
	[PHASE_DATA_LINE] = { NAME("data-line"), 0 },
	[PHASE_RSET] = { NAME("rset"), REFUSALS },
	[PHASE_NOOP] = { NAME("noop"), REFUSALS },
	[PHASE_QUIT] = { NAME("quit"), REFUSALS },
	[PHASE_COMMIT] = { NAME("commit"), REFUSALS },
	[PHASE_UNKNOWN] = { NAME(""), BIT(ANSWER_PROCEED) },
};

static const struct {
	struct str name;
	unsigned fields;
} events[] = {
	[EVENT_LINK_CONNECT] = { NAME("link-connect"), 4 },
	[EVENT_LINK_DISCONNECT] = { NAME("link-disconnect"), 0 },
	[EVENT_LINK_GREETING] = { NAME("link-greeting"), 1 },
	[EVENT_LINK_IDENTIFY] = { NAME("link-identify"), 2 },
	[EVENT_LINK_TLS] = { NAME("link-tls"), 1 },
	[EVENT_LINK_AUTH] = { NAME("link-auth"), 2 },
	[EVENT_TX_RESET] = { NAME("tx-reset"), 1 },
	[EVENT_TX_BEGIN] = { NAME("tx-begin"), 1 },
	[EVENT_TX_MAIL] = { NAME("tx-mail"), 3 },
	[EVENT_TX_RCPT] = { NAME("tx-rcpt"), 3 },
	[EVENT_TX_ROLLBACK] = { NAME("tx-rollback"), 1 },
	[EVENT_UNKNOWN] = { NAME(""), 0 },
};

const char *
phase_name(enum phase p)
{
	return phases[p].name.p;
}

const char *
event_name(enum event e)
{
	return events[e].name.p;
}

enum phase
phase_parse(struct str name)
{
	for (unsigned p = 0; p < PHASE_UNKNOWN; p++)
		if (str_eq(name, phases[p].name))
			return (enum phase)p;
	return PHASE_UNKNOWN;
}

enum event
event_parse(struct str name)
{
	for (unsigned e = 0; e < EVENT_UNKNOWN; e++)
		if (str_eq(name, events[e].name))
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
