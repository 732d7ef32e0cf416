/* common/base/str */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "tests/unit/guard.h"

static void
assert_str(struct str got, const char *want)
{
	if (!str_eq(got, str_c(want)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)got.n,
		    got.n > 0 ? got.p : "", want);
}

static void
test_views(void **state)
{
	(void)state;
	assert_int_equal(str_c(NULL).n, 0);
	assert_int_equal(STR("a\0b").n, 3);
	assert_true(str_eq(STR_NULL, STR("")));
	assert_false(str_eq(STR("a"), STR("A")));
	assert_str(str_from(STR("abc"), 1), "bc");
	assert_str(str_from(STR("abc"), 9), "");
	assert_int_equal(str_from(STR_NULL, 5).n, 0);
	assert_str(str_head(STR("abc"), 2), "ab");
	assert_str(str_head(STR("abc"), 9), "abc");
	assert_true(str_has(STR("abc"), 'c'));
	assert_false(str_has(STR("abc"), 'd'));
	assert_false(str_has(STR_NULL, '\0'));
	assert_true(str_is_ascii(STR("a\x7f\x01")));
	assert_false(str_is_ascii(STR("a\x80")));
	assert_true(str_is_ascii(STR_NULL));
}

/* Every byte at every place, in one look of sixteen and after it. */
static void
test_printable(void **state)
{
	static const char text[40] = "0123456789abcdefghijklmnopqrstuvwxyz-_.~";

	(void)state;
	assert_int_equal(str_printable(STR_NULL, ' '), 0);
	for (size_t i = 1; i <= sizeof(text) * sizeof(text); i++) {
		size_t n = (i - 1) / sizeof(text) + 1, at = i % n;
		struct str s = guard_copy(str_n(text, n));
		char *p = (char *)(uintptr_t)s.p;

		for (int c = 0; c < 256; c++) {
			bool good = c > ' ' && c < 0x7f;

			p[at] = (char)c;
			assert_int_equal(str_printable(s, '!'), good ? n : at);
			assert_int_equal(
			    str_printable(s, ' '), good || c == ' ' ? n : at);
		}
		guard_free(s);
	}
}

static const struct {
	const char *a, *b;
	bool ieq, starts, istarts, iends;
} pairs[] = {
	{ "", "", true, true, true, true },
	{ "abc", "", false, true, true, true },
	{ "", "a", false, false, false, false },
	{ "abc", "ABC", true, false, true, true },
	{ "abc", "ab", false, true, true, false },
	{ "abc", "AB", false, false, true, false },
	{ "abc", "BC", false, false, false, true },
	{ "ab", "abc", false, false, false, false },
	/* only ASCII letters have case: not @ and `, nor bytes above 127 */
	{ "@", "`", false, false, false, false },
	{ "[", "{", false, false, false, false },
	{ "\xc3\xa9", "\xc3\x89", false, false, false, false },
};

static void
test_compare(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct str a = guard_copy(str_c(pairs[i].a));
		struct str b = guard_copy(str_c(pairs[i].b));

		assert_int_equal(str_ieq(a, b), pairs[i].ieq);
		assert_int_equal(str_starts(a, b), pairs[i].starts);
		assert_int_equal(str_istarts(a, b), pairs[i].istarts);
		assert_int_equal(str_iends(a, b), pairs[i].iends);
		guard_free(a);
		guard_free(b);
	}
}

static const struct {
	const char *s;
	bool found;
	const char *head, *rest; /* str_cut */
	const char *tail, *front; /* str_rcut */
} cuts[] = {
	{ "", false, "", "", "", "" },
	{ "a", false, "a", "", "a", "" },
	{ "|", true, "", "", "", "" },
	{ "a|", true, "a", "", "", "a" },
	{ "|b", true, "", "b", "b", "" },
	{ "a|b|c", true, "a", "b|c", "c", "a|b" },
	{ "a||c", true, "a", "|c", "c", "a|" },
};

static void
test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct str s = guard_copy(str_c(cuts[i].s)), l = s, r = s, part;

		assert_int_equal(str_cut(&l, '|', &part), cuts[i].found);
		assert_str(part, cuts[i].head);
		assert_str(l, cuts[i].rest);
		assert_int_equal(str_rcut(&r, '|', &part), cuts[i].found);
		assert_str(part, cuts[i].tail);
		assert_str(r, cuts[i].front);
		guard_free(s);
	}
}

static void
test_trim(void **state)
{
	(void)state;
	assert_str(str_trim(STR("")), "");
	assert_str(str_trim(STR(" \t ")), "");
	assert_str(str_trim(STR(" a b\t")), "a b");
	assert_str(str_trim(STR("\n a\r")), "\n a\r");
	assert_str(str_trim_fws(STR("\r\n a\r\n")), "a");
	assert_str(str_trim_fws(STR(" \v ")), "\v");
}

static const struct {
	const char *s;
	uint64_t max;
	int r;
	uint64_t out;
} numbers[] = {
	{ "", 9, -1, 0 },
	{ "0", 0, 0, 0 },
	{ "1", 0, -1, 0 },
	{ "007", 9, 0, 7 },
	{ "10", 9, -1, 0 },
	{ "9", 9, 0, 9 },
	{ "65535", 65535, 0, 65535 },
	{ "65536", 65535, -1, 0 },
	{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, -1, 0 },
	{ "99999999999999999999999", UINT64_MAX, -1, 0 },
	{ "-1", 9, -1, 0 },
	{ "+1", 9, -1, 0 },
	{ " 1", 9, -1, 0 },
	{ "1 ", 9, -1, 0 },
	{ "0x1", 99, -1, 0 },
};

static const struct {
	const char *s;
	int r;
	uint64_t out;
} hexes[] = {
	{ "", -1, 0 },
	{ "0", 0, 0 },
	{ "f", 0, 15 },
	{ "9d63d0eb92871c5c", 0, 0x9d63d0eb92871c5cu },
	{ "9D63D0EB92871C5C", 0, 0x9d63d0eb92871c5cu },
	{ "ffffffffffffffff", 0, UINT64_MAX },
	{ "0ffffffffffffffff", -1, 0 },
	{ "g", -1, 0 },
	{ "0x1", -1, 0 },
	{ "1 ", -1, 0 },
};

static void
test_numbers(void **state)
{
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct str s = guard_copy(str_c(numbers[i].s));

		v = 4711;
		assert_int_equal(str_u64(s, numbers[i].max, &v), numbers[i].r);
		assert_true(v == (numbers[i].r == 0 ? numbers[i].out : 4711));
		guard_free(s);
	}
	for (size_t i = 0; i < sizeof(hexes) / sizeof(hexes[0]); i++) {
		struct str s = guard_copy(str_c(hexes[i].s));

		v = 4711;
		assert_int_equal(str_hex64(s, &v), hexes[i].r);
		assert_true(v == (hexes[i].r == 0 ? hexes[i].out : 4711));
		guard_free(s);
	}
}

static void
test_formats(void **state)
{
	static const uint64_t some[] = { 0, 1, 9, 10, 99, 100, 4294967296,
		18446744073709551609u, UINT64_MAX };
	char got[STR_U64 + 1], want[32];

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		(void)snprintf(
		    want, sizeof(want), "%llu", (unsigned long long)some[i]);
		got[str_format_u64(some[i], got)] = '\0';
		assert_string_equal(got, want);
		(void)snprintf(
		    want, sizeof(want), "%016llx", (unsigned long long)some[i]);
		str_format_hex64(some[i], got);
		got[STR_HEX64] = '\0';
		assert_string_equal(got, want);
	}
}

static void
test_dup(void **state)
{
	char *p;

	(void)state;
	p = str_dup(STR_NULL);
	assert_string_equal(p, "");
	free(p);
	p = str_dup(STR("a|b"));
	assert_string_equal(p, "a|b");
	free(p);
}

static void
test_classes(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;

		assert_int_equal(is_wsp(c), i == ' ' || i == '\t');
		assert_int_equal(is_digit(c), i >= '0' && i <= '9');
		assert_int_equal(is_alpha(c),
		    (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z'));
		assert_int_equal(
		    to_lower(c), i >= 'A' && i <= 'Z' ? c + 32 : c);
	}
}

static void
knows_utf8(void **state)
{
	static const struct {
		const char *s;
		size_t n;
	} cases[] = {
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\xc3\xa9", 2 },
		{ "\xc3\xa9x", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x93\xa7", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xed\x9f\xbf", 3 },
		/* cut, or without its first byte */
		{ "\xc3", 0 },
		{ "\xc3x", 0 },
		{ "\xe2\x82", 0 },
		{ "\xf0\x9f\x93", 0 },
		{ "\xa9", 0 },
		{ "\x80", 0 },
		/* longer than need be, surrogates, too large */
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str s = guard_copy(str_c(cases[i].s));
		assert_int_equal(str_utf8(s), cases[i].n);
		guard_free(s);
	}
	assert_int_equal(str_utf8(str_n("\0", 1)), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_dup),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(knows_utf8),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
