/* filter-rspamd/request */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "filter-rspamd/request.h"
#include "tests/unit/guard.h"

/* A field that tests look for; NULL as value: it must not be there. */
struct want {
	const char *name;
	const char *value;
};

static struct session ses;
static struct request_about about;
static struct request_options options;
static struct buf fields;
static size_t left_out;

static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void
rcpt(const char *address)
{
	buf_add(&ses.env.rcpts, address, strlen(address) + 1);
	ses.env.nrcpts++;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&ses, 0, sizeof(ses));
	memset(&options, 0, sizeof(options));
	ses.src = text("192.0.2.7:4321");
	buf_init(&ses.env.rcpts, SESSION_RCPTS_MAX);
	buf_init(&options.extra, REQUEST_EXTRA_MAX);
	buf_init(&fields, 1024 * 1024);
	about = (struct request_about){ "4f3c2b1a", STR("admd.example") };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_clear(&ses.env.rcpts);
	buf_clear(&options.extra);
	buf_clear(&fields);
	return 0;
}

/* The n-th field of that name, from 0. */
static bool
find(const char *name, size_t n, struct str *value)
{
	struct str rest = buf_view(&fields), f, key;

	while (str_cut(&rest, '\0', &f)) {
		assert_true(str_cut(&f, ':', &key));
		if (str_eq(key, str_c(name)) && n-- == 0) {
			assert_true(f.n > 1 && f.p[0] == ' ');
			*value = str_from(f, 1);
			return true;
		}
	}
	assert_int_equal(rest.n, 0);
	return false;
}

static void
expect_at(const char *name, size_t n, const char *value)
{
	struct str got;

	if (!find(name, n, &got)) {
		if (value != NULL)
			fail_msg("%s: missing, not \"%s\"", name, value);
	} else if (value == NULL) {
		fail_msg("%s: \"%.*s\", not missing", name, (int)got.n, got.p);
	} else if (!str_eq(got, str_c(value))) {
		fail_msg(
		    "%s: \"%.*s\", not \"%s\"", name, (int)got.n, got.p, value);
	}
}

static void
expect(const char *name, const char *value)
{
	expect_at(name, 0, value);
	expect_at(name, 1, NULL);
}

static void
run(void)
{
	buf_reset(&fields);
	assert_int_equal(
	    request_fields(&fields, &ses, &about, &options, &left_out), 0);
}

static void
a_full_session(void **state)
{
	(void)state;
	ses.rdns = text("mail.example.org");
	ses.fcrdns = FCRDNS_PASS;
	ses.helo = text("helo.example.org");
	ses.greeting = text("mx.example.net");
	ses.user = text("alice");
	ses.tls_version = text("TLSv1.3");
	ses.tls_cipher = text("TLS_AES_256_GCM_SHA384");
	ses.env.mail_from = text("a|b@example.org");
	rcpt("one@example.net");
	rcpt("Two@example.net");
	run();
	expect("IP", "192.0.2.7");
	expect("Hostname", "mail.example.org");
	expect("Helo", "helo.example.org");
	expect("MTA-Name", "mx.example.net");
	expect("User", "alice");
	expect("TLS-Version", "TLSv1.3");
	expect("TLS-Cipher", "TLS_AES_256_GCM_SHA384");
	expect("From", "<a|b@example.org>");
	expect("Queue-Id", "4f3c2b1a");
	expect("Flags", "milter,body_block");
	expect_at("Rcpt", 0, "<one@example.net>");
	expect_at("Rcpt", 1, "<Two@example.net>");
	expect_at("Rcpt", 2, NULL);
	assert_int_equal(left_out, 0);
}

static void
what_is_not_known_is_left_out(void **state)
{
	static const char *const names[] = { "Hostname", "Helo", "User",
		"TLS-Version", "TLS-Cipher", "From", "Queue-Id", "Rcpt",
		"MTA-Tag", "Settings", "Settings-ID", "Deliver-To", "Log-Tag",
		"Pass", "Password" };

	(void)state;
	about.msgid = "-";
	run();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(names[i], NULL);
	expect("IP", "192.0.2.7");
	expect("MTA-Name", "admd.example");
	ses.src = NULL;
	about.admd = STR_NULL;
	run();
	expect("IP", NULL);
	expect("MTA-Name", NULL);
}

static void
addresses(void **state)
{
	static const struct want cases[] = {
		{ "192.0.2.7:25", "192.0.2.7" },
		{ "[2001:db8::1]:25", "2001:db8::1" },
		{ "[fe80::1%eth0]:25", "fe80::1" },
		{ "unix:/var/run/smtpd.sock", "127.0.0.1" },
		{ "local", "127.0.0.1" },
		{ "192.0.2.7", "192.0.2.7" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ ":25", NULL },
		{ "[", NULL },
		{ "", NULL },
		{ NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ses.src = text(cases[i].name);
		run();
		expect("IP", cases[i].value);
	}
}

static void
only_verified_names(void **state)
{
	static const struct {
		const char *rdns;
		enum fcrdns fcrdns;
		const char *want;
	} cases[] = {
		{ "mail.example.org", FCRDNS_PASS, "mail.example.org" },
		{ "mail.example.org", FCRDNS_FAIL, NULL },
		{ "mail.example.org", FCRDNS_ERROR, NULL },
		{ "<unknown>", FCRDNS_PASS, NULL },
		{ "unknown", FCRDNS_PASS, NULL },
		{ "", FCRDNS_PASS, NULL },
		{ NULL, FCRDNS_PASS, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ses.rdns = text(cases[i].rdns);
		ses.fcrdns = cases[i].fcrdns;
		run();
		expect("Hostname", cases[i].want);
	}
}

static void
hostile_values(void **state)
{
	static const struct want cases[] = {
		{ "x\nUser: root", "xUser: root" },
		{ "x\r\nUser: root", "xUser: root" },
		{ "a\x01\x02\x1f\x7f"
		  "b",
		    "ab" },
		{ "\xc3\xbc\xff", "\xc3\xbc\xff" },
		{ "a\tb", "ab" },
		{ "  a b  ", "a b" },
		{ "\r\n", NULL },
		{ " \x01 \x02 ", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ses.helo = ses.user = text(cases[i].name);
		run();
		expect("Helo", cases[i].value);
		expect("User", cases[i].value);
	}
}

static void
senders(void **state)
{
	static const struct want cases[] = {
		{ "", "<>" },
		{ "a@example.org", "<a@example.org>" },
		{ "@relay.example:a@b.example",
		    "<@relay.example:a@b.example>" },
		{ "a\n@example.org", "<a@example.org>" },
		/* not told, so not the null sender */
		{ NULL, NULL },
		{ "\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ses.env.mail_from = text(cases[i].name);
		run();
		expect("From", cases[i].value);
	}
}

static void
from_options(void **state)
{
	(void)state;
	options.settings_id = STR("strict");
	options.settings = STR("{\"actions\":{\"reject\":3.5}}");
	options.mta_tag = STR("mx1");
	options.deliver_to = options.log_tag = options.pass_all = true;
	assert_null(request_extra(&options, STR("X-One=1")));
	assert_null(request_extra(&options, STR("X-Two= a=b\n ")));
	rcpt("one@example.net");
	run();
	expect("Settings-ID", "strict");
	expect("Settings", "{\"actions\":{\"reject\":3.5}}");
	expect("MTA-Tag", "mx1");
	expect("Deliver-To", "one@example.net");
	expect("Log-Tag", "4f3c2b1a");
	expect("Pass", "all");
	expect("X-One", "1");
	expect("X-Two", "a=b");
	expect("Rcpt", "<one@example.net>");
	/* One mailbox for two recipients cannot be named. */
	rcpt("two@example.net");
	run();
	expect("Deliver-To", NULL);
}

static void
bad_extra_fields(void **state)
{
	static const char *const bad[] = { "X-None", "=value", "A:B=c", "A B=c",
		"X=", "X= \t", "User=root", "user=root", "Password=q1",
		"CONTENT-LENGTH=1", "Flags=skip", "Rcpt=<a@b>" };
	static char big[REQUEST_EXTRA_MAX + 10] = "X=";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str s = guard_copy(str_c(bad[i]));
		assert_non_null(request_extra(&options, s));
		guard_free(s);
	}
	assert_int_equal(options.extra.n, 0);
	memset(big + 2, 'a', sizeof(big) - 3);
	assert_non_null(request_extra(&options, str_c(big)));
}

/* Bytes of the fields on the wire. */
static size_t
wire_size(void)
{
	struct str rest = buf_view(&fields), f;
	size_t n = 0;

	while (str_cut(&rest, '\0', &f))
		n += f.n + 2;
	return n;
}

static void
many_recipients(void **state)
{
	char address[320];
	size_t there = 0;
	struct str v;

	(void)state;
	memset(address, 'a', sizeof(address) - 1);
	memcpy(address + 300, "@example.net", 13);
	for (int i = 0; i < 1000; i++)
		rcpt(address);
	run();
	while (find("Rcpt", there, &v))
		there++;
	assert_true(there > 200);
	assert_int_equal(there + left_out, 1000);
	assert_in_range(wire_size(), REQUEST_HEAD_MAX - 400, REQUEST_HEAD_MAX);
	/* A short one that comes late still finds room. */
	rcpt("b@c");
	run();
	assert_int_equal(there + left_out, 1000);
	expect_at("Rcpt", there, "<b@c>");
}

static void
without_memory(void **state)
{
	(void)state;
	ses.helo = text("helo.example.org");
	for (size_t max = 0; max < 60; max++) {
		struct buf small;
		buf_init(&small, max);
		assert_int_equal(
		    request_fields(&small, &ses, &about, &options, &left_out),
		    -1);
		buf_clear(&small);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_session),
		TEST(what_is_not_known_is_left_out),
		TEST(addresses),
		TEST(only_verified_names),
		TEST(hostile_values),
		TEST(senders),
		TEST(from_options),
		TEST(bad_extra_fields),
		TEST(many_recipients),
		TEST(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
