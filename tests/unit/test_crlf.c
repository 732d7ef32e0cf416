/* filter-rspamd/crlf */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "filter-rspamd/crlf.h"
#include "tests/unit/guard.h"

#define LINES 4

static const struct {
	const char *head;
	const char *lines[LINES];
	const char *want;
} cases[] = {
	{ "", { NULL }, "" },
	{ "A: b\n", { NULL }, "A: b\r\n" },
	{ "A: b\n c\nD: e\n", { "", "body", ".dot" },
	    "A: b\r\n c\r\nD: e\r\n\r\nbody\r\n.dot\r\n" },
	{ "", { "", "", "" }, "\r\n\r\n\r\n" },
	/* a CR of the message stays */
	{ "A: b\r\n", { "", "x\ry\r" }, "A: b\r\r\n\r\nx\ry\r\r\n" },
};

static struct store_pool pool;

static struct store *
store_of(const char *const *lines)
{
	struct store *st = store_new(&pool);

	assert_non_null(st);
	for (size_t i = 0; i < LINES && lines[i] != NULL; i++)
		assert_int_equal(store_line(st, str_c(lines[i])), 0);
	return st;
}

/* Reads it in pieces of at most step bytes. */
static void
read_in_steps(
    struct str head, const struct store *st, struct str want, size_t step)
{
	struct buf got;
	struct crlf c;
	ssize_t n;

	buf_init(&got, want.n + 100);
	crlf_init(&c, head, st);
	do {
		struct str page = guard_copy(str_n("................", step));
		char *out = (char *)(uintptr_t)page.p;
		n = crlf_read(&c, out, step);
		assert_in_range(n, 0, step);
		buf_add(&got, out, (size_t)n);
		guard_free(page);
	} while (n > 0);
	assert_int_equal(got.n, want.n);
	assert_true(str_eq(buf_view(&got), want));
	assert_int_equal(crlf_size(head, st), want.n);
	buf_clear(&got);
}

static void
all_steps(size_t spill)
{
	pool = (struct store_pool){
		.dir = "/tmp", .spill = spill, .budget = 1 << 20
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store *st = store_of(cases[i].lines);
		struct str head = guard_copy(str_c(cases[i].head));
		for (size_t step = 1; step <= 16; step++)
			read_in_steps(head, st, str_c(cases[i].want), step);
		guard_free(head);
		store_free(st);
	}
}

static void
from_memory(void **state)
{
	(void)state;
	all_steps(1 << 20);
	assert_int_equal(pool.spilled, 0);
}

static void
from_a_file(void **state)
{
	(void)state;
	all_steps(0);
	assert_true(pool.spilled > 0);
}

static void
without_store(void **state)
{
	(void)state;
	read_in_steps(STR("A: b\n"), NULL, STR("A: b\r\n"), 4);
}

/* More than one block of the store. */
static void
large(void **state)
{
	static char line[1000], out[5000];
	uint64_t total = 0, lf = 0;
	struct store *st;
	struct crlf c;
	ssize_t n;

	(void)state;
	pool = (struct store_pool){
		.dir = "/tmp", .spill = 4096, .budget = 1 << 20
	};
	memset(line, 'x', sizeof(line));
	st = store_new(&pool);
	assert_non_null(st);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(
		    store_line(st, str_n(line, (size_t)i % sizeof(line))), 0);
	crlf_init(&c, STR_NULL, st);
	while ((n = crlf_read(&c, out, sizeof(out))) > 0) {
		total += (uint64_t)n;
		for (ssize_t i = 0; i < n; i++)
			lf += out[i] == '\n';
	}
	assert_int_equal(n, 0);
	assert_int_equal(lf, 1000);
	assert_int_equal(total, store_size(st) + 1000);
	assert_int_equal(total, crlf_size(STR_NULL, st));
	store_free(st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_memory),
		cmocka_unit_test(from_a_file),
		cmocka_unit_test(without_store),
		cmocka_unit_test(large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
