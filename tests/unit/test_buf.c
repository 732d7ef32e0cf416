/* common/base/buf */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "tests/unit/guard.h"

static void
test_cap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_add(&b, "12345", 5);
	buf_str(&b, STR("6789"));
	buf_chr(&b, '0');
	assert_false(buf_failed(&b));
	assert_true(str_eq(buf_view(&b), STR("1234567890")));
	/* what is too much fails, is not added, and keeps the rest */
	buf_chr(&b, 'x');
	assert_true(buf_failed(&b));
	assert_true(str_eq(buf_view(&b), STR("1234567890")));
	buf_clear(&b);
	assert_false(buf_failed(&b));
	assert_int_equal(buf_view(&b).n, 0);
}

static void
test_sticky(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_str(&b, STR("12345678901"));
	assert_true(buf_failed(&b));
	buf_chr(&b, 'x');
	assert_int_equal(b.n, 0);
	assert_null(buf_room(&b, 1));
	buf_reset(&b);
	buf_chr(&b, 'x');
	assert_false(buf_failed(&b));
	assert_true(str_eq(buf_view(&b), STR("x")));
	buf_clear(&b);
}

static void
test_room(void **state)
{
	struct buf b;
	char *p;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < 1000; i++) {
		p = buf_room(&b, 1);
		assert_non_null(p);
		*p = (char)('a' + i % 26);
		b.n++;
	}
	assert_null(buf_room(&b, 1));
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(b.p[i], 'a' + i % 26);
	buf_clear(&b);
	buf_init(&b, 0);
	buf_add(&b, NULL, 0);
	assert_false(buf_failed(&b));
	buf_chr(&b, 'x');
	assert_true(buf_failed(&b));
	buf_clear(&b);
}

static void
test_u64(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 23);
	buf_u64(&b, 0);
	buf_chr(&b, ' ');
	buf_u64(&b, UINT64_MAX);
	assert_false(buf_failed(&b));
	assert_true(str_eq(buf_view(&b), STR("0 18446744073709551615")));
	buf_u64(&b, 10);
	assert_true(buf_failed(&b));
	assert_int_equal(b.n, 22);
	buf_clear(&b);
}

static void
test_fmt(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	buf_fmt(&b, "%s", "");
	buf_fmt(&b, "%d-%s", 12, "abc");
	assert_false(buf_failed(&b));
	assert_true(str_eq(buf_view(&b), STR("12-abc")));
	buf_fmt(&b, "%s", "xyz");
	assert_true(buf_failed(&b));
	assert_true(str_eq(buf_view(&b), STR("12-abc")));
	buf_clear(&b);
	/* the NUL of vsnprintf needs a byte that is not kept */
	buf_init(&b, 5);
	buf_fmt(&b, "%s", "1234");
	assert_false(buf_failed(&b));
	assert_int_equal(b.n, 4);
	buf_clear(&b);
}

static void
test_large(void **state)
{
	struct buf b;
	size_t n = 0;

	(void)state;
	buf_init(&b, SIZE_MAX);
	for (size_t i = 0; i < 300; i++) {
		char piece[300];

		memset(piece, (int)i, sizeof(piece));
		buf_add(&b, piece, i);
		n += i;
	}
	assert_int_equal(b.n, n);
	/* more than any memory holds */
	assert_null(buf_room(&b, SIZE_MAX / 2));
	assert_true(buf_failed(&b));
	assert_int_equal(b.n, n);
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_sticky),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_fmt),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
