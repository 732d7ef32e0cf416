/*
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/smtpd.h"

/* Session ids look random but hold slot and generation. */
#define SID_MIX 0x9e3779b97f4a7c15U
#define SID_UNMIX 0xf1de83e19937733dU
#define SLOT_BITS 20
#define LATE_NS 5000000U /* with --rate, what is later is not made up for */

struct origin {
	const char *rdns, *fcrdns, *src, *dst, *address;
};

static const struct origin origins[] = {
	{ "client.example.net", "pass", "192.0.2.1:33174", "192.0.2.25:25",
	    "192.0.2.1" },
	{ "<unknown>", "fail", "[2001:db8::1]:52466", "[2001:db8::25]:25",
	    "[2001:db8::1]" },
	{ "mx.example.org", "pass", "unix:/var/run/smtpd.sock",
	    "unix:/var/run/smtpd.sock", "local" },
	{ "a.b", "error", "[fe80::1%eth0]:1", "[fe80::2%eth0]:587",
	    "[fe80::1%eth0]" },
};

static const char *const steps[] = {
	[ST_CONNECT] = "connect",
	[ST_EHLO] = "ehlo",
	[ST_STARTTLS] = "starttls",
	[ST_EHLO_AGAIN] = "second ehlo",
	[ST_AUTH] = "auth",
	[ST_IDLE] = "idle",
	[ST_NOOP] = "noop",
	[ST_MAIL] = "mail",
	[ST_RCPT] = "rcpt",
	[ST_RSET] = "rset",
	[ST_DATA] = "data",
	[ST_LINES] = "lines",
	[ST_COMMIT] = "commit",
	[ST_QUIT] = "quit",
	[ST_GONE] = "gone",
};

const char *
session_step(const struct session *s)
{
	return steps[s->step];
}

/* NULL if there is no such session now; old tells that there was one. */
struct session *
session_find(struct bench *b, uint64_t sid, bool *old)
{
	uint64_t n = sid * SID_UNMIX;
	struct session *s;
	size_t index = n & (((size_t)1 << SLOT_BITS) - 1);

	*old = false;
	if (index >= b->nslots)
		return NULL;
	s = &b->slot[index];
	n >>= SLOT_BITS;
	if (n == s->generation && s->step != ST_GONE)
		return s;
	*old = n > 0 && n <= s->generation;
	return NULL;
}

static void
prefixes(struct bench *b, struct session *s)
{
	const char *token;
	unsigned int i;

	for (i = 0; i < b->opt.chain; i++) {
		token = b->token[i][PH_DATA_LINE];
		b->asklen = (size_t)snprintf(s->ask[i], ASK_CAP,
		    "filter|%s|1795341967.927448|smtp-in|data-line|%s|%s|",
		    b->version, s->sid, token);
		b->anslen = (size_t)snprintf(s->ans[i], ANS_CAP,
		    "filter-dataline|%s|%s|", b->opt.proto < 5 ? token : s->sid,
		    b->opt.proto < 5 ? s->sid : token);
	}
}

static void run(struct bench *b, struct session *s);

/* A client connects: it has its share of the messages to send. */
void
session_begin(struct bench *b, struct session *s)
{
	const struct origin *o;
	uint32_t generation = s->generation + 1, index = s->index;
	size_t left = b->opt.count - (size_t)b->st.begun;

	*s = (struct session){ .index = index,
		.generation = generation,
		.open = -1,
		.pos = SIZE_MAX };
	(void)snprintf(s->sid, sizeof(s->sid), "%016llx",
	    (unsigned long long)(((uint64_t)generation << SLOT_BITS | index) *
		SID_MIX));
	prefixes(b, s);
	if (index < b->opt.sessions) {
		s->mails_left = b->opt.mails < left ? b->opt.mails : left;
		b->st.begun += s->mails_left;
	}
	b->alive++;
	b->st.sessions++;
	s->ghost = b->opt.ghosts && bench_chance(b, 20);
	if (b->opt.chaos)
		s->origin = (unsigned int)(bench_random(b) %
		    (sizeof(origins) / sizeof(origins[0])));
	o = &origins[s->origin];
	handshake_report(b, s, EV_LINK_CONNECT, "|%s|%s|%s|%s%s", o->rdns,
	    o->fcrdns, o->src, o->dst, chaos_extra(b));
	s->step = ST_CONNECT;
	run(b, s);
}

/* The session ends; messages it did not get to send go to others. */
void
session_gone(struct bench *b, struct session *s)
{
	handshake_report(b, s, EV_LINK_DISCONNECT, "%s", chaos_extra(b));
	b->st.begun -= s->mails_left;
	b->alive--;
	s->open = -1;
	s->step = ST_GONE;
}

static void
next_mail(struct session *s)
{
	s->step = s->mails_left > 0 ? ST_MAIL : ST_QUIT;
}

static enum phase
step_phase(struct bench *b, const struct session *s)
{
	static const enum phase table[] = {
		[ST_CONNECT] = PH_CONNECT,
		[ST_EHLO] = PH_EHLO,
		[ST_STARTTLS] = PH_STARTTLS,
		[ST_EHLO_AGAIN] = PH_EHLO,
		[ST_AUTH] = PH_AUTH,
		[ST_NOOP] = PH_NOOP,
		[ST_MAIL] = PH_MAIL_FROM,
		[ST_RCPT] = PH_RCPT_TO,
		[ST_RSET] = PH_RSET,
		[ST_DATA] = PH_DATA,
		[ST_COMMIT] = PH_COMMIT,
		[ST_QUIT] = PH_QUIT,
	};

	if (s->step == ST_EHLO && b->opt.chaos && bench_chance(b, 20))
		return PH_HELO;
	return table[s->step];
}

/* The parameter of the request, which is also most of the command. */
static void
parameter(struct bench *b, struct session *s, char *buf, size_t len)
{
	const struct origin *o = &origins[s->origin];

	buf[0] = '\0';
	if (s->step == ST_CONNECT)
		(void)snprintf(buf, len, "%s|%s", o->rdns, o->address);
	else if (s->step == ST_EHLO || s->step == ST_EHLO_AGAIN)
		(void)snprintf(buf, len, "client.example.net");
	else if (s->step == ST_AUTH)
		(void)snprintf(buf, len, "PLAIN AHVzZXIAcGFzcw==");
	else if (s->step == ST_MAIL)
		(void)snprintf(buf, len, "%s", s->sender);
	else if (s->step == ST_RCPT) {
		static char address[64];

		(void)snprintf(
		    address, sizeof(address), "u%zu@example.org", s->rcpt + 1);
		s->rcptaddr = chaos_address(b, address);
		(void)snprintf(buf, len, "%s", s->rcptaddr);
	}
}

static void
identified(struct bench *b, struct session *s, const char *method)
{
	handshake_report(
	    b, s, EV_LINK_IDENTIFY, "|%s|client.example.net", method);
	handshake_report(b, s, EV_PROTOCOL_SERVER, "|250 HELP");
	if (s->index >= b->opt.sessions)
		s->step = ST_IDLE;
	else if (b->opt.chaos && !s->tls && bench_chance(b, 20))
		s->step = ST_STARTTLS;
	else if (b->opt.chaos && bench_chance(b, 20))
		s->step = ST_AUTH;
	else if (b->opt.chaos && bench_chance(b, 10))
		s->step = ST_NOOP;
	else
		next_mail(s);
}

static void
authenticated(struct bench *b, struct session *s)
{
	const char *user = bench_chance(b, 50) ? "us|er\\040x" : "user";
	const char *result = bench_chance(b, 20) ? "fail" : "pass";

	if (b->opt.proto < 7)
		handshake_report(b, s, EV_LINK_AUTH, "|%s|%s", user, result);
	else
		handshake_report(b, s, EV_LINK_AUTH, "|%s|%s", result, user);
	next_mail(s);
}

static void
recipient(struct bench *b, struct session *s, const char *result)
{
	mail_rcpt(b, s, result);
	if (s->rcpt < s->rcpts)
		s->step = ST_RCPT;
	else if (s->rcpt_ok == 0)
		s->step = ST_RSET;
	else
		s->step = ST_DATA;
}

/* The command of this step was accepted. */
static void
accepted(struct bench *b, struct session *s)
{
	switch (s->step) {
	case ST_CONNECT:
		handshake_report(b, s, EV_PROTOCOL_SERVER,
		    "|220 mx.example.org ESMTP OpenSMTPD");
		handshake_report(b, s, EV_LINK_GREETING, "|mx.example.org");
		s->step = ST_EHLO;
		break;
	case ST_EHLO:
	case ST_EHLO_AGAIN:
		identified(b, s, "EHLO");
		break;
	case ST_STARTTLS:
		s->tls = true;
		handshake_report(b, s, EV_LINK_TLS,
		    "|TLSv1.3:TLS_AES_256_GCM_SHA384:256%s", chaos_extra(b));
		s->step = ST_EHLO_AGAIN;
		break;
	case ST_AUTH:
		authenticated(b, s);
		break;
	case ST_NOOP:
		next_mail(s);
		break;
	case ST_MAIL:
		mail_begin(b, s);
		s->step = ST_RCPT;
		break;
	case ST_RCPT:
		recipient(b, s,
		    b->opt.chaos && s->rcpt_ok > 0 && bench_chance(b, 10)
			? "tempfail"
			: "ok");
		break;
	case ST_RSET:
		mail_rollback(b, s);
		next_mail(s);
		break;
	case ST_DATA:
		mail_data(b, s);
		s->step = ST_LINES;
		break;
	case ST_COMMIT:
		mail_commit(b, s);
		next_mail(s);
		break;
	case ST_QUIT:
		session_gone(b, s);
		break;
	case ST_IDLE:
	case ST_LINES:
	case ST_GONE:
		break;
	}
}

/* The filter refused the command of this step. */
static void
refused(struct bench *b, struct session *s, const char *text)
{
	switch (s->step) {
	case ST_CONNECT:
	case ST_EHLO:
	case ST_STARTTLS:
	case ST_EHLO_AGAIN:
	case ST_AUTH:
		for (; s->mails_left > 0; s->mails_left--)
			mail_count(b, s, text);
		s->step = ST_QUIT;
		break;
	case ST_MAIL:
		mail_count(b, s, text);
		next_mail(s);
		break;
	case ST_RCPT:
		if (s->rcpt + 1 == s->rcpts && s->rcpt_ok == 0)
			mail_count(b, s, text);
		recipient(b, s, text[0] == '4' ? "tempfail" : "permfail");
		break;
	case ST_DATA:
		mail_count(b, s, text);
		s->step = ST_RSET;
		break;
	case ST_COMMIT:
		mail_refuse(b, s, text);
		next_mail(s);
		break;
	case ST_NOOP:
	case ST_RSET:
	case ST_QUIT:
		accepted(b, s);
		break;
	case ST_IDLE:
	case ST_LINES:
	case ST_GONE:
		break;
	}
}

/* Asks the filter about this step, or goes on if it does not want to know. */
static bool
step(struct bench *b, struct session *s)
{
	char param[512];
	enum phase ph;

	if (s->step == ST_IDLE || s->step == ST_LINES || s->step == ST_GONE)
		return false;
	if (b->opt.chaos && !bench_chance(b, 95))
		chaos_noise(b, s);
	if (s->step == ST_MAIL)
		mail_command(b, s);
	ph = step_phase(b, s);
	parameter(b, s, param, sizeof(param));
	if (s->step != ST_CONNECT)
		handshake_report(
		    b, s, EV_PROTOCOL_CLIENT, "|%s %s", steps[s->step], param);
	s->link = 0;
	if (b->phase[ph]) {
		s->open = (int)ph;
		handshake_ask(b, s, ph, param);
		return false;
	}
	accepted(b, s);
	return true;
}

static void
run(struct bench *b, struct session *s)
{
	while (step(b, s))
		continue;
	if (s->step == ST_LINES && !b->phase[PH_DATA_LINE])
		bench_die("the filter does not register data-line");
}

/* The checked answer to the open request of this session. */
void
session_answer(
    struct bench *b, struct session *s, enum verdict v, const char *text)
{
	enum phase ph = (enum phase)s->open;

	handshake_report(b, s, EV_FILTER_RESPONSE, "|%s|%s",
	    handshake_phase(ph), v == V_PROCEED ? "proceed" : "other");
	s->open = -1;
	if (v == V_PROCEED && s->link + 1 < b->opt.chain) {
		char param[512];

		s->link++;
		s->open = (int)ph;
		parameter(b, s, param, sizeof(param));
		handshake_ask(b, s, ph, param);
		return;
	}
	if (v == V_JUNK && !s->tx)
		s->junk_session = true;
	if (v == V_JUNK)
		s->junk_tx = true;
	if (v == V_DISCONNECT) {
		mail_count(b, s, text);
		mail_rollback(b, s);
		session_gone(b, s);
		return;
	}
	if (v == V_REJECT)
		refused(b, s, text);
	else
		accepted(b, s);
	run(b, s);
}

/* The dot came back from the last place of the chain. */
void
session_whole(struct bench *b, struct session *s)
{
	s->back_ns = b->now_ns;
	handshake_report(b, s, EV_PROTOCOL_CLIENT, "|.");
	s->step = ST_COMMIT;
	run(b, s);
}

/* Starts the sessions that are due. */
static void
start(struct bench *b)
{
	size_t i;

	b->more = false;
	if (b->st.begun >= b->opt.count || b->alive >= b->nslots)
		return;
	for (i = 0; i < b->opt.sessions && b->st.begun < b->opt.count; i++) {
		if (b->slot[i].step != ST_GONE)
			continue;
		b->more = b->outlen - b->outpos >= OUT_LOW;
		if (b->more)
			return;
		if (b->opt.rate > 0) {
			if (b->next_ns > bench_now())
				return;
			if (b->next_ns + LATE_NS < bench_now())
				b->next_ns = bench_now();
			b->next_ns += (uint64_t)(1e9 / b->opt.rate);
		}
		session_begin(b, &b->slot[i]);
	}
}

/*
 * Queues lines until there is enough for the pipe.  smtpd would queue all that
 * clients send; we send what its queue would give out by now.
 */
void
session_fill(struct bench *b)
{
	size_t burst;

	start(b);
	while (b->nactive > 0 && b->outlen - b->outpos < OUT_LOW) {
		b->turn = (b->turn + 1) % b->nactive;
		burst = b->opt.burst;
		if (b->opt.chaos && bench_chance(b, 10))
			burst += bench_random(b) % 30;
		if (b->opt.chaos && bench_chance(b, 1))
			chaos_noise(b, &b->slot[b->active[b->turn]]);
		mail_lines(b, &b->slot[b->active[b->turn]], burst);
	}
}

bool
session_done(const struct bench *b)
{
	return b->st.begun >= b->opt.count && b->alive == b->opt.idle &&
	    b->outpos == b->outlen;
}
