/* common/engine/out and replay */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/engine/out.h"
#include "tests/unit/guard.h"

static const struct reply_to to = { 7, 0xa1, 0xd1 };

/* A reader that takes takes[i] bytes at its i-th turn, then all. */
struct reader {
	struct buf got;
	const size_t *takes;
	size_t ntakes, turn;
	unsigned waits;
	bool awake, no_wake, gone;
};

static long
reader_write(void *arg, const char *p, size_t n)
{
	struct reader *r = arg;

	if (r->gone)
		return -1;
	if (r->turn < r->ntakes && r->takes[r->turn] < n)
		n = r->takes[r->turn];
	r->turn++;
	buf_add(&r->got, p, n);
	return (long)n;
}

static int
reader_wait(void *arg)
{
	struct reader *r = arg;

	r->waits++;
	return r->gone ? -1 : 0;
}

static int
reader_wake(void *arg, bool on)
{
	struct reader *r = arg;

	if (on && r->no_wake)
		return -1;
	r->awake = on;
	return 0;
}

static unsigned done_good, done_bad;

static void
done(struct replay *r, bool ok)
{
	assert_non_null(r);
	if (ok)
		done_good++;
	else
		done_bad++;
}

static void
open_out(struct out *o, struct reader *r)
{
	struct out_sink sink = { reader_write, reader_wait, reader_wake, r };

	buf_init(&r->got, SIZE_MAX);
	done_good = done_bad = 0;
	assert_int_equal(out_init(o, &sink, done), 0);
}

static void
test_answers(void **state)
{
	static const size_t takes[] = { 3, 0, 2 };
	struct reader r = { .takes = takes, .ntakes = 3 };
	struct out o;

	(void)state;
	open_out(&o, &r);
	buf_str(out_room(&o, 100), STR("one\ntwo\n"));
	assert_int_equal(out_pump(&o), 0);
	/* Nothing went at the second turn: it asks to be called again. */
	assert_true(r.awake);
	assert_true(str_eq(buf_view(&r.got), STR("one")));
	assert_int_equal(out_pump(&o), 0);
	assert_false(r.awake);
	assert_true(str_eq(buf_view(&r.got), STR("one\ntwo\n")));
	buf_clear(&r.got);
	out_clear(&o);
}

/* If it cannot be called again, it has to wait until all is out. */
static void
test_no_wake(void **state)
{
	static const size_t takes[] = { 1, 0, 1, 0, 0, 1, 0 };
	struct reader r = { .takes = takes, .ntakes = 7, .no_wake = true };
	struct out o;

	(void)state;
	open_out(&o, &r);
	buf_str(out_room(&o, 100), STR("one\n"));
	assert_int_equal(out_pump(&o), 0);
	assert_true(str_eq(buf_view(&r.got), STR("one\n")));
	assert_true(r.waits > 0);
	buf_clear(&r.got);
	out_clear(&o);
}

static void
test_gone(void **state)
{
	struct reader r = { .gone = true };
	struct out o;

	(void)state;
	open_out(&o, &r);
	buf_str(out_room(&o, 100), STR("one\n"));
	assert_int_equal(out_pump(&o), -1);
	assert_null(out_room(&o, 1));
	buf_clear(&r.got);
	out_clear(&o);
}

/* More than the queue holds is waited for, and comes in order. */
static void
test_full(void **state)
{
	static const size_t takes[] = { 0, 0, 5 };
	struct reader r = { .takes = takes, .ntakes = 3 };
	struct out o;
	char line[1001];
	struct buf *q;

	(void)state;
	open_out(&o, &r);
	memset(line, 'x', 1000);
	line[1000] = '\n';
	for (unsigned i = 0; i < 3000; i++) {
		q = out_room(&o, sizeof(line));
		assert_non_null(q);
		buf_add(q, line, sizeof(line));
		assert_false(buf_failed(q));
	}
	assert_true(r.waits >= 2);
	assert_int_equal(out_pump(&o), 0);
	assert_int_equal(r.got.n, 3000 * sizeof(line));
	for (size_t i = 0; i < r.got.n; i++)
		assert_int_equal(r.got.p[i], i % 1001 == 1000 ? '\n' : 'x');
	buf_clear(&r.got);
	out_clear(&o);
}

#define PREFIX "filter-dataline|00000000000000a1|00000000000000d1|"

static struct store *
store_of(struct store_pool *pool, const char *const *lines)
{
	struct store *st = store_new(pool);

	assert_non_null(st);
	for (; *lines != NULL; lines++)
		assert_int_equal(store_line(st, str_c(*lines)), 0);
	return st;
}

static void
test_replays(void **state)
{
	static const char *const body[] = { "", ".dot", ".", "x", NULL };
	struct store_pool pool = {
		.dir = "/tmp", .spill = 4096, .budget = 1 << 20
	};
	struct store *st = store_of(&pool, body);
	struct replay one, two;
	struct reader r = { .ntakes = 0 };
	struct out o;

	(void)state;
	open_out(&o, &r);
	replay_init(&one, &to, STR("A: b\n.c\n"), st);
	replay_init(&two, &to, STR_NULL, NULL);
	out_start(&o, &one);
	out_start(&o, &two);
	assert_int_equal(out_pump(&o), 0);
	assert_int_equal(done_good, 2);
	assert_int_equal(done_bad, 0);
	assert_true(str_eq(buf_view(&r.got),
	    STR(PREFIX "A: b\n" PREFIX "..c\n" PREFIX "\n" PREFIX
		       "..dot\n" PREFIX "..\n" PREFIX "x\n" PREFIX ".\n" PREFIX
		       ".\n")));
	buf_clear(&r.got);
	out_clear(&o);
	store_free(st);
	store_pool_clear(&pool);
}

/* A message that is stopped midway sends nothing more; lines stay whole. */
static void
test_stop(void **state)
{
	static const size_t takes[] = { 100, 0 };
	struct store_pool pool = {
		.dir = "/tmp", .spill = 1 << 24, .budget = 1 << 24
	};
	struct store *st = store_new(&pool);
	struct reader r = { .takes = takes, .ntakes = 2 };
	struct replay one;
	struct out o;

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(store_line(st, STR("0123456789")), 0);
	open_out(&o, &r);
	replay_init(&one, &to, STR_NULL, st);
	out_start(&o, &one);
	assert_int_equal(out_pump(&o), 0);
	assert_true(r.awake);
	out_stop(&o, &one);
	store_free(st);
	assert_int_equal(out_pump(&o), 0);
	assert_false(r.awake);
	assert_int_equal(done_good, 0);
	assert_int_equal(r.got.n % (sizeof(PREFIX "0123456789\n") - 1), 0);
	assert_true(r.got.n < 2 * OUT_BLOCK);
	buf_clear(&r.got);
	out_clear(&o);
	store_pool_clear(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_wake),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_replays),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests_name("out", tests, NULL, NULL);
}
