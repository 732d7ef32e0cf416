/* common/message/edit */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/message/edit.h"
#include "tests/unit/guard.h"

#define OUT_MAX (8u * 1024 * 1024)
#define MANY 350000 /* fields in a header of 1 MiB */

static const char three[] = "A: 1\nB: 2\n\tx\nC: 3\n";

static void
assert_written(const struct edit *e, const char *want)
{
	struct buf b;

	buf_init(&b, OUT_MAX);
	edit_write(e, &b);
	assert_false(buf_failed(&b));
	buf_chr(&b, '\0');
	assert_string_equal(b.p, want);
	buf_clear(&b);
}

static bool
has_name(void *arg, struct str name, struct str raw)
{
	struct str *want = arg;

	assert_true(raw.n >= name.n);
	return str_ieq(name, *want);
}

static void
leaves_all_alone(void **state)
{
	static const char *const blocks[] = { "", three, "A: 1",
		"no field\n: x\n \n\nX:\xff\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		struct str block = guard_copy(str_c(blocks[i]));
		struct edit *e = edit_new(block);
		assert_non_null(e);
		assert_false(edit_changed(e));
		assert_written(e, blocks[i]);
		edit_free(e);
		guard_free(block);
	}
	edit_free(NULL);
}

static void
shows_fields(void **state)
{
	struct edit *e = edit_new(STR("A : 1\n\tx\nno field\nB:2\n"));

	(void)state;
	assert_int_equal(edit_count(e), 3);
	assert_true(str_eq(edit_raw(e, 0), STR("A : 1\n\tx\n")));
	assert_true(str_eq(edit_name(e, 0), STR("A")));
	assert_int_equal(edit_name(e, 1).n, 0);
	assert_true(str_eq(edit_name(e, 2), STR("B")));
	edit_free(e);
}

static void
inserts_at(void **state)
{
	static const struct {
		size_t pos;
		const char *want;
	} cases[] = {
		{ 0, "N: v\nA: 1\nB: 2\n\tx\nC: 3\n" },
		{ 1, "A: 1\nN: v\nB: 2\n\tx\nC: 3\n" },
		{ 2, "A: 1\nB: 2\n\tx\nN: v\nC: 3\n" },
		{ 3, "A: 1\nB: 2\n\tx\nC: 3\nN: v\n" },
		{ 4, "A: 1\nB: 2\n\tx\nC: 3\nN: v\n" },
		{ SIZE_MAX, "A: 1\nB: 2\n\tx\nC: 3\nN: v\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct edit *e = edit_new(str_c(three));
		assert_int_equal(
		    edit_insert(e, cases[i].pos, STR("N"), STR("v")), 0);
		assert_true(edit_changed(e));
		assert_int_equal(edit_count(e), 4);
		assert_written(e, cases[i].want);
		edit_free(e);
	}
}

/* A first line that continues nothing never ends a new field. */
static void
inserts_below_white_space(void **state)
{
	struct edit *e = edit_new(STR(" x\n\ty\nA: 1\n"));

	(void)state;
	assert_int_equal(edit_insert(e, 0, STR("N"), STR("v")), 0);
	assert_int_equal(edit_insert_raw(e, 0, STR("M: w\n")), 0);
	assert_written(e, " x\n\ty\nM: w\nN: v\nA: 1\n");
	edit_remove(e, 0);
	assert_int_equal(edit_insert(e, 0, STR("L"), STR("u")), 0);
	assert_written(e, "L: u\nM: w\nN: v\nA: 1\n");
	edit_free(e);
}

static void
writes_values(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{ "v", "N: v\n" },
		{ "", "N: \n" },
		{ " \t ", "N: \n" },
		{ "\n\r\n", "N: \n" },
		{ " v ", "N: v\n" },
		{ "one\n\ttwo", "N: one\n\ttwo\n" },
		{ "one\r\n two", "N: one\n two\n" },
		{ "one\rtwo", "N: one\n\ttwo\n" },
		{ "one\n\n\r\n \t\ntwo\n", "N: one\n\ttwo\n" },
		{ "\n  one\n two", "N: one\n two\n" },
		{ "caf\xc3\xa9 \xff", "N: caf\xc3\xa9 \xff\n" },
		{ "a\x01"
		  "b\x7f"
		  "c\vd\fe",
		    "N: abcde\n" },
		{ "a\n\x01\nb", "N: a\n\tb\n" },
		{ "a\n\x01 b", "N: a\n b\n" },
		{ "\x01 a", "N: a\n" },
		{ "a: b: c", "N: a: b: c\n" },
		{ ".\n.", "N: .\n\t.\n" },
		{ "a\n\n\nSubject: x\n\nbody", "N: a\n\tSubject: x\n\tbody\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct edit *e = edit_new(STR_NULL);
		struct str value = guard_copy(str_c(cases[i].value));
		assert_int_equal(edit_insert(e, 0, STR("N"), value), 0);
		assert_int_equal(edit_count(e), 1);
		guard_free(value);
		assert_true(str_eq(edit_name(e, 0), STR("N")));
		assert_written(e, cases[i].want);
		edit_free(e);
	}
	struct edit *e = edit_new(STR_NULL);
	assert_int_equal(edit_insert(e, 0, STR("N"), str_n("a\0b", 3)), 0);
	assert_written(e, "N: ab\n");
	edit_free(e);
}

/*
 * What must be true of any value: one field, no line too long or blank, no
 * character broken, and unfolding gives back what was there.
 */
static void
assert_sound(struct str value)
{
	struct edit *e = edit_new(STR_NULL);
	struct str raw, line, rest, field;
	size_t seen = 0, wanted = 0;

	assert_int_equal(edit_insert(e, 0, STR("Name"), value), 0);
	field = raw = edit_raw(e, 0);
	assert_int_equal(raw.p[raw.n - 1], '\n');
	rest = str_head(raw, raw.n - 1);
	while (str_cut(&rest, '\n', &line) || line.n > 0) {
		assert_in_range(line.n, 1, EDIT_LINE_MAX);
		assert_true(line.p == raw.p || is_wsp(line.p[0]));
		assert_true(line.p == raw.p || str_trim(line).n > 0);
		if (is_wsp(line.p[0]) && line.n > 1)
			assert_true((line.p[1] & 0xc0) != 0x80);
	}
	for (size_t i = 5; i < field.n; i++)
		seen += !is_wsp(field.p[i]) && field.p[i] != '\n';
	for (size_t i = 0; i < value.n; i++)
		wanted += !is_wsp(value.p[i]) && value.p[i] != '\n';
	assert_int_equal(seen, wanted);
	edit_free(e);
}

static void
folds_long_lines(void **state)
{
	static char text[5000];
	struct str s = { text, 0 };

	(void)state;
	for (size_t n = 980; n < 1010; n++) {
		memset(text, 'x', sizeof(text));
		assert_sound(str_n(text, n));
		text[n / 2] = ' ';
		assert_sound(str_n(text, n));
		memset(text, ' ', sizeof(text));
		text[0] = 'a';
		text[n] = 'b';
		assert_sound(str_n(text, n + 1));
		text[0] = '\n';
		text[1] = 'a';
		text[2] = '\n';
		assert_sound(str_n(text, n + 1));
		assert_sound(str_n(text, n + 900));
	}
	/* two, three and four bytes a character, at each offset of the cut */
	for (size_t shift = 0; shift < 4; shift++) {
		static const char *const chars[] = { "\xc3\xa9", "\xe2\x82\xac",
			"\xf0\x9f\x93\xa7" };
		for (size_t c = 0; c < 3; c++) {
			size_t len = strlen(chars[c]);
			memset(text, 'x', shift);
			s.n = shift;
			for (; s.n + len <= sizeof(text); s.n += len)
				memcpy(text + s.n, chars[c], len);
			assert_sound(s);
		}
	}
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 10 == 9 ? ' ' : 'w';
	assert_sound(str_n(text, sizeof(text)));
}

static void
folds_near_column_78(void **state)
{
	static char text[1200];
	struct edit *e = edit_new(STR_NULL);
	struct str raw, line;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 10 == 9 ? ' ' : 'w';
	assert_int_equal(
	    edit_insert(e, 0, STR("N"), str_n(text, sizeof(text))), 0);
	raw = edit_raw(e, 0);
	/* to its end: the last lines too */
	while (str_cut(&raw, '\n', &line))
		assert_in_range(line.n, raw.n > 0 ? 69 : 1, 78);
	edit_free(e);
}

static void
keeps_limits(void **state)
{
	static char big[EDIT_VALUE_MAX + 1];
	struct edit *e = edit_new(str_c(three));

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(
	    edit_insert(e, 0, str_n(big, EDIT_NAME_MAX + 1), STR("")), -1);
	assert_int_equal(
	    edit_insert(e, 0, STR("N"), str_n(big, EDIT_VALUE_MAX + 1)), -1);
	assert_false(edit_changed(e));
	assert_written(e, three);
	assert_int_equal(
	    edit_insert(e, 0, str_n(big, EDIT_NAME_MAX), STR("")), 0);
	assert_int_equal(
	    edit_insert(e, 0, STR("N"), str_n(big, EDIT_VALUE_MAX)), 0);
	/* the value that grows most */
	for (size_t i = 0; i < sizeof(big); i += 2)
		big[i] = '\n';
	assert_int_equal(
	    edit_insert(e, 0, STR("N"), str_n(big, EDIT_VALUE_MAX)), 0);
	for (size_t i = 3; i < EDIT_CHANGES_MAX; i++)
		assert_int_equal(edit_insert(e, i, STR("N"), STR("v")), 0);
	assert_int_equal(edit_insert(e, 0, STR("N"), STR("v")), -1);
	assert_int_equal(edit_insert_raw(e, 0, STR("N: v\n")), -1);
	assert_int_equal(edit_count(e), 3 + EDIT_CHANGES_MAX);
	edit_free(e);
}

static void
knows_names(void **state)
{
	static const struct {
		const char *name;
		bool ok;
	} cases[] = { { "", false }, { "A", true }, { "X-Spam", true },
		{ "!\"#$~", true }, { "a b", false }, { "a:", false },
		{ "a\n", false }, { "a\t", false }, { "\x7f", false },
		{ "\xc3\xa9", false }, { "a\x1f", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct edit *e = edit_new(STR_NULL);
		struct str name = guard_copy(str_c(cases[i].name));
		assert_int_equal(edit_is_name(name), cases[i].ok);
		assert_int_equal(
		    edit_insert(e, 0, name, STR("v")), cases[i].ok ? 0 : -1);
		assert_int_equal(edit_count(e), cases[i].ok);
		guard_free(name);
		edit_free(e);
	}
	assert_false(edit_is_name(str_n("a\0", 2)));
}

static void
removes(void **state)
{
	struct edit *e = edit_new(STR("a: 1\nB: 2\nA : 3\n\tx\nab: 4\nA: 5\n"));
	struct str a = STR("A");

	(void)state;
	assert_int_equal(edit_remove_if(e, 9, has_name, &a), 0);
	assert_int_equal(edit_remove_if(e, 5, has_name, &a), 0);
	assert_false(edit_changed(e));
	assert_int_equal(edit_remove_if(e, 1, has_name, &a), 2);
	assert_true(edit_changed(e));
	assert_written(e, "a: 1\nB: 2\nab: 4\n");
	edit_remove(e, 0);
	assert_written(e, "B: 2\nab: 4\n");
	edit_remove(e, 1);
	assert_int_equal(edit_insert(e, 1, STR("A"), STR("new")), 0);
	assert_int_equal(edit_remove_if(e, 0, has_name, &a), 1);
	edit_remove(e, 0);
	assert_int_equal(edit_count(e), 0);
	assert_written(e, "");
	edit_free(e);
}

static void
inserts_raw(void **state)
{
	struct edit *e = edit_new(str_c(three));
	struct str raw = guard_copy(STR("DKIM-Signature: a;\n\tb\n"));

	(void)state;
	assert_int_equal(edit_insert_raw(e, 0, raw), 0);
	guard_free(raw);
	assert_int_equal(edit_insert_raw(e, 99, STR("X: 1\nY: 2\n")), 0);
	assert_true(str_eq(edit_name(e, 0), STR("DKIM-Signature")));
	assert_written(
	    e, "DKIM-Signature: a;\n\tb\nA: 1\nB: 2\n\tx\nC: 3\nX: 1\nY: 2\n");
	edit_free(e);
}

/* A quadratic removal of that many would take minutes. */
static void
stays_linear(void **state)
{
	static char text[MANY * 3 + 1];
	struct str name = STR("a");
	struct edit *e;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		memcpy(text + i * 3, "a:\n", 4);
	e = edit_new(str_n(text, MANY * 3));
	assert_non_null(e);
	assert_int_equal(edit_count(e), MANY);
	assert_int_equal(edit_remove_if(e, 0, has_name, &name), MANY);
	assert_written(e, "");
	edit_free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_all_alone),
		cmocka_unit_test(shows_fields),
		cmocka_unit_test(inserts_at),
		cmocka_unit_test(inserts_below_white_space),
		cmocka_unit_test(writes_values),
		cmocka_unit_test(folds_long_lines),
		cmocka_unit_test(folds_near_column_78),
		cmocka_unit_test(keeps_limits),
		cmocka_unit_test(knows_names),
		cmocka_unit_test(removes),
		cmocka_unit_test(inserts_raw),
		cmocka_unit_test(stays_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
