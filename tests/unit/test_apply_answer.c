/* filter-rspamd/apply: answers and marks */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/applied.h"

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
says_what_is_marked(void **state)
{
	static const struct {
		const char *json;
		bool junk;
	} cases[] = {
		{ "{\"action\":\"add header\"}", true },
		{ "{\"action\":\"add header\",\"milter\":{"
		  "\"spam_header\":{\"A\":\"\",\"B\":\"x\"}}}",
		    true },
		{ "{\"action\":\"add header\",\"milter\":{"
		  "\"spam_header\":{\"A\":\"\",\"B\":\"\"}}}",
		    false },
		{ "{\"action\":\"rewrite subject\"}", true },
		{ "{\"action\":\"rewrite subject\",\"subject\":\"s\"}", true },
		{ "{\"action\":\"rewrite subject\",\"subject\":\"\"}", false },
		{ "{\"action\":\"no action\"}", false },
	};
	static const struct apply_options o = { .score = APPLY_SCORE_NEVER };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct verdict *v = parse(cases[i].json);
		struct apply a;
		assert_int_equal(apply_verdict(v, &o, STR(TOP), &a), 0);
		assert_int_equal(a.junk, cases[i].junk);
		edit_free(a.edit);
		verdict_free(v);
	}
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
		{ &spam,
		    "{\"action\":\"add header\"," SCORED ",\"milter\":{"
		    "\"spam_header\":{\"X-Spam-Status\":\"s\","
		    "\"x-spam-score\":\"9\"}}}",
		    "X-Spam-Status: s\nx-spam-score: 9\n" },
		/* but not those that are not added */
		{ &spam,
		    "{\"action\":\"add header\"," SCORED ",\"milter\":{"
		    "\"spam_header\":{\"X-Spam-Score\":\"\"}}}",
		    "X-Spam-Score: 6.5 / 15\n"
		    "X-Spam-Status: Yes, score=6.500 required=15.000\n" },
		{ &always,
		    "{\"action\":\"add header\"," SCORED ",\"milter\":{"
		    "\"no_action\":true,\"spam_header\":{"
		    "\"X-Spam-Status\":\"s\",\"X-Spam-Score\":\"9\"}}}",
		    "X-Rspamd-Action: add header\nX-Spam-Score: 6.5 / 15\n"
		    "X-Spam-Status: Yes, score=6.500 required=15.000\n" },
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(maps_discard_and_quarantine),
		cmocka_unit_test(says_what_is_marked),
		cmocka_unit_test(only_reports),
		cmocka_unit_test(says_when_to_use_the_body),
		cmocka_unit_test(adds_scores),
		cmocka_unit_test(marks_what_was_not_scanned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
