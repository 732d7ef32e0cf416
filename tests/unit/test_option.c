/* common/engine/option */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/engine/option.h"

static const struct {
	const char *text;
	int r;
	uint64_t value;
} sizes[] = {
	{ "0", 0, 0 },
	{ "10", 0, 10 },
	{ "4k", 0, 4096 },
	{ "4K", 0, 4096 },
	{ "2M", 0, 2 << 20 },
	{ "1g", 0, 1 << 30 },
	{ "4G", 0, (uint64_t)4 << 30 },
	{ "5G", -1, 0 },
	{ "4194305K", -1, 0 },
	{ "18446744073709551615G", -1, 0 },
	{ "", -1, 0 },
	{ "K", -1, 0 },
	{ "1KB", -1, 0 },
	{ "1 ", -1, 0 },
	{ "1T", -1, 0 },
	{ "1 K", -1, 0 },
	{ "-1", -1, 0 },
	{ "1.5M", -1, 0 },
};

static void
sizes_and_numbers(void **state)
{
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		v = 4711;
		if (option_size(sizes[i].text, 0, (uint64_t)4 << 30, &v) !=
		    sizes[i].r)
			fail_msg("\"%s\"", sizes[i].text);
		assert_true(v == (sizes[i].r == 0 ? sizes[i].value : 4711));
	}
	assert_int_equal(option_size("9", 10, 20, &v), -1);
	assert_int_equal(option_size("10", 10, 20, &v), 0);
	assert_int_equal(option_number("20", 10, 20, &v), 0);
	assert_int_equal(option_number("21", 10, 20, &v), -1);
	assert_int_equal(option_number("9", 10, 20, &v), -1);
	assert_int_equal(option_number("1K", 0, 10000, &v), -1);
}

static void
words_of_a_list(void **state)
{
	static const char *const words[] = { "split", "reject", NULL };

	(void)state;
	assert_int_equal(option_word("split", words), 0);
	assert_int_equal(option_word("reject", words), 1);
	assert_int_equal(option_word("", words), -1);
	assert_int_equal(option_word("Split", words), -1);
	assert_int_equal(option_word("spli", words), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_and_numbers),
		cmocka_unit_test(words_of_a_list),
	};

	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
