/* common/dns/dns, against a server of the test's own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/dns/dns.h"
#include "common/dns/packet.h"
#include "common/engine/loop.h"

enum {
	ANSWERS = 16,
	HEADER = 12,
	SHORT_MS = 300,
	WARM = 5, /* names that are answered */
	SILENT = 40, /* that are not, two a second */
	PACE_MS = 500,
	LONG_MS = 60 * 1000, /* not reached on the slowest machine */
};

/* ---- the server: the first label of a name says what it answers ---- */

static int server = -1;
static char server_name[32];
static pthread_t thread;

static unsigned late; /* queries for that kind */
static long jump; /* seconds that libunbound's clock is ahead */

/* In the place of libc's, for libunbound. */
int
gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return -1;
	tv->tv_sec = ts.tv_sec + jump;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

static void
add_record(struct buf *b, unsigned type, const char *data, size_t n)
{
	buf_add(b, "\300\14\0", 3);
	buf_chr(b, (char)type);
	buf_add(b, "\0\1\0\0\0\74\0", 7);
	buf_chr(b, (char)n);
	buf_add(b, data, n);
}

static void
make_reply(const char *kind, struct buf *b)
{
	char *count = b->p + 7;

	if (strcmp(kind, "found") == 0) {
		add_record(b, 16, "\5v=one\1x", 8);
		*count = 1;
	} else if (strcmp(kind, "two") == 0) {
		add_record(b, 16, "\1a", 2);
		add_record(b, 16, "\1b", 2);
		*count = 2;
	} else if (strcmp(kind, "binary") == 0) {
		add_record(b, 16, "\3a\0\377", 4);
		*count = 1;
	} else if (strcmp(kind, "week") == 0) {
		add_record(b, 16, "\1a", 2);
		b->p[b->n - 7] = 9; /* its TTL: 9 * 65536 seconds more */
		*count = 1;
	} else if (strcmp(kind, "late") == 0 && late++ > 0) {
		add_record(b, 16, "\1a", 2);
		*count = 1;
	} else if (strcmp(kind, "late") == 0) {
		/* the SOA of example, for an hour and more */
		b->p[3] = (char)(b->p[3] | 3);
		buf_add(b, "\300\21\0\6\0\1\0\0\77\0\0\26", 12);
		buf_add(b, "\0\0\0\0\0\1\0\0\1\0\0\0\1\0\0\0\1\0\0\0\77\0", 22);
		count[2] = 1;
	} else if (strcmp(kind, "nx") == 0) {
		b->p[3] = (char)(b->p[3] | 3);
	} else if (strcmp(kind, "servfail") == 0) {
		b->p[3] = (char)(b->p[3] | 2);
	} else if (strcmp(kind, "refused") == 0) {
		b->p[3] = (char)(b->p[3] | 5);
	} else if (strcmp(kind, "broken") == 0) {
		add_record(b, 16, "\77a", 2);
		*count = 1;
	}
}

static void *
serve(void *arg)
{
	unsigned char q[512];
	struct sockaddr_in from;
	struct buf b;
	char kind[64];

	(void)arg;
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(
		    server, q, sizeof(q), 0, (struct sockaddr *)&from, &len);
		if (n <= HEADER)
			return NULL;
		(void)snprintf(kind, sizeof(kind), "%.*s", q[HEADER],
		    (char *)q + HEADER + 1);
		if (strcmp(kind, "silent") == 0)
			continue;
		/* The question without the EDNS record behind it. */
		size_t end = HEADER;
		while (q[end] != 0)
			end += q[end] + 1u;
		buf_init(&b, 2000);
		buf_add(&b, q, end + 5);
		b.p[2] = (char)0x81;
		b.p[3] = (char)0x80;
		b.p[7] = b.p[9] = b.p[10] = b.p[11] = 0;
		make_reply(kind, &b);
		(void)sendto(
		    server, b.p, b.n, 0, (struct sockaddr *)&from, len);
		buf_clear(&b);
	}
}

static int
start_server(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(server, (struct sockaddr *)&at, len) == -1 ||
	    getsockname(server, (struct sockaddr *)&at, &len) == -1)
		return -1;
	(void)snprintf(server_name, sizeof(server_name), "127.0.0.1@%u",
	    ntohs(at.sin_port));
	return pthread_create(&thread, NULL, serve, NULL);
}

static int
stop_server(void **state)
{
	(void)state;
	(void)shutdown(server, SHUT_RDWR);
	(void)pthread_join(thread, NULL);
	(void)close(server);
	return 0;
}

/* ---- queries ---- */

static struct {
	enum dns_status status;
	char why[DNS_WHY_MAX];
	char text[200];
	size_t n;
	uint32_t ttl;
} got[ANSWERS];
static size_t ngot, wanted;
static bool starting;

static void
on_answer(void *arg, const struct dns_answer *a)
{
	struct buf text;
	size_t i = (size_t)(uintptr_t)arg;

	assert_false(starting);
	got[i].status = a->status;
	got[i].n = a->n;
	got[i].ttl = a->ttl;
	(void)snprintf(got[i].why, sizeof(got[i].why), "%s", a->why);
	buf_init(&text, sizeof(got[i].text));
	for (size_t k = 0; k < a->n; k++) {
		buf_str(&text, a->txt[k]);
		buf_chr(&text, ';');
	}
	memcpy(got[i].text, text.p != NULL ? text.p : "", text.n);
	buf_clear(&text);
	if (++ngot == wanted)
		loop_stop();
}

static struct dns_query *
ask(size_t i, const char *name)
{
	struct dns_query *q;

	starting = true;
	q = dns_start(name, on_answer, (void *)(uintptr_t)i);
	starting = false;
	assert_non_null(q);
	return q;
}

static int
begin_with(unsigned timeout_ms)
{
	struct dns_options o = { .servers = { server_name },
		.nservers = 1,
		.timeout_ms = timeout_ms };
	char why[DNS_ERROR_MAX];

	memset(got, 0, sizeof(got));
	ngot = wanted = 0;
	return loop_init() == 0 && dns_init(&o, why) == 0 ? 0 : -1;
}

static int
begin(void **state)
{
	(void)state;
	return begin_with(LONG_MS);
}

static int
begin_usual(void **state)
{
	(void)state;
	return begin_with(DNS_TIMEOUT_MS);
}

static int
begin_short(void **state)
{
	(void)state;
	return begin_with(SHORT_MS);
}

static int
end(void **state)
{
	(void)state;
	dns_fini();
	loop_fini();
	return 0;
}

static const struct {
	const char *name;
	enum dns_status status;
	const char *why, *text;
} cases[] = {
	{ "found.example", DNS_FOUND, "", "v=onex;" },
	{ "FOUND.example.", DNS_FOUND, "", "v=onex;" },
	{ "two.example", DNS_FOUND, "", NULL },
	{ "nx.example", DNS_NXDOMAIN, "", "" },
	{ "empty.example", DNS_NODATA, "", "" },
	{ "servfail.example", DNS_TEMPERROR, "SERVFAIL", "" },
	{ "refused.example", DNS_TEMPERROR, NULL, "" },
	{ "broken.example", DNS_TEMPERROR, NULL, "" },
	{ "bad..example", DNS_TEMPERROR, "syntax error", "" },
};

static void
answers(void **state)
{
	(void)state;
	wanted = sizeof(cases) / sizeof(cases[0]);
	for (size_t i = 0; i < wanted; i++)
		(void)ask(i, cases[i].name);
	assert_int_equal(ngot, 0);
	assert_int_equal(loop_run(), 0);
	assert_int_equal(ngot, wanted);
	for (size_t i = 0; i < wanted; i++) {
		if (got[i].status != cases[i].status)
			fail_msg("%s: %d %s", cases[i].name, got[i].status,
			    got[i].why);
		if (cases[i].why != NULL)
			assert_string_equal(got[i].why, cases[i].why);
		if (cases[i].text != NULL)
			assert_string_equal(got[i].text, cases[i].text);
	}
	assert_int_equal(got[2].n, 2);
	assert_int_equal(got[0].ttl, 60);
}

/* From libunbound's cache, which answers inside its start call. */
static void
cached(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		wanted = i + 1;
		(void)ask(i, "binary.example");
		assert_int_equal(ngot, i);
		assert_int_equal(loop_run(), 0);
		assert_int_equal(got[i].status, DNS_FOUND);
		assert_memory_equal(got[i].text, "a\0\377;", 4);
	}
}

/* How long that cache holds, whatever the records say. */
static void
cache_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		wanted += 2;
		(void)ask(2 * i, "week.example");
		(void)ask(2 * i + 1, "late.example");
		assert_int_equal(loop_run(), 0);
		assert_int_equal(got[2 * i].ttl, 3600 - i * 61);
		assert_int_equal(
		    got[2 * i + 1].status, i == 0 ? DNS_NXDOMAIN : DNS_FOUND);
		jump += 61;
	}
	jump = 0;
}

static void
deadline(void **state)
{
	(void)state;
	wanted = 1;
	(void)ask(0, "silent.example");
	assert_int_equal(loop_run(), 0);
	assert_int_equal(got[0].status, DNS_TEMPERROR);
	assert_string_equal(got[0].why, "timeout");
	assert_int_equal(dns_counters()->timeouts, 1);
}

/* Cancelled before and after its answer is there: silent both times. */
static void
cancelled(void **state)
{
	struct dns_query *q;

	(void)state;
	wanted = 1;
	q = ask(1, "two.example");
	dns_cancel(&q);
	assert_null(q);
	dns_cancel(&q);
	(void)ask(0, "two.example");
	assert_int_equal(loop_run(), 0);
	assert_int_equal(got[1].n, 0);
	q = ask(2, "two.example"); /* is in the cache */
	dns_cancel(&q);
	wanted = 2;
	(void)ask(0, "found.example");
	assert_int_equal(loop_run(), 0);
	assert_int_equal(got[2].n, 0);
}

/* Queries that were left alone take nothing from those that wait. */
static void
left_alone(void **state)
{
	struct dns_query *q;
	char name[40];

	(void)state;
	(void)ask(0, "two.example");
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "silent.a%u.example", i);
		q = ask(1, name);
		dns_cancel(&q);
	}
	assert_true(dns_counters()->running < 1000);
	(void)ask(2, "found.example");
	wanted = 2;
	assert_int_equal(loop_run(), 0);
	assert_int_equal(got[0].status, DNS_FOUND);
	assert_int_equal(got[1].n, 0);
	assert_int_equal(got[2].status, DNS_FOUND);
}

static struct loop_timer *pace;
static unsigned asked;

/* One more name that is not answered; then one that is. */
static void
on_pace(void *arg)
{
	char name[40];

	(void)arg;
	if (asked == SILENT) {
		(void)ask(0, "found.c.example");
		return;
	}
	(void)snprintf(name, sizeof(name), "silent.c%u.example", asked++);
	(void)ask(1, name);
	assert_int_equal(loop_timer_set(pace, PACE_MS), 0);
}

/*
 * Names that nobody answers say nothing about the server.  It takes libunbound
 * so many and so long to think otherwise.
 */
static void
silent_names(void **state)
{
	char name[40];

	(void)state;
	for (asked = 0; asked < WARM; asked++) {
		(void)snprintf(name, sizeof(name), "found.w%u.example", asked);
		(void)ask(2, name);
		wanted = asked + 1;
		assert_int_equal(loop_run(), 0);
	}
	asked = 0;
	pace = loop_timer_new(on_pace, NULL);
	assert_int_equal(loop_timer_set(pace, 0), 0);
	wanted = WARM + SILENT + 1;
	assert_int_equal(loop_run(), 0);
	loop_timer_free(pace);
	assert_int_equal(got[0].status, DNS_FOUND);
}

/* The oldest query goes when there are too many. */
static void
too_many(void **state)
{
	char name[40];

	(void)state;
	for (unsigned i = 0; i <= DNS_RUNNING_MAX; i++) {
		(void)snprintf(name, sizeof(name), "silent.b%u.example", i);
		(void)ask(i == 0 ? 0 : 1, name);
	}
	wanted = 1;
	assert_int_equal(loop_run(), 0);
	assert_int_equal(got[0].status, DNS_TEMPERROR);
	assert_string_equal(got[0].why, "too many queries");
	assert_string_equal(got[1].why, "");
}

/* The end with queries under way. */
static void
ends(void **state)
{
	(void)state;
	(void)ask(0, "silent.example");
	(void)ask(1, "found.example");
	(void)ask(2, "bad..example");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, begin, end),
		cmocka_unit_test_setup_teardown(cached, begin, end),
		cmocka_unit_test_setup_teardown(cache_ends, begin, end),
		cmocka_unit_test_setup_teardown(deadline, begin_short, end),
		cmocka_unit_test_setup_teardown(cancelled, begin, end),
		cmocka_unit_test_setup_teardown(left_alone, begin, end),
		cmocka_unit_test_setup_teardown(silent_names, begin_usual, end),
		cmocka_unit_test_setup_teardown(too_many, begin, end),
		cmocka_unit_test_setup_teardown(ends, begin, end),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
