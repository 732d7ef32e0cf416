/* common/protocol/wire */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/protocol/wire.h"
#include "tests/unit/guard.h"

static void
assert_str(struct str got, const char *want, const char *where)
{
	if (!str_eq(got, str_c(want)))
		fail_msg("\"%.*s\" is not \"%s\" in %s", (int)got.n,
		    got.n > 0 ? got.p : "", want, where);
}

static const struct {
	const char *line, *key, *value;
} configs[] = {
	{ "config|ready", "ready", "" },
	{ "config|protocol|0.7", "protocol", "0.7" },
	{ "config|admd|a|b", "admd", "a|b" },
	{ "config|", "", "" },
	{ "config||x", "", "x" },
	{ "report|0.4|1.0|smtp-in|link-greeting|mx.example.org", "admd",
	    "mx.example.org" },
};

static void
test_config(void **state)
{
	struct wire_event ev;

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		struct str s = guard_copy(str_c(configs[i].line));

		assert_int_equal(wire_parse(s, &ev), 0);
		assert_int_equal(ev.kind, WIRE_CONFIG);
		assert_str(ev.key, configs[i].key, configs[i].line);
		assert_str(ev.value, configs[i].value, configs[i].line);
		guard_free(s);
	}
}

/* Fields up to the first NULL. */
static const struct {
	const char *line;
	unsigned version;
	enum event event;
	const char *field[WIRE_FIELDS + 1];
} reports[] = {
	{ "report|0.7|1.000002|smtp-in|link-connect|a1|h|pass|192.0.2.1:1|x:2",
	    7, EVENT_LINK_CONNECT, { "h", "pass", "192.0.2.1:1", "x:2" } },
	{ "report|0.7|1.0|smtp-in|link-connect|a1|h|pass|s|d|more|of|it", 7,
	    EVENT_LINK_CONNECT, { "h", "pass", "s", "d|more|of|it" } },
	{ "report|0.7|1.0|smtp-in|link-connect|a1|h|pass", 7,
	    EVENT_LINK_CONNECT, { "h", "pass" } },
	{ "report|0.7|1.0|smtp-in|link-connect|a1|h||", 7, EVENT_LINK_CONNECT,
	    { "h", "", "" } },
	{ "report|0.7|1.0|smtp-in|link-disconnect|a1", 7, EVENT_LINK_DISCONNECT,
	    { NULL } },
	{ "report|0.7|1.0|smtp-in|link-disconnect|a1|", 7,
	    EVENT_LINK_DISCONNECT, { NULL } },
	{ "report|0.7|1.0|smtp-in|link-disconnect|a1|x|y", 7,
	    EVENT_LINK_DISCONNECT, { NULL } },
	{ "report|0.7|1.0|smtp-in|link-auth|a1|pass|a|b", 7, EVENT_LINK_AUTH,
	    { "pass", "a|b" } },
	{ "report|0.8|1.0|smtp-in|link-auth|a1|pass|a|b", 8, EVENT_LINK_AUTH,
	    { "pass", "a|b" } },
	{ "report|0.10|1.0|smtp-in|link-auth|a1|pass|a|b", 10, EVENT_LINK_AUTH,
	    { "pass", "a|b" } },
	{ "report|1.0|1.0|smtp-in|link-auth|a1|pass|a|b", 1000, EVENT_LINK_AUTH,
	    { "pass", "a|b" } },
	/* up to 0.6 the user comes first and may hold bars */
	{ "report|0.6|1.0|smtp-in|link-auth|a1|a|b|pass", 6, EVENT_LINK_AUTH,
	    { "pass", "a|b" } },
	{ "report|0.6|1.0|smtp-in|link-auth|a1||fail", 6, EVENT_LINK_AUTH,
	    { "fail", "" } },
	{ "report|0.6|1.0|smtp-in|link-auth|a1|alone", 6, EVENT_LINK_AUTH,
	    { "alone" } },
	{ "report|0.4|1.0|smtp-in|link-auth|a1|u|pass", 4, EVENT_LINK_AUTH,
	    { "pass", "u" } },
	{ "report|0.7|1.0|smtp-in|tx-mail|a1|01ab|ok|a|b@c", 7, EVENT_TX_MAIL,
	    { "01ab", "ok", "a|b@c" } },
	{ "report|0.7|1.0|smtp-in|tx-mail|a1|01ab|ok|", 7, EVENT_TX_MAIL,
	    { "01ab", "ok", "" } },
	{ "report|0.5|1.0|smtp-in|tx-rcpt|a1|01ab|ok|a|b@c", 5, EVENT_TX_RCPT,
	    { "01ab", "ok", "a|b@c" } },
	{ "report|0.4|1.0|smtp-in|tx-mail|a1|01ab||ok", 4, EVENT_TX_MAIL,
	    { "01ab", "ok", "" } },
	{ "report|0.4|1.0|smtp-in|tx-rcpt|a1|01ab|a|b@c|tempfail", 4,
	    EVENT_TX_RCPT, { "01ab", "tempfail", "a|b@c" } },
	{ "report|0.4|1.0|smtp-in|tx-rcpt|a1|01ab|alone", 4, EVENT_TX_RCPT,
	    { "01ab", "alone" } },
	{ "report|0.7|1.0|smtp-in|tx-nonsense|a1|x|y", 7, EVENT_UNKNOWN,
	    { NULL } },
	{ "report|0.7||smtp-in|tx-begin|A1|01ab", 7, EVENT_TX_BEGIN,
	    { "01ab" } },
};

static void
test_reports(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		struct str s = guard_copy(str_c(reports[i].line));
		struct wire_event ev;
		unsigned n = 0;

		assert_int_equal(wire_parse(s, &ev), 0);
		assert_int_equal(ev.kind, WIRE_REPORT);
		assert_int_equal(ev.version, reports[i].version);
		assert_int_equal(ev.event, reports[i].event);
		assert_true(ev.smtp_in);
		assert_int_equal(ev.sid, 0xa1);
		while (reports[i].field[n] != NULL) {
			assert_str(
			    ev.field[n], reports[i].field[n], reports[i].line);
			n++;
		}
		assert_int_equal(ev.fields, n);
		for (; n < WIRE_FIELDS; n++)
			assert_int_equal(ev.field[n].n, 0);
		guard_free(s);
	}
}

static const struct {
	const char *line;
	enum phase phase;
	const char *param;
} filters[] = {
	{ "filter|0.7|1.0|smtp-in|data-line|a1|d1|.", PHASE_DATA_LINE, "." },
	{ "filter|0.7|1.0|smtp-in|data-line|a1|d1|", PHASE_DATA_LINE, "" },
	{ "filter|0.7|1.0|smtp-in|data-line|a1|d1||a|b|\r", PHASE_DATA_LINE,
	    "|a|b|\r" },
	{ "filter|0.7|1.0|smtp-in|connect|a1|d1|h|127.0.0.1", PHASE_CONNECT,
	    "h|127.0.0.1" },
	{ "filter|0.7|1.0|smtp-in|commit|a1|d1", PHASE_COMMIT, "" },
	{ "filter|0.7|1.0|smtp-in|new-phase|a1|d1|x", PHASE_UNKNOWN, "x" },
};

static void
test_filters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct str s = guard_copy(str_c(filters[i].line));
		struct wire_event ev;

		assert_int_equal(wire_parse(s, &ev), 0);
		assert_int_equal(ev.kind, WIRE_FILTER);
		assert_int_equal(ev.sid, 0xa1);
		assert_int_equal(ev.token, 0xd1);
		assert_int_equal(ev.phase, filters[i].phase);
		assert_str(ev.param, filters[i].param, filters[i].line);
		guard_free(s);
	}
}

static void
test_smtp_out(void **state)
{
	struct wire_event ev;

	(void)state;
	assert_int_equal(
	    wire_parse(STR("report|0.7|1.0|smtp-out|tx-begin|a|b"), &ev), 0);
	assert_false(ev.smtp_in);
	assert_int_equal(ev.event, EVENT_TX_BEGIN);
}

static void
test_malformed(void **state)
{
	static const char *const lines[] = {
		"",
		"|",
		"config",
		"report",
		"report|",
		"report|0.7",
		"report|x|1.0|smtp-in|tx-begin|a1|01",
		"report|.7|1.0|smtp-in|tx-begin|a1|01",
		"report|0.|1.0|smtp-in|tx-begin|a1|01",
		"report|0.1000|1.0|smtp-in|tx-begin|a1|01",
		"report|0.7|1.0",
		"report|0.7|1.0|smtp-in",
		"report|0.7|1.0|smtp-in|tx-begin",
		"report|0.7|1.0|smtp-in|tx-begin|",
		"report|0.7|1.0|smtp-in|tx-begin||01",
		"report|0.7|1.0|smtp-in|tx-begin|xyz|01",
		"report|0.7|1.0|smtp-in|tx-begin|00000000000000001|01",
		"filter|0.7|1.0|smtp-in|commit|a1",
		"filter|0.7|1.0|smtp-in|commit|a1|",
		"filter|0.7|1.0|smtp-in|commit|a1|xyz|",
		"filter|0.7|1.0|smtp-in|commit|a1||x",
		"Filter|0.7|1.0|smtp-in|commit|a1|d1|",
		"filter-result|a|b|proceed",
		" filter|0.7|1.0|smtp-in|commit|a1|d1|",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct str s = guard_copy(str_c(lines[i]));
		struct wire_event ev;

		if (wire_parse(s, &ev) != -1)
			fail_msg("taken: %s", lines[i]);
		guard_free(s);
	}
}

/* Each line cut short at each place must be read or refused, within bounds. */
static void
test_cut_short(void **state)
{
	struct wire_event ev;
	int taken = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		for (size_t n = 0; n <= strlen(reports[i].line); n++) {
			struct str s = guard_copy(str_n(reports[i].line, n));
			taken += wire_parse(s, &ev) == 0;
			guard_free(s);
		}
	}
	assert_true(taken > 0);
}

static void
test_version(void **state)
{
	unsigned v = 1;

	(void)state;
	assert_int_equal(wire_version(STR("0.4"), &v), 0);
	assert_int_equal(v, WIRE_V04);
	assert_int_equal(wire_version(STR("0.7"), &v), 0);
	assert_int_equal(v, WIRE_V07);
	assert_int_equal(wire_version(STR("0.10"), &v), 0);
	assert_true(v > WIRE_V07);
	assert_int_equal(wire_version(STR("1.2"), &v), 0);
	assert_int_equal(v, 1002);
	assert_int_equal(wire_version(STR("0.7.1"), &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(wire_version(STR("0.8-beta"), &v), 0);
	assert_int_equal(v, 8);
	assert_int_equal(wire_version(STR("1"), &v), 0);
	assert_int_equal(v, 1000);
	assert_int_equal(wire_version(STR("0."), &v), -1);
	assert_int_equal(wire_version(STR("0.x"), &v), -1);
	assert_int_equal(wire_version(STR("x.7"), &v), -1);
	assert_int_equal(wire_version(STR("0.1000"), &v), -1);
	assert_int_equal(wire_version(STR(""), &v), -1);
	assert_int_equal(v, 1000);
}

static const struct {
	const char *in, *out;
	size_t n; /* bytes of out; 0: up to its NUL */
} vis[] = {
	{ "", "", 0 },
	{ "user", "user", 0 },
	{ "a\\040b", "a b", 0 },
	{ "a\\\\b", "a\\b", 0 },
	{ "\\M-C\\M-)", "\xc3\xa9", 0 },
	{ "\\M^?\\M^A", "\xff\x81", 0 },
	{ "\\^?\\^A", "\x7f\x01", 0 },
	{ "\\000x", "\0x", 2 },
	{ "\\n\\r\\t\\s\\0", "\n\r\t \0", 5 },
	{ "a|b", "a|b", 0 },
	/* what is no escape stays */
	{ "\\", "\\", 0 },
	{ "a\\", "a\\", 0 },
	{ "\\04", "\0004", 2 },
	{ "\\M", "\\M", 0 },
	{ "\\M-", "\\M-", 0 },
	{ "\\M^", "\\M^", 0 },
	{ "\\Mx", "\\Mx", 0 },
	{ "\\^", "\\^", 0 },
	{ "\\q", "\\q", 0 },
	{ "\\8", "\\8", 0 },
};

static void
test_unvis(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vis) / sizeof(vis[0]); i++) {
		struct str in = guard_copy(str_c(vis[i].in)), out;
		char *to = malloc(in.n + 1);
		size_t want = vis[i].n > 0 ? vis[i].n : strlen(vis[i].out);

		assert_non_null(to);
		out = str_n(to, wire_unvis(in, to));
		if (!str_eq(out, str_n(vis[i].out, want)))
			fail_msg("%s gives %zu bytes", vis[i].in, out.n);
		free(to);
		guard_free(in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_smtp_out),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_unvis),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
