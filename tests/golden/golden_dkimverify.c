/*
 * filter-dkimverify with a DNS that does what the script says.  The verb dns
 * is about the oldest query on its way:
 *
 *	dns for NAME			it is for this name
 *	dns txt TTL TEXT		there is one record
 *	dns nxdomain|nodata|chain	there is none
 *	dns fails WHY			there is no answer
 *	dns queries N			so many are on their way
 *
 * What is not as the script says ends the program.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/hash.h"
#include "common/dns/dns.h"
#include "tests/golden/fake.h"
#include "tests/golden/golden.h"

struct dns_query {
	void (*cb)(void *, const struct dns_answer *);
	void *arg;
	char name[DNS_NAME_MAX + 1];
	struct dns_query *prev, *next;
};

static struct dns_query *queries;

static void dns(struct str text);

const struct golden golden = {
	.name = "dkimverify",
	.whole = JUDGE_BODY,
	.added = -1,
	.forks = true,
	.alone = true,
	.dns = dns,
};

/* Where memory fails, a query may be another one or not be there. */
static void
wrong(struct str text)
{
	if (fault_is_planned())
		return;
	fprintf(stderr, "dns %.*s: it is not so\n", (int)text.n, text.p);
	abort();
}

int
dns_check(const struct dns_options *o, void (*say)(const char *fmt, ...))
{
	(void)o;
	(void)say;
	return 0;
}

void
dns_sandbox(const struct dns_options *o, struct sandbox *sb)
{
	(void)o;
	(void)sb;
}

int
dns_init(const struct dns_options *o, char why[DNS_ERROR_MAX])
{
	(void)o;
	(void)snprintf(why, DNS_ERROR_MAX, "no memory");
	return fault_now() ? -1 : 0;
}

void
dns_fini(void)
{
	if (queries != NULL)
		abort();
}

struct dns_query *
dns_start(
    const char *name, void (*cb)(void *, const struct dns_answer *), void *arg)
{
	struct dns_query *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->cb = cb;
	q->arg = arg;
	(void)snprintf(q->name, sizeof(q->name), "%s", name);
	DL_APPEND(queries, q);
	return q;
}

void
dns_cancel(struct dns_query **q)
{
	if (*q == NULL)
		return;
	DL_DELETE(queries, *q);
	free(*q);
	*q = NULL;
}

const struct dns_counters *
dns_counters(void)
{
	static const struct dns_counters none;

	return &none;
}

static void
finish(const struct dns_answer *a)
{
	struct dns_query *q = queries;
	void (*cb)(void *, const struct dns_answer *) = q->cb;
	void *arg = q->arg;

	DL_DELETE(queries, q);
	free(q);
	cb(arg, a);
}

static uint64_t
count_queries(void)
{
	struct dns_query *q;
	uint64_t n = 0;

	DL_FOREACH (queries, q)
		n++;
	return n;
}

static void
answer(struct str word, struct str rest, struct str text)
{
	struct dns_answer a = { .status = DNS_TEMPERROR, .why = "" };
	struct str number;
	uint64_t ttl;

	if (str_eq(word, STR("nxdomain"))) {
		a.status = DNS_NXDOMAIN;
	} else if (str_eq(word, STR("nodata"))) {
		a.status = DNS_NODATA;
	} else if (str_eq(word, STR("chain"))) {
		a.status = DNS_CHAIN;
	} else if (str_eq(word, STR("fails"))) {
		a.why = "SERVFAIL";
	} else if (str_eq(word, STR("txt")) && str_cut(&rest, ' ', &number) &&
	    str_u64(number, UINT32_MAX, &ttl) == 0) {
		a.status = DNS_FOUND;
		a.ttl = (uint32_t)ttl;
		a.txt[0] = rest;
		a.n = 1;
	} else {
		wrong(text);
		return;
	}
	finish(&a);
}

static void
dns(struct str text)
{
	struct str rest = text, word;
	uint64_t n;

	(void)str_cut(&rest, ' ', &word);
	if (str_eq(word, STR("queries"))) {
		if (str_u64(rest, 1000, &n) == -1 || n != count_queries())
			wrong(text);
	} else if (queries == NULL) {
		wrong(text);
	} else if (str_eq(word, STR("for"))) {
		if (!str_eq(rest, str_c(queries->name)))
			wrong(text);
	} else {
		answer(word, rest, text);
	}
}
