/* filter-dkimverify/forged */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/message/header.h"
#include "common/message/address.h"
#include "filter-dkimverify/forged.h"
#include "tests/unit/guard.h"

static struct forged_ids ids;

static void
add_id(const char *name)
{
	assert_int_equal(forged_name(str_c(name), ids.v[ids.n]), 0);
	ids.n++;
}

static int
set_up(void **state)
{
	(void)state;
	add_id("mx.Example.NET");
	add_id("\xc3\xbc.example"); /* xn--tda.example */
	add_id(".own.example");
	add_id(".\xc3\xb6.example"); /* .xn--nda.example */
	return 0;
}

#define AR "Authentication-Results"
#define OTHER " mx.other.example"

static const struct {
	const char *field;
	bool want;
} cases[] = {
	/* ours, in many spellings */
	{ AR ": mx.example.net; dkim=pass", true },
	{ AR ": mx.example.net", true },
	{ AR ": Own.Name; dkim=pass", true },
	{ AR ": sub.own.name; dkim=pass", false },
	{ AR ":mx.example.net;dkim=pass", true },
	{ "authentication-results: MX.EXAMPLE.NET; none", true },
	{ AR " : mx.example.net; none", true },
	{ AR " \t :\n\tmx.example.net; none", true },
	{ AR ":\n mx.example.net\n 1; dkim=pass", true },
	{ AR ": (x) mx.example.net; dkim=pass", true },
	{ AR ": (a(b)\\)c)\n (d) mx.example.net (e) ; dkim=pass", true },
	{ AR ": \"mx.example.net\"; dkim=pass", true },
	{ AR ": \"mx.\\example.net\"; dkim=pass", true },
	{ AR ": \" mx.example.net \"; dkim=pass", true },
	{ AR ": mx.example.net.; dkim=pass", true },
	{ AR ": mx.example.net 1; dkim=pass", true },
	{ AR ": mx.example.net(c)1; dkim=pass", true },
	{ AR ":\rmx.example.net; dkim=pass", true },
	{ AR "\r: mx.example.net; dkim=pass", true },
	{ AR "\n : mx.example.net; dkim=pass", true },
	{ AR "\v:mx.example.net; dkim=pass", true },
	{ AR "\xc2\xa0: mx.example.net; dkim=pass", true },
	{ "\xef\xbb\xbf" AR ": mx.example.net; dkim=pass", true },
	{ "Authentication\xe2\x80\x8b-Results: mx.example.net", true },
	{ "Authentication-\rResults: mx.example.net; dkim=pass", true },
	{ "Authentication-Result: mx.example.net; dkim=pass", false },
	{ "Authentication-Resultss: mx.example.net; dkim=pass", false },
	/* an id of ours in A-labels and as U-labels, and below a suffix */
	{ AR ": \xc3\xbc.example; dkim=pass", true },
	{ AR ": \xc3\x9c.EXAMPLE; dkim=pass", true },
	{ AR ": XN--TDA.example; dkim=pass", true },
	{ AR ": a.b.own.example; dkim=pass", true },
	{ AR ": own.example; dkim=pass", true },
	{ AR ": a.xn--nda.example; dkim=pass", true },
	{ AR ": a.\xc3\x96.example; dkim=pass", true },
	/* nothing that can be understood */
	{ AR ":", true },
	{ AR ": ", true },
	{ AR ": ; dkim=pass", true },
	{ AR ": dkim=pass header.d=x", true },
	{ AR ": spf=pass (x) smtp.mailfrom=y; dkim=none", true },
	{ AR ": mx.other.example 2; dkim=pass", true },
	{ AR ": mx.other.example 0; dkim=pass", true },
	{ AR ": mx.other.example 11; dkim=pass", true },
	{ AR ": mx.other.example 1x; dkim=pass", true },
	{ AR ": mx.other.example dkim=pass", true },
	{ AR ": mx.other.example/1; dkim=pass", true },
	{ AR ": (mx.other.example; dkim=pass", true },
	{ AR ": \"mx.other.example; dkim=pass", true },
	{ AR ": \"mx.other.example\\", true },
	{ AR ": mx.other.example; dkim=pass (x", true },
	{ AR ": mx.other.example; dkim=pass reason=\"x", true },
	{ AR ": mx.other.example; dkim=pass reason=\"x\\\"", true },
	{ AR ": \vmx.example.net; dkim=pass", true },
	{ AR ": \xff\xfe; dkim=pass", true },
	{ AR ": \xc2\xa0mx.example.net; dkim=pass", true },
	{ AR ": =?utf-8?q?mx=2Eexample=2Enet?=; dkim=pass", true },
	{ AR ": \"mx.example.net\x01\"; dkim=pass", true },
	{ AR ": \"mx. example.net\"; dkim=pass", true },
	{ AR ": \"=?utf-8?q?mx=2Eexample=2Enet?=\"; dkim=pass", true },
	{ AR ": mx.example..net; dkim=pass", true },
	{ AR ": .mx.example.net; dkim=pass", true },
	{ AR ": mx.example.net..; dkim=pass", true },
	/* for readers who take CR for a line end */
	{ "Subject: a\r" AR ": mx.example.net; dkim=pass", true },
	{ "X: a\r\rauthentication-results\t: mx.example.net", true },
	{ AR ":" OTHER "; none\r" AR ": mx.example.net", true },
	{ "X: a\rAuthentication-\x01Results\v: mx.example.net", true },
	{ "X: a\r\x7f" AR ": mx.example.net", true },
	{ "X: a\r\n " AR ": mx.example.net", false },
	/* not ours */
	{ AR ":" OTHER "; dkim=pass header.d=example.com", false },
	{ AR ":" OTHER " 1; dkim=pass", false },
	{ AR ":" OTHER " 01 ; dkim=pass", false },
	{ AR ": (mx.example.net)" OTHER "; dkim=pass", false },
	{ AR ":" OTHER "; dkim=pass (mx.example.net)", false },
	{ AR ":" OTHER "; dkim=fail reason=\"a;(\\\"\"", false },
	{ AR ": mx.example.net.other.example; dkim=pass", false },
	{ AR ": amx.example.net; dkim=pass", false },
	{ AR ": example.net; dkim=pass", false },
	{ AR ": notown.example; dkim=pass", false },
	{ AR ": \xc3\xa4.example; dkim=pass", false },
	{ "ARC-" AR ": i=1; mx.example.net; dkim=pass", false },
	{ "X-" AR ": mx.example.net; dkim=pass", false },
	{ AR "-X: mx.example.net; dkim=pass", false },
	{ "Subject: " AR ": mx.example.net; dkim=pass", false },
	{ "Subject: a\rb " AR ": x", false },
};

static bool
is_forged(enum forged_mode mode, struct str raw)
{
	struct forged_rule rule = { mode, &ids, "own.name" };
	struct field f;
	struct str rest = raw;

	assert_int_equal(header_next(&rest, &f), 1);
	assert_int_equal(rest.n, 0);
	return forged_is(&rule, f.raw);
}

static void
spellings(void **state)
{
	char line[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str s;

		(void)snprintf(line, sizeof(line), "%s\n", cases[i].field);
		s = guard_copy(str_c(line));
		if (is_forged(FORGED_OWN, s) != cases[i].want)
			fail_msg("\"%s\"", cases[i].field);
		assert_false(is_forged(FORGED_KEEP, s));
		guard_free(s);
	}
}

static void
modes(void **state)
{
	(void)state;
	assert_true(is_forged(FORGED_ALL, STR(AR ":" OTHER "; none\n")));
	assert_false(is_forged(FORGED_ALL, STR("Subject: x\n")));
}

static void
renames(void **state)
{
	static const char header[] =
	    AR " : mx.example.net;\n dkim=pass\n" AR ":" OTHER "; none\n"
	       "Authentication-\rResults: mx.example.net\n"
	       "X: y\r" AR ": mx.example.net\n"
	       "authentication-results: a\r" AR ": mx.example.net\n" AR ":\n"
	       "From: x\n";
	struct forged_rule rule = { FORGED_OWN, &ids, "" };
	struct edit *e = edit_new(str_c(header));
	struct buf out;

	(void)state;
	assert_non_null(e);
	assert_int_equal(forged_remove(&rule, true, e), 5);
	buf_init(&out, 1000);
	edit_write(e, &out);
	buf_chr(&out, '\0');
	assert_string_equal(out.p,
	    "X-Original-" AR " : mx.example.net;\n dkim=pass\n" AR ":" OTHER
	    "; none\n"
	    "X-Original-" AR ":\n"
	    "From: x\n");
	assert_int_equal(forged_remove(&rule, false, e), 0);
	buf_clear(&out);
	edit_free(e);
}

/* Comments as deep as is taken, and one deeper. */
static void
nesting(void **state)
{
	for (unsigned extra = 0; extra < 2; extra++) {
		struct buf b;

		buf_init(&b, 1000);
		buf_fmt(&b, AR ": ");
		for (unsigned i = 0; i < ADDRESS_NESTING + extra; i++)
			buf_chr(&b, '(');
		for (unsigned i = 0; i < ADDRESS_NESTING + extra; i++)
			buf_chr(&b, ')');
		buf_fmt(&b, OTHER "; none\n");
		assert_true(
		    is_forged(FORGED_OWN, buf_view(&b)) == (extra == 1));
		buf_clear(&b);
	}
	(void)state;
}

/* An id of as many bytes as are taken, and one more. */
static void
long_ids(void **state)
{
	for (unsigned extra = 0; extra < 2; extra++) {
		struct buf b;

		buf_init(&b, 1000);
		buf_fmt(&b, AR ": ");
		for (unsigned i = 0; i < FORGED_ID_MAX + extra; i++)
			buf_chr(&b, 'x');
		buf_fmt(&b, "; none\n");
		assert_true(
		    is_forged(FORGED_OWN, buf_view(&b)) == (extra == 1));
		buf_clear(&b);
	}
	(void)state;
}

static const struct {
	const char *text; /* lines */
	bool want;
} rests[] = {
	{ "", false },
	{ "X: y\n\n" AR ": mx.example.net; none\n", false },
	{ "\n" AR ": mx.example.net; none\n", false },
	{ "X: y\n", false },
	{ "X: y\n continued\n z\n\n", false },
	{ AR "x: y\n\n", false },
	{ AR " x: y\n\n", false },
	{ "X: " AR ": y\n\n", false },
	{ AR ": mx.example.net; none\n\n", true },
	{ "X: y\nauthentication-RESULTS \t : x\n\n", true },
	{ "X: y\nAuthentication-\x01Results\v: x\n\n", true },
	{ "X: y\n\x7f" AR ": x\n\n", true },
	{ "X: y\n " AR ": x\n\n", false },
	{ "X: y\n" AR ":", true },
	{ "X: y\r" AR ": x\n\n", true },
	{ " continued\nX: y\n\n", true },
	{ "\tcontinued\n\n", true },
	{ "X: y\nFrom: x\n\n", false },
}, author_rests[] = {
	{ AR ": x\n\nFrom: x\n", false },
	{ "X: y\nfrom : x\n\n", true },
	{ "Fr\x01om: x\n\n", true },
	{ "X: y\rFrom: x\n\n", true },
	{ "X-From: y\nFrom-X: y\n\n", false },
	{ " continued\n\n", true },
};

static int
is_in_rest(const char *lines, int (*what)(const struct store *))
{
	struct store_pool pool = {
		.dir = "/tmp", .spill = STORE_SPILL, .budget = STORE_BUDGET
	};
	struct str text = str_c(lines), line;
	struct store *st = store_new(&pool);
	int r;

	assert_non_null(st);
	while (text.n > 0) {
		(void)str_cut(&text, '\n', &line);
		assert_int_equal(store_line(st, line), 0);
	}
	r = what(st);
	store_free(st);
	return r;
}

static void
rest_of_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++)
		if (is_in_rest(rests[i].text, forged_in_rest) != rests[i].want)
			fail_msg("case %zu", i);
	for (size_t i = 0; i < sizeof(author_rests) / sizeof(author_rests[0]);
	     i++)
		if (is_in_rest(author_rests[i].text, forged_author_in_rest) !=
		    author_rests[i].want)
			fail_msg("author %zu", i);
}

/* A field across the blocks that are read, from a file. */
static void
rest_in_a_file(void **state)
{
	struct store_pool pool = {
		.dir = "/tmp", .spill = STORE_SPILL, .budget = STORE_BUDGET
	};
	char line[1000];

	(void)state;
	memset(line, 'x', sizeof(line));
	for (unsigned at = 0; at < 24; at++) {
		struct store *st = store_new(&pool);
		struct str pad = str_n(line, sizeof(line) - at);

		assert_non_null(st);
		for (unsigned i = 0; i < 600; i++)
			assert_int_equal(store_line(st, pad), 0);
		assert_int_equal(store_line(st, STR(AR ": x")), 0);
		assert_int_equal(store_line(st, STR("")), 0);
		assert_true(forged_in_rest(st));
		store_free(st);
	}
	store_pool_clear(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spellings),
		cmocka_unit_test(modes),
		cmocka_unit_test(renames),
		cmocka_unit_test(nesting),
		cmocka_unit_test(long_ids),
		cmocka_unit_test(rest_of_header),
		cmocka_unit_test(rest_in_a_file),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
