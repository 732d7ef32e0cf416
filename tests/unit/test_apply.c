/* filter-rspamd/apply, apply_remove and apply_score */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-rspamd/apply.h"
#include "tests/unit/guard.h"
#include "tests/unit/nomem.h"

#define OUT_MAX (8u * 1024 * 1024)
#define MANY 350000 /* fields in a header of 1 MiB */

#define TOP "Received: us\n\tfor b\n"
#define REST "From: a\nX-A: 1\nx-a : 2\n\tx\nX-A: 3\nSubject: Lunch\n"

static struct verdict *
parse(const char *json)
{
	struct verdict_reply r = { 200, STR_NULL, str_c(json) };
	struct verdict *v;
	struct buf why;

	buf_init(&why, 1000);
	v = verdict_parse(&r, &why);
	assert_int_equal(why.n, 0);
	assert_non_null(v);
	return v;
}

/* The changed header, or the reply and no header. */
static char *
outcome(const char *json, const struct apply_options *o, const char *header)
{
	struct verdict *v = parse(json);
	struct str block = guard_copy(str_c(header));
	struct apply a;
	struct buf b;

	buf_init(&b, OUT_MAX);
	assert_int_equal(apply_verdict(v, o, block, &a), 0);
	assert_true(!a.junk || (a.spam && a.edit != NULL));
	if (a.refused) {
		assert_null(a.edit);
		assert_false(a.has_body);
		buf_fmt(&b, "%d %s ", a.code, a.status);
		buf_str(&b, a.text);
	} else if (a.edit == NULL) {
		buf_str(&b, block);
	} else {
		assert_true(edit_changed(a.edit));
		edit_write(a.edit, &b);
	}
	edit_free(a.edit);
	verdict_free(v);
	guard_free(block);
	buf_chr(&b, '\0');
	assert_false(buf_failed(&b));
	return b.p;
}

static void
assert_outcome_with(const struct apply_options *o, const char *json,
    const char *header, const char *want)
{
	char *got = outcome(json, o, header);

	assert_string_equal(got, want);
	free(got);
}

static void
assert_outcome(const char *json, const char *header, const char *want)
{
	static const struct apply_options o = { .score = APPLY_SCORE_NEVER,
		.quarantine = APPLY_JUNK };

	assert_outcome_with(&o, json, header, want);
}

/* The same, the milter block given, on TOP REST. */
static void
assert_milter(const char *action, const char *block, const char *want)
{
	char json[2000];

	(void)snprintf(json, sizeof(json), "{\"action\":\"%s\",\"milter\":%s}",
	    action, block);
	assert_outcome(json, TOP REST, want);
}

static void
removes_by_number(void **state)
{
	static const struct {
		const char *numbers, *want;
	} cases[] = {
		{ "0", "From: a\nSubject: Lunch\n" },
		{ "1", "From: a\nx-a : 2\n\tx\nX-A: 3\nSubject: Lunch\n" },
		{ "2", "From: a\nX-A: 1\nX-A: 3\nSubject: Lunch\n" },
		{ "3", "From: a\nX-A: 1\nx-a : 2\n\tx\nSubject: Lunch\n" },
		{ "4", REST },
		{ "-1", "From: a\nX-A: 1\nx-a : 2\n\tx\nSubject: Lunch\n" },
		{ "-3", "From: a\nx-a : 2\n\tx\nX-A: 3\nSubject: Lunch\n" },
		{ "-4", REST },
		{ "99999999999999999999", REST },
		{ "-99999999999999999999", REST },
		{ "[]", REST },
		{ "[1,3]", "From: a\nx-a : 2\n\tx\nSubject: Lunch\n" },
		{ "[3,1,1]", "From: a\nx-a : 2\n\tx\nSubject: Lunch\n" },
		{ "[-1,1,2]", "From: a\nSubject: Lunch\n" },
		{ "[2,0]", "From: a\nSubject: Lunch\n" },
		{ "[300,-300]", REST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char block[200], want[200];
		(void)snprintf(block, sizeof(block),
		    "{\"remove_headers\":{\"x-A\":%s}}", cases[i].numbers);
		(void)snprintf(want, sizeof(want), TOP "%s", cases[i].want);
		assert_milter("no action", block, want);
	}
	/* the same name in two spellings; a name that is part of another */
	assert_milter("no action",
	    "{\"remove_headers\":{\"X-A\":1,\"x-a\":2,\"X\":0,\"X-AB\":0,"
	    "\"Subject \":0,\"\":0,\"From\":1}}",
	    TOP "X-A: 3\nSubject: Lunch\n");
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
	assert_outcome(json, "broken\nReceived: us\nX: 1\n",
	    "End: v\nThird: v\nSubject: s\nbroken\nReceived: us\nX: 1\n");
}

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
		{ "-4", "R: us\nN: v\nA: 1\nB: 2\nC: 3\n" },
		{ "-5", "N: v\nR: us\nA: 1\nB: 2\nC: 3\n" },
		{ "-1e30", "N: v\nR: us\nA: 1\nB: 2\nC: 3\n" },
		{ "null", "R: us\nA: 1\nB: 2\nC: 3\nN: v\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char json[200], want[200], *to = want;
		(void)snprintf(json, sizeof(json),
		    "{\"action\":\"no action\",\"milter\":{\"add_headers\":{"
		    "\"N\":{\"value\":\"v\",\"order\":%s}}}}",
		    cases[i].order);
		/* "R" in the table is short for Received */
		for (const char *p = cases[i].want; *p != '\0'; p++)
			to += snprintf(to, 20, "%.*s", *p == 'R' ? 8 : 1,
			    *p == 'R' ? "Received" : p);
		assert_outcome(json, "Received: us\nA: 1\nB: 2\nC: 3\n", want);
	}
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
	    "Subject: x\n", "Subject: \n");
	/* smtpd's Received is below it: not the message's Subject */
	assert_outcome("{\"action\":\"rewrite subject\",\"subject\":\"n\"}",
	    "Subject: ours\n" TOP, "Subject: ours\n" TOP "Subject: n\n");
}

static void
refuses(void **state)
{
	static const struct apply_options usual = { .quarantine =
							APPLY_REFUSE },
					  own = { .reject_text = { "Go away",
						      7 },
						  .soft_text = {
						      "Come back", 9 } };
#define TEXT ",\"messages\":{\"smtp_message\":\"a\\nb\"}}"
#define BLANK ",\"messages\":{\"smtp_message\":\" \\n \"}}"
	static const struct {
		const struct apply_options *o;
		const char *json, *want;
	} cases[] = {
		{ &usual, "{\"action\":\"reject\"}",
		    "554 5.7.1 Spam message rejected" },
		{ &usual, "{\"action\":\"soft reject\"}",
		    "451 4.7.1 Try again later" },
		{ &usual, "{\"action\":\"reject\"" TEXT, "554 5.7.1 a\nb" },
		{ &usual, "{\"action\":\"soft reject\"" TEXT,
		    "451 4.7.1 a\nb" },
		{ &own, "{\"action\":\"reject\"}", "554 5.7.1 Go away" },
		{ &own, "{\"action\":\"soft reject\"}", "451 4.7.1 Come back" },
		{ &own, "{\"action\":\"reject\"" TEXT, "554 5.7.1 a\nb" },
		{ &own, "{\"action\":\"reject\"" BLANK, "554 5.7.1 Go away" },
		{ &own, "{\"action\":\"discard\"" TEXT, "554 5.7.1 Go away" },
		{ &usual, "{\"action\":\"quarantine\"}",
		    "554 5.7.1 Spam message rejected" },
		{ &usual, "{\"action\":\"x\",\"reject\":\"discard\"}",
		    "554 5.7.1 Spam message rejected" },
		{ &usual, "{\"action\":\"greylist\"" TEXT, TOP REST },
		{ &usual, "{\"action\":\"custom\"" TEXT, TOP REST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_outcome_with(
		    cases[i].o, cases[i].json, TOP REST, cases[i].want);
}

static void
maps_discard_and_quarantine(void **state)
{
	static const struct apply_options o = { .score = APPLY_SCORE_NEVER,
		.discard = APPLY_ACCEPT,
		.quarantine = APPLY_JUNK };
	static const char had[] =
	    "Received: us\nX-Rspamd-Action: none\nX-Spam: no\nA: 1\n";
	struct verdict *v = parse("{\"action\":\"discard\"}");
	struct apply a;

	(void)state;
	assert_outcome_with(&o, "{\"action\":\"discard\"}", had,
	    "Received: us\nX-Spam: no\nA: 1\nX-Rspamd-Action: discard\n");
	assert_outcome_with(&o, "{\"action\":\"quarantine\"}", had,
	    "Received: us\nA: 1\nX-Rspamd-Action: quarantine\nX-Spam: Yes\n");
	assert_outcome_with(&o,
	    "{\"action\":\"reject\",\"milter\":{\"reject\":\"quarantine\"}}",
	    had,
	    "Received: us\nA: 1\nX-Rspamd-Action: quarantine\nX-Spam: Yes\n");
	assert_int_equal(apply_verdict(v, &o, STR_NULL, &a), 0);
	assert_true(a.mapped && a.spam && !a.refused);
	assert_false(a.junk);
	edit_free(a.edit);
	verdict_free(v);
}

static void
only_reports(void **state)
{
	static const struct apply_options o = { .score = APPLY_SCORE_NEVER },
					  report = { .score = APPLY_SCORE_NEVER,
						  .report_only = true };
	static const char *const actions[] = { "no action", "greylist",
		"add header", "rewrite subject", "soft reject", "reject",
		"quarantine", "discard", "my own" };

	(void)state;
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		char json[500], want[200];
		(void)snprintf(want, sizeof(want),
		    TOP "A: 1\nN: v\nX-Rspamd-Action: %s\n", actions[i]);
		for (int n = 0; n < 2; n++) {
			(void)snprintf(json, sizeof(json),
			    "{\"action\":\"%s\",\"subject\":\"s\",\"milter\":{"
			    "\"add_headers\":{\"N\":\"v\"},"
			    "\"spam_header\":\"x\",\"no_action\":%s}}",
			    actions[i], n == 0 ? "true" : "false");
			assert_outcome_with(
			    n == 0 ? &o : &report, json, TOP "A: 1\n", want);
		}
	}
}

static void
says_when_to_use_the_body(void **state)
{
	static const struct {
		const char *action, *block;
		bool used;
	} cases[] = {
		{ "no action", "{}", true },
		{ "add header", "{}", true },
		{ "add header", "{\"spam_header\":\"x\"}", false },
		{ "no action", "{\"spam_header\":\"x\"}", true },
		{ "add header", "{\"spam_header\":\"x\",\"no_action\":true}",
		    true },
		{ "reject", "{}", false },
	};
	static const struct apply_options o = { .score = APPLY_SCORE_NEVER };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[200], offset[20];
		struct verdict_reply r = { 200, STR_NULL, STR_NULL };
		struct verdict *v;
		struct apply a;
		(void)snprintf(text, sizeof(text),
		    "{\"action\":\"%s\",\"milter\":%s}", cases[i].action,
		    cases[i].block);
		(void)snprintf(offset, sizeof(offset), "%zu", strlen(text));
		r.offset = str_c(offset);
		r.body = str_c(text);
		v = verdict_parse(&r, NULL);
		assert_non_null(v);
		assert_true(v->has_body);
		assert_int_equal(apply_verdict(v, &o, STR_NULL, &a), 0);
		assert_int_equal(a.has_body, cases[i].used);
		edit_free(a.edit);
		verdict_free(v);
	}
}

#define SCORED "\"score\":6.5,\"required_score\":15"

static void
adds_scores(void **state)
{
	static const struct apply_options spam = { .score = APPLY_SCORE_SPAM },
					  always = { .score =
							 APPLY_SCORE_ALWAYS },
					  never = { .score =
							APPLY_SCORE_NEVER };
	static const struct {
		const struct apply_options *o;
		const char *json, *want;
	} cases[] = {
		{ &spam, "{\"action\":\"add header\"," SCORED "}",
		    "X-Spam: Yes\nX-Spam-Score: 6.5 / 15\n"
		    "X-Spam-Status: Yes, score=6.500 required=15.000\n" },
		{ &spam, "{\"action\":\"no action\"," SCORED "}",
		    "X-Spam-Score: 99\n" },
		{ &never, "{\"action\":\"add header\"," SCORED "}",
		    "X-Spam-Score: 99\nX-Spam: Yes\n" },
		{ &always,
		    "{\"action\":\"no action\",\"score\":-3.25,"
		    "\"required_score\":null,\"symbols\":{\"A\":{\"score\":1},"
		    "\"b c\":{},\"D\":{\"score\":-4.25}}}",
		    "X-Spam-Score: -3.25\nX-Spam-Status: No, score=-3.250\n"
		    "\ttests=[A=1.000, D=-4.250]\n" },
		{ &always, "{\"action\":\"no action\"}", "X-Spam-Score: 99\n" },
		/* rspamd's own fields win */
		{ &always,
		    "{\"action\":\"no action\"," SCORED ",\"milter\":{"
		    "\"remove_headers\":{\"X-Spam-Status\":0},"
		    "\"add_headers\":{\"x-spam-status\":\"No\"}}}",
		    "x-spam-status: No\nX-Spam-Score: 6.5 / 15\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char want[500];
		(void)snprintf(
		    want, sizeof(want), TOP "A: 1\n%s", cases[i].want);
		assert_outcome_with(cases[i].o, cases[i].json,
		    TOP "A: 1\nX-Spam-Score: 99\n", want);
	}
}

static void
folds_and_bounds_symbols(void **state)
{
	static const struct apply_options o = { .score = APPLY_SCORE_ALWAYS };
	struct buf b;
	char *got, *p;
	size_t bytes = 0;

	(void)state;
	buf_init(&b, OUT_MAX);
	buf_fmt(&b, "{\"action\":\"no action\",\"score\":1,\"symbols\":{");
	for (int i = 0; i < 2000; i++)
		buf_fmt(&b, "%s\"SYMBOL_%d\":{\"score\":0.1}",
		    i == 0 ? "" : ",", i);
	buf_fmt(&b, "}}");
	buf_chr(&b, '\0');
	got = outcome(b.p, &o, TOP);
	p = strstr(got, "tests=[SYMBOL_0=0.100, SYMBOL_1=0.100");
	assert_non_null(p);
	for (char *line = strtok_r(p, "\n", &p); line != NULL;
	     line = strtok_r(NULL, "\n", &p)) {
		size_t n = strlen(line);
		bytes += n + 1;
		assert_in_range(n, 1, 77 - 7);
		assert_true(line[0] == '\t' || line[0] == 't');
		if (*p == '\0')
			assert_int_equal(line[n - 1], ']');
	}
	assert_in_range(bytes, APPLY_TESTS_MAX - 100, APPLY_TESTS_MAX + 100);
	free(got);
	buf_clear(&b);
}

static void
marks_what_was_not_scanned(void **state)
{
	static const char had[] =
	    TOP "X-Rspamd-Action: reject\nX-Spam: no\nA: 1\n";
	static const char *const want[] = {
		TOP "X-Spam: no\nA: 1\nX-Rspamd-Action: none\n",
		TOP "A: 1\nX-Rspamd-Action: none\nX-Spam: Yes\n",
	};

	(void)state;
	for (int junk = 0; junk < 2; junk++) {
		struct edit *e = apply_mark(str_c(had), junk, STR("none"));
		struct buf b;
		assert_non_null(e);
		buf_init(&b, 1000);
		edit_write(e, &b);
		buf_chr(&b, '\0');
		assert_string_equal(b.p, want[junk]);
		buf_clear(&b);
		edit_free(e);
	}
}

/* Anything quadratic in fields would take minutes here. */
static void
stays_linear(void **state)
{
	static const struct apply_options o = { .score = APPLY_SCORE_NEVER };
	static char text[MANY * 3 + 1];
	struct buf b;
	char *got;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		memcpy(text + i * 3, i % 2 ? "a:\n" : "b:\n", 4);
	buf_init(&b, OUT_MAX);
	buf_fmt(&b,
	    "{\"action\":\"no action\",\"milter\":{"
	    "\"remove_headers\":{\"a\":[");
	for (int i = 0; i < 900; i++)
		buf_fmt(&b, "%d,", i % 2 ? i : -i);
	buf_fmt(&b, "0],\"c\":0,\"b\":0}}}");
	buf_chr(&b, '\0');
	got = outcome(b.p, &o, text);
	assert_string_equal(got, "");
	free(got);
	buf_clear(&b);
}

#ifndef NOMEM_WHY
static void
survives_lack_of_memory(void **state)
{
	static const struct apply_options o = { .score = APPLY_SCORE_ALWAYS };
	struct verdict *v = parse(
	    "{\"action\":\"add header\"," SCORED ",\"dkim-signature\":[\"s\"],"
	    "\"milter\":{\"remove_headers\":{\"X-A\":[1,2]},"
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
		cmocka_unit_test(removes_by_number),
		cmocka_unit_test(leaves_what_is_on_top),
		cmocka_unit_test(stops_at_a_line_that_is_no_field),
		cmocka_unit_test(adds_by_order),
		cmocka_unit_test(adds_in_the_order_of_the_reply),
		cmocka_unit_test(keeps_an_arc_set_together),
		cmocka_unit_test(adds_signatures),
		cmocka_unit_test(marks_spam),
		cmocka_unit_test(rewrites_the_subject),
		cmocka_unit_test(refuses),
		cmocka_unit_test(maps_discard_and_quarantine),
		cmocka_unit_test(only_reports),
		cmocka_unit_test(says_when_to_use_the_body),
		cmocka_unit_test(adds_scores),
		cmocka_unit_test(folds_and_bounds_symbols),
		cmocka_unit_test(marks_what_was_not_scanned),
		cmocka_unit_test(stays_linear),
#ifndef NOMEM_WHY
		cmocka_unit_test(survives_lack_of_memory),
#endif
	};

#ifdef NOMEM_WHY
	puts("ok - survives_lack_of_memory # SKIP " NOMEM_WHY);
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
