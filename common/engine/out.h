/*
 * Lines on their way to smtpd: answers in a queue, messages pumped from their
 * stores as smtpd takes them, in large blocks.
 */
#ifndef COMMON_ENGINE_OUT_H
#define COMMON_ENGINE_OUT_H

#include "common/base/buf.h"
#include "common/engine/replay.h"

enum {
	OUT_BLOCK = 128 * 1024, /* bytes of messages queued at a time */
	OUT_QUEUE = 1024 * 1024, /* bytes queued at most */
	OUT_TURN = 1024 * 1024 /* bytes written before others get a turn */
};

/*
 * Where the bytes go.  write takes what it can without waiting: returns how
 * much, 0 if nothing now, -1 if it never will again.  wait returns when some
 * can be taken; wake asks for a call of out_pump() at that time, and returns -1
 * if it cannot.
 */
struct out_sink {
	long (*write)(void *arg, const char *p, size_t n);
	int (*wait)(void *arg);
	int (*wake)(void *arg, bool on);
	void *arg;
};

struct out {
	struct out_sink sink;
	struct buf q;
	size_t sent; /* bytes of q that are gone */
	struct replay *replays; /* in turns */
	char *scratch; /* REPLAY_SCRATCH bytes */
	void (*done)(struct replay *, bool ok);
	bool pumping;
	bool broken;
};

/*
 * Returns -1 without memory.  done is called when the dot of a replay is in
 * the queue; not ok if its store could not be read to the end.
 */
int out_init(struct out *, const struct out_sink *,
    void (*done)(struct replay *, bool ok));
void out_clear(struct out *);

/*
 * The queue, with room for n more bytes; waits for smtpd if there is no
 * other way.  NULL if smtpd is gone.
 */
struct buf *out_room(struct out *, size_t n);

/* Starts (stops) sending a message; its lines stay whole. */
void out_start(struct out *, struct replay *);
void out_stop(struct out *, struct replay *);

/* Writes what can be written now.  Returns -1 if smtpd is gone. */
int out_pump(struct out *);
/* The same, but what is less than a block waits for the next out_pump(). */
int out_collect(struct out *);
/* At the end: writes all that goes without waiting. */
void out_drain(struct out *);

#endif
