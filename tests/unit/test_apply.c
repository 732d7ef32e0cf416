/* filter-rspamd/apply: changes of the header */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/applied.h"
#include "tests/unit/nomem.h"

/* The same, the milter block given, on TOP REST. */
static inline void
assert_milter(const char *action, const char *block, const char *want)
{
	char json[2000];

	(void)snprintf(json, sizeof(json), "{\"action\":\"%s\",\"milter\":%s}",
	    action, block);
	assert_outcome(json, TOP REST, want);
}

static void
leaves_what_is_on_top(void **state)
{
	static const char json[] =
	    "{\"action\":\"add header\",\"milter\":{\"remove_headers\":{"
	    "\"X-Spam\":0,\"Received\":0,\"A-R\":1}}}";

	(void)state;
	assert_outcome(json,
	    "X-Spam: Yes\nA-R: ours\nreceived : us\nA-R: 1\nA-R: 2\n"
	    "Received: them\nX-Spam: no\n",
	    "X-Spam: Yes\nA-R: ours\nreceived : us\nA-R: 2\nX-Spam: Yes\n");
	/* no Received: nothing is ours */
	assert_outcome(
	    json, "X-Spam: Yes\nA-R: 1\nA-R: 2\n", "A-R: 2\nX-Spam: Yes\n");
	assert_outcome(json, "", "X-Spam: Yes\n");
	assert_outcome(json, "A-R: 1\nfrom: a@b\nReceived: them\n",
	    "from: a@b\nX-Spam: Yes\n");
	assert_outcome(json, "A-R: 1\nDate: now\nX-Spam: no\nReceived: them\n",
	    "Date: now\nX-Spam: Yes\n");
}

/* For rspamd the header ends there. */
static void
stops_at_a_line_that_is_no_field(void **state)
{
	static const char json[] =
	    "{\"action\":\"rewrite subject\",\"subject\":\"s\",\"milter\":{"
	    "\"remove_headers\":{\"X\":0,\"Y\":-1},\"add_headers\":{"
	    "\"End\":\"v\",\"Third\":{\"value\":\"v\",\"order\":3}}}}";

	(void)state;
	assert_outcome(json,
	    "Received: us\nX: 1\nY: 1\nbroken\nX: 2\nY: 2\nSubject: old\n",
	    "Received: us\nEnd: v\nThird: v\nSubject: s\nbroken\nX: 2\nY: 2\n"
	    "Subject: old\n");
	assert_outcome_with(&(struct apply_options){ 0 },
	    "{\"action\":\"rewrite subject\",\"subject\":\"s\",\"score\":9}",
	    "Received: us\nSubject: old\nbroken\n",
	    "Received: us\nSubject: s\nX-Spam-Score: 9\n"
	    "X-Spam-Status: Yes, score=9.000\nbroken\n");
	assert_outcome(json, "broken\nReceived: us\nX: 1\n",
	    "End: v\nThird: v\nSubject: s\nbroken\nReceived: us\nX: 1\n");
}

#define ADD_N(order) \
	"{\"action\":\"no action\",\"milter\":{\"add_headers\":{" \
	"\"N\":{\"value\":\"v\",\"order\":" order "}}}}"

static void
adds_by_order(void **state)
{
	static const struct {
		const char *order, *want;
	} cases[] = {
		{ "0", "N: v\nR: us\nA: 1\nB: 2\nC: 3\n" },
		{ "1", "R: us\nN: v\nA: 1\nB: 2\nC: 3\n" },
		{ "2", "R: us\nA: 1\nN: v\nB: 2\nC: 3\n" },
		{ "3", "R: us\nA: 1\nB: 2\nN: v\nC: 3\n" },
		{ "4", "R: us\nA: 1\nB: 2\nC: 3\nN: v\n" },
		{ "5", "R: us\nA: 1\nB: 2\nC: 3\nN: v\n" },
		{ "1e30", "R: us\nA: 1\nB: 2\nC: 3\nN: v\n" },
		{ "-1", "R: us\nA: 1\nB: 2\nC: 3\nN: v\n" },
		{ "-2", "R: us\nA: 1\nB: 2\nN: v\nC: 3\n" },
		{ "-3", "R: us\nA: 1\nN: v\nB: 2\nC: 3\n" },
		{ "-4", "N: v\nR: us\nA: 1\nB: 2\nC: 3\n" },
		{ "-1e30", "N: v\nR: us\nA: 1\nB: 2\nC: 3\n" },
		{ "null", "R: us\nA: 1\nB: 2\nC: 3\nN: v\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char json[200], want[200], *to = want;
		(void)snprintf(json, sizeof(json), ADD_N("%s"), cases[i].order);
		/* "R" in the table is short for Received */
		for (const char *p = cases[i].want; *p != '\0'; p++)
			to += snprintf(to, 20, "%.*s", *p == 'R' ? 8 : 1,
			    *p == 'R' ? "Received" : p);
		assert_outcome(json, "Received: us\nA: 1\nB: 2\nC: 3\n", want);
	}
	assert_outcome(ADD_N("-1"), TOP, TOP "N: v\n");
	assert_outcome(ADD_N("-2"), TOP, "N: v\n" TOP);
}

static void
adds_in_the_order_of_the_reply(void **state)
{
	(void)state;
	assert_milter("no action",
	    "{\"add_headers\":{\"Z\":{\"value\":\"1\",\"order\":1},"
	    "\"E\":\"x\",\"A\":[{\"value\":\"2\",\"order\":1},"
	    "{\"value\":\"3\",\"order\":2}],\"D\":[\"y\",\"z\"],"
	    "\"V\":{\"value\":\"0\",\"order\":0},"
	    "\"W\":{\"value\":\"4\",\"order\":1}}}",
	    "V: 0\n" TOP "W: 4\nA: 2\nA: 3\nZ: 1\n" REST "E: x\nD: y\nD: z\n");
	/* removed numbers are those of the message, not of the changed list */
	assert_milter("no action",
	    "{\"add_headers\":{\"X-A\":{\"value\":\"new\",\"order\":1}},"
	    "\"remove_headers\":{\"X-A\":[1,2]}}",
	    TOP "X-A: new\nFrom: a\nX-A: 3\nSubject: Lunch\n");
}

static void
keeps_an_arc_set_together(void **state)
{
	static const char *const fields[] = {
		"\"ARC-Seal\":{\"order\":1,\"value\":\"s\"}",
		"\"ARC-Message-Signature\":{\"order\":1,\"value\":\"m\"}",
		"\"arc-authentication-Results\":{\"order\":1,\"value\":\"a\"}",
	};
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		char block[500];
		(void)snprintf(block, sizeof(block),
		    "{\"add_headers\":{%s,\"A-R\":{\"order\":1,\"value\":\"r\"}"
		    ","
		    "%s,%s}}",
		    fields[orders[i][0]], fields[orders[i][1]],
		    fields[orders[i][2]]);
		assert_milter("no action", block,
		    TOP "ARC-Seal: s\nARC-Message-Signature: m\n"
			"arc-authentication-Results: a\nA-R: r\n" REST);
	}
	assert_milter("no action",
	    "{\"add_headers\":{\"ARC-Seal\":\"s\",\"A\":\"b\"}}",
	    TOP REST "ARC-Seal: s\nA: b\n");
}

static void
adds_signatures(void **state)
{
	(void)state;
	assert_outcome("{\"action\":\"no action\",\"dkim-signature\":"
		       "\"v=1;\\r\\n\\tb=x\"}",
	    TOP REST, TOP "DKIM-Signature: v=1;\n\tb=x\n" REST);
	assert_outcome("{\"action\":\"no action\",\"dkim-signature\":[\"1\","
		       "\"2\",\"3\"],\"milter\":{\"add_headers\":{"
		       "\"A-R\":{\"order\":1,\"value\":\"x\"}}}}",
	    TOP REST,
	    TOP "DKIM-Signature: 1\nDKIM-Signature: 2\nDKIM-Signature: 3\n"
		"A-R: x\n" REST);
}

static void
marks_spam(void **state)
{
	static const char had[] =
	    "Received: us\nX-SPAM: no\nA: 1\nX-Spam: no\n";

	(void)state;
	assert_milter("add header", "{}", TOP REST "X-Spam: Yes\n");
	assert_outcome("{\"action\":\"add header\"}", had,
	    "Received: us\nA: 1\nX-Spam: Yes\n");
	assert_outcome("{\"action\":\"add header\",\"milter\":{"
		       "\"spam_header\":\"Maybe\"}}",
	    had, "Received: us\nA: 1\nX-Spam: Maybe\n");
	assert_milter("add header",
	    "{\"spam_header\":{\"X-A\":\"n\\nm\",\"X-Junk\":\"Yes\"}}",
	    TOP "From: a\nSubject: Lunch\nX-A: n\n\tm\nX-Junk: Yes\n");
	assert_milter("add header",
	    "{\"spam_header\":{\"X-A\":\"\",\"X-None\":\"\",\"X-Junk\":\"y\"}}",
	    TOP "From: a\nSubject: Lunch\nX-Junk: y\n");
	assert_milter("add header", "{\"spam_header\":\"\"}", TOP REST);
	assert_milter("add header", "{\"spam_header\":{\"bad name\":\"x\"}}",
	    TOP REST "X-Spam: Yes\n");
	assert_milter("no action", "{\"spam_header\":\"Maybe\"}", TOP REST);
	assert_milter("rewrite subject", "{\"spam_header\":\"x\"}",
	    TOP REST "X-Spam: Yes\n");
}

static void
rewrites_the_subject(void **state)
{
	static const struct {
		const char *old, *want;
	} cases[] = {
		{ "A: 1\n", "A: 1\nSubject: new\n" },
		{ "", "Subject: new\n" },
		{ "Subject: x\nA: 1\n", "Subject: new\nA: 1\n" },
		{ "subject:x\nA: 1\n", "Subject: new\nA: 1\n" },
		{ "SUBJECT : x\nA: 1\n", "Subject: new\nA: 1\n" },
		{ "Subject:\nA: 1\n", "Subject: new\nA: 1\n" },
		{ "Subject: x\n\ty\n z\nA: 1\n", "Subject: new\nA: 1\n" },
		{ "A: 1\nSubject: x\nSubject: y\n",
		    "A: 1\nSubject: new\nSubject: y\n" },
		{ "Subject-x: 1\n", "Subject-x: 1\nSubject: new\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char old[200], want[200];
		(void)snprintf(old, sizeof(old), TOP "%s", cases[i].old);
		(void)snprintf(want, sizeof(want), TOP "%s", cases[i].want);
		assert_outcome(
		    "{\"action\":\"rewrite subject\",\"subject\":\"new\"}", old,
		    want);
	}
	assert_outcome("{\"action\":\"rewrite subject\",\"subject\":\"\"}",
	    TOP "Subject: x\n z\nSubject: y\nA: 1\n", TOP "Subject: y\nA: 1\n");
	assert_outcome("{\"action\":\"rewrite subject\",\"subject\":\"\"}",
	    TOP "A: 1\n", TOP "A: 1\n");
	/* smtpd's Received is gone: the one below is another host's */
	assert_outcome("{\"action\":\"rewrite subject\",\"subject\":\"n\"}",
	    "X-A: 1\nSubject: old\nReceived: them\n",
	    "X-A: 1\nSubject: n\nReceived: them\n");
}

#ifndef NOMEM_WHY
static void
survives_lack_of_memory(void **state)
{
	static const struct apply_options o = { .score = APPLY_SCORE_ALWAYS };
	struct verdict *v =
	    parse("{\"action\":\"add header\",\"score\":1,\"dkim-signature\":["
		  "\"s\"],\"milter\":{\"remove_headers\":{\"X-A\":[1,2]},"
		  "\"add_headers\":{\"N\":\"v\"}}}");
	struct apply a = { .code = 99 };
	long n = 0;
	int ret;

	(void)state;
	do {
		nomem_left = n++;
		ret = apply_verdict(v, &o, STR(TOP REST), &a);
		nomem_left = -1;
		assert_true(ret == 0 || a.code == 99);
	} while (ret == -1);
	assert_in_range(n, 10, 200);
	edit_free(a.edit);
	verdict_free(v);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_what_is_on_top),
		cmocka_unit_test(stops_at_a_line_that_is_no_field),
		cmocka_unit_test(adds_by_order),
		cmocka_unit_test(adds_in_the_order_of_the_reply),
		cmocka_unit_test(keeps_an_arc_set_together),
		cmocka_unit_test(adds_signatures),
		cmocka_unit_test(marks_spam),
		cmocka_unit_test(rewrites_the_subject),
#ifndef NOMEM_WHY
		cmocka_unit_test(survives_lack_of_memory),
#endif
	};

#ifdef NOMEM_WHY
	puts("ok - survives_lack_of_memory # SKIP " NOMEM_WHY);
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
