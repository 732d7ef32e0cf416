/* common/message/longline */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/message/longline.h"
#include "tests/unit/guard.h"

#define PIECES_MAX 6

static const struct {
	const char *line;
	size_t max;
	bool in_header;
	const char *pieces[PIECES_MAX]; /* a HTAB that is put before too */
} cases[] = {
	{ "", 8, false, { "" } },
	{ "12345678", 8, false, { "12345678" } },
	{ "123456789", 8, false, { "12345678", "9" } },
	{ "12345678", 8, true, { "12345678" } },
	/* a dot is doubled on the way out */
	{ ".2345678", 8, false, { ".234567", "8" } },
	{ ".234567", 8, false, { ".234567" } },
	{ "12345678.", 8, false, { "12345678", "." } },
	{ "........", 8, false, { ".......", "." } },
	/* folds */
	{ "A: 45678 0", 8, true, { "A: 45678", " 0" } },
	{ "A: 4567 90", 8, true, { "A: 4567", " 90" } },
	{ "A: 45678\t0", 8, true, { "A: 45678", "\t0" } },
	{ "A:345678", 8, true, { "A:345678" } },
	{ "A :45678 0", 8, true, { "A :45678", " 0" } },
	{ "A :456789", 8, true, { "A :45678", "\t9" } },
	{ "A\t : 56789", 8, true, { "A\t :", " 56789" } },
	{ " A :56789", 8, true, { " A", " :56789" } },
	{ "no field 0", 8, true, { "no field", " 0" } },
	{ "A:3456789", 8, true, { "A:345678", "\t9" } },
	{ "A:3456789abcdefgh", 8, true, { "A:345678", "\t9abcdef", "\tgh" } },
	{ " 2345678 0", 8, true, { " 2345678", " 0" } },
	{ " 23456789", 8, true, { " 2345678", "\t9" } },
	/* white space at the cut needs no HTAB */
	{ "        90", 8, true, { "        ", "\t90" } },
	{ "         0", 8, true, { "        ", " 0" } },
	/* no cut inside a character of 2, 3, 4 bytes */
	{ "1234567\xc3\xa9", 8, false, { "1234567", "\xc3\xa9" } },
	{ "123456\xc3\xa9x", 8, false, { "123456\xc3\xa9", "x" } },
	{ "123456\xe2\x82\xac", 8, false, { "123456", "\xe2\x82\xac" } },
	{ "12345\xf0\x9f\x93\xa7", 8, false, { "12345", "\xf0\x9f\x93\xa7" } },
	/* what is no UTF-8 is cut where it must */
	{ "123\x80\x80\x80\x80\x80\x80\x80", 8, false,
	    { "123\x80\x80\x80\x80\x80", "\x80\x80" } },
};

static void
cuts_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str line = guard_copy(str_c(cases[i].line)), rest = line;
		bool tab = false;
		size_t n = 0;
		do {
			char out[16];
			bool put = tab;
			struct str piece = longline_next(
			    &rest, cases[i].max, cases[i].in_header, &tab);
			(void)snprintf(out, sizeof(out), "%s%.*s",
			    put ? "\t" : "", (int)piece.n, piece.p);
			assert_true(n < PIECES_MAX);
			assert_non_null(cases[i].pieces[n]);
			assert_string_equal(out, cases[i].pieces[n++]);
		} while (rest.n > 0);
		assert_false(tab);
		assert_true(n == PIECES_MAX || cases[i].pieces[n] == NULL);
		guard_free(line);
	}
}

/* Pieces of random lines: none too long, nothing lost, folds in the header. */
static void
keeps_every_byte(void **state)
{
	static const char alphabet[] = "ab \t.\x80\xc3\xa9";
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		char text[64];
		size_t max = 8 + round % 5, len = round % sizeof(text);
		bool in_header = round & 1, tab = false, first = true;
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = alphabet[seed >> 16 & 7];
		}
		struct str line = guard_copy(str_n(text, len)), rest = line;
		while (rest.n > 0) {
			bool put = tab;
			struct str p =
			    longline_next(&rest, max, in_header, &tab);
			assert_true(p.n > 0);
			assert_true(p.n + put <= max);
			assert_true(put || !longline_is(p, max));
			assert_true(in_header || !put);
			if (!first && in_header)
				assert_true(put || is_wsp(p.p[0]));
			assert_ptr_equal(p.p + p.n, line.p + len - rest.n);
			first = false;
		}
		guard_free(line);
	}
}

static void
knows_long_lines(void **state)
{
	(void)state;
	assert_false(longline_is(STR(""), 8));
	assert_false(longline_is(STR("12345678"), 8));
	assert_true(longline_is(STR("123456789"), 8));
	assert_true(longline_is(STR(".2345678"), 8));
	assert_false(longline_is(STR(".234567"), 8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_lines),
		cmocka_unit_test(keeps_every_byte),
		cmocka_unit_test(knows_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
