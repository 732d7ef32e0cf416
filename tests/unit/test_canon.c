/* common/dkim/canon */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/dkim/canon.h"
#include "tests/unit/guard.h"

static void
collect(void *arg, const void *p, size_t n)
{
	assert_true(n > 0);
	buf_add(arg, p, n);
}

/* Canonicalizes text, n lines at a time; returns the length it tells. */
static uint64_t
pieces(
    struct str text, size_t n, enum canon how, uint64_t limit, struct buf *out)
{
	struct canon_body b;
	struct str rest, line, guarded;

	buf_init(out, 16 * 1024 * 1024);
	canon_body_init(&b, how, limit, (struct canon_sink){ collect, out });
	while (text.n > 0) {
		rest = text;
		for (size_t i = 0; i < n && rest.n > 0; i++)
			(void)str_cut(&rest, '\n', &line);
		guarded = guard_copy(str_head(text, text.n - rest.n));
		canon_body_text(&b, guarded);
		guard_free(guarded);
		text = rest;
	}
	canon_body_end(&b);
	return canon_body_length(&b);
}

/* The same, which must not depend on the pieces that it comes in. */
static uint64_t
body(struct str text, enum canon how, uint64_t limit, struct buf *out)
{
	uint64_t length = pieces(text, SIZE_MAX, how, limit, out);
	struct buf again;

	for (size_t n = 1; n < 4; n++) {
		assert_int_equal(pieces(text, n, how, limit, &again), length);
		assert_true(str_eq(buf_view(&again), buf_view(out)));
		buf_clear(&again);
	}
	return length;
}

static void
assert_text(struct str got, struct str expected, const char *what)
{
	if (!str_eq(got, expected))
		fail_msg("%s: expected \"%.*s\", got \"%.*s\"", what,
		    (int)expected.n, expected.p, (int)got.n, got.p);
}

static const struct {
	const char *text, *simple, *relaxed;
} bodies[] = {
	/* nothing, and nothing but empty lines */
	{ "", "\r\n", "" },
	{ "\n", "\r\n", "" },
	{ "\n\n\n", "\r\n", "" },
	/* RFC 6376 section 3.4.5 */
	{ " C \nD \t E\n\n\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n" },
	/* empty lines in the middle stay, at the end they go */
	{ "a\n\n\nb\n\n", "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n" },
	{ "\na\n", "\r\na\r\n", "\r\na\r\n" },
	/* lines of white space: content in simple, empty in relaxed */
	{ " \n", " \r\n", "" },
	{ "a\n \t\n\n", "a\r\n \t\r\n", "a\r\n" },
	{ "a\n\t\nb\n", "a\r\n\t\r\nb\r\n", "a\r\n\r\nb\r\n" },
	/* runs */
	{ "\ta\n", "\ta\r\n", " a\r\n" },
	{ "  a  b\t\tc \t d  \n", "  a  b\t\tc \t d  \r\n", " a b c d\r\n" },
	{ "a b c\n", "a b c\r\n", "a b c\r\n" },
	{ "a b c \n", "a b c \r\n", "a b c\r\n" },
	/* eight octets at a time: white space across the steps */
	{ "1234567  890123456789\n", "1234567  890123456789\r\n",
	    "1234567 890123456789\r\n" },
	{ "12345678  90123456789\n", "12345678  90123456789\r\n",
	    "12345678 90123456789\r\n" },
	{ "123456789012345\t7\n", "123456789012345\t7\r\n",
	    "123456789012345 7\r\n" },
	{ "1 3 5 7 9 1 3 5 7 9\n", "1 3 5 7 9 1 3 5 7 9\r\n",
	    "1 3 5 7 9 1 3 5 7 9\r\n" },
	/* no white space: CR, VT, FF, NBSP, 8-bit, and what borders on SP */
	{ "a\rb\r\n", "a\rb\r\r\n", "a\rb\r\r\n" },
	{ "\v \f\n", "\v \f\r\n", "\v \f\r\n" },
	{ "\v\f\n", "\v\f\r\n", "\v\f\r\n" },
	{ "a\xc2\xa0 \xa0\x20\n", "a\xc2\xa0 \xa0\x20\r\n",
	    "a\xc2\xa0 \xa0\r\n" },
	{ "!!!!!!!!!!  \x1f\x1f\x21\x21\x08\x0a",
	    "!!!!!!!!!!  \x1f\x1f!!\b\r\n", "!!!!!!!!!! \x1f\x1f!!\b\r\n" },
	/* the last line without an end */
	{ "a", "a\r\n", "a\r\n" },
};

static void
reduces_bodies(void **state)
{
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct str text = str_c(bodies[i].text);
		uint64_t n = body(text, CANON_SIMPLE, CANON_NO_LIMIT, &out);

		assert_text(buf_view(&out), str_c(bodies[i].simple), "simple");
		assert_int_equal(n, out.n);
		buf_clear(&out);
		n = body(text, CANON_RELAXED, CANON_NO_LIMIT, &out);
		assert_text(
		    buf_view(&out), str_c(bodies[i].relaxed), "relaxed");
		assert_int_equal(n, out.n);
		buf_clear(&out);
	}
}

/* The limit of l= cuts anywhere, and the length is told all the same. */
static void
stops_at_the_limit(void **state)
{
	struct buf out;

	(void)state;
	for (uint64_t l = 0; l < 20; l++) {
		struct str all = STR("a b\r\n\r\nc\r\n");
		uint64_t n =
		    body(STR("a  b \n\nc\n\n"), CANON_RELAXED, l, &out);

		assert_int_equal(n, all.n);
		assert_text(buf_view(&out), str_head(all, (size_t)l), "limit");
		buf_clear(&out);
	}
}

/* The plainest reading of RFC 6376 section 3.4.4, octet by octet. */
static void
slow(struct str text, enum canon how, struct buf *out)
{
	struct str line;
	size_t blank = 0;

	buf_init(out, 16 * 1024 * 1024);
	while (text.n > 0) {
		size_t was = out->n, i = 0;

		(void)str_cut(&text, '\n', &line);
		if (how == CANON_RELAXED)
			while (line.n > 0 && is_wsp(line.p[line.n - 1]))
				line.n--;
		if (line.n == 0) {
			blank++;
			continue;
		}
		for (; blank > 0; blank--)
			buf_str(out, STR("\r\n"));
		for (was = 0; i < line.n; i++) {
			bool wsp = how == CANON_RELAXED && is_wsp(line.p[i]);

			if (!wsp || !was)
				buf_chr(out, wsp ? ' ' : line.p[i]);
			was = wsp;
		}
		buf_str(out, STR("\r\n"));
	}
	if (how == CANON_SIMPLE && out->n == 0)
		buf_str(out, STR("\r\n"));
}

/* Text of few different octets, so that all neighbourhoods come up. */
static void
random_text(unsigned *seed, size_t n, struct buf *out)
{
	static const char set[] = "  \t\t\n\nax\r\v!\x1f\x89\xa0\x08\x21";

	buf_init(out, n + 1);
	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 1103515245 + 12345;
		buf_chr(out, set[(*seed >> 16) % (sizeof(set) - 1)]);
	}
}

static void
agrees_with_a_slow_one(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (size_t i = 0; i < 4000; i++) {
		enum canon how = i % 2 == 0 ? CANON_SIMPLE : CANON_RELAXED;
		struct buf text, fast, plain;

		random_text(&seed, i % 100, &text);
		slow(buf_view(&text), how, &plain);
		body(buf_view(&text), how, CANON_NO_LIMIT, &fast);
		assert_text(buf_view(&fast), buf_view(&plain), "random");
		buf_clear(&text);
		buf_clear(&fast);
		buf_clear(&plain);
	}
}

/* Lines around the size of a block, and many of them. */
static void
crosses_blocks(void **state)
{
	struct buf text, fast, plain;

	(void)state;
	buf_init(&text, 4 * 1024 * 1024);
	for (size_t i = CANON_BLOCK - 5; i < CANON_BLOCK + 5; i++) {
		for (size_t k = 0; k < i; k++)
			buf_chr(&text, "abc  d\t"[(k + i) % 7]);
		buf_str(&text, STR("x\n"));
		for (size_t k = 0; k < i; k++)
			buf_chr(&text, 'y');
		buf_str(&text, STR("\n\n \n"));
	}
	for (int i = CANON_SIMPLE; i <= CANON_RELAXED; i++) {
		enum canon how = (enum canon)i;
		slow(buf_view(&text), how, &plain);
		body(buf_view(&text), how, CANON_NO_LIMIT, &fast);
		assert_true(str_eq(buf_view(&fast), buf_view(&plain)));
		buf_clear(&fast);
		body(buf_view(&text), how, CANON_BLOCK + 3, &fast);
		assert_true(str_eq(buf_view(&fast),
		    str_head(buf_view(&plain), CANON_BLOCK + 3)));
		buf_clear(&fast);
		buf_clear(&plain);
	}
	buf_clear(&text);
}

static const struct {
	const char *raw, *simple, *relaxed;
} fields[] = {
	{ "A: X\n", "A: X\r\n", "a:X\r\n" },
	{ "A: X", "A: X\r\n", "a:X\r\n" },
	/* RFC 6376 section 3.4.5 */
	{ "B : Y\t\n\tZ  \n", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
	/* white space before the colon */
	{ "Subject \t :x\n", "Subject \t :x\r\n", "subject:x\r\n" },
	/* folded right after the colon; colons in the value */
	{ "Subject:\n x\n", "Subject:\r\n x\r\n", "subject:x\r\n" },
	{ "A:b:c :d\n", "A:b:c :d\r\n", "a:b:c :d\r\n" },
	/* empty, white space only, lines of white space only */
	{ "Subject:\n", "Subject:\r\n", "subject:\r\n" },
	{ "Subject: \t \n", "Subject: \t \r\n", "subject:\r\n" },
	{ "S:\n \n\t\n x\n \n", "S:\r\n \r\n\t\r\n x\r\n \r\n", "s:x\r\n" },
	/* runs across folds, case of the name only */
	{ "MiXeD:A  B \n \t C\n", "MiXeD:A  B \r\n \t C\r\n",
	    "mixed:A B C\r\n" },
	/* no white space: CR, VT, FF, 8-bit; 8-bit has no case */
	{ "A: \v\f\r\xc3\x89\xa0 \n", "A: \v\f\r\xc3\x89\xa0 \r\n",
	    "a:\v\f\r\xc3\x89\xa0\r\n" },
	{ "A: x\r\n", "A: x\r\r\n", "a:x\r\r\n" },
	/* no colon */
	{ "A b\n", "A b\r\n", "a b\r\n" },
	{ "", "\r\n", "\r\n" },
};

static void
reduces_fields(void **state)
{
	struct buf out;
	struct canon_sink sink = { collect, &out };

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct str raw = guard_copy(str_c(fields[i].raw));

		canon_field(CANON_SIMPLE, raw, sink);
		assert_text(buf_view(&out), str_c(fields[i].simple), "simple");
		buf_reset(&out);
		canon_field(CANON_RELAXED, raw, sink);
		assert_text(
		    buf_view(&out), str_c(fields[i].relaxed), "relaxed");
		buf_reset(&out);
		guard_free(raw);
	}
	buf_clear(&out);
}

/* Longer than what is collected before the sink gets it. */
static void
reduces_long_fields(void **state)
{
	struct buf raw, out, expected;
	struct canon_sink sink = { collect, &out };

	(void)state;
	buf_init(&raw, 100000);
	buf_init(&out, 100000);
	buf_init(&expected, 100000);
	buf_str(&raw, STR("A: "));
	buf_str(&expected, STR("a:"));
	for (int i = 0; i < 3000; i++) {
		buf_fmt(&raw, "%d%s", i, i % 3 ? " \t" : "\n ");
		buf_fmt(&expected, "%s%d", i > 0 ? " " : "", i);
	}
	buf_str(&raw, STR("\n"));
	buf_str(&expected, STR("\r\n"));
	canon_field(CANON_RELAXED, buf_view(&raw), sink);
	assert_true(str_eq(buf_view(&out), buf_view(&expected)));
	buf_clear(&raw);
	buf_clear(&out);
	buf_clear(&expected);
}

/* The value of b= is marked by brackets, which are not part of the field. */
static const struct {
	const char *before, *without, *after, *simple, *relaxed;
} signatures[] = {
	{ "D: a=1; b=", "abc", "\n", "D: a=1; b=", "d:a=1; b=" },
	{ "D: a=1; b=", "\n abc\n d ", "; c=2\n", "D: a=1; b=; c=2",
	    "d:a=1; b=; c=2" },
	{ "D: a=1;\n b \t=", " x ", ";\n", "D: a=1;\r\n b \t=;",
	    "d:a=1; b =;" },
	{ "D: b=", "", "\n", "D: b=", "d:b=" },
	{ "D: b=", "", "; c=1 \n", "D: b=; c=1 ", "d:b=; c=1" },
};

static void
leaves_out_the_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]);
	     i++) {
		struct str before = str_c(signatures[i].before);
		struct str without = str_c(signatures[i].without);
		struct buf raw, out;
		struct canon_sink sink = { collect, &out };

		buf_init(&raw, 1000);
		buf_init(&out, 1000);
		buf_str(&raw, before);
		buf_str(&raw, without);
		buf_str(&raw, str_c(signatures[i].after));
		without.p = raw.p + before.n;
		canon_signature(CANON_SIMPLE, buf_view(&raw), without, sink);
		assert_text(
		    buf_view(&out), str_c(signatures[i].simple), "simple");
		buf_reset(&out);
		canon_signature(CANON_RELAXED, buf_view(&raw), without, sink);
		assert_text(
		    buf_view(&out), str_c(signatures[i].relaxed), "relaxed");
		buf_clear(&raw);
		buf_clear(&out);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reduces_bodies),
		cmocka_unit_test(stops_at_the_limit),
		cmocka_unit_test(agrees_with_a_slow_one),
		cmocka_unit_test(crosses_blocks),
		cmocka_unit_test(reduces_fields),
		cmocka_unit_test(reduces_long_fields),
		cmocka_unit_test(leaves_out_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
