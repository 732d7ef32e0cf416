/* common/engine/session */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/engine/engine.h"

/* ---- what a filter asks of a session ---- */

static const struct {
	const char *src, *dst;
	bool local;
	const char *ip;
	unsigned port;
} addresses[] = {
	{ "192.0.2.1:1234", "192.0.2.2:25", false, "192.0.2.1", 25 },
	{ "[2001:db8::1]:1234", "[::1]:587", false, "2001:db8::1", 587 },
	{ "[fe80::1%eth0]:1", "[::1]:465", false, "fe80::1", 465 },
	{ "fe80::1%eth0", "::1", false, "fe80::1", 1 },
	{ "2001:db8::1", "x", false, "2001:db8::1", 0 },
	{ "192.0.2.1", "192.0.2.2:", false, "192.0.2.1", 0 },
	{ "192.0.2.1:1", "192.0.2.2:65535", false, "192.0.2.1", 65535 },
	{ "192.0.2.1:1", "192.0.2.2:65536", false, "192.0.2.1", 0 },
	{ "unix:/var/run/smtpd.sock", "unix:/var/run/smtpd.sock:25", true, "",
	    0 },
	{ "local", "local:25", true, "", 0 },
	{ "localhost", "", false, "localhost", 0 },
	{ "", "", false, "", 0 },
	{ NULL, NULL, false, "", 0 },
};

static void
test_addresses(void **state)
{
	char src[64], dst[64];

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct session s = { .id = i };

		if (addresses[i].src != NULL) {
			(void)snprintf(
			    src, sizeof(src), "%s", addresses[i].src);
			(void)snprintf(
			    dst, sizeof(dst), "%s", addresses[i].dst);
			s.src = src;
			s.dst = dst;
		}
		if (session_is_local(&s) != addresses[i].local ||
		    !str_eq(session_ip(&s), str_c(addresses[i].ip)) ||
		    session_port(&s) != addresses[i].port)
			fail_msg("row %zu: \"%.*s\" %u", i,
			    (int)session_ip(&s).n, session_ip(&s).p,
			    session_port(&s));
	}
}

static void
test_recipients(void **state)
{
	static const struct str all = { "a@example.org\0\0b@example.org\0",
		29 };
	static const char *const want[] = { "a@example.org", "",
		"b@example.org" };
	struct session s = { .id = 1 };
	struct str rcpt;
	size_t pos = 0;

	(void)state;
	buf_init(&s.env.rcpts, SESSION_RCPTS_MAX);
	assert_false(session_rcpt(&s, &pos, &rcpt));
	buf_str(&s.env.rcpts, all);
	for (size_t i = 0; i < 3; i++) {
		assert_true(session_rcpt(&s, &pos, &rcpt));
		assert_true(str_eq(rcpt, str_c(want[i])));
	}
	assert_false(session_rcpt(&s, &pos, &rcpt));
	assert_false(session_rcpt(&s, &pos, &rcpt));
	buf_clear(&s.env.rcpts);
}

/* ---- what reports make of it ---- */

enum {
	LINES = 8
};

#define BEGIN "tx-begin|1|aaaaaaaa"
#define MAIL "tx-mail|1|aaaaaaaa|ok|a@example.net"
#define RCPT "tx-rcpt|1|aaaaaaaa|ok|b@example.org"

/* Events with their session; the state after them, of session 1. */
static const struct {
	const char *name;
	const char *lines[LINES];
	const char *want;
} scripts[] = {
	{ "connect",
	    { "link-connect|1|mx.example.net|pass|192.0.2.1:1|192.0.2.2:25" },
	    "mx.example.net 2 192.0.2.1:1 - - - tx 0 - - 0" },
	{ "no reverse name",
	    { "link-connect|1|<unknown>|fail|192.0.2.1:1|192.0.2.2:25" },
	    "<unknown> 1 192.0.2.1:1 - - - tx 0 - - 0" },
	{ "reverse name in error",
	    { "link-connect|1|<unknown>|error|192.0.2.1:1|192.0.2.2:25" },
	    "<unknown> 0 192.0.2.1:1 - - - tx 0 - - 0" },
	{ "names and TLS",
	    { "link-greeting|1|mx.example.org", "link-identify|1|EHLO|me",
		"link-tls|1|TLSv1.3:TLS_AES_256_GCM_SHA384:256",
		"link-auth|1|pass|user" },
	    "- 0 - me TLSv1.3 user tx 0 - - 0" },
	{ "the last name counts",
	    { "link-identify|1|HELO|me", "link-identify|1|EHLO|you" },
	    "- 0 - you - - tx 0 - - 0" },
	{ "failed login", { "link-auth|1|fail|user" },
	    "- 0 - - - - tx 0 - - 0" },
	{ "login with odd bytes", { "link-auth|1|pass|a\\040b" },
	    "- 0 - - - a b tx 0 - - 0" },
	{ "transaction", { BEGIN, MAIL, RCPT },
	    "- 0 - - - - tx 1 aaaaaaaa a@example.net 1" },
	{ "null sender", { BEGIN, "tx-mail|1|aaaaaaaa|ok|" },
	    "- 0 - - - - tx 1 aaaaaaaa  0" },
	{ "refused sender and recipient",
	    { BEGIN, "tx-mail|1|aaaaaaaa|permfail|a@example.net",
		"tx-rcpt|1|aaaaaaaa|tempfail|b@example.org" },
	    "- 0 - - - - tx 1 aaaaaaaa - 0" },
	{ "reports that came twice", { BEGIN, MAIL, RCPT, BEGIN, MAIL, RCPT },
	    "- 0 - - - - tx 1 aaaaaaaa a@example.net 1" },
	{ "two recipients",
	    { BEGIN, MAIL, RCPT, "tx-rcpt|1|aaaaaaaa|ok|c@example.org" },
	    "- 0 - - - - tx 1 aaaaaaaa a@example.net 2" },
	{ "of another transaction",
	    { BEGIN, "tx-mail|1|bbbbbbbb|ok|a@example.net",
		"tx-rcpt|1|bbbbbbbb|ok|b@example.org", "tx-reset|1|bbbbbbbb" },
	    "- 0 - - - - tx 1 aaaaaaaa - 0" },
	{ "reset", { BEGIN, MAIL, RCPT, "tx-reset|1|aaaaaaaa" },
	    "- 0 - - - - tx 2 - - 0" },
	{ "reset without its id", { BEGIN, MAIL, RCPT, "tx-reset|1|" },
	    "- 0 - - - - tx 2 - - 0" },
	{ "rollback", { BEGIN, MAIL, RCPT, "tx-rollback|1|aaaaaaaa" },
	    "- 0 - - - - tx 2 - - 0" },
	{ "commit", { BEGIN, MAIL, RCPT, "tx-commit|1|aaaaaaaa|100" },
	    "- 0 - - - - tx 1 aaaaaaaa a@example.net 1" },
	{ "the next one", { BEGIN, MAIL, RCPT, "tx-begin|1|bbbbbbbb" },
	    "- 0 - - - - tx 1 bbbbbbbb - 0" },
	{ "sender before begin", { MAIL, RCPT }, "- 0 - - - - tx 0 - - 0" },
	{ "unknown event", { "link-dance|1|x" }, "- 0 - - - - tx 0 - - 0" },
	{ "same client connects again",
	    { "link-connect|1|mx|pass|192.0.2.1:1|192.0.2.2:25", BEGIN,
		"link-connect|1|mx|pass|192.0.2.1:1|192.0.2.2:25" },
	    "mx 2 192.0.2.1:1 - - - tx 1 aaaaaaaa - 0" },
	{ "another client takes the id",
	    { "link-connect|1|mx|pass|192.0.2.1:1|192.0.2.2:25",
		"link-identify|1|EHLO|me", BEGIN,
		"link-connect|1|mx|fail|192.0.2.9:1|192.0.2.2:25" },
	    "mx 1 192.0.2.9:1 - - - tx 0 - - 0" },
};

static const char *
shown(const char *text)
{
	return text == NULL ? "-" : text;
}

static void
feed(struct engine *eng, const char *event)
{
	struct str rest = str_c(event), name;
	struct wire_event ev;
	struct session *s;
	char line[512];

	(void)str_cut(&rest, '|', &name);
	(void)str_cut(&rest, '|', &name);
	(void)snprintf(line, sizeof(line),
	    "report|0.7|1576146008.006099|smtp-in|%.*s|%016x%s%.*s",
	    (int)strcspn(event, "|"), event, 1, rest.n > 0 ? "|" : "",
	    (int)rest.n, rest.p);
	assert_int_equal(wire_parse(str_c(line), &ev), 0);
	s = session_get(eng, ev.sid);
	assert_non_null(s);
	session_event(eng, s, &ev);
}

static void
test_events(void **state)
{
	char got[256];

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct engine *eng = calloc(1, sizeof(*eng));
		const struct session *s;

		assert_non_null(eng);
		s = session_add(eng, 1);
		assert_non_null(s);
		for (size_t k = 0; k < LINES && scripts[i].lines[k]; k++)
			feed(eng, scripts[i].lines[k]);
		(void)snprintf(got, sizeof(got),
		    "%s %d %s %s %s %s tx %d %s %s %zu", shown(s->rdns),
		    (int)s->fcrdns, shown(s->src), shown(s->helo),
		    shown(s->tls_version), shown(s->user), (int)s->env.state,
		    shown(s->env.msgid), shown(s->env.mail_from),
		    s->env.nrcpts);
		if (strcmp(got, scripts[i].want) != 0)
			fail_msg("%s: %s", scripts[i].name, got);
		assert_false(s->broken || s->env.broken);
		feed(eng, "link-disconnect|1");
		assert_null(session_get(eng, 1));
		assert_true(session_was(eng, 1));
		free(eng);
	}
}

static void
test_dead(void **state)
{
	struct engine *eng = calloc(1, sizeof(*eng));

	(void)state;
	assert_non_null(eng);
	assert_false(session_was(eng, 0));
	for (uint64_t id = 0; id <= ENGINE_DEAD; id++) {
		struct session *s = session_add(eng, id);
		assert_ptr_equal(session_get(eng, id), s);
		session_end(eng, s);
	}
	/* The one that is one too many takes the place of the first. */
	assert_false(session_was(eng, 0));
	assert_true(session_was(eng, 1));
	assert_true(session_was(eng, ENGINE_DEAD));
	assert_int_equal(eng->count[COUNT_SESSIONS], ENGINE_DEAD + 1);
	free(eng);
}

/* Recipients have a limit; one more and the message must not pass. */
static void
test_too_many_recipients(void **state)
{
	struct engine *eng = calloc(1, sizeof(*eng));
	char address[256], line[512];
	struct session *s;

	(void)state;
	assert_non_null(eng);
	s = session_add(eng, 1);
	assert_non_null(s);
	feed(eng, BEGIN);
	for (size_t i = 0; i < SESSION_RCPTS_MAX / sizeof(address); i++) {
		(void)snprintf(address, sizeof(address), "%0*zu", 255, i);
		(void)snprintf(
		    line, sizeof(line), "tx-rcpt|1|aaaaaaaa|ok|%s", address);
		feed(eng, line);
	}
	assert_int_equal(s->env.nrcpts, SESSION_RCPTS_MAX / sizeof(address));
	assert_false(s->env.broken);
	feed(eng, RCPT);
	assert_true(s->env.broken);
	assert_int_equal(s->env.nrcpts, SESSION_RCPTS_MAX / sizeof(address));
	session_end(eng, s);
	free(eng);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_too_many_recipients),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
