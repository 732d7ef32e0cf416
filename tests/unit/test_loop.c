/* common/engine/loop */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/engine/loop.h"

static char trail[16]; /* what was called, a letter each */
static char A[] = "a", B[] = "b", C[] = "c", D[] = "d", S[] = "s";
static struct loop_timer *timers[4];
static struct loop_io *io;
static int fds[2];

static void
note(char c)
{
	size_t n = strlen(trail);

	assert_true(n + 1 < sizeof(trail));
	trail[n] = c;
	trail[n + 1] = '\0';
}

static int
start(void **state)
{
	(void)state;
	trail[0] = '\0';
	return loop_init();
}

static int
end(void **state)
{
	(void)state;
	loop_fini();
	return 0;
}

static void
on_letter(void *arg)
{
	note(*(const char *)arg);
}

static void
on_stop(void *arg)
{
	note(*(const char *)arg);
	loop_stop();
}

/* Frees itself, and another one that is due. */
static void
on_free(void *arg)
{
	note(*(const char *)arg);
	loop_timer_free(timers[0]);
	loop_timer_free(timers[1]);
}

static void
test_timers(void **state)
{
	(void)state;
	assert_non_null(loop_base());
	timers[0] = loop_timer_new(on_letter, A);
	timers[1] = loop_timer_new(on_letter, B);
	timers[2] = loop_timer_new(on_stop, C);
	timers[3] = loop_timer_new(on_letter, D);
	for (int i = 0; i < 4; i++)
		assert_non_null(timers[i]);
	assert_int_equal(loop_timer_set(timers[2], 60), 0);
	assert_int_equal(loop_timer_set(timers[1], 20), 0);
	/* The last time that was set counts; a stopped one is silent. */
	assert_int_equal(loop_timer_set(timers[0], 3600000), 0);
	assert_int_equal(loop_timer_set(timers[0], 40), 0);
	assert_int_equal(loop_timer_set(timers[3], 0), 0);
	loop_timer_stop(timers[3]);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(trail, "bac");
	for (int i = 0; i < 4; i++)
		loop_timer_free(timers[i]);
	loop_timer_free(NULL);
}

static void
on_around(void *arg, bool over)
{
	assert_ptr_equal(arg, trail);
	note(over ? ')' : '(');
}

/* What frees itself is followed by the second half, too. */
static void
test_around(void **state)
{
	(void)state;
	loop_around(on_around, trail);
	for (int i = 0; i < 2; i++)
		timers[i] = loop_timer_new(on_free, i == 0 ? A : B);
	timers[2] = loop_timer_new(on_stop, S);
	assert_int_equal(loop_timer_set(timers[0], 0), 0);
	assert_int_equal(loop_timer_set(timers[2], 5), 0);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(trail, "(a)(s)");
	loop_timer_free(timers[2]);
}

static void
test_free_in_callback(void **state)
{
	(void)state;
	timers[0] = loop_timer_new(on_free, A);
	timers[1] = loop_timer_new(on_letter, B);
	timers[2] = loop_timer_new(on_stop, C);
	assert_int_equal(loop_timer_set(timers[0], 0), 0);
	assert_int_equal(loop_timer_set(timers[1], 1), 0);
	assert_int_equal(loop_timer_set(timers[2], 20), 0);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(trail, "ac");
	loop_timer_free(timers[2]);
}

/* Writes once, then reads what it wrote. */
static void
on_io(void *arg, int what)
{
	char c;

	(void)arg;
	if (what == LOOP_WRITE) {
		note('w');
		assert_int_equal(write(fds[1], "x", 1), 1);
		assert_int_equal(loop_io_set(io, 0), 0);
	} else {
		note('r');
		assert_int_equal(read(fds[0], &c, 1), 1);
		loop_stop();
	}
}

static void
test_io(void **state)
{
	struct loop_io *in;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	in = loop_io_new(fds[0], on_io, NULL);
	io = loop_io_new(fds[1], on_io, NULL);
	assert_non_null(in);
	assert_non_null(io);
	assert_int_equal(loop_io_set(in, LOOP_READ), 0);
	assert_int_equal(loop_io_set(io, LOOP_WRITE), 0);
	assert_int_equal(loop_io_set(io, LOOP_WRITE), 0);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(trail, "wr");
	loop_io_free(in);
	loop_io_free(io);
	loop_io_free(NULL);
	/* What is no descriptor is refused, and may be tried again. */
	assert_int_equal(close(fds[0]) + close(fds[1]), 0);
	io = loop_io_new(fds[0], on_io, NULL);
	assert_non_null(io);
	assert_int_equal(loop_io_set(io, LOOP_READ), -1);
	assert_int_equal(loop_io_set(io, LOOP_READ), -1);
	loop_io_free(io);
}

static void
on_file(void *arg, int what)
{
	char c;

	assert_int_equal(what, LOOP_READ);
	if (read(*(const int *)arg, &c, 1) == 1) {
		note(c);
		return;
	}
	assert_int_equal(loop_io_set(io, 0), 0);
	loop_stop();
}

/* A regular file is always ready, to its end. */
static void
test_file(void **state)
{
	FILE *fp = tmpfile();
	int fd;

	(void)state;
	assert_non_null(fp);
	fd = fileno(fp);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	io = loop_io_new(fd, on_file, &fd);
	assert_non_null(io);
	assert_int_equal(loop_io_set(io, LOOP_READ), 0);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(trail, "abc");
	loop_io_free(io);
	assert_int_equal(fclose(fp), 0);
}

enum {
	MANY = 30, /* timers that are due at once */
	FEW = 4, /* of them that one which goes first has to wait for */
	TURNS = 1000 /* of that one until the test gives up */
};

static unsigned many, seen_at, turns;

/* The first one makes the descriptor ready. */
static void
on_many(void *arg)
{
	(void)arg;
	if (many++ == 0)
		assert_int_equal(write(fds[1], "x", 1), 1);
	if (many == MANY)
		loop_stop();
}

/* Reads nothing, so it stays ready. */
static void
on_first(void *arg, int what)
{
	(void)arg;
	(void)what;
	if (seen_at == 0)
		seen_at = many;
	if (++turns == TURNS)
		loop_stop();
}

static void
test_first(void **state)
{
	struct loop_timer *t[MANY];

	(void)state;
	many = seen_at = turns = 0;
	assert_int_equal(pipe(fds), 0);
	io = loop_io_new(fds[0], on_first, NULL);
	assert_non_null(io);
	loop_io_first(io);
	assert_int_equal(loop_io_set(io, LOOP_READ), 0);
	for (size_t i = 0; i < MANY; i++) {
		t[i] = loop_timer_new(on_many, NULL);
		assert_non_null(t[i]);
		assert_int_equal(loop_timer_set(t[i], 0), 0);
	}
	assert_int_equal(loop_run(), 0);
	/* It goes before most of them, and keeps none of them out. */
	assert_in_range(seen_at, 1, FEW);
	assert_int_equal(many, MANY);
	for (size_t i = 0; i < MANY; i++)
		loop_timer_free(t[i]);
	loop_io_free(io);
	close(fds[0]);
	close(fds[1]);
}

static void
test_signals(void **state)
{
	static const int some[] = { SIGUSR1, SIGHUP, SIGUSR2, SIGWINCH, SIGURG,
		SIGCHLD, SIGCONT, SIGTERM };

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		assert_int_equal(loop_signal(some[i], on_stop, S), 0);
	/* There is room for no more. */
	assert_int_equal(loop_signal(SIGINT, on_stop, S), -1);
	assert_int_equal(raise(SIGHUP), 0);
	assert_int_equal(loop_run(), 0);
	assert_string_equal(trail, "s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timers, start, end),
		cmocka_unit_test_setup_teardown(test_around, start, end),
		cmocka_unit_test_setup_teardown(
		    test_free_in_callback, start, end),
		cmocka_unit_test_setup_teardown(test_io, start, end),
		cmocka_unit_test_setup_teardown(test_file, start, end),
		cmocka_unit_test_setup_teardown(test_first, start, end),
		cmocka_unit_test_setup_teardown(test_signals, start, end),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
