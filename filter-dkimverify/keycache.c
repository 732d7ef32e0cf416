#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/dns/dns.h"
#include "filter-dkimverify/keycache.h"

/*
 * PENDING: DNS is asked, some wait.  READY: in the list of recent ones.
 * LEAVING: its waits are being told, then it is freed or READY.
 */
enum state {
	PENDING,
	READY,
	LEAVING,
};

struct keycache_entry {
	enum state state;
	bool listed; /* in the hash table */
	struct dns_query *query;
	struct keycache_answer answer;
	uint64_t expires; /* clock_ms */
	struct keycache_wait *waits;
	struct keycache_entry *prev, *next; /* READY ones, recent first */
	UT_hash_handle hh;
	char name[];
};

static struct keycache_entry *entries; /* by name */
static struct keycache_entry *recent;
static unsigned nrecent;
static struct keycache_counters count;

static void
free_entry(struct keycache_entry *e)
{
	if (e->listed)
		HASH_DEL(entries, e);
	if (e->state == READY) {
		DL_DELETE(recent, e);
		nrecent--;
	}
	dns_cancel(&e->query);
	record_set_free(e->answer.keys);
	free(e);
}

static void
keep(struct keycache_entry *e)
{
	if (nrecent >= KEYCACHE_MAX) {
		count.evicted++;
		free_entry(recent->prev);
	}
	e->state = READY;
	DL_PREPEND(recent, e);
	nrecent++;
}

static struct keycache_entry *
find(const char *name)
{
	struct keycache_entry *e;

	HASH_FIND_STR(entries, name, e);
	if (e != NULL && e->state == READY && e->expires <= clock_ms()) {
		free_entry(e);
		return NULL;
	}
	return e;
}

bool
keycache_find(const char *name, struct keycache_answer *out)
{
	struct keycache_entry *e = find(name);

	if (e == NULL || e->state == PENDING) {
		count.misses++;
		return false;
	}
	count.hits++;
	if (e->state == READY) {
		DL_DELETE(recent, e);
		DL_PREPEND(recent, e);
	}
	*out = e->answer;
	return true;
}

/* What DNS said; returns for how many seconds it may be kept. */
static unsigned
take_answer(struct keycache_answer *out, const struct dns_answer *a)
{
	*out = (struct keycache_answer){ NULL, VERIFY_DNS_FAILED, "" };
	switch (a->status) {
	case DNS_FOUND:
		out->keys = record_set_new(a->txt, a->n);
		if (out->keys == NULL) {
			out->text = "no memory";
			return 0;
		}
		return a->ttl < KEYCACHE_TTL_MAX ? a->ttl : KEYCACHE_TTL_MAX;
	case DNS_NXDOMAIN:
	case DNS_NODATA:
		out->why = VERIFY_NO_RECORD;
		return KEYCACHE_TTL_NONE;
	case DNS_CHAIN:
		out->why = VERIFY_CHAIN_TOO_LONG;
		return KEYCACHE_TTL_NONE;
	case DNS_TEMPERROR:
		break;
	}
	out->text = a->why;
	return 0;
}

static void
on_dns(void *arg, const struct dns_answer *a)
{
	struct keycache_entry *e = arg;
	struct keycache_wait *w;
	unsigned ttl;

	e->query = NULL;
	e->state = LEAVING;
	ttl = take_answer(&e->answer, a);
	e->expires = clock_ms() + (uint64_t)ttl * 1000;
	if (ttl == 0) {
		/* Who asks from now on asks anew. */
		HASH_DEL(entries, e);
		e->listed = false;
	}
	while ((w = e->waits) != NULL) {
		DL_DELETE(e->waits, w);
		w->entry = NULL;
		w->cb(w, &e->answer);
	}
	e->answer.text = "";
	if (ttl == 0)
		free_entry(e);
	else
		keep(e);
}

static struct keycache_entry *
entry_new(const char *name)
{
	size_t n = strlen(name) + 1;
	struct keycache_entry *e = calloc(1, sizeof(*e) + n);

	if (e == NULL)
		return NULL;
	memcpy(e->name, name, n);
	HASH_ADD_STR(entries, name, e);
	e->listed = hash_added(e);
	if (e->listed)
		e->query = dns_start(e->name, on_dns, e);
	if (e->query == NULL) {
		free_entry(e);
		return NULL;
	}
	return e;
}

int
keycache_start(const char *name, struct keycache_wait *w,
    void (*cb)(struct keycache_wait *, const struct keycache_answer *))
{
	struct keycache_entry *e = find(name);

	if (e != NULL && e->state == PENDING)
		count.merged++;
	else
		e = entry_new(name);
	if (e == NULL)
		return -1;
	w->cb = cb;
	w->entry = e;
	DL_APPEND(e->waits, w);
	return 0;
}

void
keycache_cancel(struct keycache_wait *w)
{
	struct keycache_entry *e = w->entry;

	if (e == NULL)
		return;
	w->entry = NULL;
	DL_DELETE(e->waits, w);
	if (e->waits == NULL && e->state == PENDING)
		free_entry(e);
}

void
keycache_clear(void)
{
	struct keycache_entry *e, *next;

	HASH_ITER (hh, entries, e, next)
		free_entry(e);
	count = (struct keycache_counters){ 0 };
}

const struct keycache_counters *
keycache_counters(void)
{
	return &count;
}
