/*
 * SMTP sessions and their transactions, as smtpd reports them.  The engine
 * writes them, filters read them.
 */
#ifndef COMMON_ENGINE_SESSION_H
#define COMMON_ENGINE_SESSION_H

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/base/str.h"

enum {
	SESSION_TEXT_MAX = 4096, /* bytes of one text of a session */
	SESSION_RCPTS_MAX = 8 * 1024 * 1024 /* bytes of all recipients */
};

enum fcrdns {
	FCRDNS_ERROR,
	FCRDNS_FAIL,
	FCRDNS_PASS
};

/*
 * What a session's transaction is in: with TX_ENDED smtpd does not take data
 * lines any more, although some may still be on their way to us.
 */
enum tx_state {
	TX_NONE,
	TX_OPEN,
	TX_ENDED
};

struct envelope {
	enum tx_state state;
	char *msgid; /* 8 hex digits; NULL: not told */
	char *mail_from; /* "" is the null sender; NULL: not told */
	struct buf rcpts; /* accepted recipients, each ended by NUL */
	size_t nrcpts;
	bool broken; /* something of it was lost for lack of memory */
};

struct msg;

struct session {
	uint64_t id;
	/* Texts are NULL until smtpd told them. */
	char *rdns; /* name of the client, "<unknown>" without one */
	enum fcrdns fcrdns; /* may rdns be believed? */
	char *src; /* "192.0.2.1:1234", "[2001:db8::1]:25", "unix:..." */
	char *dst;
	char *greeting; /* the listener's host name */
	char *user; /* authenticated as, decoded; NULL: not */
	bool broken; /* something of it was lost for lack of memory */
	/* Only with filter.envelope, as are sender and recipients. */
	char *helo;
	char *tls_version; /* "TLSv1.3"; NULL: no TLS */
	char *tls_cipher;
	struct envelope env;
	/* The engine's own. */
	struct msg *msgs; /* of this transaction, oldest first */
	uint64_t last_rcpt; /* to see a report that came twice */
	UT_hash_handle hh;
};

/* Does the session come over smtpd's local socket (sendmail, bounces)? */
bool session_is_local(const struct session *);

/*
 * The client's address without port, brackets and scope, as a view into src;
 * empty for a local session.
 */
struct str session_ip(const struct session *);
/* The port the client connected to; 0 for a local session. */
unsigned session_port(const struct session *);

/* Steps through the recipients: *pos starts at 0; false at the end. */
bool session_rcpt(const struct session *, size_t *pos, struct str *rcpt);

#endif
