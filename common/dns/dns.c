#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unbound-event.h>
#include <unbound.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/dns/dns.h"
#include "common/dns/resolver.h"
#include "common/dns/packet.h"
#include "common/engine/loop.h"

enum {
	TYPE_TXT = 16,
	CLASS_IN = 1,
	RCODE_REFUSED = 5,
	SECURE_BOGUS = 1, /* what libunbound calls an answer not to be used */
	IDLE_MS = 60 * 60 * 1000,
	ORPHANS_MAX = 256,
	LOOKUPS_MAX = 2 * DNS_RUNNING_MAX, /* if orphans cannot be dropped */
};

_Static_assert((int)DNS_RECORDS_MAX == (int)PACKET_TXT_MAX,
    "an answer has room for the records of a packet");

/*
 * What libunbound works on, for half a minute and more if nobody answers.  One
 * alone cannot be cancelled, only be left alone: then it is an orphan.
 */
struct lookup {
	struct dns_query *query; /* NULL: nobody waits any more */
	struct lookup *prev, *next;
};

struct dns_query {
	void (*cb)(void *, const struct dns_answer *);
	void *arg;
	char *name;
	struct lookup *lookup; /* NULL if libunbound is not at it */
	bool is_done; /* in which of the two lists it is */
	uint64_t deadline; /* clock_ms */
	char why[DNS_WHY_MAX];
	struct dns_answer answer;
	struct buf text; /* what answer.txt points into */
	struct dns_query *prev, *next; /* of running or done */
};

static struct ub_ctx *ctx;
static struct lookup *lookups;
static unsigned orphans; /* of them */
static unsigned drop_at = ORPHANS_MAX;
static struct dns_options options;
static struct dns_query *running; /* by deadline: all may take equally long */
static struct dns_query *done; /* waiting for the next turn of the loop */
static struct loop_timer *timer;
static unsigned timeout_ms;
static struct dns_counters count;
static unsigned failed; /* queries in a row */

/* ---- answers ---- */

static void
rearm(void)
{
	uint64_t now = clock_ms();
	unsigned ms = IDLE_MS;

	if (done != NULL)
		ms = 0;
	else if (running != NULL)
		ms = running->deadline <= now
		    ? 0
		    : (unsigned)(running->deadline - now);
	if (loop_timer_set(timer, ms) == -1)
		log_warn("no memory for a timer: DNS answers may be late");
}

static void
free_lookup(struct lookup *l)
{
	if (l->query != NULL)
		l->query->lookup = NULL;
	else
		orphans--;
	DL_DELETE(lookups, l);
	free(l);
	count.running--;
}

/* The query does not wait for libunbound any more. */
static void
leave(struct dns_query *q)
{
	if (q->lookup == NULL)
		return;
	q->lookup->query = NULL;
	q->lookup = NULL;
	orphans++;
}

static void
free_query(struct dns_query *q)
{
	leave(q);
	free(q->name);
	buf_clear(&q->text);
	free(q);
}

/* One warning when nothing is answered any more, one when it is again. */
static void
note_outage(enum dns_status status, const char *why)
{
	if (status == DNS_TEMPERROR) {
		count.failures++;
		if (++failed == DNS_OUTAGE)
			log_warn("DNS: %u queries in a row failed, the last "
				 "one by: %s",
			    failed, why);
		return;
	}
	if (failed >= DNS_OUTAGE)
		log_warn("DNS answers again");
	failed = 0;
}

/* The query has its answer; the callback waits for the loop. */
static void
finish(struct dns_query *q, enum dns_status status, const char *why)
{
	leave(q);
	q->answer.status = status;
	(void)snprintf(q->why, sizeof(q->why), "%s", why);
	note_outage(status, why);
	DL_DELETE(running, q);
	DL_APPEND(done, q);
	q->is_done = true;
	rearm();
}

static void
expire(void)
{
	uint64_t now = clock_ms();

	while (running != NULL && running->deadline <= now) {
		count.timeouts++;
		finish(running, DNS_TEMPERROR, "timeout");
	}
}

static void
on_timer(void *arg)
{
	struct dns_query *q, *last;

	(void)arg;
	expire();
	/* What is answered from in here waits for the next turn. */
	last = done == NULL ? NULL : done->prev;
	while ((q = done) != NULL) {
		bool end = q == last;
		DL_DELETE(done, q);
		q->answer.why = q->why;
		q->cb(q->arg, &q->answer);
		free_query(q);
		if (end)
			break;
	}
	rearm();
}

static void
use_packet(struct dns_query *q, const char *message, size_t n)
{
	struct packet p;

	if (packet_parse(message, n, &p, &q->text) == -1) {
		finish(q, DNS_TEMPERROR, "malformed answer");
		return;
	}
	q->answer.ttl = p.ttl;
	if (p.rcode == PACKET_NXDOMAIN) {
		finish(q, DNS_NXDOMAIN, "");
	} else if (p.rcode == RCODE_REFUSED) {
		finish(q, DNS_TEMPERROR, "REFUSED");
	} else if (p.rcode != PACKET_NOERROR) {
		finish(q, DNS_TEMPERROR, "SERVFAIL");
	} else if (p.aliases > DNS_CHAIN_MAX) {
		finish(q, DNS_CHAIN, "");
	} else if (p.n == 0) {
		finish(q, DNS_NODATA, "");
	} else {
		for (size_t i = 0; i < p.n; i++)
			q->answer.txt[i] =
			    str_head(str_from(buf_view(&q->text), p.txt[i].off),
				p.txt[i].n);
		q->answer.n = p.n;
		finish(q, DNS_FOUND, "");
	}
}

/* Of libunbound: rcode says whether there is a packet at all. */
static void
on_answer(void *arg, int rcode, void *message, int n, int secure,
    char *why_bogus, int ratelimited)
{
	struct lookup *l = arg;
	struct dns_query *q = l->query;

	(void)why_bogus;
	(void)ratelimited;
	free_lookup(l);
	if (q == NULL)
		return;
	if (secure == SECURE_BOGUS)
		finish(q, DNS_TEMPERROR, "bogus");
	else if (rcode == PACKET_NXDOMAIN)
		finish(q, DNS_NXDOMAIN, "");
	else if (rcode == RCODE_REFUSED)
		finish(q, DNS_TEMPERROR, "REFUSED");
	else if (rcode != PACKET_NOERROR)
		finish(q, DNS_TEMPERROR, "SERVFAIL");
	else if (message == NULL || n < 0)
		finish(q, DNS_TEMPERROR, "no answer");
	else
		use_packet(q, message, (size_t)n);
}

/* ---- queries ---- */

/* Hands the query to libunbound, which may answer before it returns. */
static void
resolve(struct dns_query *q)
{
	struct lookup *l;
	int error;

	if (count.running >= LOOKUPS_MAX) {
		finish(q, DNS_TEMPERROR, "too many queries");
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		finish(q, DNS_TEMPERROR, "no memory");
		return;
	}
	l->query = q;
	q->lookup = l;
	DL_APPEND(lookups, l);
	count.running++;
	error = ub_resolve_event(
	    ctx, q->name, TYPE_TXT, CLASS_IN, l, on_answer, NULL);
	if (error == 0)
		return;
	/* Then the callback was not, and will not be, called. */
	free_lookup(l);
	finish(q, DNS_TEMPERROR, ub_strerror(error));
}

static unsigned
orphans_max(void)
{
	unsigned half = resolver_sockets() / 2;

	return half < ORPHANS_MAX ? half : ORPHANS_MAX;
}

/*
 * Orphans hold sockets and memory that others need: they go with the context
 * they are in, and what is waited for starts again in a new one.
 */
static void
drop_orphans(void)
{
	struct ub_ctx *fresh = ub_ctx_create_event(loop_base());
	struct dns_query *q, *next;
	char why[DNS_ERROR_MAX];

	if (resolver_configure(fresh, &options, why) == -1) {
		/* A file has gone, or no memory: not again at once. */
		drop_at = orphans + orphans_max();
		ub_ctx_delete(fresh);
		return;
	}
	drop_at = orphans_max();
	DL_FOREACH (running, q)
		leave(q);
	ub_ctx_delete(ctx);
	ctx = fresh;
	while (lookups != NULL)
		free_lookup(lookups);
	DL_FOREACH_SAFE (running, q, next)
		resolve(q);
}

/* Makes room for one more query. */
static void
make_room(void)
{
	unsigned waiting = count.running - orphans;

	/* The one asked for longest has the least hope. */
	if (waiting >= DNS_RUNNING_MAX)
		finish(running, DNS_TEMPERROR, "too many queries");
	/* No more than one query is asked again for each that was dropped. */
	if (orphans >= drop_at && orphans >= waiting)
		drop_orphans();
}

struct dns_query *
dns_start(
    const char *name, void (*cb)(void *, const struct dns_answer *), void *arg)
{
	struct dns_query *q = calloc(1, sizeof(*q));

	if (q == NULL || (q->name = strdup(name)) == NULL) {
		free(q);
		return NULL;
	}
	make_room();
	q->cb = cb;
	q->arg = arg;
	q->deadline = clock_ms() + timeout_ms;
	buf_init(&q->text, PACKET_MAX);
	count.started++;
	DL_APPEND(running, q);
	resolve(q);
	if (running == q)
		rearm();
	return q;
}

void
dns_cancel(struct dns_query **query)
{
	struct dns_query *q = *query;

	*query = NULL;
	if (q == NULL)
		return;
	if (q->is_done)
		DL_DELETE(done, q);
	else
		DL_DELETE(running, q);
	free_query(q);
}

const struct dns_counters *
dns_counters(void)
{
	return &count;
}

/* ---- start and end ---- */

int
dns_init(const struct dns_options *o, char why[DNS_ERROR_MAX])
{
	options = *o;
	drop_at = orphans_max();
	timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : DNS_TIMEOUT_MS;
	timer = loop_timer_new(on_timer, NULL);
	ctx = ub_ctx_create_event(loop_base());
	if (timer == NULL) {
		(void)snprintf(why, DNS_ERROR_MAX, "DNS resolver: no memory");
		goto bad;
	}
	rearm();
	if (resolver_configure(ctx, o, why) == 0)
		return 0;
bad:
	dns_fini();
	return -1;
}

void
dns_fini(void)
{
	struct dns_query *q, *next;

	DL_CONCAT(running, done);
	done = NULL;
	DL_FOREACH_SAFE (running, q, next) {
		DL_DELETE(running, q);
		free_query(q);
	}
	if (ctx != NULL)
		ub_ctx_delete(ctx);
	ctx = NULL;
	while (lookups != NULL)
		free_lookup(lookups);
	count = (struct dns_counters){ 0 };
	failed = 0;
	loop_timer_free(timer);
	timer = NULL;
}
