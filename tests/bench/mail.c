/*
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/smtpd.h"

#define ADDRESS_REPORT_MAX 254 /* a longer address is not reported */
#define BURST_ALONE 1024 /* lines in a row while one session sends */
#define RESET_NS 5000000U /* taken back at most that long after the dot */

/* Line i as it goes through the pipe, with its LF; the last is the dot. */
const char *
mail_line(const struct session *s, size_t i, size_t *len)
{
	const struct text *t = s->text;

	if (i < s->nhead) {
		*len = (size_t)(s->headoff[i + 1] - s->headoff[i]);
		return s->head + s->headoff[i];
	}
	if (i >= s->nlines) {
		*len = 2;
		return ".\n";
	}
	i -= s->nhead;
	*len = t->off[i + 1] - t->off[i];
	return t->buf + t->off[i];
}

/* Chooses the message and the sender, before MAIL is sent. */
void
mail_command(struct bench *b, struct session *s)
{
	size_t n;

	n = b->opt.chaos ? (size_t)bench_random(b) : s->mails_left + s->index;
	s->text = b->weights > 0 ? soak_pick(b) : &b->text[n % b->ntexts];
	s->sender = chaos_address(b, b->opt.sender);
	if (b->opt.chaos && bench_chance(b, 10))
		s->sender = "";
	s->rcpts = b->opt.rcpts;
	s->rcpt = s->rcpt_ok = 0;
	s->mails_left--;
}

static void
received(struct bench *b, struct session *s)
{
	size_t len = 0, i;

	(void)b;
	if (s->junk_session || s->junk_tx) {
		len = (size_t)snprintf(s->head, HEAD_CAP, "X-Spam: Yes\n");
	}
	(void)snprintf(s->head + len, HEAD_CAP - len,
	    "Received: from client.example.net (localhost [127.0.0.1])\n"
	    "\tby mx.example.org (OpenSMTPD) with ESMTP id %08x%s\n"
	    "%s\tSun, 22 Nov 2026 10:06:02 +0000 (UTC)\n",
	    s->msgid, s->rcpts > 1 ? ";" : "",
	    s->rcpts > 1 ? "" : "\tfor <u1@example.org>;\n");
	for (s->nhead = 0, i = 0; s->head[i] != '\0'; i++) {
		if (s->head[i] == '\n')
			s->headoff[++s->nhead] = (uint16_t)(i + 1);
	}
}

/* MAIL was accepted: the transaction starts. */
void
mail_begin(struct bench *b, struct session *s)
{
	s->msgid = (uint32_t)bench_random(b);
	s->tx = true;
	s->junk_tx = false;
	handshake_report(b, s, EV_PROTOCOL_SERVER, "|250 2.0.0 Ok");
	handshake_report(
	    b, s, EV_TX_BEGIN, "|%08x%s", s->msgid, chaos_extra(b));
	if (strlen(s->sender) > ADDRESS_REPORT_MAX)
		return;
	if (b->opt.proto < 5)
		handshake_report(
		    b, s, EV_TX_MAIL, "|%08x|%s|ok", s->msgid, s->sender);
	else
		handshake_report(
		    b, s, EV_TX_MAIL, "|%08x|ok|%s", s->msgid, s->sender);
}

void
mail_rcpt(struct bench *b, struct session *s, const char *result)
{
	bool ok = strcmp(result, "ok") == 0;

	s->rcpt++;
	s->rcpt_ok += ok;
	if (ok)
		handshake_report(b, s, EV_TX_ENVELOPE, "|%08x|%08x%08x%s",
		    s->msgid, s->msgid, (uint32_t)bench_random(b),
		    chaos_extra(b));
	handshake_report(b, s, EV_PROTOCOL_SERVER,
	    ok ? "|250 2.1.5 Destination address valid: Recipient ok"
	       : "|550 Invalid recipient");
	if (strlen(s->rcptaddr) > ADDRESS_REPORT_MAX)
		return;
	if (b->opt.proto < 5)
		handshake_report(b, s, EV_TX_RCPT, "|%08x|%s|%s", s->msgid,
		    s->rcptaddr, result);
	else
		handshake_report(b, s, EV_TX_RCPT, "|%08x|%s|%s", s->msgid,
		    result, s->rcptaddr);
}

/* DATA was accepted: from now on the lines flow. */
void
mail_data(struct bench *b, struct session *s)
{
	unsigned int i;

	received(b, s);
	s->nlines = s->nhead + s->text->nlines;
	s->next = s->want = s->got = s->added = 0;
	s->partial = false;
	s->dot_ns = s->back_ns = 0;
	s->drop_at = SIZE_MAX;
	s->reset_ns = 0;
	if (bench_chance(b, b->opt.drop))
		s->drop_at = bench_random(b) % (s->nlines + 2);
	/* Half of them after the dot, most while the filter works on it. */
	if (s->drop_at != SIZE_MAX && b->weights > 0 && bench_chance(b, 50))
		s->drop_at = s->nlines + 1 + !bench_chance(b, 20);
	s->txdata_at = 3;
	if (b->opt.chaos)
		s->txdata_at = bench_random(b) % 2 == 0
		    ? 0
		    : bench_random(b) % (s->nlines + 1);
	for (i = 0; i < CHAIN_MAX; i++)
		s->dot_sent[i] = s->dot_back[i] = false;
	s->pos = b->nactive;
	b->active[b->nactive++] = s->index;
}

static void
unlist(struct bench *b, struct session *s)
{
	size_t last;

	if (s->pos == SIZE_MAX)
		return;
	last = b->active[--b->nactive];
	b->active[s->pos] = last;
	b->slot[last].pos = s->pos;
	s->pos = SIZE_MAX;
}

/* The client goes away, or talks on after its dot and is thrown out. */
void
mail_drop(struct bench *b, struct session *s, bool pipelined)
{
	unlist(b, s);
	b->st.dropped++;
	b->st.unseen += s->next == 0 && !s->dot_sent[0];
	if (pipelined)
		handshake_report(b, s, EV_TX_DATA, "|%08x|permfail", s->msgid);
	else if (b->opt.chaos && bench_chance(b, 20))
		handshake_report(b, s, EV_TIMEOUT, "%s", "");
	mail_rollback(b, s);
	session_gone(b, s);
}

static void
tx_data(struct bench *b, struct session *s)
{
	s->txdata_at = SIZE_MAX;
	handshake_report(b, s, EV_PROTOCOL_SERVER,
	    "|354 Enter mail, end with \".\" on a line by itself");
	handshake_report(
	    b, s, EV_TX_DATA, "|%08x|ok%s", s->msgid, chaos_extra(b));
}

/* The last line was sent: the dot, and all that may come with it. */
static void
finish(struct bench *b, struct session *s)
{
	channel_put(b, s->ask[0], b->asklen);
	channel_put(b, ".\n", 2);
	channel_mark(b, s);
	s->dot_sent[0] = true;
	unlist(b, s);
	if (s->txdata_at != SIZE_MAX)
		tx_data(b, s);
	if (s->drop_at == s->nlines + 1)
		mail_drop(b, s, true);
	else if (s->drop_at == s->nlines + 2)
		s->reset_ns = b->now_ns + bench_random(b) % RESET_NS;
}

/* Queues the next lines of a session, at most burst of them. */
void
mail_lines(struct bench *b, struct session *s, size_t burst)
{
	const char *line;
	size_t len;
	char *to;

	if (b->nactive == 1)
		burst = BURST_ALONE;
	for (; burst > 0 && s->next < s->nlines; burst--) {
		if (s->next == s->txdata_at)
			tx_data(b, s);
		if (s->next == s->drop_at) {
			mail_drop(b, s, false);
			return;
		}
		line = mail_line(s, s->next++, &len);
		to = channel_room(b, ASK_CAP + len);
		memcpy(to, s->ask[0], ASK_CAP);
		memcpy(to + b->asklen, line, len);
		b->outlen += b->asklen + len;
		b->st.content += len;
	}
	if (s->next < s->nlines)
		return;
	if (s->drop_at == s->nlines)
		mail_drop(b, s, false);
	else
		finish(b, s);
}

void
mail_rollback(struct bench *b, struct session *s)
{
	if (!s->tx)
		return;
	s->tx = false;
	handshake_report(
	    b, s, EV_TX_ROLLBACK, "|%08x%s", s->msgid, chaos_extra(b));
	handshake_report(
	    b, s, EV_TX_RESET, "|%08x%s", s->msgid, chaos_extra(b));
}

static void
latency(struct bench *b, const struct session *s)
{
	if (s->dot_ns != 0 && s->back_ns != 0)
		stats_latency(b, s->back_ns - s->dot_ns, b->now_ns - s->dot_ns);
}

void
mail_commit(struct bench *b, struct session *s)
{
	if (s->partial)
		bench_fault(b, s, NULL, 0, "message accepted, but not whole");
	latency(b, s);
	mail_count(b, s, "250");
	handshake_report(b, s, EV_PROTOCOL_SERVER,
	    "|250 2.0.0 %08x Message accepted for delivery", s->msgid);
	handshake_report(b, s, EV_TX_COMMIT, "|%08x|%zu%s", s->msgid,
	    s->text->len, chaos_extra(b));
	handshake_report(
	    b, s, EV_TX_RESET, "|%08x%s", s->msgid, chaos_extra(b));
	s->tx = false;
}

void
mail_refuse(struct bench *b, struct session *s, const char *text)
{
	latency(b, s);
	mail_count(b, s, text);
	handshake_report(b, s, EV_PROTOCOL_SERVER, "|%s", text);
	handshake_report(b, s, EV_TX_DATA, "|%08x|%s", s->msgid,
	    text[0] == '4' ? "tempfail" : "permfail");
	mail_rollback(b, s);
}

/* Counts how a message ended; text is the reply. */
void
mail_count(struct bench *b, const struct session *s, const char *text)
{
	const char *want = b->opt.verdict, *is;

	is = text[0] == '2'  ? "accept"
	    : text[0] == '4' ? "tempfail"
			     : "permfail";
	b->st.accepted += text[0] == '2';
	b->st.tempfail += text[0] == '4';
	b->st.permfail += text[0] == '5';
	if (strcmp(want, "any") == 0 || strcmp(want, is) == 0)
		return;
	if (s->text != NULL && s->text->loose)
		return;
	bench_fault(b, s, text, strlen(text), "verdict %s, not %s", is, want);
}
