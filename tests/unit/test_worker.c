/* common/engine/worker */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/engine/loop.h"
#include "common/engine/worker.h"

enum {
	JOBS = 500,
	SECONDS = 20
};

static struct worker *pool;
static unsigned started, done, released;
static atomic_uint worked;
static struct worker_job *handles[JOBS];
static atomic_bool gate; /* open: jobs may end */
static bool inside; /* of worker_start() */
static atomic_bool queued; /* all jobs of results_do_not_wait() */
static unsigned last; /* of them */

struct data {
	unsigned n;
	bool worked;
	bool restart; /* done starts one more */
};

static void start(unsigned n, const struct worker_ops *, bool restart);

static void
work(void *owned)
{
	struct data *d = owned;

	d->worked = true;
	atomic_fetch_add(&worked, 1);
}

static void
work_at_gate(void *owned)
{
	while (!atomic_load(&gate))
		(void)usleep(100);
	work(owned);
}

static void
on_release(void *owned)
{
	released++;
	free(owned);
	if (released == started)
		loop_stop();
}

static void on_done(void *owned);

static const struct worker_ops ops = { work, on_done, on_release };
static const struct worker_ops slow = { work_at_gate, on_done, on_release };

static void
on_done(void *owned)
{
	struct data *d = owned;

	assert_false(inside);
	assert_true(d->worked);
	assert_non_null(handles[d->n]);
	handles[d->n] = NULL;
	done++;
	if (d->restart)
		start(started, &ops, false);
}

static void
start(unsigned n, const struct worker_ops *o, bool restart)
{
	struct data *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->n = n;
	d->restart = restart;
	started++;
	inside = true;
	handles[n] = worker_start(pool, o, d);
	inside = false;
	assert_non_null(handles[n]);
}

static void
too_late(void *arg)
{
	(void)arg;
	loop_stop();
}

static void
run(void)
{
	struct loop_timer *t = loop_timer_new(too_late, NULL);

	assert_int_equal(loop_timer_set(t, SECONDS * 1000), 0);
	assert_int_equal(loop_run(), 0);
	loop_timer_free(t);
}

static void
set_up(unsigned threads)
{
	started = done = released = 0;
	atomic_store(&worked, 0);
	atomic_store(&gate, false);
	assert_int_equal(loop_init(), 0);
	pool = worker_new(threads);
	assert_non_null(pool);
}

static void
tear_down(void)
{
	atomic_store(&gate, true);
	worker_free(pool);
	loop_fini();
	assert_int_equal(released, started);
}

/* Each job is done once, with some threads, one, and none. */
static void
all_are_done(void **state)
{
	static const unsigned threads[] = { 4, 1, 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		set_up(threads[i]);
		assert_int_equal(worker_threads(pool), threads[i]);
		for (unsigned n = 0; n < JOBS; n++)
			start(n, &ops, false);
		assert_int_equal(done, 0);
		run();
		assert_int_equal(done, JOBS);
		assert_int_equal(atomic_load(&worked), JOBS);
		tear_down();
	}
}

static void
done_may_start_more(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 3; threads++) {
		set_up(threads);
		for (unsigned n = 0; n < JOBS / 2; n++)
			start(n, &ops, true);
		run();
		assert_int_equal(done, JOBS);
		tear_down();
	}
}

/* Cancelled before, during and after their work: never done. */
static void
cancel_is_silent(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 3; threads++) {
		set_up(threads);
		for (unsigned n = 0; n < JOBS; n++)
			start(n, n < 4 && threads > 0 ? &slow : &ops, false);
		for (unsigned n = 0; n < JOBS; n++)
			if (n % 3 != 1)
				worker_cancel(&handles[n]);
		for (unsigned n = 0; n < JOBS; n++)
			assert_true((handles[n] != NULL) == (n % 3 == 1));
		atomic_store(&gate, true);
		run();
		assert_int_equal(done, (JOBS + 1) / 3);
		assert_int_equal(released, JOBS);
		tear_down();
	}
}

/* The end of the pool: what runs is waited for, the rest is released. */
static void
free_releases_all(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 3; threads++) {
		set_up(threads);
		for (unsigned n = 0; n < JOBS; n++)
			start(
			    n, n % 2 == 0 && threads > 0 ? &slow : &ops, false);
		tear_down();
		assert_int_equal(done, 0);
	}
}

static void
cancel_of_nothing(void **state)
{
	struct worker_job *j = NULL;

	(void)state;
	worker_cancel(&j);
	worker_free(NULL);
	assert_in_range(worker_default_threads(), 1, WORKER_THREADS_MAX);
}

/* Waits until all are queued; the last of them for the first one's done. */
static void
work_in_order(void *owned)
{
	struct data *d = owned;

	while (!atomic_load(&queued))
		(void)usleep(100);
	if (d->n == last)
		work_at_gate(owned);
	else
		work(owned);
}

static void
done_opens_gate(void *owned)
{
	atomic_store(&gate, true);
	on_done(owned);
}

static const struct worker_ops in_order = { work_in_order, done_opens_gate,
	on_release };

/*
 * Results of one kind come in batches, but few beside those that wait: the job
 * after a batch waits for it.
 */
static void
results_do_not_wait(void **state)
{
	static const struct {
		unsigned jobs, last;
	} t[] = {
		{ 2, 1 },
		{ 5, 2 },
		{ 9, 2 },
		{ 10, 3 },
		{ JOBS, WORKER_BATCH },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		set_up(1);
		atomic_store(&queued, false);
		last = t[k].last;
		for (unsigned i = 0; i < t[k].jobs; i++)
			start(i, &in_order, false);
		atomic_store(&queued, true);
		run();
		assert_int_equal(done, t[k].jobs);
		tear_down();
	}
}

static void
work_slowly(void *owned)
{
	struct data *d = owned;

	while (!atomic_load(&queued))
		(void)usleep(100);
	if (d->n == 0)
		(void)usleep(WORKER_HOLD_US);
	if (d->n == 1)
		work_at_gate(owned);
	else
		work(owned);
}

static const struct worker_ops slowly = { work_slowly, done_opens_gate,
	on_release };

/* Nor for many others when they take long themselves. */
static void
slow_results_do_not_wait(void **state)
{
	(void)state;
	set_up(1);
	atomic_store(&queued, false);
	for (unsigned i = 0; i < JOBS; i++)
		start(i, &slowly, false);
	atomic_store(&queued, true);
	run();
	assert_int_equal(done, JOBS);
	tear_down();
}

/* A job of another kind may take long. */
static void
results_do_not_wait_for_another_kind(void **state)
{
	(void)state;
	set_up(1);
	atomic_store(&queued, false);
	last = 2;
	start(0, &in_order, false);
	start(1, &slow, false);
	atomic_store(&queued, true);
	run();
	assert_int_equal(done, 2);
	tear_down();
}

static void
no_more_threads_than_the_limit(void **state)
{
	(void)state;
	set_up(WORKER_THREADS_MAX + 5);
	assert_int_equal(worker_threads(pool), WORKER_THREADS_MAX);
	tear_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_done),
		cmocka_unit_test(done_may_start_more),
		cmocka_unit_test(cancel_is_silent),
		cmocka_unit_test(free_releases_all),
		cmocka_unit_test(cancel_of_nothing),
		cmocka_unit_test(results_do_not_wait),
		cmocka_unit_test(slow_results_do_not_wait),
		cmocka_unit_test(results_do_not_wait_for_another_kind),
		cmocka_unit_test(no_more_threads_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
