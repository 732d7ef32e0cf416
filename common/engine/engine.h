/*
 * The engine's inside, shared by its own files only.
 */
#ifndef COMMON_ENGINE_ENGINE_H
#define COMMON_ENGINE_ENGINE_H

#include "common/engine/filter.h"
#include "common/engine/heads.h"
#include "common/engine/lines.h"
#include "common/engine/loop.h"
#include "common/engine/out.h"
#include "common/protocol/reply.h"
#include "common/protocol/wire.h"

enum {
	ENGINE_DEAD = 256, /* ended sessions remembered */
	ENGINE_PROTOCOL_MIN = WIRE_V04
};

#define MSG_TRY_AGAIN "451 4.3.0 Temporary local problem"
#define MSG_TOO_LONG "550 5.6.0 Message has a line longer than this host takes"

/* RECEIVING -> WAITING (for the filter) -> SENDING -> SENT -> ANSWERED. */
enum msg_state {
	MSG_RECEIVING,
	MSG_WAITING,
	MSG_SENDING,
	MSG_SENT,
	MSG_ANSWERED
};

struct msg {
	struct engine *eng;
	struct session *session;
	uint64_t token; /* of its data lines */
	unsigned version;
	size_t line_max; /* of that version */
	enum msg_state state;
	bool in_header;
	bool header_cut;
	bool header_told; /* the header callback was called */
	bool due; /* the filter has something to be told when the turn ends */
	bool lost; /* some of it is gone: 451 */
	bool cut; /* a line is longer than smtpd takes */
	bool tab; /* state of longline_next() over a line */
	struct buf header;
	size_t counted; /* bytes of header.cap counted in the pool */
	struct store *store;
	uint64_t told; /* where the body that the filter has seen ends in it */
	void *data;
	uint64_t dot_us; /* when the dot came */
	bool asked; /* commit is asked already, by this request: */
	struct reply_to commit;
	char *refusal; /* SMTP reply; NULL: accepted */
	struct replay replay;
	struct msg *prev, *next; /* of the session */
	struct msg *wait_prev, *wait_next; /* of all that wait */
	struct msg *due_prev, *due_next; /* of all that are due */
};

enum counter {
	COUNT_SESSIONS,
	COUNT_MESSAGES,
	COUNT_ACCEPTED,
	COUNT_REFUSED,
	COUNT_FAILED, /* 451 by the engine */
	COUNT_EXPIRED, /* deadline */
	COUNT_DROPPED, /* went away before the answer */
	COUNT_CUT, /* with lines longer than smtpd takes */
	COUNT_BAD_LINE,
	COUNT_UNKNOWN_EVENT,
	COUNT_UNKNOWN_SESSION,
	COUNT_STALE, /* lines of an ended transaction or session */
	COUNT_NO_MEMORY,
	COUNT_MAX
};

struct engine {
	const struct filter *filter;
	struct session *sessions;
	struct store_pool pool;
	struct lines lines;
	struct out out;
	struct msg *waiting; /* by deadline: all wait equally long */
	struct msg *due;
	struct loop_timer *deadline;
	unsigned deadline_ms;
	bool reject_long; /* --long-lines reject */
	bool ready; /* the handshake is over */
	bool busy; /* in a turn: output comes after it */
	uint64_t dead[ENGINE_DEAD];
	unsigned ndead;
	struct heads heads;
	uint64_t count[COUNT_MAX];
	/* --check: told of each answer to a message before it is freed. */
	void (*answered)(void *arg, struct msg *, struct str refusal);
	void *answered_arg;
};

/*
 * An engine that writes to sink.  NULL without memory.  pool gives the limits
 * (and counts from 0).
 */
struct engine *engine_new(const struct filter *, const struct out_sink *sink,
    const struct store_pool *pool, unsigned deadline_ms);
void engine_free(struct engine *);

/* Logs the counters. */
void engine_counters(const struct engine *);

/*
 * A turn: lines that came together.  They are taken one by one, and when it
 * ends filters are told of all messages that have come so far, one after the
 * other, and what is to be said about them is written.
 */
void engine_turn(struct engine *, bool over);

/*
 * Takes one line of smtpd, in a turn.  Returns -1 if the handshake shows that
 * we cannot work with this smtpd; after register|ready always 0.
 */
int engine_line(struct engine *, struct str line);
/* The same for the start of a line that was too long to keep. */
void engine_lost_line(struct engine *, struct str head);
/* Lets output go; in blocks only while a turn lasts. */
void engine_flush(struct engine *);

/*
 * Answers a request; the one place that does.  What smtpd would not survive
 * becomes a warning and "proceed", or at commit a 451.
 */
void engine_answer(struct engine *, const struct reply_to *, enum phase,
    enum answer, struct str text);

/* Sessions: session.c. */
struct session *session_get(struct engine *, uint64_t id);
struct session *session_add(struct engine *, uint64_t id);
void session_end(struct engine *, struct session *);
void
session_event(struct engine *, struct session *, const struct wire_event *);
bool session_was(const struct engine *, uint64_t id);
/* A greeting without session, of protocol 0.4: that of all without one. */
void session_greet(struct engine *, struct str name);

/* Messages: msg.c. */
struct msg *
msg_get(struct engine *, struct session *, const struct wire_event *);
void msg_line(struct msg *, struct str line);
/* Takes note of a line, dot undone, that is longer than smtpd takes back. */
void msg_see_length(struct msg *, struct str line);
/* Ends the wait for the filter: reply is empty to accept. */
void msg_decide(struct msg *, struct str reply);
/* Something of it is gone, and what is left is of no use: it gets 451. */
void msg_lose(struct msg *, const char *why);
/* Gives that answer: the engine has failed. */
void msg_fail(struct msg *);
void msg_commit(struct engine *, struct session *, const struct wire_event *);
/* Takes it off the list of those whose filter is told when the turn ends. */
void msg_not_due(struct msg *);
/* Takes it out of the session and frees it; nothing more is sent for it. */
void msg_drop(struct msg *);
void msg_sent(struct replay *, bool ok);
void msg_expire(void *engine);

/*
 * What filters are told, and when: turn.c.  Of small messages that come
 * together, as they do on a busy host, all at the end of a turn, so that the
 * code of each step stays in the processor's caches for all of them; of large
 * ones, piece by piece on the way.
 */
/* Tells of the header, unless that was done. */
void turn_header(struct msg *);
/* Stores a line of the body, of which the filter is told.  As store_line(). */
int turn_line(struct msg *, struct str line);
/* Its dot was seen, and its session goes on in the same turn: tells of all. */
void turn_message(struct msg *);
void turn_end(struct engine *);

/* Runs a message of a file through the filter: check.c.  Exit status. */
struct check {
	const char *file; /* "-" is stdin */
	const char *ip, *helo, *from, *user;
	const char **rcpts;
	size_t nrcpts;
};
int check_run(const struct filter *, const struct store_pool *,
    unsigned deadline_ms, bool reject_long, const struct check *);

#endif
