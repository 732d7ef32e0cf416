/* common/message/address */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/message/address.h"
#include "tests/unit/guard.h"

/* Each mailbox as "local@domain|", a malformed rest as "!". */
static const struct {
	const char *value, *found;
} cases[] = {
	{ "", "" },
	{ " \t\n ", "" },
	{ "a@b.example", "a@b.example|" },
	{ " <a@b.example>", "a@b.example|" },
	{ "Joe <a@b.example>", "a@b.example|" },
	{ "Joe Q. Public <a@b.example>", "a@b.example|" },
	{ "\"Public, Joe (<x@y>)\" <a@b.example>", "a@b.example|" },
	{ "\"a \\\" @ b\" <a@b.example>", "a@b.example|" },
	{ "a.b.c@d.e.example", "a.b.c@d.e.example|" },
	{ "A@B.Example", "A@B.Example|" },
	/* several, and empty places */
	{ "a@b, c@d", "a@b|c@d|" },
	{ ",, a@b ,, c@d,", "a@b|c@d|" },
	{ "A <a@b>, \"C, D\" <c@d>", "a@b|c@d|" },
	/* groups */
	{ "undisclosed-recipients:;", "" },
	{ "Friends of mine: a@b, C <c@d>;", "a@b|c@d|" },
	{ "x: a@b; , y: c@d;", "a@b|c@d|" },
	{ "x:;, a@b", "a@b|" },
	{ "x:; a@b", "!" },
	{ "x:; (y)", "" },
	{ "x: (nobody) ;", "" },
	{ "x: a@b", "a@b|!" },
	{ "x:", "!" },
	{ "x: y: a@b;;", "!" },
	{ "a@b;", "a@b|!" },
	/* comments */
	{ "(x) a (y) @ (z) b.example (w)", "a@b.example|" },
	{ "Joe (a, <x@y>) <a(b)@(c)d(e)> (f)", "a@d|" },
	{ "((()(\\))\\\\)) a@b", "a@b|" },
	{ "a@b (unclosed", "!" },
	{ "a@b )", "a@b|!" },
	/* local parts */
	{ "\"a b\"@c", "a b@c|" },
	{ "\"a@b\"@c", "a@b@c|" },
	{ "\"\"@c", "@c|" },
	{ "\"a\\\"b\"@c", "a\"b@c|" },
	{ "a.\"b c\".d@e", "a.b c.d@e|" },
	{ "a..b@c", "a..b@c|" },
	{ "a.@c", "a.@c|" },
	{ "a . b @ c . d", "a.b@c.d|" },
	{ "a\n .b\n @c\n .d", "a.b@c.d|" },
	{ "j\xc3\xb6rg@b\xc3\xbc"
	  "cher.example",
	    "j\xc3\xb6rg@b\xc3\xbc"
	    "cher.example|" },
	{ "a+b=c/d?e@f", "a+b=c/d?e@f|" },
	{ "a b@c", "!" },
	{ "a\"b\"@c", "!" },
	{ "@c", "!" },
	{ "\"unclosed@c", "!" },
	/* domains */
	{ "a@[192.0.2.1]", "a@[192.0.2.1]|" },
	{ "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]|" },
	{ "<a@[192.0.2.1]>", "a@[192.0.2.1]|" },
	{ "a@[192.0.2.1", "!" },
	{ "a@", "!" },
	{ "a@b@c", "!" },
	{ "a@b c", "!" },
	{ "a@\"b\"", "!" },
	{ "<a@b", "!" },
	{ "<a@b>>", "a@b|!" },
	{ "<a@b> c", "a@b|!" },
	{ "<a@b> <c@d>", "a@b|!" },
	{ "<>", "!" },
	{ "<a@>", "!" },
	{ "<<a@b>>", "!" },
	/* routes (RFC 5322 section 4.4) */
	{ "<@x.example:a@b>", "a@b|" },
	{ "<@x,@y,,@z:a@b>", "a@b|" },
	{ "<@x (c) , @y : a@b>", "a@b|" },
	{ "<@x>", "!" },
	{ "<@x", "!" },
	/* without "@" */
	{ "root", "root@|" },
	{ "<root>", "root@|" },
	{ "root (System)", "root@|" },
	{ "a@b, root", "a@b|root@|" },
	{ "two words", "!" },
	/* what people send */
	{ "x@evil.example <a@b.example>", "a@b.example|" },
	{ "Joe Doe @ Work <a@b>", "a@b|" },
	{ "Joe @ The Work <a@b>, c@d", "a@b|c@d|" },
	{ "x@y.example via List <a@b>", "a@b|" },
	{ "@joe <a@b>", "a@b|" },
	{ "x@y@z [w] <a@b>", "a@b|" },
	{ "x@y @", "!" },
	{ "Joe Doe @ Work, a@b", "!" },
	{ "Joe @ Work (<a@b>", "!" },
	{ "Sales: Joe <a@b>", "a@b|!" },
	{ "<x@y z> <a@b>", "!" },
	{ "\"x@evil.example\" <a@b.example>", "a@b.example|" },
	{ "[List] Joe <a@b>", "a@b|" },
	{ "J\xf6rg <a@b>", "a@b|" },
	{ "J\xc3\xb6rg, J\xc3\xbcrgen <a@b>", "J\xc3\xb6rg@|a@b|" },
	{ "=?utf-8?Q?Doe,_J=C3=B6rg:_x?= <a@b>", "a@b|" },
	{ "=?utf-8?B?SsO2cmc=?= =?utf-8?Q?a?=\n =?utf-8?Q?b?= <a@b>", "a@b|" },
	{ "=?unfinished, a@b", "=?unfinished@|a@b|" },
	{ "a@b, two words, c@d", "a@b|!" },
};

static void
run(struct str value, struct buf *got)
{
	struct address_parser p;
	struct address a;
	int r;

	buf_init(got, 200000);
	address_init(&p, value);
	while ((r = address_next(&p, &a)) == 1) {
		assert_int_equal(strlen(a.local), a.local_n);
		assert_int_equal(strlen(a.domain), a.domain_n);
		buf_fmt(got, "%s@%s|", a.local, a.domain);
	}
	if (r == -1) {
		buf_chr(got, '!');
		assert_int_equal(address_next(&p, &a), -1);
	} else
		assert_int_equal(address_next(&p, &a), 0);
	buf_chr(got, '\0');
}

static void
finds_mailboxes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str value = guard_copy(str_c(cases[i].value));
		struct buf got;

		run(value, &got);
		if (strcmp(got.p, cases[i].found) != 0)
			fail_msg("%s: %s", cases[i].value, got.p);
		buf_clear(&got);
		guard_free(value);
	}
}

/* n times text around the middle. */
static void
repeat(struct buf *b, const char *text, size_t n)
{
	while (n-- > 0)
		buf_str(b, str_c(text));
}

/* Returns what run() gives for before * n, middle, after * n. */
static bool
gives(const char *before, const char *middle, const char *after, size_t n,
    const char *found)
{
	struct buf b, got;
	bool same;

	buf_init(&b, 2000000);
	repeat(&b, before, n);
	repeat(&b, middle, 1);
	repeat(&b, after, n);
	run(buf_view(&b), &got);
	same = strcmp(got.p, found) == 0;
	buf_clear(&got);
	buf_clear(&b);
	return same;
}

static void
keeps_limits(void **state)
{
	char expected[300];

	(void)state;
	assert_true(gives("(", "", ")", ADDRESS_NESTING, ""));
	assert_true(gives("(", "", ")", ADDRESS_NESTING + 1, "!"));
	assert_true(gives("(", "", "", 500000, "!"));
	memset(expected, 'a', sizeof(expected));
	memcpy(expected + ADDRESS_LOCAL_MAX, "@b|", 4);
	assert_true(gives("a", "@b", "", ADDRESS_LOCAL_MAX, expected));
	assert_true(gives("a", "@b", "", ADDRESS_LOCAL_MAX + 1, "!"));
	memset(expected, 'a', sizeof(expected));
	memcpy(expected, "b@", 2);
	memcpy(expected + 2 + ADDRESS_DOMAIN_MAX, "|", 2);
	assert_true(gives("", "b@", "a", ADDRESS_DOMAIN_MAX, expected));
	assert_true(gives("", "b@", "a", ADDRESS_DOMAIN_MAX + 1, "!"));
	/* a display name may be as long as it likes */
	assert_true(gives("a", "<b@c>", "", 10000, "b@c|"));
	/* none of these takes more than linear time */
	assert_true(gives("=?.", "", "", 300000, "!"));
	assert_true(gives(",", "a@b", ",", 300000, "a@b|"));
	assert_true(gives("<", "", "", 300000, "!"));
	assert_true(gives("x:;", "a@b", "", 300000, "!"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_mailboxes),
		cmocka_unit_test(keeps_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
