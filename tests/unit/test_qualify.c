/* common/message/qualify */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/message/qualify.h"
#include "tests/unit/guard.h"

/* Field, and what smtpd makes of it with the host "h"; NULL: the same. */
static const struct {
	const char *field, *edited;
} cases[] = {
	{ "To: root\n", "To: root@h\n" },
	{ "to:root\n", "to:root@h\n" },
	{ "FROM: root\n", "FROM: root@h\n" },
	{ "Cc: a, b@c, d\n", "Cc: a@h, b@c, d@h\n" },
	{ "To: Root <root>\n", "To: Root <root@h>\n" },
	{ "To: Root < root >\n", "To: Root < root@h >\n" },
	{ "To: \"Root, x\" <root>\n", "To: \"Root, x\" <root@h>\n" },
	{ "To: root (Charlie)\n", "To: root@h (Charlie)\n" },
	{ "To: (Charlie) root\n", "To: (Charlie) root@h\n" },
	{ "To: <root (Charlie)>\n", "To: <root (Charlie)@h>\n" },
	{ "To: \"root\"\n", "To: \"root\"@h\n" },
	{ "To: two words\n", "To: two words@h\n" },
	{ "To: r\xc3\xb6t\n", "To: r\xc3\xb6t@h\n" },
	/* folds stay, and stand after what is added */
	{ "To: root,\n\tdaemon\n", "To: root@h,\n\tdaemon@h\n" },
	{ "To: root\n ,x\n", "To: root@h\n ,x@h\n" },
	{ "To:\n root\n", "To:\n root@h\n" },
	{ "To: <root\n >\n", "To: <root@h\n >\n" },
	/* a domain somewhere outside of quotes and comments */
	{ "To: a@b\n", NULL },
	{ "To: a@b c\n", NULL },
	{ "To: x@y <root>\n", NULL },
	{ "To: \"x@y\" <root>\n", "To: \"x@y\" <root@h>\n" },
	{ "To: (x@y) root\n", "To: (x@y) root@h\n" },
	/* groups */
	{ "To: x: root, a;\n", "To: x: root, a;@h\n" },
	{ "To: undisclosed-recipients:;\n", NULL },
	{ "To: x:;, root\n", "To: x:;, root@h\n" },
	/* nothing there */
	{ "To:\n", NULL },
	{ "To: \n", NULL },
	{ "To: ,\n", NULL },
	{ "To: a@b,,\n", NULL },
	{ "To: <>\n", NULL },
	{ "To: x < >\n", NULL },
	/* not balanced */
	{ "To: \"root\n", NULL },
	{ "To: (root\n", NULL },
	{ "To: <root\n", NULL },
	{ "To: root)\n", "To: root@h)\n" },
	{ "To: root>\n", "To: root>@h\n" },
	/* escapes: smtpd heeds them in quotes only when it looks for commas */
	{ "To: \"a\\\"b\" <root>\n", NULL },
	{ "To: \"a\\\"b, c\" <root>\n", NULL },
	{ "To: a\\,b\n", "To: a\\,b@h\n" },
	{ "To: root\\\n", "To: root\\@h\n" },
	/* a comment alone is not to be written into, each time anew */
	{ "To: (x)\n", NULL },
	{ "To:(x)\n", "To: (x)\n" },
	{ "To: a@b,(x)\n", "To: a@b, (x)\n" },
	{ "To:)\n", "To:)@h\n" },
	/* other fields, and what smtpd does not take for one of the three */
	{ "Subject: root\n", NULL },
	{ "Reply-To: root\n", NULL },
	{ "Bcc: root\n", NULL },
	{ "To : root\n", NULL },
	{ "Toto: root\n", NULL },
	/* white space as isspace() has it */
	{ "To: root\v\n", "To: root@h\v\n" },
	{ "To:\froot\n", "To:\froot@h\n" },
};

static const struct qualify new_smtpd = { STR("h"), false };
static const struct qualify old_smtpd = { STR("h"), true };

/* What an smtpd before 7.5 makes of it. */
static const struct {
	const char *field, *edited;
} old_cases[] = {
	{ "To: \"a\\\"b, c\" <root>\n", "To: \"a\\\"b@h, c\" <root>\n" },
	{ "To: \"a\\\\\", b\n", "To: \"a\\\\\"@h, b@h\n" },
	{ "To: \"\\\"Doe, John\\\"\" <j@d>\n",
	    "To: \"\\\"Doe@h, John\\\"\" <j@d>\n" },
	{ "To: a\\,b\n", "To: a\\,b@h\n" },
	{ "To: \"a, b\" <root>\n", "To: \"a, b\" <root@h>\n" },
	{ "To: \"a\\\"b\" <root@x>\n", NULL },
};

/* Edits a field; to be cleared. */
static int
edit(struct str raw, const struct qualify *q, struct buf *out)
{
	struct str guarded = guard_copy(raw), block = guarded;
	struct field f;
	int r;

	buf_init(out, 100000);
	assert_int_equal(header_next(&block, &f), 1);
	r = qualify_field(&f, q, out);
	guard_free(guarded);
	return r;
}

static void
check(const char *field, const char *edited, const struct qualify *q)
{
	struct buf out, again;
	int r = edit(str_c(field), q, &out);

	assert_int_equal(r, edited != NULL);
	if (r == 0) {
		assert_int_equal(out.n, 0);
		buf_clear(&out);
		return;
	}
	if (!str_eq(buf_view(&out), str_c(edited)))
		fail_msg("%s: %.*s", field, (int)out.n, out.p);
	/* smtpd, which comes next, finds nothing to do */
	assert_int_equal(edit(buf_view(&out), q, &again), 0);
	buf_clear(&again);
	buf_clear(&out);
}

static void
edits_as_smtpd(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].field, cases[i].edited, &new_smtpd);
}

static void
edits_as_old_smtpd(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(old_cases) / sizeof(old_cases[0]); i++)
		check(old_cases[i].field, old_cases[i].edited, &old_smtpd);
}

static void
knows_old_versions(void **state)
{
	static const char *const old[] = { "6.6.0", "6.8.0p2", "7.3.0p0",
		"7.4.0-portable", "7.4" };
	static const char *const new[] = { "7.5.0p0", "7.8.0-portable", "8.0.0",
		"10.1", "", "7", ".", "x.y", "7.4x.1", "-1.0" };

	(void)state;
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		assert_true(qualify_is_old(str_c(old[i])));
	for (size_t i = 0; i < sizeof(new) / sizeof(new[0]); i++)
		assert_false(qualify_is_old(str_c(new[i])));
}

/* An address that does not fit smtpd's buffer with the host is left alone. */
static void
keeps_smtpds_limits(void **state)
{
	static const struct qualify q = { STR("mail.example"), false };
	/* " aaa...a" and its line end */
	const size_t most = QUALIFY_ADDRESS - 1 - q.host.n - 1;

	(void)state;
	for (size_t n = most - 1; n <= most + 1; n++) {
		struct buf b, out;

		buf_init(&b, 100000);
		buf_str(&b, STR("To: "));
		while (b.n < 3 + n - 1)
			buf_chr(&b, 'a');
		buf_str(&b, STR("\n"));
		assert_int_equal(edit(buf_view(&b), &q, &out), n <= most);
		buf_clear(&out);
		buf_clear(&b);
	}
	for (size_t n = QUALIFY_MAX - 1; n <= QUALIFY_MAX; n++) {
		struct buf b, out;

		buf_init(&b, 100000);
		buf_str(&b, STR("To:"));
		while (b.n < 3 + n - 2)
			buf_str(&b, STR(","));
		buf_str(&b, STR(",a\n"));
		assert_int_equal(edit(buf_view(&b), &q, &out), n < QUALIFY_MAX);
		buf_clear(&out);
		buf_clear(&b);
	}
}

static void
fails_without_room(void **state)
{
	struct str block = STR("To: root\n");
	struct field f;
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	assert_int_equal(header_next(&block, &f), 1);
	assert_int_equal(qualify_field(&f, &new_smtpd, &out), 1);
	assert_true(buf_failed(&out));
	buf_clear(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_as_smtpd),
		cmocka_unit_test(edits_as_old_smtpd),
		cmocka_unit_test(knows_old_versions),
		cmocka_unit_test(keeps_smtpds_limits),
		cmocka_unit_test(fails_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
