/*
 * Which rspamd to ask: order, failover, circuit breakers, how many at once.
 *
 * Decisions only, no I/O and no clock, so tests can walk them.  A host that
 * fails HOSTS_FAILS times in a row is left alone for a while, longer each
 * time; then one message is sent there as a probe.  If all hosts are to be
 * left alone, the one nearest to its probe is asked nevertheless.
 */
#ifndef FILTER_RSPAMD_HOSTS_H
#define FILTER_RSPAMD_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HOSTS_MAX = 16, /* hosts */
	HOSTS_FAILS = 3, /* failures in a row that make it wait */
	HOSTS_WAIT_MIN_MS = 10 * 1000, /* first and shortest wait */
	HOSTS_WAIT_MAX_MS = 60 * 1000, /* longest wait */
	HOSTS_JITTER = 4, /* a wait is up to 1/4 longer or shorter */
	HOSTS_QUIET_MS = 10 * 1000 /* of two outages told, least apart */
};

/* How a try ended. */
enum hosts_outcome {
	HOSTS_ANSWERED, /* a verdict */
	HOSTS_ERROR, /* a reply that is none: of no use, but alive */
	HOSTS_UNREACHABLE, /* no connection */
	HOSTS_TIMEOUT, /* connected, no reply in time */
	HOSTS_CLOSED, /* closed without a whole reply */
	HOSTS_GATEWAY, /* 502, 503, 504 from something in between */
	HOSTS_CANCELLED /* by us: says nothing about the host */
};

/* What the operator should hear. */
enum hosts_news {
	HOSTS_NO_NEWS,
	HOSTS_DOWN, /* an outage began: the first try without a verdict */
	HOSTS_UP /* one that was told is over: the first verdict after it */
};

struct host {
	bool down; /* in an outage ... */
	uint64_t since; /* ... which began then, ms */
	bool told; /* the operator knows of it */
	uint64_t told_at; /* ms, of the last one told; 0: none */
	unsigned fails; /* in a row */
	uint64_t until; /* ms, to be left alone until; 0: not */
	unsigned wait_ms; /* the last wait */
	bool probing; /* a probe is on its way */
	unsigned busy; /* tries on their way */
	/* counters */
	uint64_t tries, failed, outages;
};

struct hosts {
	struct host host[HOSTS_MAX];
	size_t n;
	bool spread; /* in turn, not the first that works */
	size_t next; /* whose turn it is */
	unsigned busy; /* tries on their way */
	unsigned max; /* most of them */
	uint32_t random;
};

/* Of one message: embed it, zeroed. */
struct hosts_tries {
	uint32_t tried; /* bit i: host i was asked */
	unsigned again; /* tries after one that reached a host */
};

/* n (1 to HOSTS_MAX) hosts, max tries at once; seed is any number. */
void
hosts_init(struct hosts *, size_t n, bool spread, unsigned max, uint32_t seed);

/* Are as many tries on their way as there may be? */
static inline bool
hosts_is_full(const struct hosts *h)
{
	return h->busy >= h->max;
}

/*
 * The next host for a message, one that it was not sent to yet; -1 if there
 * is none.  Each host taken must be given back by hosts_done().
 */
int hosts_take(struct hosts *, struct hosts_tries *, uint64_t now_ms);

/*
 * A try on host i ended.  *lasted is the ms since its outage began, if there
 * is or was one.  One that begins within HOSTS_QUIET_MS of another is news
 * only if it is still there after that: a host may fail every other message.
 */
enum hosts_news hosts_done(struct hosts *, size_t i, enum hosts_outcome,
    uint64_t now_ms, uint64_t *lasted);

/*
 * May the message be sent to one more host?  Without limit as long as none
 * could be reached, once after that: it may be the message that kills them.
 */
bool hosts_retry(struct hosts_tries *, enum hosts_outcome);

#endif
