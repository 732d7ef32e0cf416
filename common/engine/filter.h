/*
 * The one public header of the engine: what a filter is and what it can do.
 *
 * A filter is a const struct filter; the callbacks that are set and envelope
 * decide what is registered with smtpd.  filter_main() does the rest: options,
 * handshake, sessions, messages, deadlines, output.  Whatever goes wrong on the
 * way, each request of smtpd is answered exactly once and the process goes on.
 */
#ifndef COMMON_ENGINE_FILTER_H
#define COMMON_ENGINE_FILTER_H

#include <stdio.h>

#include "common/base/sandbox.h"
#include "common/engine/session.h"
#include "common/message/edit.h"
#include "common/message/header.h"
#include "common/message/store.h"
#include "common/protocol/phase.h"

enum {
	FILTER_DEADLINE_S = 60, /* default of --deadline */
	FILTER_PHASES = PHASE_UNKNOWN,
	MSG_HEADER_MAX = 2 * HEADER_MAX, /* bytes of a header with its edit */
};

/* Exit statuses; sysexits.h has the last two. */
enum {
	STATUS_OK = 0,
	STATUS_BAD = 1,
	STATUS_USAGE = 64,
	STATUS_AGAIN = 75
};

struct request; /* of a phase other than data-line and commit */
struct msg; /* a message, from its first line to the answer at commit */

/* An option of the command line; a table of them ends with name NULL. */
struct filter_opt {
	const char *name; /* long name without dashes; "" if there is none */
	char letter; /* short name, or 0 */
	const char *arg; /* what --help calls its argument; NULL: none */
	const char *help; /* one line */
};

struct filter {
	const char *name; /* "filter-example" */
	const char *args; /* operands in the usage line; NULL: none allowed */
	const struct filter_opt *opts; /* its own; NULL: none */
	bool one_dash; /* also take long options with one dash */
	bool envelope; /* hears of HELO, TLS, sender and recipients, too */
	bool as_stored; /* gets long lines cut, as smtpd will store them */

	/*
	 * opts[i] was given.  Returns NULL, or what is wrong with arg in a few
	 * words ("not a number of 1 to 3600").  Text it keeps must be copied
	 * or point into arg, which lives as long as the process.
	 */
	const char *(*option)(size_t i, const char *arg);
	/* An operand; the same. */
	const char *(*operand)(const char *arg);
	/*
	 * All options are read: checks them together, opens files.  Tells each
	 * error by filter_config_error() and returns -1 if there was one.
	 * With -n this is the last call before stop.
	 */
	int (*configure)(void);
	/* smtpd's "config|key|value" before register|ready, unknown ones too */
	void (*config)(struct str key, struct str value);
	/*
	 * The loop exists, and there is no sandbox yet: does what an option
	 * asks for instead of filtering, and returns the exit status; -1 if
	 * there is no such option.
	 */
	int (*command)(void);
	/*
	 * What it opens and connects to from now on: the files it may read
	 * when it gets SIGHUP, the ports of its servers.  Without this
	 * callback there is no sandbox.  The strings must live on.
	 */
	void (*sandbox)(struct sandbox *);
	/* The loop exists: starts what lives on it.  -1: the process ends. */
	int (*start)(void);
	/* Frees all of it; called once, last. */
	void (*stop)(void);
	/* SIGHUP.  A broken new configuration must leave the old one in use. */
	void (*reload)(void);
	/* SIGUSR1: logs the filter's counters after the engine's. */
	void (*counters)(void);

	/*
	 * Answer a request; if it returns without an answer, that is proceed.
	 * Data lines are the engine's, and so is commit if message is set.
	 */
	void (*on[FILTER_PHASES])(
	    struct request *, const struct session *, struct str param);

	/*
	 * Messages.  tx_new makes the filter's data for one (NULL: no memory,
	 * the message gets 451), tx_free frees it and cancels its jobs; both
	 * must be set if one is.  header: the header is complete.  body: the
	 * next lines of the body, dots undone, each ended by LF but perhaps
	 * the last one: at most STORE_BLOCK bytes, or one longer line, and
	 * what is left right before message.  message: all is there; answer
	 * now or later with msg_accept() or msg_refuse(), which do nothing
	 * before.  expired: the deadline passed without an answer; if it gives
	 * none, the message gets 451.
	 */
	void *(*tx_new)(struct msg *);
	void (*tx_free)(void *);
	void (*header)(struct msg *);
	void (*body)(struct msg *, struct str text);
	void (*message)(struct msg *);
	void (*expired)(struct msg *);

	/*
	 * --check: the message is answered; prints what is to be seen on out.
	 * refused is the SMTP reply, empty if the message was accepted: then
	 * what is returned is the exit status.
	 */
	int (*check)(struct msg *, struct str refused, FILE *out);
	/* --check also prints the message as it would leave. */
	bool check_prints;
};

/* main() of a filter.  Returns the exit status. */
int filter_main(const struct filter *, int argc, char **argv);

/* "NAME: text" on stderr, for errors found by configure(). */
void filter_config_error(const char *fmt, ...)
    __attribute__((__format__(__printf__, 1, 2)));

/*
 * Answers to a request.  Code and status make the reply, as reply_text() in
 * common/protocol/reply.h; the text may hold anything.
 */
void filter_proceed(struct request *);
void filter_junk(struct request *);
void filter_rewrite(struct request *, struct str param);
void
filter_reject(struct request *, int code, const char *status, struct str text);
void filter_disconnect(
    struct request *, int code, const char *status, struct str text);

/* The message's session, and the data that tx_new made. */
const struct session *msg_session(const struct msg *);
void *msg_data(const struct msg *);
/* The 8 hex digits of its transaction, "-" if smtpd did not tell. */
const char *msg_id(const struct msg *);
/*
 * The header block as lines ended by LF, dots undone, without the empty line.
 * Whole from the header callback on, but for what passes HEADER_MAX: then
 * msg_header_cut() is true and the rest stands at the start of the store.
 */
struct str msg_header(const struct msg *);
bool msg_header_cut(const struct msg *);
/* What follows the header block: the empty line, if any, and the body. */
const struct store *msg_store(const struct msg *);
/* Bytes of header and store together, an LF for each line. */
uint64_t msg_size(const struct msg *);
/* Microseconds since its final dot. */
uint64_t msg_waited(const struct msg *);
/* Longest line that smtpd takes back, a doubled dot included. */
size_t msg_line_max(const struct msg *);

/*
 * Lets the message pass.  edit holds changes of msg_header(), or is NULL;
 * the message takes it over.  Without memory for them, or if they make it more
 * than MSG_HEADER_MAX, the message is refused with 451.  A second answer is
 * ignored.  The filter's data stays until the transaction ends, or the deadline
 * passes.
 */
void msg_accept(struct msg *, struct edit *owned);
/*
 * Replaces the body: lines ended by LF or CRLF, dots not doubled.  To be
 * called before msg_accept().  Returns -1 without memory or disk, if the header
 * was cut, or if the message has its answer.
 */
int msg_set_body(struct msg *, struct str body);
/* Refuses it; reply as reply_text() makes it. */
void msg_refuse(struct msg *, int code, const char *status, struct str text);
/* Is it still without an answer? */
bool msg_is_open(const struct msg *);
/* Does it come from --check? */
bool msg_is_check(const struct msg *);

/*
 * "SESSION MSGID text", the form of all lines about a message; outside text
 * in it must come from log_text().
 */
void msg_info(const struct msg *, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));
/* As msg_info() of a text that is put together already: printf is slow. */
void msg_info_text(const struct msg *, struct str text);
void msg_warn(const struct msg *, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));

#endif
