/* filter-dkimverify/policy */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-dkimverify/policy.h"
#include "tests/unit/vectors.h"

static const struct {
	const char *block, *first;
	size_t fields;
	bool bad;
	uint64_t must; /* of bank.example and own.example */
} headers[] = {
	{ "From: a@B.example\n", "b.example", 1, false, 0 },
	{ "To: x@bank.example\nfrom : X <a@bank.example>\n", "bank.example", 1,
	    false, 1 },
	{ "From: a@x.own.example, b@bank.example\n", "x.own.example", 1, false,
	    3 },
	{ "From: a@notbank.example\n", "notbank.example", 1, false, 0 },
	{ "From: a@b.example\nFrom: c@bank.example\n", "b.example", 2, true,
	    1 },
	{ "From: a@\xc3\xbc.example\n", "xn--tda.example", 1, false, 0 },
	{ "From: a@Bank.example.\n", "bank.example", 1, false, 1 },
	/* nobody to ask */
	{ "From: a@bank.example..\n", "", 1, true, 1 },
	{ "", "", 0, true, 0 },
	{ "From:\n", "", 1, true, 0 },
	{ "From: undisclosed:;\n", "", 1, true, 0 },
	/* smtpd will complete it */
	{ "From: root\n", "", 1, true, 2 },
	{ "From: X <a@bank.example>, \"Y\" <ceo>\n", "bank.example", 1, true,
	    3 },
	{ "From: a@b.example\nFrom: ceo\n", "b.example", 2, true, 2 },
	{ "From : root\n", "", 1, true, 0 },
	/* no list of addresses, but readers show some author */
	{ "From: van Ban, K <k@bank.example>\n", "", 1, true, 3 },
	{ "From: x@b.example, van Ban, K <k@bank.example>\n", "b.example", 1,
	    true, 3 },
	{ "From: <k@bank.example\n", "", 1, true, 1 },
	{ "From: K <<k@bank.example.>>\n", "", 1, true, 1 },
	{ "From: 'k@sub.Bank.example'\n", "", 1, true, 1 },
	{ "From: K (x <k@bank.example>\n", "", 1, true, 1 },
	{ "From: <mailto:k@\n\tbank.example>\n", "", 1, true, 1 },
	{ "From: a b c@@bank.example_, <@\n", "", 1, true, 0 },
	{ "From: a@o'x.bank.example\n", "", 1, true, 1 },
	{ "From: a@\xe2\x82\xac.bank.example\n", "", 1, true, 1 },
	{ "From: a@.bank.example\n", "", 1, true, 1 },
	{ "From: a@BANK.example\xa0\n", "", 1, true, 1 },
	{ "From: a@\"bank.example\"\n", "", 1, true, 1 },
	{ "From: a@<bank.example>\n", "", 1, true, 1 },
	{ "From: a@!.bank.example.\n", "", 1, true, 1 },
	{ "From: a@!.notbank.example\n", "", 1, true, 0 },
	{ "From: van Ban, K <k@bank. example>\n", "", 1, true, 3 },
	{ "From: van Ban, K <k@bank(x(y)).\n\texample>\n", "", 1, true, 3 },
	{ "From: van Ban, K <k(@bank.example>\n", "", 1, true, 3 },
	{ "From: a@!.bank.example.com\n", "", 1, true, 0 },
	{ "From: bank.example <a@!.b>\n", "", 1, true, 0 },
	{ "From: \"k@bank.example\" <x@b.example>\n", "b.example", 1, false,
	    0 },
	{ "From: a@[192.0.2.1]\n", "", 1, true, 0 },
	{ "From: a@b.example, <c@bank.example\n", "b.example", 1, true, 1 },
	/* a display name that should have been quoted */
	{ "From: k@bank.example <x@b.example>\n", "b.example", 1, false, 1 },
	{ "From: (c) k@bank.example (c)<x@b.example>\n", "b.example", 1, false,
	    1 },
	{ "From: k@bank.example x <x@b.example>\n", "b.example", 1, false, 1 },
	{ "From: k@bank.example[x] <x@b.example>\n", "b.example", 1, false, 1 },
	{ "From: k@[bank.example] <x@b.example>\n", "b.example", 1, false, 1 },
	{ "From: K (k@bank.example) <x@b.example>\n", "b.example", 1, false,
	    0 },
	/* behind a CR, for some readers */
	{ "X: y\rFrom: k@bank.example\nFrom: x@b.example\n", "b.example", 2,
	    true, 1 },
	{ "From: x@b.example\nSubject: y\r\rFr\1om : k\n\t@bank.example\n",
	    "b.example", 2, true, 1 },
	{ "X: y\rFrom: a\rFrom: k@own.example\nFrom: x@b.example\n",
	    "b.example", 2, true, 2 },
	{ "X: y\r\n\tFrom: k@bank.example\nFrom: x@b.example\n", "b.example", 1,
	    false, 0 },
};

static void
authors(void **state)
{
	struct config c = { .must = { "bank.example", "own.example" },
		.nmust = 2 };
	const struct qualify q = { STR("mx.own.example"), false };

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct authors a;

		assert_int_equal(
		    policy_authors(&c, str_c(headers[i].block), &q, &a), 0);
		if (strcmp(a.first, headers[i].first) != 0 ||
		    a.fields != headers[i].fields || a.bad != headers[i].bad ||
		    a.must != headers[i].must)
			fail_msg("\"%s\": %s %zu %d %llu", headers[i].block,
			    a.first, a.fields, a.bad,
			    (unsigned long long)a.must);
	}
}

/* Messages of tests/fixtures/vectors, all signed by dkim.example. */
static const struct {
	const char *vector, *must;
	enum dkim_result on; /* gets the action */
	enum action action;
	bool bad_from;
	enum action want;
	const char *status;
} cases[] = {
	{ "10-relaxed-relaxed", "", DKIM_FAIL, ACTION_REJECT, false,
	    ACTION_PASS, NULL },
	{ "10-relaxed-relaxed", "", DKIM_PASS, ACTION_JUNK, false, ACTION_JUNK,
	    NULL },
	{ "r-bad-body", "", DKIM_FAIL, ACTION_REJECT, false, ACTION_REJECT,
	    "5.7.20" },
	{ "r-bad-body", "", DKIM_FAIL, ACTION_TEMPFAIL, false, ACTION_TEMPFAIL,
	    "4.7.5" },
	{ "r-bad-body", "", DKIM_NONE, ACTION_REJECT, false, ACTION_PASS,
	    NULL },
	{ "r-none", "", DKIM_NONE, ACTION_REJECT, false, ACTION_REJECT,
	    "5.7.20" },
	{ "k-r512", "", DKIM_POLICY, ACTION_REJECT, false, ACTION_REJECT,
	    "5.7.21" },
	{ "r-one-bad-one-good", "", DKIM_FAIL, ACTION_REJECT, false,
	    ACTION_PASS, NULL },
	{ "k-servfail", "", DKIM_TEMPERROR, ACTION_TEMPFAIL, false,
	    ACTION_TEMPFAIL, "4.7.5" },
	/* the strictest one counts */
	{ "r-none", "", DKIM_NONE, ACTION_JUNK, true, ACTION_REJECT, "5.7.1" },
	{ "10-relaxed-relaxed", "", DKIM_FAIL, ACTION_REJECT, true,
	    ACTION_REJECT, "5.7.1" },
	/* domains that must sign */
	{ "10-relaxed-relaxed", "dkim.example", DKIM_FAIL, ACTION_PASS, false,
	    ACTION_PASS, NULL },
	{ "10-relaxed-relaxed", "example", DKIM_FAIL, ACTION_PASS, false,
	    ACTION_PASS, NULL },
	{ "10-relaxed-relaxed", "other.example", DKIM_FAIL, ACTION_PASS, false,
	    ACTION_REJECT, "5.7.22" },
	{ "r-none", "dkim.example", DKIM_FAIL, ACTION_PASS, false,
	    ACTION_REJECT, "5.7.20" },
	{ "r-bad-body", "dkim.example", DKIM_FAIL, ACTION_PASS, false,
	    ACTION_REJECT, "5.7.20" },
	{ "k-servfail", "dkim.example", DKIM_FAIL, ACTION_PASS, false,
	    ACTION_TEMPFAIL, "4.7.5" },
};

static void
decisions(void **state)
{
	static const struct verify_options defaults;
	struct buf zone = vectors_read(VECTORS "zone.tsv");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf m = vectors_message(str_c(cases[i].vector));
		struct config c = { .on_unsigned = ACTION_REJECT,
			.on_bad_from = ACTION_REJECT };
		struct authors a = { .bad = cases[i].bad_from };
		struct verify *v = vectors_verify(
		    buf_view(&m), buf_view(&zone), &defaults, VECTORS_NOW);
		struct policy p;

		c.on[cases[i].on] = cases[i].action;
		if (cases[i].must[0] != '\0') {
			(void)snprintf(
			    c.must[0], sizeof(c.must[0]), "%s", cases[i].must);
			c.nmust = 1;
			a.must = 1;
		}
		p = policy_decide(&c, &a, v);
		if (p.action != cases[i].want ||
		    (cases[i].status == NULL) != (p.code == 0) ||
		    (p.code != 0 && strcmp(p.status, cases[i].status) != 0))
			fail_msg("%zu %s: %d %d %s", i, cases[i].vector,
			    p.action, p.code, p.code == 0 ? "" : p.status);
		verify_free(v);
		buf_clear(&m);
	}
	buf_clear(&zone);
}

/* The key of k-ty says t=y: its broken signature is no reason, no excuse. */
static void
test_mode(void **state)
{
	static const struct verify_options defaults;
	struct buf zone = vectors_read(VECTORS "zone.tsv");
	struct buf m = vectors_message(STR("k-ty"));
	struct authors a = { .must = 1 };
	struct config c = { .on_unsigned = ACTION_REJECT,
		.must = { "dkim.example" },
		.nmust = 1 };
	struct verify *v;
	char *subject;

	(void)state;
	subject = strstr(m.p, "Subject: ");
	assert_non_null(subject);
	subject[9] = (char)(subject[9] ^ 1);
	v = vectors_verify(
	    buf_view(&m), buf_view(&zone), &defaults, VECTORS_NOW);
	assert_int_equal(verify_result(v), DKIM_FAIL);
	c.on[DKIM_FAIL] = ACTION_REJECT;
	assert_int_equal(policy_decide(&c, &a, v).action, ACTION_REJECT);
	c.nmust = 0;
	assert_int_equal(policy_decide(&c, &a, v).action, ACTION_PASS);
	c.on[DKIM_NONE] = ACTION_JUNK; /* as unsigned mail */
	assert_int_equal(policy_decide(&c, &a, v).action, ACTION_JUNK);
	verify_free(v);
	buf_clear(&m);
	buf_clear(&zone);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authors),
		cmocka_unit_test(decisions),
		cmocka_unit_test(test_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
