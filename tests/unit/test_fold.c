/* common/message/fold */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/message/fold.h"
#include "tests/unit/guard.h"

#define TEN "1234567890"
#define FIFTY TEN TEN TEN TEN TEN

/* No line has more columns than FOLD_COLUMNS, or is empty. */
static void
assert_narrow(struct str text)
{
	struct str line;

	while (text.n > 0) {
		(void)str_cut(&text, '\n', &line);
		assert_true(line.n > 0);
		assert_true(line.n + (line.p[0] == '\t' ? FOLD_TAB - 1 : 0) <=
		    FOLD_COLUMNS);
	}
}

static void
breaks_between_words(void **state)
{
	struct fold f;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	fold_init(&f, &b, STR("X"));
	fold_word(&f, STR(FIFTY));
	fold_word(&f, STR(TEN TEN "123")); /* to column 77 exactly */
	fold_word(&f, STR("a"));
	fold_glue(&f, STR(";"));
	fold_line(&f, STR("b"));
	fold_line(&f, STR("c"));
	fold_word(&f, STR("d"));
	fold_break(&f, 2);
	fold_glue(&f, STR(":e"));
	fold_end(&f);
	assert_false(buf_failed(&b));
	assert_true(str_eq(buf_view(&b),
	    STR("X: " FIFTY " " TEN TEN "123\n\ta;\n\tb\n\tc d:e\n")));
	assert_narrow(buf_view(&b));
	buf_clear(&b);
}

static void
breaks_after_the_name(void **state)
{
	struct fold f;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	fold_init(&f, &b, STR("X-Name"));
	fold_word(&f, STR(FIFTY FIFTY));
	fold_word(&f, STR("a"));
	fold_end(&f);
	assert_true(
	    str_eq(buf_view(&b), STR("X-Name:\n\t" FIFTY FIFTY "\n\ta\n")));
	buf_clear(&b);
}

static void
breaks_streams(void **state)
{
	struct fold f;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	fold_init(&f, &b, STR("X"));
	fold_word(&f, STR("b="));
	for (int i = 0; i < 20; i++)
		fold_stream(&f, STR(TEN TEN "123"));
	fold_end(&f);
	assert_narrow(buf_view(&b));
	assert_int_equal(b.n - 6, 20 * 23 + 2 * (20 * 23 / 69));
	buf_clear(&b);
}

/* What was begun elsewhere goes on at the right column. */
static void
goes_on(void **state)
{
	struct fold f;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	buf_str(&b, STR("X: " FIFTY "\n\t" FIFTY));
	fold_resume(&f, &b);
	fold_break(&f, 19);
	fold_glue(&f, STR(TEN "123456789")); /* to column 77 */
	fold_break(&f, 1);
	fold_glue(&f, STR("x"));
	fold_end(&f);
	assert_true(str_eq(buf_view(&b),
	    STR("X: " FIFTY "\n\t" FIFTY TEN "123456789\n\tx\n")));
	buf_reset(&b);
	buf_str(&b, STR("X: " FIFTY));
	fold_resume(&f, &b);
	fold_stream(&f, STR(FIFTY));
	assert_true(str_eq(
	    buf_view(&b), STR("X: " FIFTY TEN TEN "1234\n\t567890" TEN TEN)));
	buf_clear(&b);
}

static void
refuses_long_lines(void **state)
{
	struct fold f;
	struct buf b, word;

	(void)state;
	buf_init(&b, 10000);
	buf_init(&word, 10000);
	while (word.n < FOLD_LINE_MAX - 1)
		buf_chr(&word, 'x');
	fold_init(&f, &b, STR("X"));
	fold_word(&f, buf_view(&word)); /* and a HTAB */
	assert_false(buf_failed(&b));
	fold_glue(&f, STR("x"));
	assert_true(buf_failed(&b));
	buf_clear(&b);
	buf_clear(&word);
}

/* utf8 as given, not utf8 if that differs. */
static const struct {
	const char *value, *text, *ascii;
} values[] = {
	{ "example.com", "example.com", NULL },
	{ "a!#$%&'*+-.^_`{|}~9", "a!#$%&'*+-.^_`{|}~9", NULL },
	{ "u@example.com", "u@example.com", NULL },
	{ "@example.com", "@example.com", NULL },
	{ "", "\"\"", NULL },
	{ "@", "\"@\"", NULL },
	{ "u@", "\"u@\"", NULL },
	{ "a@b@c", "\"a@b@c\"", NULL },
	{ "a.b+c@x_y.example", "a.b+c@x_y.example", NULL },
	{ "@'", "\"@'\"", NULL },
	{ "@a..b", "\"@a..b\"", NULL },
	{ ".a@b", "\".a@b\"", NULL },
	{ "a.@b", "\"a.@b\"", NULL },
	{ "two words", "\"two words\"", NULL },
	{ "a;b=c", "\"a;b=c\"", NULL },
	{ "ab/+=", "\"ab/+=\"", NULL },
	{ "a\"b\\c", "\"a\\\"b\\\\c\"", NULL },
	{ "(x)", "\"(x)\"", NULL },
	/* nothing that could begin a line, or end the string */
	{ "a\r\nX-Evil: b", "\"aX-Evil: b\"", NULL },
	{ "a\tb\x01\x1f\x7f", "\"ab\"", NULL },
	{ "\n", "\"\"", NULL },
	/* UTF-8, and what is none */
	{ "b\xc3\xbc"
	  "cher",
	    "\"b\xc3\xbc"
	    "cher\"",
	    "\"b??cher\"" },
	{ "\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xe2\x82\xac\xf0\x9f\x98\x80\"",
	    "\"???????\"" },
	/* NEL, LINE SEPARATOR, RIGHT-TO-LEFT OVERRIDE, an isolate; NBSP */
	{ "\xc2\x85", "\"?\"", "\"??\"" },
	{ "\xe2\x80\xa8\xe2\x80\xae", "\"??\"", "\"??????\"" },
	{ "\xe2\x81\xa7\xc2\xa0", "\"?\xc2\xa0\"", "\"?????\"" },
	{ "\xfc", "\"?\"", "\"?\"" },
	{ "\xc3", "\"?\"", "\"?\"" },
	{ "\xc3\"", "\"?\\\"\"", "\"?\\\"\"" },
	{ "\xc0\xaf", "\"??\"", "\"??\"" },
	{ "\xe0\x80\xaf", "\"???\"", "\"???\"" },
	{ "\xed\xa0\x80", "\"???\"", "\"???\"" },
	{ "\xf4\x90\x80\x80", "\"????\"", "\"????\"" },
	{ "\xf8\x88\x80\x80", "\"????\"", "\"????\"" },
};

static void
assert_value(struct str value, bool utf8, struct str expected)
{
	struct str guarded = guard_copy(value);
	struct buf b;

	buf_init(&b, 10000);
	fold_value(guarded, utf8, &b);
	if (!str_eq(buf_view(&b), expected))
		fail_msg("%.*s: %.*s", (int)value.n, value.p, (int)b.n, b.p);
	buf_clear(&b);
	guard_free(guarded);
}

static void
quotes_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct str value = str_c(values[i].value);
		const char *ascii = values[i].ascii;

		assert_value(value, true, str_c(values[i].text));
		assert_value(value, false,
		    str_c(ascii == NULL ? values[i].text : ascii));
	}
	assert_value(str_n("a\0b", 3), true, STR("\"ab\""));
}

static void
cuts_values(void **state)
{
	struct buf value, expected;

	(void)state;
	buf_init(&value, 1000);
	buf_init(&expected, 1000);
	for (size_t i = 0; i < FOLD_VALUE_MAX; i++)
		buf_chr(&value, 'a');
	assert_value(buf_view(&value), false, buf_view(&value));
	buf_chr(&expected, '"');
	buf_str(&expected, buf_view(&value));
	buf_chr(&expected, '"');
	buf_chr(&value, 'a');
	assert_value(buf_view(&value), false, buf_view(&expected));
	/* a sequence that does not fit as a whole is left out */
	value.n = FOLD_VALUE_MAX - 1;
	buf_str(&value, STR("\xc3\xbc"));
	expected.n = FOLD_VALUE_MAX;
	buf_chr(&expected, '"');
	assert_value(buf_view(&value), true, buf_view(&expected));
	buf_clear(&value);
	buf_clear(&expected);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(breaks_between_words),
		cmocka_unit_test(breaks_after_the_name),
		cmocka_unit_test(breaks_streams),
		cmocka_unit_test(goes_on),
		cmocka_unit_test(refuses_long_lines),
		cmocka_unit_test(quotes_values),
		cmocka_unit_test(cuts_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
