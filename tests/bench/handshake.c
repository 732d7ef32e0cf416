/*
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/bench/smtpd.h"

enum {
	STAMP_LEN = 17 /* ten digits of seconds, a dot, six */
};

static const char *const events[EV_COUNT] = {
	[EV_LINK_CONNECT] = "link-connect",
	[EV_LINK_DISCONNECT] = "link-disconnect",
	[EV_LINK_GREETING] = "link-greeting",
	[EV_LINK_IDENTIFY] = "link-identify",
	[EV_LINK_TLS] = "link-tls",
	[EV_LINK_AUTH] = "link-auth",
	[EV_TX_RESET] = "tx-reset",
	[EV_TX_BEGIN] = "tx-begin",
	[EV_TX_MAIL] = "tx-mail",
	[EV_TX_RCPT] = "tx-rcpt",
	[EV_TX_ENVELOPE] = "tx-envelope",
	[EV_TX_DATA] = "tx-data",
	[EV_TX_COMMIT] = "tx-commit",
	[EV_TX_ROLLBACK] = "tx-rollback",
	[EV_PROTOCOL_CLIENT] = "protocol-client",
	[EV_PROTOCOL_SERVER] = "protocol-server",
	[EV_FILTER_REPORT] = "filter-report",
	[EV_FILTER_RESPONSE] = "filter-response",
	[EV_TIMEOUT] = "timeout",
};

static const char *const phases[PH_COUNT] = {
	[PH_CONNECT] = "connect",
	[PH_HELO] = "helo",
	[PH_EHLO] = "ehlo",
	[PH_STARTTLS] = "starttls",
	[PH_AUTH] = "auth",
	[PH_MAIL_FROM] = "mail-from",
	[PH_RCPT_TO] = "rcpt-to",
	[PH_DATA] = "data",
	[PH_DATA_LINE] = "data-line",
	[PH_RSET] = "rset",
	[PH_QUIT] = "quit",
	[PH_NOOP] = "noop",
	[PH_HELP] = "help",
	[PH_WIZ] = "wiz",
	[PH_COMMIT] = "commit",
};

/* The filter knows nothing yet, so this is all it gets. */
void
handshake_send(struct bench *b)
{
	uint64_t high;
	unsigned int i, j;

	(void)snprintf(b->version, sizeof(b->version), "0.%u", b->opt.proto);
	high = bench_random(b) << 32;
	for (i = 0; i < CHAIN_MAX; i++) {
		for (j = 0; j < PH_COUNT; j++)
			(void)snprintf(b->token[i][j], sizeof(b->token[i][j]),
			    "%016llx",
			    (unsigned long long)(high |
				(bench_random(b) & 0xffffffffU)));
	}
	channel_print(b, "config|smtpd-version|%s\n",
	    b->opt.proto < 7 ? "6.8.0p2" : "7.8.0-portable");
	if (b->opt.proto >= 7)
		channel_print(b, "config|protocol|%s\n", b->version);
	channel_print(b, "config|smtp-session-timeout|300\n");
	if (b->opt.chaos)
		chaos_config(b);
	if (b->opt.proto > 5 && !(b->opt.chaos && bench_chance(b, 30)))
		channel_print(b, "config|subsystem|smtp-in\n");
	if (b->opt.proto > 5)
		channel_print(b, "config|admd|mx.example.org\n");
	channel_print(b, "config|ready\n");
}

static void
register_event(struct bench *b, const char *line, size_t len)
{
	const char *name = line + strlen("register|report|smtp-in|");
	size_t i, namelen = len - strlen("register|report|smtp-in|");
	bool known = false;

	for (i = 0; i < EV_COUNT; i++) {
		if ((namelen == 1 && *name == '*') ||
		    (namelen == strlen(events[i]) &&
			memcmp(name, events[i], namelen) == 0)) {
			b->copies[i] += b->opt.chain;
			known = b->event[i] = true;
		}
	}
	if (!known)
		bench_fault(b, NULL, line, len, "unknown event registered");
}

static void
register_phase(struct bench *b, const char *line, size_t len)
{
	const char *name = line + strlen("register|filter|smtp-in|");
	size_t i, namelen = len - strlen("register|filter|smtp-in|");

	for (i = 0; i < PH_COUNT; i++) {
		if (namelen == strlen(phases[i]) &&
		    memcmp(name, phases[i], namelen) == 0)
			break;
	}
	if (i == PH_COUNT)
		bench_fault(b, NULL, line, len, "unknown phase registered");
	if (!b->ready) /* later it is silently without effect */
		b->phase[i] = true;
}

static bool
has_prefix(const char *line, size_t len, const char *prefix)
{
	return len >= strlen(prefix) &&
	    memcmp(line, prefix, strlen(prefix)) == 0;
}

/* Takes one registration line, without its LF. */
void
handshake_line(struct bench *b, const char *line, size_t len)
{
	if (has_prefix(line, len, "register|report|smtp-in|"))
		register_event(b, line, len);
	else if (has_prefix(line, len, "register|filter|smtp-in|"))
		register_phase(b, line, len);
	else if (len == 14 && memcmp(line, "register|ready", len) == 0)
		b->ready = true;
	else if (!has_prefix(line, len, "register|report|smtp-out|"))
		bench_fault(b, NULL, line, len, "not a registration");
}

const char *
handshake_phase(enum phase ph)
{
	return phases[ph];
}

/* Sometimes the clock seems to go back: reports carry an older time. */
static void
stamp(struct bench *b)
{
	struct timespec ts;
	long us;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (b->opt.chaos)
		ts.tv_sec -= (time_t)(bench_random(b) % 2);
	/* Made for each line: printf would be most of the cost of one. */
	if (ts.tv_sec != b->stamp_s || b->stamp[0] == '\0')
		(void)snprintf(b->stamp, sizeof(b->stamp), "%010lld.%06ld",
		    (long long)ts.tv_sec % 10000000000, 0L);
	b->stamp_s = ts.tv_sec;
	us = ts.tv_nsec / 1000;
	for (size_t i = STAMP_LEN; i > STAMP_LEN - 6; i--, us /= 10)
		b->stamp[i - 1] = (char)('0' + us % 10);
}

static void
put(struct bench *b, const char *text)
{
	channel_put(b, text, strlen(text));
}

/* The fields that all lines of a session begin with. */
static void
put_head(struct bench *b, const char *kind, const char *what,
    const struct session *s)
{
	put(b, kind);
	put(b, b->version);
	put(b, "|");
	put(b, b->stamp);
	put(b, "|smtp-in|");
	put(b, what);
	put(b, "|");
	put(b, s->sid);
}

/* Sends a report if it was registered, as often as it was registered. */
void
handshake_report(struct bench *b, const struct session *s, enum event ev,
    const char *fmt, ...)
{
	char fields[4096];
	unsigned int i;
	va_list ap;

	if (!b->event[ev])
		return;
	stamp(b);
	va_start(ap, fmt);
	(void)vsnprintf(fields, sizeof(fields), fmt, ap);
	va_end(ap);
	for (i = 0; i < b->copies[ev]; i++) {
		put_head(b, "report|", events[ev], s);
		put(b, fields);
		put(b, "\n");
	}
}

void
handshake_ask(
    struct bench *b, const struct session *s, enum phase ph, const char *param)
{
	stamp(b);
	put_head(b, "filter|", phases[ph], s);
	put(b, "|");
	put(b, b->token[s->link][ph]);
	put(b, "|");
	put(b, param);
	put(b, "\n");
}
