/*
 * What libunbound is told: our options, and settings of its own.
 */
#ifndef COMMON_DNS_RESOLVER_H
#define COMMON_DNS_RESOLVER_H

#include "common/dns/dns.h"

struct ub_ctx;

enum {
	/* libunbound's own default of 16 makes queries wait in line */
	RESOLVER_SOCKETS = 512,
};

/*
 * Gives a context, or NULL for one that could not be made, all options; it
 * reads its files.  Returns 0, or -1 with one line in why.
 */
int resolver_configure(struct ub_ctx *, const struct dns_options *,
    char why[DNS_ERROR_MAX]) __attribute__((__warn_unused_result__));

#endif
