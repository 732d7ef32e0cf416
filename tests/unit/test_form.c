/* common/dkim/form */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/dkim/form.h"
#include "common/message/fold.h"
#include "tests/unit/guard.h"

static const unsigned char bh[DIGEST_SIZE];
#define BH64 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void
assert_form(const struct form *form, struct str expected)
{
	struct buf b;

	buf_init(&b, 10000);
	form_head(form, &b);
	assert_false(buf_failed(&b));
	if (!str_eq(buf_view(&b), expected))
		fail_msg("%.*s", (int)b.n, b.p);
	buf_clear(&b);
}

static void
writes_fields(void **state)
{
	struct form form = {
		.algorithm = SIG_RSA_SHA256,
		.header = CANON_RELAXED,
		.body = CANON_SIMPLE,
		.domain = STR("a.example"),
		.selector = STR("s"),
		.fields = STR("From"),
		.bh = bh,
	};

	(void)state;
	assert_form(&form,
	    STR("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; "
		"d=a.example; s=s;\n"
		"\th=From; bh=" BH64 "; b="));
	form.algorithm = SIG_ED25519_SHA256;
	form.header = CANON_SIMPLE;
	form.body = CANON_RELAXED;
	form.t = 1735689600;
	form.x = 1736553600;
	form.identity = STR("u=3Bx@b.a.example");
	form.fields = STR("From:From:To:To:Cc:Subject:Subject:Reply-To:Date:"
			  "Date:Message-ID:Message-ID:MIME-Version");
	form.copied = STR("From:=20a@b.example|Subject:=20one=20two=20three=20"
			  "four=20five=20six=20seven=20eight=20nine");
	assert_form(&form,
	    STR("DKIM-Signature: v=1; a=ed25519-sha256; c=simple/relaxed; "
		"d=a.example; "
		"s=s;\n"
		"\tt=1735689600; x=1736553600; i=u=3Bx@b.a.example; "
		"h=From:From:To:To:\n"
		"\tCc:Subject:Subject:Reply-To:Date:Date:Message-ID:"
		"Message-ID:\n"
		"\tMIME-Version; z=From:=20a@b.example|Subject:=20one=20two"
		"=20three=20fo\n"
		"\tur=20five=20six=20seven=20eight=20nine;\n"
		"\tbh=" BH64 "; b="));
}

/* The value goes right behind "b=", and no line gets longer than others. */
static void
writes_values(void **state)
{
	unsigned char sig[SIG_VALUE_MAX] = { 1, 2, 3 };
	struct str rest, line;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	buf_str(&b, STR("DKIM-Signature: x;\n\tb="));
	form_value(sig, 3, &b);
	assert_true(
	    str_eq(buf_view(&b), STR("DKIM-Signature: x;\n\tb=AQID\n")));
	for (size_t n = 64; n <= SIG_VALUE_MAX; n *= 2) {
		buf_reset(&b);
		buf_str(&b, STR("DKIM-Signature: x;\n\tb="));
		form_value(sig, n, &b);
		assert_false(buf_failed(&b));
		rest = buf_view(&b);
		assert_int_equal(rest.p[rest.n - 1], '\n');
		while (rest.n > 0) {
			(void)str_cut(&rest, '\n', &line);
			assert_in_range(line.n, 2, 70);
		}
	}
	buf_clear(&b);
}

static void
quotes(void **state)
{
	static const struct {
		const char *text, *plain, *all;
	} cases[] = {
		{ "", "", "" },
		{ "u@a.example", "u@a.example", "u@a.example" },
		{ "a b;c=d|e\n", "a=20b=3Bc=3Dd|e=0A",
		    "a=20b=3Bc=3Dd=7Ce=0D=0A" },
		{ "\x7f\x01\t~!", "=7F=01=09~!", "=7F=01=09~!" },
		{ "j\xc3\xb6", "j=C3=B6", "j=C3=B6" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = guard_copy(str_c(cases[i].text));
		struct buf b;

		buf_init(&b, 1000);
		form_quote(text, false, &b);
		assert_true(str_eq(buf_view(&b), str_c(cases[i].plain)));
		buf_reset(&b);
		form_quote(text, true, &b);
		assert_true(str_eq(buf_view(&b), str_c(cases[i].all)));
		buf_clear(&b);
		guard_free(text);
	}
}

/*
 * Whatever is before it: b= has the start of its value in the same line, and
 * what z= has never looks like it.
 */
static void
keeps_b_together(void **state)
{
	static const unsigned char sig[64] = { 1 };
	struct form form = { .domain = STR("a"),
		.selector = STR("s"),
		.copied = STR("From:b=20b=20bb=20b=20bbb=20"),
		.bh = bh };
	struct buf b, h;

	(void)state;
	buf_init(&b, 10000);
	buf_init(&h, 10000);
	buf_str(&h, STR("From"));
	for (int i = 0; i < 200; i++) {
		buf_chr(&h, 'x');
		form.fields = buf_view(&h);
		buf_reset(&b);
		form_head(&form, &b);
		form_value(sig, sizeof(sig), &b);
		buf_chr(&b, '\0');
		assert_null(strstr(b.p, "b=\n"));
		assert_null(strstr(b.p, "\tb=2"));
	}
	buf_clear(&b);
	buf_clear(&h);
}

/* A tag that fits no line is refused, not broken. */
static void
refuses_long_tags(void **state)
{
	struct form form = { .domain = STR("a"),
		.selector = STR("s"),
		.fields = STR("From"),
		.bh = bh };
	struct buf b, long_one;

	(void)state;
	buf_init(&b, 10000);
	buf_init(&long_one, 10000);
	while (long_one.n <= FOLD_LINE_MAX)
		buf_chr(&long_one, 'x');
	form.identity = buf_view(&long_one);
	form_head(&form, &b);
	assert_true(buf_failed(&b));
	buf_clear(&b);
	buf_clear(&long_one);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_fields),
		cmocka_unit_test(writes_values),
		cmocka_unit_test(quotes),
		cmocka_unit_test(keeps_b_together),
		cmocka_unit_test(refuses_long_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
