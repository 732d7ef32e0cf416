/*
 * What libunbound is told: our options, and settings of its own.
 */
#ifndef COMMON_DNS_RESOLVER_H
#define COMMON_DNS_RESOLVER_H

#include "common/dns/dns.h"

struct ub_ctx;

enum {
	/*
	 * One for each query on its way, or the next ones wait in line; of the
	 * descriptors there are, at most the half.
	 */
	RESOLVER_SOCKETS = 4096,
};

/* How many queries can be on their way, each with a socket. */
unsigned resolver_sockets(void);

/*
 * Gives a context, or NULL for one that could not be made, all options; it
 * reads its files.  Returns 0, or -1 with one line in why.
 */
int resolver_configure(struct ub_ctx *, const struct dns_options *,
    char why[DNS_ERROR_MAX]) __attribute__((__warn_unused_result__));

#endif
