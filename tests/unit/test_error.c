/* common/dkim/error */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/dkim/error.h"

/* Every reason has its own text, which reason= takes as it is. */
static void
has_texts(void **state)
{
	(void)state;
	for (enum dkim_error e = DKIM_UNCHECKED; e < DKIM_ERRORS; e++) {
		const char *text = error_text(e);

		assert_non_null(text);
		assert_int_equal(strlen(text) == 0, e == DKIM_OK);
		assert_true(strlen(text) <= 40);
		assert_int_equal(strspn(text,
				     "abcdefghijklmnopqrstuvwxyz "
				     "0123456789"),
		    strlen(text));
		for (enum dkim_error f = DKIM_UNCHECKED; f < e; f++)
			assert_string_not_equal(text, error_text(f));
	}
}

static void
passes_only_what_is_good(void **state)
{
	(void)state;
	for (enum dkim_error e = DKIM_UNCHECKED; e < DKIM_ERRORS; e++) {
		assert_int_equal(error_result(e) == DKIM_PASS, e == DKIM_OK);
		assert_int_not_equal(error_result(e), DKIM_NONE);
	}
	assert_int_equal(error_result(DKIM_UNCHECKED), DKIM_TEMPERROR);
}

static void
has_words(void **state)
{
	(void)state;
	assert_string_equal(error_word(DKIM_NONE), "none");
	assert_string_equal(error_word(DKIM_PASS), "pass");
	assert_string_equal(error_word(DKIM_FAIL), "fail");
	assert_string_equal(error_word(DKIM_POLICY), "policy");
	assert_string_equal(error_word(DKIM_NEUTRAL), "neutral");
	assert_string_equal(error_word(DKIM_TEMPERROR), "temperror");
	assert_string_equal(error_word(DKIM_PERMERROR), "permerror");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_texts),
		cmocka_unit_test(passes_only_what_is_good),
		cmocka_unit_test(has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
