/*
 * Networks in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
 */
#ifndef COMMON_BASE_NETWORK_H
#define COMMON_BASE_NETWORK_H

#include <stdbool.h>

#include "common/base/str.h"

/* IPv4 is kept as the IPv6 addresses that stand for it (::ffff:0:0/96). */
struct network {
	unsigned char address[16];
	unsigned bits; /* of the prefix */
};

/*
 * Reads ADDRESS or ADDRESS/BITS; bits beyond the prefix are ignored.  Returns
 * 0, or -1 if it is neither.
 */
int network_parse(struct str text, struct network *out);

/* Is ip, an address without port and brackets, in one of n networks? */
bool network_any(const struct network *, size_t n, struct str ip);

#endif
