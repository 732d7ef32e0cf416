#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <unbound-event.h>
#include <unbound.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/dns/dns.h"
#include "common/dns/packet.h"
#include "common/engine/loop.h"

enum {
	TYPE_TXT = 16,
	CLASS_IN = 1,
	RCODE_SERVFAIL = 2,
	RCODE_REFUSED = 5,
	SECURE_BOGUS = 1, /* what libunbound calls an answer not to be used */
	PORT_MAX = 65535,
	PORT_DNS = 53,
	IDLE_MS = 60 * 60 * 1000,
};

/* Sockets of libunbound; its own default of 16 makes queries wait in line. */
#define OUTGOING_RANGE "512"
/* Aliases that libunbound follows one by one; its own default is 11. */
#define RESTARTS "32"

/* What libunbound works on: it cannot be cancelled, only be left alone. */
struct lookup {
	struct dns_query *query; /* NULL: nobody waits any more */
	struct lookup *prev, *next;
};

struct dns_query {
	void (*cb)(void *, const struct dns_answer *);
	void *arg;
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
static struct dns_query *running; /* by deadline: all may take equally long */
static struct dns_query *done; /* waiting for the next turn of the loop */
static struct loop_timer *timer;
static unsigned timeout_ms;
static struct dns_counters count;
static unsigned failed; /* queries in a row */

static int
fail(char why[DNS_ERROR_MAX], const char *what, const char *arg,
    const char *error)
{
	(void)snprintf(why, DNS_ERROR_MAX, "%s \"%s\": %s", what, arg, error);
	return -1;
}

/* Is this ADDRESS or ADDRESS@PORT? */
static bool
is_server(const char *arg, unsigned *port_out)
{
	struct in_addr v4;
	struct in6_addr v6;
	struct str rest = str_c(arg), host, scope;
	uint64_t port = PORT_DNS;
	char text[INET6_ADDRSTRLEN];

	if (str_cut(&rest, '@', &host) &&
	    (str_u64(rest, PORT_MAX, &port) == -1 || port == 0))
		return false;
	scope = host;
	(void)str_cut(&scope, '%', &host);
	if (host.n == 0 || host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	*port_out = (unsigned)port;
	return inet_pton(AF_INET, text, &v4) == 1 ||
	    inet_pton(AF_INET6, text, &v6) == 1;
}

static const char *
resolv_conf(const struct dns_options *o)
{
	return o->resolv_conf != NULL ? o->resolv_conf : "/etc/resolv.conf";
}

static int
set_options(struct ub_ctx *c)
{
	static const char *const options[][2] = {
		{ "outgoing-range:", OUTGOING_RANGE },
		{ "do-not-query-localhost:", "no" },
		/* Names that are slow must not take the server from others. */
		{ "infra-keep-probing:", "yes" },
		/* Longer chains of aliases are SERVFAIL, not DNS_CHAIN. */
		{ "max-query-restarts:", RESTARTS },
	};

	/* What an older libunbound does not know, it does without. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)ub_ctx_set_option(c, options[i][0], options[i][1]);
	return ub_ctx_debugout(c, NULL);
}

static int
set_servers(
    struct ub_ctx *c, const struct dns_options *o, char why[DNS_ERROR_MAX])
{
	const char *conf = resolv_conf(o);
	int error;

	for (size_t i = 0; i < o->nservers; i++) {
		error = ub_ctx_set_fwd(c, o->servers[i]);
		if (error != 0)
			return fail(why, "DNS server", o->servers[i],
			    ub_strerror(error));
	}
	if (o->nservers > 0)
		return 0;
	error = ub_ctx_resolvconf(c, conf);
	return error == 0 ? 0 : fail(why, "resolver", conf, ub_strerror(error));
}

/* Gives libunbound all options; it reads its files. */
static int
configure(
    struct ub_ctx *c, const struct dns_options *o, char why[DNS_ERROR_MAX])
{
	int error = 0;

	if (c == NULL || set_options(c) != 0) {
		(void)snprintf(why, DNS_ERROR_MAX, "DNS resolver: no memory");
		return -1;
	}
	if (set_servers(c, o, why) == -1)
		return -1;
	if (o->trust_anchor != NULL)
		error = ub_ctx_add_ta_file(c, o->trust_anchor);
	/*
	 * libunbound reads its files with the first change of a zone.  It
	 * would answer for the names below test. by itself (RFC 6303), but
	 * whoever has servers for them means it.
	 */
	if (error == 0)
		error = ub_ctx_zone_add(c, "test.", "transparent");
	if (error == 0)
		return 0;
	return fail(why, "DNS resolver",
	    o->trust_anchor != NULL ? o->trust_anchor : "start",
	    ub_strerror(error));
}

static int
check_names(const struct dns_options *o, void (*say)(const char *fmt, ...))
{
	const char *conf = resolv_conf(o);
	unsigned port;
	int r = 0;

	for (size_t i = 0; i < o->nservers; i++) {
		if (is_server(o->servers[i], &port))
			continue;
		say("DNS server \"%s\": not an address or ADDRESS@PORT",
		    o->servers[i]);
		r = -1;
	}
	if (o->nservers == 0 && access(conf, R_OK) == -1) {
		say("no DNS server is given, and \"%s\": %s", conf,
		    strerror(errno));
		r = -1;
	}
	if (o->trust_anchor != NULL && access(o->trust_anchor, R_OK) == -1) {
		say("trust anchor \"%s\": %s", o->trust_anchor,
		    strerror(errno));
		r = -1;
	}
	return r;
}

int
dns_check(const struct dns_options *o, void (*say)(const char *fmt, ...))
{
	char why[DNS_ERROR_MAX];
	struct ub_ctx *c;
	int r;

	if (check_names(o, say) == -1)
		return -1;
	c = ub_ctx_create();
	r = configure(c, o, why);
	if (r == -1)
		say("%s", why);
	ub_ctx_delete(c);
	return r;
}

void
dns_sandbox(const struct dns_options *o, struct sandbox *sb)
{
	unsigned port;

	sandbox_network(sb);
	for (size_t i = 0; i < o->nservers; i++)
		if (is_server(o->servers[i], &port))
			sandbox_port(sb, port);
	if (o->nservers == 0) {
		sandbox_port(sb, PORT_DNS);
		sandbox_path(sb, resolv_conf(o), SANDBOX_READ);
	}
	if (o->trust_anchor != NULL)
		sandbox_path(sb, o->trust_anchor, SANDBOX_READ);
}

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
free_query(struct dns_query *q)
{
	if (q->lookup != NULL)
		q->lookup->query = NULL;
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
	if (q->lookup != NULL)
		q->lookup->query = NULL;
	q->lookup = NULL;
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
	DL_DELETE(lookups, l);
	free(l);
	count.running--;
	if (q == NULL)
		return;
	q->lookup = NULL;
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
resolve(struct dns_query *q, const char *name)
{
	struct lookup *l;
	int error;

	if (count.running >= DNS_RUNNING_MAX) {
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
	error =
	    ub_resolve_event(ctx, name, TYPE_TXT, CLASS_IN, l, on_answer, NULL);
	if (error == 0)
		return;
	/* Then the callback was not, and will not be, called. */
	finish(q, DNS_TEMPERROR, ub_strerror(error));
	DL_DELETE(lookups, l);
	free(l);
	count.running--;
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
	q->deadline = clock_ms() + timeout_ms;
	buf_init(&q->text, PACKET_MAX);
	count.started++;
	DL_APPEND(running, q);
	resolve(q, name);
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
	timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : DNS_TIMEOUT_MS;
	timer = loop_timer_new(on_timer, NULL);
	ctx = ub_ctx_create_event(loop_base());
	if (timer == NULL) {
		(void)snprintf(why, DNS_ERROR_MAX, "DNS resolver: no memory");
		goto bad;
	}
	rearm();
	if (configure(ctx, o, why) == 0)
		return 0;
bad:
	dns_fini();
	return -1;
}

void
dns_fini(void)
{
	struct dns_query *q, *next;
	struct lookup *l, *lnext;

	DL_CONCAT(running, done);
	done = NULL;
	DL_FOREACH_SAFE (running, q, next) {
		DL_DELETE(running, q);
		free_query(q);
	}
	if (ctx != NULL)
		ub_ctx_delete(ctx);
	ctx = NULL;
	DL_FOREACH_SAFE (lookups, l, lnext) {
		DL_DELETE(lookups, l);
		free(l);
	}
	count = (struct dns_counters){ 0 };
	failed = 0;
	loop_timer_free(timer);
	timer = NULL;
}
