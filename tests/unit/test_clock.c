/* common/base/clock */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/clock.h"

static void
test_real(void **state)
{
	time_t wall = time(NULL);
	uint64_t us = clock_us(), ms = clock_ms();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t next = clock_us();
		assert_true(next >= us);
		us = next;
	}
	assert_true(ms <= us / 1000);
	assert_true(clock_ms() - ms < 60000);
	assert_true(clock_wall() >= wall && clock_wall() - wall < 60);
}

static void
test_fake(void **state)
{
	struct clock_fake fake = { .us = 5999, .wall = 1795341962 };

	(void)state;
	clock_set(&fake);
	assert_int_equal(clock_us(), 5999);
	assert_int_equal(clock_ms(), 5);
	assert_int_equal(clock_wall(), 1795341962);
	/* It moves when its owner moves it, and only then. */
	fake.us = 6000;
	assert_int_equal(clock_ms(), 6);
	clock_set(NULL);
	assert_true(clock_us() != 6000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_fake),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
