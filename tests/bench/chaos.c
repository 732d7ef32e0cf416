/*
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/smtpd.h"

static const char *const config[] = {
	"config|frobnicate|yes\n",
	"config|subsystem|smtp-out\n",
	"config|subsystem|mda\n",
	"config|tick\n",
	"config|admd-extra|a|b|c\n",
};

void
chaos_config(struct bench *b)
{
	size_t i;

	for (i = 0; i < sizeof(config) / sizeof(config[0]); i++) {
		if (bench_chance(b, 50))
			channel_put(b, config[i], strlen(config[i]));
	}
}

/* More fields than today, for events that do not end in free text. */
const char *
chaos_extra(struct bench *b)
{
	if (!b->opt.chaos || !bench_chance(b, 10))
		return "";
	return bench_chance(b, 50) ? "|extra" : "|more|and|more";
}

/* A legal address of an unusual kind. */
const char *
chaos_address(struct bench *b, const char *usual)
{
	static char local[301];

	if (!b->opt.chaos)
		return usual;
	memset(local, 'x', 255);
	memcpy(local + 255, "@example.org", sizeof("@example.org"));
	switch (bench_random(b) % 20) {
	case 0:
		return "a|b@example.net";
	case 1:
		return "@relay.example.com:u1@example.org";
	case 2:
		return "postmaster";
	case 3:
		return local; /* accepted, but no tx-mail or tx-rcpt */
	case 4:
		return "|@example.org";
	case 5:
		return "user+tag=x'!#$%&*/?^_`{}~-@[192.0.2.1]";
	default:
		return usual;
	}
}

/* Reports that come at odd times. */
void
chaos_noise(struct bench *b, struct session *s)
{
	char frob[160];
	struct session other = *s;

	if (s->ghost)
		return;
	switch (bench_random(b) % 12) {
	case 0:
		memcpy(other.sid, "00000000deadbeef", sizeof(other.sid));
		handshake_report(b, &other, EV_TX_BEGIN, "|%08x", s->msgid);
		handshake_report(b, &other, EV_TX_DATA, "|%08x|ok", s->msgid);
		handshake_report(b, &other, EV_TX_RESET, "|%08x", s->msgid);
		break;
	case 1:
		handshake_report(b, &other, EV_TX_MAIL,
		    b->opt.proto < 5 ? "|00000000|bad@example.com|permfail"
				     : "|00000000|permfail|bad@example.com");
		break;
	case 2:
		if (s->tx)
			handshake_report(b, s, EV_TX_MAIL,
			    b->opt.proto < 5
				? "|%08x|second@example.com|permfail"
				: "|%08x|permfail|second@example.com",
			    s->msgid);
		break;
	case 3:
		handshake_report(
		    b, s, EV_FILTER_REPORT, "|proc|other|text|with|bars");
		break;
	case 4:
		handshake_report(b, s, EV_PROTOCOL_SERVER,
		    "|500 5.5.1 Invalid command: Command unrecognized");
		break;
	case 5:
		memcpy(frob, "report|", 7);
		channel_print(b,
		    "report|%s|1795341967.927448|smtp-in|"
		    "link-frob|%s|a|b\n",
		    b->version, s->sid);
		break;
	case 6:
		channel_print(b,
		    "report|%s|1795341967.927448|smtp-out|"
		    "link-connect|%s|a|pass|192.0.2.1:1|192.0.2.2:25\n",
		    b->version, "1234567890abcdef");
		break;
	default:
		break;
	}
}

static void
add(struct text *t, const char *line)
{
	text_line(t, line, strlen(line));
}

static void
add_long(struct text *t, char c, size_t len)
{
	static char line[LINE_MAX_07];

	memset(line, c, len);
	text_line(t, line, len - (c == '.'));
}

static struct text *
headed(struct bench *b, const char *subject)
{
	struct text *t = text_new(b);

	add(t, "From: Sender <sender@example.net>");
	add(t, "Date: Sun, 22 Nov 2026 10:06:02 +0000");
	add(t, "Message-ID: <chaos@example.net>");
	add(t, "To: u1@example.org");
	add(t, subject);
	return t;
}

static void
odd_bodies(struct bench *b)
{
	static const char *const lines[] = { ".", "..", "...", ". ", ".\r",
		"|pipe|line|", " leading", "trailing  ", "\t", "", "", "\r",
		"bare\rcr", "then crcrlf\r", "8bit \303\251\377", "From here",
		"filter-dataline|0|0|x", "X-Spam: Yes", "", "" };
	struct text *t;
	size_t i;

	t = headed(b, "Subject: odd lines");
	add(t, "");
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		add(t, lines[i]);
	t = headed(b, "Subject: wrongly stuffed");
	add(t, "");
	text_raw(t, ".stuffed-wrong", strlen(".stuffed-wrong"));
	text_raw(t, ".x.", 3);
	t = headed(b, "Subject: many empty lines");
	for (i = 0; i < 3000; i++)
		add(t, "");
}

static void
odd_headers(struct bench *b)
{
	struct text *t;
	size_t i;

	(void)text_new(b); /* nothing but smtpd's Received */
	(void)headed(b, "Subject: no empty line, no body");
	t = headed(b, "Subject:");
	add(t, " folded");
	add(t, "\t\tmore");
	add(t, " ");
	add(t, "X-Empty:");
	add(t, "X-Tail: last");
	add(t, "");
	t = text_new(b);
	add(t, "no header at all");
	add(t, "second line");
	t = text_new(b);
	add(t, "");
	add(t, "From: this is@body.example");
	t = headed(b, "subject : space before the colon");
	add(t, ".dotted: header field");
	add(t, "8bit\351: name");
	add(t, "");
	add(t, "body");
	t = headed(b, "Subject: many fields");
	for (i = 0; i < 400; i++)
		add(t, i % 3 == 0 ? "X-Field: value" : " continued");
	add(t, "");
	add(t, "body");
}

/* A message with lines of more bytes than can be answered, by which of 1 to 4.
 */
void
chaos_overlong(struct bench *b, size_t which)
{
	struct text *t = headed(b, "Subject: too long lines");

	if (which == 2)
		add_long(t, ' ', b->datamax + 1);
	add(t, "");
	add_long(t, which == 3 ? '.' : 'y', b->datamax + which);
	add_long(t, 'y', 65534);
	add(t, "end");
}

/*
 * Messages that clients really send, rightly or not.  The longest lines only
 * if asked for: a filter must change those or refuse them.
 */
void
chaos_texts(struct bench *b)
{
	struct text *t;
	size_t i;

	odd_bodies(b);
	odd_headers(b);
	t = headed(b, "Subject: longest lines");
	add(t, "");
	add_long(t, 'x', b->datamax);
	add_long(t, '.', b->datamax);
	add_long(t, ' ', b->datamax - 1);
	t = headed(b, "Subject: longest field");
	memcpy(t->buf + t->off[4], "X", 1);
	add_long(t, ' ', b->datamax / 2);
	add(t, "");
	for (i = 1; b->opt.overlong && i < 5; i++)
		chaos_overlong(b, i);
}
