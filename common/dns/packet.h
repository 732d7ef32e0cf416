/*
 * Reader for DNS messages (RFC 1035 section 4): the TXT records of an answer.
 */
#ifndef COMMON_DNS_PACKET_H
#define COMMON_DNS_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

enum {
	PACKET_MAX = 65535, /* bytes of a DNS message */
	PACKET_TXT_MAX = 16, /* TXT records that are kept */
};

enum packet_rcode {
	PACKET_NOERROR = 0,
	PACKET_NXDOMAIN = 3,
};

struct packet {
	unsigned rcode; /* 0 to 15 */
	unsigned aliases; /* CNAME records in the answer */
	uint32_t ttl; /* the least of the answer's records; 0 without any */
	size_t n; /* TXT records kept */
	struct {
		size_t off; /* of its joined strings in the text */
		size_t n; /* bytes */
	} txt[PACKET_TXT_MAX];
};

/*
 * Reads the header and the answer section of a message of n bytes.  Adds the
 * strings of its TXT records, joined, to text.  Returns 0, or -1 if the
 * message is malformed or cut, or text has no room.
 */
int packet_parse(const void *message, size_t n, struct packet *out,
    struct buf *text) __attribute__((__warn_unused_result__));

#endif
