/* common/dkim/verify, and with it everything below it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/dkim/verify.h"
#include "tests/unit/guard.h"
#include "tests/unit/vectors.h"

static const struct verify_options defaults;

static void
append_result(struct buf *out, enum dkim_result r)
{
	if (out->n > 0)
		buf_chr(out, ',');
	buf_str(out, str_c(error_word(r)));
}

/* "pass*limit then policy": eight passes and seventeen refusals. */
static void
expand_many(struct buf *out)
{
	for (size_t i = 0; i < 25; i++)
		append_result(
		    out, i < VERIFY_CHECKED ? DKIM_PASS : DKIM_POLICY);
}

static bool
is_expected(struct str expected, struct str got)
{
	struct str one;
	bool more = true;

	while (more) {
		more = str_cut(&expected, '|', &one);
		if (str_eq(one, got))
			return true;
	}
	return false;
}

/* One row of cases.tsv. */
static void
run_case(struct str name, struct str expected, struct str zone)
{
	struct buf message = vectors_message(name), got, many;
	struct str text = guard_copy(buf_view(&message));
	struct verify *v = vectors_verify(text, zone, &defaults, VECTORS_NOW);

	buf_init(&got, 1000);
	buf_init(&many, 1000);
	assert_non_null(v);
	for (size_t i = 0; i < verify_count(v); i++)
		append_result(&got, verify_get(v, i)->result);
	if (verify_count(v) == 0)
		append_result(&got, verify_result(v));
	if (str_eq(name, STR("r-many"))) {
		expand_many(&many);
		expected = buf_view(&many);
	}
	if (!is_expected(expected, buf_view(&got)))
		fail_msg("%.*s: expected %.*s, got %.*s (%s)", (int)name.n,
		    name.p, (int)expected.n, expected.p, (int)got.n, got.p,
		    error_text(verify_get(v, 0)->error));
	verify_free(v);
	guard_free(text);
	buf_clear(&got);
	buf_clear(&many);
	buf_clear(&message);
}

static void
gives_all_results(void **state)
{
	struct buf cases = vectors_read(VECTORS "cases.tsv");
	struct buf zone = vectors_read(VECTORS "zone.tsv");
	struct str rest = buf_view(&cases), line, name, expected;
	size_t n = 0;

	(void)state;
	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		(void)str_cut(&line, '\t', &name);
		(void)str_cut(&line, '\t', &expected);
		run_case(name, expected, buf_view(&zone));
		n++;
	}
	assert_int_equal(n, 135);
	buf_clear(&cases);
	buf_clear(&zone);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_all_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
