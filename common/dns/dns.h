/*
 * TXT lookups through libunbound, on our event loop: nothing here blocks.
 *
 * libunbound retries, follows aliases, validates, merges equal queries and
 * keeps a cache; this adds a deadline for each query, bounds on how many run
 * and how many nobody waits for any more, and answers that never come from
 * inside dns_start().
 */
#ifndef COMMON_DNS_DNS_H
#define COMMON_DNS_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/sandbox.h"
#include "common/base/str.h"

enum {
	DNS_TIMEOUT_MS = 10 * 1000, /* a query, with retries; default */
	DNS_RUNNING_MAX = 4000, /* queries at once; then the oldest fails */
	DNS_SERVERS_MAX = 16, /* servers that are asked */
	DNS_RECORDS_MAX = 16, /* TXT records of a name that are kept */
	DNS_CHAIN_MAX = 8, /* aliases from one name to the next */
	DNS_NAME_MAX = 253, /* characters of a name, RFC 1035 */
	DNS_OUTAGE = 10, /* failures in a row that are worth a warning */
	DNS_WHY_MAX = 80, /* bytes of dns_answer.why */
	DNS_ERROR_MAX = 200, /* bytes of the text of dns_init */
};

struct dns_options {
	/* ADDRESS or ADDRESS@PORT, asked in this order; none: resolv.conf. */
	const char *servers[DNS_SERVERS_MAX];
	size_t nservers;
	const char *resolv_conf; /* NULL: /etc/resolv.conf */
	const char *trust_anchor; /* file of DS or DNSKEY records; or NULL */
	unsigned timeout_ms; /* 0: DNS_TIMEOUT_MS */
};

enum dns_status {
	DNS_FOUND, /* there is a TXT record */
	DNS_NXDOMAIN, /* no such name */
	DNS_NODATA, /* the name has no TXT record */
	DNS_CHAIN, /* over DNS_CHAIN_MAX aliases */
	DNS_TEMPERROR, /* no usable answer: try again later */
};

/* What a query found.  Views and text live only during the callback. */
struct dns_answer {
	enum dns_status status;
	const char *why; /* DNS_TEMPERROR: "timeout", "SERVFAIL", "bogus" */
	/* DNS_FOUND: records, the strings of each joined; any byte may occur */
	struct str txt[DNS_RECORDS_MAX];
	size_t n;
	uint32_t ttl; /* seconds; the least of all records; 0 if none */
};

struct dns_query;

/*
 * Looks at the options without using them (for -n): addresses, and files as
 * libunbound reads them.  Without servers, resolv.conf must be there: inside a
 * chroot(2) it has to be copied, or servers given.  Returns 0, or -1 after
 * saying what is wrong, with one call for each error.
 */
int dns_check(const struct dns_options *, void (*say)(const char *fmt, ...))
    __attribute__((__warn_unused_result__));

/* What dns_init and queries need in a sandbox; the options must live on. */
void dns_sandbox(const struct dns_options *, struct sandbox *);

/*
 * Starts the resolver on loop_base(); all files are read now, and again when
 * queries are dropped: the strings must live on.  Returns 0, or -1 with one
 * line in why.
 */
int dns_init(const struct dns_options *, char why[DNS_ERROR_MAX])
    __attribute__((__warn_unused_result__));
/* Ends it, before loop_fini(); queries still running end silently. */
void dns_fini(void);

/*
 * Asks for the TXT records of name (as ASCII text, with or without last dot).
 * cb is called exactly once, from the loop, never from inside dns_start; the
 * query is gone when it is called, so it must not be cancelled any more.
 * Returns NULL without memory; cb is then never called.
 */
struct dns_query *dns_start(const char *name,
    void (*cb)(void *arg, const struct dns_answer *), void *arg);
/* Forgets a query, its callback will not be called.  Clears the pointer. */
void dns_cancel(struct dns_query **);

/*
 * Queries started, answered from a deadline, and what libunbound works on now,
 * also for nobody any more.
 */
struct dns_counters {
	uint64_t started;
	uint64_t timeouts;
	uint64_t failures; /* DNS_TEMPERROR, timeouts included */
	unsigned running;
};
const struct dns_counters *dns_counters(void);

#endif
