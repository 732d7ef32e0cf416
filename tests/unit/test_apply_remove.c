/* filter-rspamd/apply_remove */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-rspamd/apply_remove.h"
#include "tests/unit/guard.h"

#define OUT_MAX (8u * 1024 * 1024)
#define MANY 350000 /* fields in a header of 1 MiB */
#define MANY_RULES 1000

#define TOP "X-A: ours\n"
#define REST "From: a\nX-A: 1\nx-a : 2\n\tx\nX-A: 3\nSubject: Lunch\n"

static void
assert_written(const struct edit *e, const char *want)
{
	struct buf b;

	buf_init(&b, OUT_MAX);
	edit_write(e, &b);
	buf_chr(&b, '\0');
	assert_string_equal(b.p, want);
	buf_clear(&b);
}

static void
removes_by_number(void **state)
{
	static const struct {
		int32_t numbers[3];
		size_t n;
		long taken;
		const char *want;
	} cases[] = {
		{ { 0 }, 0, 0, REST },
		{ { 0 }, 1, 3, "From: a\nSubject: Lunch\n" },
		{ { 1 }, 1, 1,
		    "From: a\nx-a : 2\n\tx\nX-A: 3\nSubject: Lunch\n" },
		{ { 2 }, 1, 1, "From: a\nX-A: 1\nX-A: 3\nSubject: Lunch\n" },
		{ { 3 }, 1, 1,
		    "From: a\nX-A: 1\nx-a : 2\n\tx\nSubject: Lunch\n" },
		{ { 4 }, 1, 0, REST },
		{ { -1 }, 1, 1,
		    "From: a\nX-A: 1\nx-a : 2\n\tx\nSubject: Lunch\n" },
		{ { -3 }, 1, 1,
		    "From: a\nx-a : 2\n\tx\nX-A: 3\nSubject: Lunch\n" },
		{ { -4 }, 1, 0, REST },
		{ { INT32_MAX, INT32_MIN }, 2, 0, REST },
		{ { 1, 3 }, 2, 2, "From: a\nx-a : 2\n\tx\nSubject: Lunch\n" },
		{ { 3, 1, 1 }, 3, 2,
		    "From: a\nx-a : 2\n\tx\nSubject: Lunch\n" },
		{ { -1, 1, 2 }, 3, 3, "From: a\nSubject: Lunch\n" },
		{ { 2, 0 }, 2, 3, "From: a\nSubject: Lunch\n" },
		{ { 300, -3, 3 }, 3, 2,
		    "From: a\nx-a : 2\n\tx\nSubject: Lunch\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str block = guard_copy(STR(TOP REST));
		struct edit *e = edit_new(block);
		struct verdict_remove list[3];
		char want[200];
		for (size_t n = 0; n < 3; n++)
			list[n] = (struct verdict_remove){ n % 2 ? STR("X-A")
								 : STR("x-a"),
				cases[i].numbers[n] };
		assert_int_equal(
		    apply_remove(e, 1, list, cases[i].n), cases[i].taken);
		(void)snprintf(want, sizeof(want), TOP "%s", cases[i].want);
		assert_written(e, want);
		edit_free(e);
		guard_free(block);
	}
}

static void
tells_names_apart(void **state)
{
	static const struct verdict_remove list[] = { { { "X-B", 3 }, 2 },
		{ { "X", 1 }, 0 }, { { "X-AB", 4 }, -1 }, { { "", 0 }, 0 },
		{ { "A B", 3 }, 0 }, { { "from", 4 }, 1 } };
	struct edit *e = edit_new(STR("X-A: 1\nX-B: 1\nX-AB: 1\nFrom: 1\n"
				      "X-ABC: 1\nx-b: 2\nX-AB: 2\nA: B\n"));

	(void)state;
	assert_int_equal(
	    apply_remove(e, 0, list, sizeof(list) / sizeof(*list)), 3);
	assert_written(e, "X-A: 1\nX-B: 1\nX-AB: 1\nX-ABC: 1\nA: B\n");
	edit_free(e);
}

static void
stops_at_a_line_that_is_no_field(void **state)
{
	static const struct verdict_remove list[] = { { { "A", 1 }, -1 },
		{ { "B", 1 }, 0 } };
	struct edit *e = edit_new(STR("A: 1\nA: 2\nB: 1\nnone\nA: 3\nB: 2\n"));

	(void)state;
	assert_int_equal(apply_remove(e, 0, list, 2), 2);
	assert_written(e, "A: 1\nnone\nA: 3\nB: 2\n");
	edit_free(e);
}

/* smtpd and rspamd take all that has a colon, and read on behind it. */
static void
goes_past_odd_lines(void **state)
{
	static const char *const odd[] = { "X Y: z\n", ":x\n", "\vX: y\n",
		"\302\240X: y\n", "From a@b Thu Jan  1 12:00:00 2026\n" };
	static const struct verdict_remove list[] = { { { "A", 1 }, -1 },
		{ { "B", 1 }, 0 }, { { "", 0 }, 0 }, { { "X Y", 3 }, 0 } };
	char text[200], want[200];

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		struct edit *e;

		(void)snprintf(
		    text, sizeof(text), "A: 1\nB: 1\n%sB: 2\nA: 2\n", odd[i]);
		(void)snprintf(want, sizeof(want), "A: 1\n%s", odd[i]);
		e = edit_new(str_c(text));
		assert_int_equal(apply_remove(e, 0, list, 4), 3);
		assert_written(e, want);
		edit_free(e);
	}
}

/* Anything quadratic in fields would take minutes here. */
static void
stays_linear(void **state)
{
	static char text[MANY * 3];
	static struct verdict_remove list[MANY_RULES];
	struct edit *e;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		memcpy(text + i * 3, i % 2 ? "a:\n" : "b:\n", 3);
	for (int i = 0; i < MANY_RULES; i++)
		list[i] =
		    (struct verdict_remove){ STR("A"), i % 2 ? i : -i - 1 };
	e = edit_new(str_n(text, sizeof(text)));
	assert_non_null(e);
	assert_int_equal(apply_remove(e, 0, list, MANY_RULES), MANY_RULES);
	list[0] = (struct verdict_remove){ STR("A"), 0 };
	list[1] = (struct verdict_remove){ STR("b"), 0 };
	assert_int_equal(apply_remove(e, 0, list, 2), MANY - MANY_RULES);
	assert_written(e, "");
	edit_free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(removes_by_number),
		cmocka_unit_test(tells_names_apart),
		cmocka_unit_test(stops_at_a_line_that_is_no_field),
		cmocka_unit_test(goes_past_odd_lines),
		cmocka_unit_test(stays_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
