/*
 * One POST of a message over HTTP, on the loop; the only user of libcurl.
 *
 * Each request has a connection of its own (rspamd closes after a reply); TLS
 * sessions and the handles are used again.  No proxy, no redirects, no
 * "Expect: 100-continue", names looked up in a thread.
 */
#ifndef FILTER_RSPAMD_HTTP_H
#define FILTER_RSPAMD_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/message/store.h"
#include "filter-rspamd/target.h"

enum {
	HTTP_JSON_MAX = 4 * 1024 * 1024, /* bytes of a reply but for a body */
	HTTP_HEAD_MAX = 64 * 1024, /* bytes of the head of a reply */
	HTTP_REPLIES_MAX = 128 * 1024 * 1024, /* of several at a time */
	HTTP_OFFSET_MAX = 20, /* characters of a Message-Offset */
	HTTP_GRACE_MS = 1000, /* more than the limit, then it is given up */
	HTTP_IDLE_MAX = 16 /* handles kept for the next requests */
};

/* How it ended. */
enum http_outcome {
	HTTP_REPLY, /* a complete reply, whatever its status */
	HTTP_UNREACHABLE, /* no connection, TLS included, in its time */
	HTTP_TIMEOUT, /* connected, but no complete reply in its time */
	HTTP_CLOSED, /* connected, and closed without a byte */
	HTTP_BROKEN, /* a reply that is cut off, malformed or too large */
	HTTP_LOCAL /* our fault: no memory, message cannot be read */
};

struct http_request {
	const struct target *target; /* outlives the job */
	struct str fields; /* "Name: value", each ended by NUL; copied */
	struct str head; /* the message: header lines ended by LF ... */
	const struct store *store; /* ... and the rest; both outlive the job */
};

struct http_reply {
	enum http_outcome outcome;
	long status; /* 0: none */
	/* Views that die after the callback. */
	struct str offset; /* value of Message-Offset; empty: not given */
	struct str body;
	const char
	    *error; /* why it is not HTTP_REPLY, often in libcurl's words */
};

struct http_conf {
	const char *ca; /* file with CA certificates; NULL: the system's */
	const char *cert; /* client certificate and key; NULL: none */
	const char *key;
	unsigned connect_ms; /* limit of name, connection and TLS */
	unsigned total_ms; /* limit of all */
	size_t body_max; /* bytes of a rewritten body */
};

struct http_job;

/* Sets up libcurl on the loop; keeps conf.  -1 if that fails. */
int http_init(const struct http_conf *conf);
/* All jobs must be over. */
void http_fini(void);

/*
 * Sends the request.  cb is called exactly once, later, with the job already
 * gone; not after http_cancel().  NULL without memory.
 */
struct http_job *http_start(const struct http_request *,
    void (*cb)(void *, const struct http_reply *), void *arg);
/* Closes the connection at once, clears the pointer; NULL is fine. */
void http_cancel(struct http_job **);

#endif
