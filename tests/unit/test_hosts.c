/* filter-rspamd/hosts */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "filter-rspamd/hosts.h"

#define NO_HOST -1

static struct hosts hosts;
static uint64_t now = 1000;

static void
set_up(size_t n, bool spread, unsigned max)
{
	hosts_init(&hosts, n, spread, max, 4711);
	now = 1000;
}

/* A message of one try; returns the host. */
static int
message(enum hosts_outcome outcome, enum hosts_news *news)
{
	struct hosts_tries tries = { 0, 0 };
	uint64_t lasted;
	int i = hosts_take(&hosts, &tries, now);

	*news = hosts_done(&hosts, (size_t)i, outcome, now, &lasted);
	return i;
}

/* The host that the next message would go to. */
static int
next_host(void)
{
	enum hosts_news news;

	return message(HOSTS_CANCELLED, &news);
}

static void
fail_times(unsigned n, enum hosts_outcome outcome)
{
	enum hosts_news news;

	while (n-- > 0)
		(void)message(outcome, &news);
}

static void
first_is_preferred(void **state)
{
	(void)state;
	set_up(3, false, 10);
	for (int i = 0; i < 5; i++)
		assert_int_equal(next_host(), 0);
}

static void
spread_takes_turns(void **state)
{
	static const int want[] = { 0, 1, 2, 0, 1, 2 };

	(void)state;
	set_up(3, true, 10);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(next_host(), want[i]);
}

static void
each_host_is_tried_once(void **state)
{
	struct hosts_tries tries = { 0, 0 };

	(void)state;
	set_up(HOSTS_MAX, false, 100);
	for (int i = 0; i < HOSTS_MAX; i++)
		assert_int_equal(hosts_take(&hosts, &tries, now), i);
	assert_int_equal(hosts_take(&hosts, &tries, now), NO_HOST);
}

static void
as_many_as_there_may_be(void **state)
{
	struct hosts_tries a = { 0, 0 }, b = { 0, 0 };
	uint64_t lasted;

	(void)state;
	set_up(1, false, 2);
	assert_false(hosts_is_full(&hosts));
	assert_int_equal(hosts_take(&hosts, &a, now), 0);
	assert_false(hosts_is_full(&hosts));
	assert_int_equal(hosts_take(&hosts, &b, now), 0);
	assert_true(hosts_is_full(&hosts));
	(void)hosts_done(&hosts, 0, HOSTS_ANSWERED, now, &lasted);
	assert_false(hosts_is_full(&hosts));
}

static void
failing_host_is_left_alone(void **state)
{
	static const enum hosts_outcome bad[] = { HOSTS_UNREACHABLE,
		HOSTS_TIMEOUT, HOSTS_CLOSED, HOSTS_GATEWAY };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set_up(2, false, 10);
		fail_times(HOSTS_FAILS - 1, bad[i]);
		assert_int_equal(next_host(), 0);
		fail_times(1, bad[i]);
		assert_int_equal(next_host(), 1);
	}
}

static void
error_replies_do_not_count(void **state)
{
	(void)state;
	set_up(2, false, 10);
	fail_times(HOSTS_FAILS * 3, HOSTS_ERROR);
	assert_int_equal(next_host(), 0);
	fail_times(HOSTS_FAILS - 1, HOSTS_TIMEOUT);
	fail_times(1, HOSTS_ERROR);
	fail_times(HOSTS_FAILS - 1, HOSTS_TIMEOUT);
	assert_int_equal(next_host(), 0);
}

static void
an_answer_ends_the_row(void **state)
{
	(void)state;
	set_up(2, false, 10);
	for (int i = 0; i < 5; i++) {
		fail_times(HOSTS_FAILS - 1, HOSTS_TIMEOUT);
		fail_times(1, HOSTS_ANSWERED);
	}
	assert_int_equal(next_host(), 0);
}

static void
one_probe_after_the_wait(void **state)
{
	struct hosts_tries probe = { 0, 0 };
	uint64_t lasted;

	(void)state;
	set_up(2, false, 10);
	fail_times(HOSTS_FAILS, HOSTS_UNREACHABLE);
	now += HOSTS_WAIT_MIN_MS - 1;
	assert_int_equal(next_host(), 1);
	now = 1000 + HOSTS_WAIT_MIN_MS + HOSTS_WAIT_MIN_MS / HOSTS_JITTER;
	assert_int_equal(hosts_take(&hosts, &probe, now), 0);
	/* The others do not wait for it. */
	assert_int_equal(next_host(), 1);
	assert_int_equal(
	    hosts_done(&hosts, 0, HOSTS_ANSWERED, now, &lasted), HOSTS_UP);
	assert_int_equal(lasted, now - 1000);
	assert_int_equal(next_host(), 0);
}

static void
failed_probe_waits_longer(void **state)
{
	uint64_t wait, before = 0;

	(void)state;
	set_up(2, false, 10);
	fail_times(HOSTS_FAILS, HOSTS_UNREACHABLE);
	for (int i = 0; i < 8; i++) {
		wait = hosts.host[0].until - now;
		assert_in_range(wait, HOSTS_WAIT_MIN_MS, HOSTS_WAIT_MAX_MS);
		if (i < 3)
			assert_true(wait > before);
		before = wait;
		now = hosts.host[0].until;
		fail_times(1, HOSTS_TIMEOUT);
		assert_true(hosts.host[0].until > now);
		assert_int_equal(next_host(), 1);
	}
	/* The last waits are around the longest one. */
	assert_true(before >= HOSTS_WAIT_MAX_MS / 4 * 3);
}

static void
cancelled_probe_is_repeated(void **state)
{
	(void)state;
	set_up(2, false, 10);
	fail_times(HOSTS_FAILS, HOSTS_UNREACHABLE);
	now += HOSTS_WAIT_MAX_MS;
	fail_times(1, HOSTS_CANCELLED);
	assert_int_equal(next_host(), 0);
}

static void
never_all_left_alone(void **state)
{
	struct hosts_tries tries = { 0, 0 };

	(void)state;
	set_up(2, false, 10);
	fail_times(HOSTS_FAILS, HOSTS_UNREACHABLE);
	now += 5000;
	fail_times(HOSTS_FAILS, HOSTS_UNREACHABLE); /* now the second one */
	assert_true(hosts.host[0].until > now);
	assert_true(hosts.host[1].until > now);
	/* Both are to be left alone: first the one that is due first. */
	if (hosts.host[0].until < hosts.host[1].until) {
		assert_int_equal(hosts_take(&hosts, &tries, now), 0);
		assert_int_equal(hosts_take(&hosts, &tries, now), 1);
	} else {
		assert_int_equal(hosts_take(&hosts, &tries, now), 1);
		assert_int_equal(hosts_take(&hosts, &tries, now), 0);
	}
}

static void
late_failures_do_not_lengthen_the_wait(void **state)
{
	struct hosts_tries late[4] = { { 0, 0 } };
	uint64_t until, lasted;

	(void)state;
	set_up(1, false, 10);
	for (size_t i = 0; i < 4; i++)
		(void)hosts_take(&hosts, &late[i], now);
	fail_times(HOSTS_FAILS, HOSTS_TIMEOUT);
	until = hosts.host[0].until;
	now += 100;
	for (size_t i = 0; i < 4; i++)
		(void)hosts_done(&hosts, 0, HOSTS_TIMEOUT, now, &lasted);
	assert_int_equal(hosts.host[0].until, until);
	assert_int_equal(hosts.busy, 0);
}

static void
one_warning_an_outage(void **state)
{
	enum hosts_news news;

	(void)state;
	set_up(1, false, 10);
	(void)message(HOSTS_ANSWERED, &news);
	assert_int_equal(news, HOSTS_NO_NEWS);
	for (int i = 0; i < 3; i++) {
		(void)message(HOSTS_TIMEOUT, &news);
		assert_int_equal(news, HOSTS_DOWN);
		(void)message(HOSTS_UNREACHABLE, &news);
		assert_int_equal(news, HOSTS_NO_NEWS);
		(void)message(HOSTS_ERROR, &news);
		assert_int_equal(news, HOSTS_NO_NEWS);
		(void)message(HOSTS_CANCELLED, &news);
		assert_int_equal(news, HOSTS_NO_NEWS);
		(void)message(HOSTS_ANSWERED, &news);
		assert_int_equal(news, HOSTS_UP);
		(void)message(HOSTS_ANSWERED, &news);
		assert_int_equal(news, HOSTS_NO_NEWS);
		now += HOSTS_QUIET_MS;
	}
	assert_int_equal(hosts.host[0].outages, 3);
	assert_int_equal(hosts.host[0].failed, 9);
}

static void
few_warnings_of_a_shaky_host(void **state)
{
	enum hosts_news news;

	(void)state;
	set_up(1, false, 10);
	(void)message(HOSTS_CLOSED, &news);
	assert_int_equal(news, HOSTS_DOWN);
	(void)message(HOSTS_ANSWERED, &news);
	assert_int_equal(news, HOSTS_UP);
	for (int i = 0; i < 5; i++) {
		(void)message(HOSTS_CLOSED, &news);
		assert_int_equal(news, HOSTS_NO_NEWS);
		(void)message(HOSTS_ANSWERED, &news);
		assert_int_equal(news, HOSTS_NO_NEWS);
	}
	/* What stays is told, if late. */
	(void)message(HOSTS_CLOSED, &news);
	assert_int_equal(news, HOSTS_NO_NEWS);
	now += HOSTS_QUIET_MS;
	(void)message(HOSTS_CLOSED, &news);
	assert_int_equal(news, HOSTS_DOWN);
	(void)message(HOSTS_ANSWERED, &news);
	assert_int_equal(news, HOSTS_UP);
	assert_int_equal(hosts.host[0].outages, 7);
}

static void
retries(void **state)
{
	static const struct {
		enum hosts_outcome outcomes[3];
		bool want[3];
	} cases[] = {
		{ { HOSTS_UNREACHABLE, HOSTS_UNREACHABLE, HOSTS_UNREACHABLE },
		    { true, true, true } },
		{ { HOSTS_TIMEOUT, HOSTS_TIMEOUT, HOSTS_UNREACHABLE },
		    { true, false, true } },
		{ { HOSTS_CLOSED, HOSTS_GATEWAY, HOSTS_CLOSED },
		    { true, false, false } },
		{ { HOSTS_UNREACHABLE, HOSTS_CLOSED, HOSTS_CLOSED },
		    { true, true, false } },
		{ { HOSTS_ERROR, HOSTS_ANSWERED, HOSTS_CANCELLED },
		    { false, false, false } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hosts_tries tries = { 0, 0 };
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(
			    hosts_retry(&tries, cases[i].outcomes[k]),
			    cases[i].want[k]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_is_preferred),
		cmocka_unit_test(spread_takes_turns),
		cmocka_unit_test(each_host_is_tried_once),
		cmocka_unit_test(as_many_as_there_may_be),
		cmocka_unit_test(failing_host_is_left_alone),
		cmocka_unit_test(error_replies_do_not_count),
		cmocka_unit_test(an_answer_ends_the_row),
		cmocka_unit_test(one_probe_after_the_wait),
		cmocka_unit_test(failed_probe_waits_longer),
		cmocka_unit_test(cancelled_probe_is_repeated),
		cmocka_unit_test(never_all_left_alone),
		cmocka_unit_test(late_failures_do_not_lengthen_the_wait),
		cmocka_unit_test(one_warning_an_outage),
		cmocka_unit_test(few_warnings_of_a_shaky_host),
		cmocka_unit_test(retries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
