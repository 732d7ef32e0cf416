#include <string.h>

#include "filter-rspamd/hosts.h"

void
hosts_init(struct hosts *h, size_t n, bool spread, unsigned max, uint32_t seed)
{
	memset(h, 0, sizeof(*h));
	h->n = n < HOSTS_MAX ? n : HOSTS_MAX;
	h->spread = spread;
	h->max = max;
	h->random = seed | 1;
}

/* Xorshift; only spreads the probes of many filters. */
static uint32_t
draw(struct hosts *h)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 17;
	h->random ^= h->random << 5;
	return h->random;
}

static bool
is_tried(const struct hosts_tries *t, size_t i)
{
	return (t->tried >> i & 1) != 0;
}

/* May the host be asked: no outage, or time for its probe? */
static bool
is_ready(const struct host *host, uint64_t now)
{
	if (host->until == 0)
		return true;
	return now >= host->until && !host->probing;
}

/* The host to ask, h->n if there is none. */
static size_t
choose(const struct hosts *h, const struct hosts_tries *t, uint64_t now)
{
	size_t least = h->n;

	for (size_t k = 0; k < h->n; k++) {
		size_t i = h->spread ? (h->next + k) % h->n : k;
		if (is_tried(t, i))
			continue;
		if (is_ready(&h->host[i], now))
			return i;
		if (least == h->n || h->host[i].until < h->host[least].until)
			least = i;
	}
	return least;
}

int
hosts_take(struct hosts *h, struct hosts_tries *t, uint64_t now)
{
	size_t i = choose(h, t, now);
	struct host *host;

	if (i == h->n)
		return -1;
	host = &h->host[i];
	host->probing = host->until != 0;
	host->busy++;
	host->tries++;
	h->busy++;
	h->next = (i + 1) % h->n;
	t->tried |= UINT32_C(1) << i;
	return (int)i;
}

/* Is what became of the host something to tell? */
static enum hosts_news
news_of(struct host *host, uint64_t now)
{
	if (host->down == host->told)
		return HOSTS_NO_NEWS;
	if (host->down && host->told_at != 0 &&
	    now - host->told_at < HOSTS_QUIET_MS)
		return HOSTS_NO_NEWS;
	host->told = host->down;
	if (host->down)
		host->told_at = now;
	return host->down ? HOSTS_DOWN : HOSTS_UP;
}

/* The host is left alone for longer than the last time. */
static void
leave_alone(struct hosts *h, struct host *host, uint64_t now)
{
	uint32_t span, ms = host->wait_ms * 2;

	if (ms < HOSTS_WAIT_MIN_MS)
		ms = HOSTS_WAIT_MIN_MS;
	if (ms > HOSTS_WAIT_MAX_MS)
		ms = HOSTS_WAIT_MAX_MS;
	host->wait_ms = ms;
	span = ms / HOSTS_JITTER;
	ms = ms - span + draw(h) % (2 * span);
	if (ms < HOSTS_WAIT_MIN_MS)
		ms = HOSTS_WAIT_MIN_MS;
	if (ms > HOSTS_WAIT_MAX_MS)
		ms = HOSTS_WAIT_MAX_MS;
	host->until = now + ms;
}

enum hosts_news
hosts_done(struct hosts *h, size_t i, enum hosts_outcome outcome, uint64_t now,
    uint64_t *lasted)
{
	struct host *host = &h->host[i];
	bool was_down = host->down;

	host->busy--;
	h->busy--;
	*lasted = was_down ? now - host->since : 0;
	if (outcome == HOSTS_CANCELLED) {
		if (host->busy == 0)
			host->probing = false;
		return HOSTS_NO_NEWS;
	}
	host->probing = false;
	host->down = outcome != HOSTS_ANSWERED;
	if (host->down && !was_down) {
		host->since = now;
		host->outages++;
	}
	if (outcome == HOSTS_ANSWERED || outcome == HOSTS_ERROR) {
		host->fails = host->wait_ms = 0;
		host->until = 0;
	} else {
		host->fails++;
		/* What began before the wait does not make it longer. */
		if (host->fails >= HOSTS_FAILS && now >= host->until)
			leave_alone(h, host, now);
	}
	host->failed += host->down;
	return news_of(host, now);
}

bool
hosts_retry(struct hosts_tries *t, enum hosts_outcome outcome)
{
	switch (outcome) {
	case HOSTS_UNREACHABLE:
		return true;
	case HOSTS_TIMEOUT:
	case HOSTS_CLOSED:
	case HOSTS_GATEWAY:
		return t->again++ == 0;
	case HOSTS_ANSWERED:
	case HOSTS_ERROR:
	case HOSTS_CANCELLED:
		break;
	}
	return false;
}
