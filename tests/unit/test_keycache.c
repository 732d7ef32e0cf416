/* filter-dkimverify/keycache, with a DNS and a clock of the test's own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/dns/dns.h"
#include "filter-dkimverify/keycache.h"

#define NO_KEY "v=DKIM1; p="

enum {
	SECOND = 1000 * 1000,
	QUERIES = 8,
};

struct dns_query {
	void (*cb)(void *, const struct dns_answer *);
	void *arg;
	bool used;
};

static struct dns_query queries[QUERIES];
static unsigned started, cancelled;
static struct clock_fake now;

struct dns_query *
dns_start(
    const char *name, void (*cb)(void *, const struct dns_answer *), void *arg)
{
	(void)name;
	for (size_t i = 0; i < QUERIES; i++) {
		if (queries[i].used)
			continue;
		queries[i] = (struct dns_query){ cb, arg, true };
		started++;
		return &queries[i];
	}
	return NULL;
}

void
dns_cancel(struct dns_query **q)
{
	if (*q == NULL)
		return;
	(*q)->used = false;
	*q = NULL;
	cancelled++;
}

/* The answer to the oldest query. */
static void
answer(enum dns_status status, uint32_t ttl, const char *why)
{
	struct dns_answer a = { .status = status, .why = why, .ttl = ttl };
	size_t i = 0;

	if (status == DNS_FOUND) {
		a.txt[0] = STR(NO_KEY);
		a.n = 1;
	}
	while (i < QUERIES && !queries[i].used)
		i++;
	assert_true(i < QUERIES);
	queries[i].used = false;
	queries[i].cb(queries[i].arg, &a);
}

static unsigned told;
static struct keycache_answer last;
static struct keycache_wait *to_cancel;

static void
on_key(struct keycache_wait *w, const struct keycache_answer *a)
{
	assert_null(w->entry);
	told++;
	last = *a;
	if (to_cancel != NULL)
		keycache_cancel(to_cancel);
}

static int
begin(void **state)
{
	(void)state;
	started = cancelled = told = 0;
	to_cancel = NULL;
	now.us = 1000 * (uint64_t)SECOND;
	clock_set(&now);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	keycache_clear();
	for (size_t i = 0; i < QUERIES; i++)
		assert_false(queries[i].used);
	return 0;
}

static void
ask(struct keycache_wait *w, const char *name)
{
	assert_int_equal(keycache_start(name, w, on_key), 0);
}

static bool
is_known(const char *name)
{
	struct keycache_answer a;

	return keycache_find(name, &a);
}

static void
merges_and_keeps(void **state)
{
	struct keycache_wait a = { 0 }, b = { 0 };

	(void)state;
	assert_false(is_known("k.example"));
	ask(&a, "k.example");
	assert_false(is_known("k.example"));
	ask(&b, "k.example");
	assert_int_equal(started, 1);
	assert_int_equal(told, 0);
	answer(DNS_FOUND, 300, "");
	assert_int_equal(told, 2);
	assert_non_null(last.keys);
	now.us += 299 * (uint64_t)SECOND;
	assert_true(is_known("k.example"));
	now.us += SECOND;
	assert_false(is_known("k.example"));
}

static const struct {
	enum dns_status status;
	uint32_t ttl;
	unsigned kept; /* seconds */
	enum verify_dns why;
} answers[] = {
	{ DNS_FOUND, 86400, KEYCACHE_TTL_MAX, VERIFY_NO_RECORD },
	{ DNS_FOUND, 1, 1, VERIFY_NO_RECORD },
	{ DNS_FOUND, 0, 0, VERIFY_NO_RECORD },
	{ DNS_NXDOMAIN, 86400, KEYCACHE_TTL_NONE, VERIFY_NO_RECORD },
	{ DNS_NODATA, 0, KEYCACHE_TTL_NONE, VERIFY_NO_RECORD },
	{ DNS_CHAIN, 5, KEYCACHE_TTL_NONE, VERIFY_CHAIN_TOO_LONG },
	{ DNS_TEMPERROR, 300, 0, VERIFY_DNS_FAILED },
};

static void
times(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct keycache_wait w = { 0 };
		char name[32];

		(void)snprintf(name, sizeof(name), "k%zu.example", i);
		ask(&w, name);
		answer(answers[i].status, answers[i].ttl, "SERVFAIL");
		assert_true(
		    (last.keys != NULL) == (answers[i].status == DNS_FOUND));
		if (last.keys == NULL)
			assert_int_equal(last.why, answers[i].why);
		assert_string_equal(last.text,
		    answers[i].status == DNS_TEMPERROR ? "SERVFAIL" : "");
		if (answers[i].kept > 0) {
			now.us += (uint64_t)(answers[i].kept - 1) * SECOND;
			assert_true(is_known(name));
			now.us += SECOND;
		}
		assert_false(is_known(name));
	}
}

static void
cancels(void **state)
{
	struct keycache_wait a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	ask(&a, "k.example");
	ask(&b, "k.example");
	keycache_cancel(&a);
	keycache_cancel(&a);
	assert_int_equal(cancelled, 0);
	keycache_cancel(&b);
	assert_int_equal(cancelled, 1);
	/* and the name can be asked for again */
	ask(&c, "k.example");
	assert_int_equal(started, 2);
	answer(DNS_NODATA, 0, "");
	assert_int_equal(told, 1);
}

/* A callback may end the wait of another one of the same name. */
static void
cancels_inside(void **state)
{
	struct keycache_wait a = { 0 }, b = { 0 };

	(void)state;
	ask(&a, "k.example");
	ask(&b, "k.example");
	to_cancel = &b;
	answer(DNS_TEMPERROR, 0, "timeout");
	assert_int_equal(told, 1);
	assert_null(b.entry);
	assert_int_equal(cancelled, 0);
}

static void
bounded(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < KEYCACHE_MAX + 1; i++) {
		struct keycache_wait w = { 0 };

		(void)snprintf(name, sizeof(name), "k%u.example", i);
		ask(&w, name);
		answer(DNS_NXDOMAIN, 0, "");
		/* The first one is in use all the time. */
		assert_true(is_known("k0.example"));
	}
	assert_int_equal(keycache_counters()->evicted, 1);
	assert_true(is_known("k0.example"));
	assert_false(is_known("k1.example"));
	assert_true(is_known("k2.example"));
	assert_true(is_known(name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(merges_and_keeps, begin, end),
		cmocka_unit_test_setup_teardown(times, begin, end),
		cmocka_unit_test_setup_teardown(cancels, begin, end),
		cmocka_unit_test_setup_teardown(cancels_inside, begin, end),
		cmocka_unit_test_setup_teardown(bounded, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
