/* common/engine/lines */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/engine/lines.h"

static void
add(struct lines *l, struct str text)
{
	size_t room;
	char *to = lines_room(l, &room);

	assert_true(room >= text.n);
	memcpy(to, text.p, text.n);
	lines_added(l, text.n);
}

static void
expect(struct lines *l, const char *want)
{
	struct str line;

	assert_int_equal(lines_next(l, &line), 1);
	assert_true(str_eq(line, str_c(want)));
}

static void
test_pieces(void **state)
{
	struct lines l;
	struct str line;

	(void)state;
	assert_int_equal(lines_init(&l), 0);
	assert_int_equal(lines_next(&l, &line), 0);
	add(&l, STR("one\ntw"));
	expect(&l, "one");
	assert_int_equal(lines_next(&l, &line), 0);
	add(&l, STR("o\n\n\nthree"));
	expect(&l, "two");
	expect(&l, "");
	expect(&l, "");
	assert_int_equal(lines_next(&l, &line), 0);
	add(&l, STR("\n"));
	expect(&l, "three");
	assert_int_equal(lines_next(&l, &line), 0);
	lines_clear(&l);
}

/* Reads n bytes of a line in the largest pieces there is room for. */
static int
fill(struct lines *l, size_t n, struct str *line)
{
	size_t room;
	char *to;
	int r = 0;

	while (n > 0 && r == 0) {
		to = lines_room(l, &room);
		assert_true(room > 0);
		room = room < n ? room : n;
		memset(to, 'x', room);
		lines_added(l, room);
		n -= room;
		r = lines_next(l, line);
	}
	return r;
}

static void
test_limits(void **state)
{
	struct lines l;
	struct str line;

	(void)state;
	assert_int_equal(lines_init(&l), 0);
	/* The longest line of smtpd, and the longest that is kept. */
	assert_int_equal(fill(&l, 65615, &line), 0);
	add(&l, STR("\n"));
	assert_int_equal(lines_next(&l, &line), 1);
	assert_int_equal(line.n, 65615);
	assert_int_equal(fill(&l, LINES_MAX - 1, &line), 0);
	add(&l, STR("\n"));
	assert_int_equal(lines_next(&l, &line), 1);
	assert_int_equal(line.n, LINES_MAX - 1);
	/* One byte more is lost, but its start; what follows is not. */
	assert_int_equal(fill(&l, LINES_MAX, &line), -1);
	assert_int_equal(line.n, LINES_HEAD);
	assert_int_equal(fill(&l, 3 * LINES_MAX, &line), 0);
	add(&l, STR("end of it\nnext\n"));
	expect(&l, "next");
	assert_int_equal(lines_next(&l, &line), 0);
	lines_clear(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
