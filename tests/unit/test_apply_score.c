/* filter-rspamd/apply_score */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/message/fold.h"
#include "filter-rspamd/apply.h"
#include "filter-rspamd/apply_score.h"

#define OUT_MAX (64u * 1024)

static char *
taken(struct buf *b)
{
	buf_chr(b, '\0');
	assert_false(buf_failed(b));
	return b->p;
}

static void
writes_scores(void **state)
{
	static const struct {
		struct verdict v;
		bool spam;
		const char *value, *status;
	} cases[] = {
		{ { .score = 6.5, .has_required = true, .required = 15 }, true,
		    "6.5 / 15",
		    "X-Spam-Status: Yes, score=6.500 required=15.000\n" },
		{ { .score = -0.25 }, false, "-0.25",
		    "X-Spam-Status: No, score=-0.250\n" },
		{ { .score = 1e300 }, false, "1e+300", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b;
		buf_init(&b, OUT_MAX);
		apply_score_value(&cases[i].v, &b);
		assert_string_equal(taken(&b), cases[i].value);
		buf_reset(&b);
		apply_score_status(&cases[i].v, cases[i].spam, &b);
		if (cases[i].status != NULL)
			assert_string_equal(taken(&b), cases[i].status);
		assert_false(buf_failed(&b));
		buf_clear(&b);
	}
}

static void
names_symbols(void **state)
{
	static const char longest[] =
	    "A123456789B123456789C123456789D123456789E123456789F123456789"
	    "G123456789H123456";
	struct verdict_symbol list[] = { { STR("A"), 1 }, { STR("b c"), 2 },
		{ STR(""), 3 }, { STR("caf\xc3\xa9"), 4 }, { STR("D\n"), 5 },
		{ str_c(longest), 6 }, { STR("Z"), -7.0004 } };
	struct verdict v = { .symbols = list, .nsymbols = 7 };
	char want[300];
	struct buf b;

	(void)state;
	buf_init(&b, OUT_MAX);
	apply_score_status(&v, true, &b);
	(void)snprintf(want, sizeof(want),
	    "X-Spam-Status: Yes, "
	    "score=0.000\n\ttests=[A=1.000,\n\t%s=6.000,\n\tZ=-7.000]\n",
	    longest);
	assert_string_equal(taken(&b), want);
	buf_clear(&b);
}

static void
folds_and_bounds_symbols(void **state)
{
	enum {
		SYMBOLS = 1000
	};
	static struct verdict_symbol list[SYMBOLS];
	static char names[SYMBOLS][20];
	struct verdict v = { .symbols = list, .nsymbols = SYMBOLS };
	struct str text, line;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < SYMBOLS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "SYMBOL_%zu", i);
		list[i] = (struct verdict_symbol){ str_c(names[i]), 0.1 };
	}
	buf_init(&b, OUT_MAX);
	apply_score_status(&v, false, &b);
	text = buf_view(&b);
	assert_in_range(text.n, APPLY_TESTS_MAX - 50, APPLY_TESTS_MAX + 100);
	assert_true(str_iends(text, STR("]\n")));
	assert_true(str_cut(&text, '\n', &line));
	assert_true(
	    str_starts(text, STR("\ttests=[SYMBOL_0=0.100, SYMBOL_1=")));
	while (text.n > 0) {
		(void)str_cut(&text, '\n', &line);
		assert_int_equal(line.p[0], '\t');
		assert_in_range(line.n, 2, FOLD_COLUMNS - FOLD_TAB + 3);
	}
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_scores),
		cmocka_unit_test(names_symbols),
		cmocka_unit_test(folds_and_bounds_symbols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
