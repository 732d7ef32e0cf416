#include <stdlib.h>

#include "common/base/hash.h"
#include "common/engine/out.h"

int
out_init(struct out *o, const struct out_sink *sink,
    void (*done)(struct replay *, bool ok))
{
	*o = (struct out){ .sink = *sink, .done = done };
	buf_init(&o->q, OUT_QUEUE);
	o->scratch = malloc(REPLAY_SCRATCH);
	if (o->scratch == NULL || buf_room(&o->q, OUT_QUEUE) == NULL) {
		out_clear(o);
		return -1;
	}
	return 0;
}

void
out_clear(struct out *o)
{
	free(o->scratch);
	o->scratch = NULL;
	buf_clear(&o->q);
}

static void
compact(struct out *o)
{
	if (o->sent == 0)
		return;
	o->q.n -= o->sent;
	memmove(o->q.p, o->q.p + o->sent, o->q.n);
	o->sent = 0;
}

/* Writes once.  1: some went; 0: nothing now; -1: smtpd is gone. */
static int
write_some(struct out *o)
{
	long w;

	if (o->broken)
		return -1;
	w = o->sink.write(o->sink.arg, o->q.p + o->sent, o->q.n - o->sent);
	if (w == -1) {
		o->broken = true;
		return -1;
	}
	o->sent += (size_t)w;
	if (o->sent == o->q.n)
		o->sent = o->q.n = 0;
	return w > 0;
}

struct buf *
out_room(struct out *o, size_t n)
{
	while (!o->broken && OUT_QUEUE - (o->q.n - o->sent) < n) {
		if (write_some(o) == 0 && o->sink.wait(o->sink.arg) == -1)
			o->broken = true;
	}
	if (o->broken)
		return NULL;
	if (OUT_QUEUE - o->q.n < n)
		compact(o);
	return &o->q;
}

void
out_start(struct out *o, struct replay *r)
{
	DL_APPEND(o->replays, r);
}

void
out_stop(struct out *o, struct replay *r)
{
	DL_DELETE(o->replays, r);
}

/* Queues a block of the next message that has one. */
static void
fill(struct out *o)
{
	struct replay *r = o->replays;
	int done;

	compact(o);
	done = replay_fill(r, &o->q, OUT_BLOCK, o->scratch);
	DL_DELETE(o->replays, r);
	if (done == 0)
		DL_APPEND(o->replays, r);
	else
		o->done(r, done == 1);
}

static void
fill_queue(struct out *o)
{
	while (o->replays != NULL && o->q.n - o->sent < OUT_BLOCK)
		fill(o);
}

/* 1: there may be more to write; 0: nothing goes now; -1: smtpd is gone. */
static int
pump(struct out *o)
{
	size_t turn = 0, before;
	int r = 1;

	while (r == 1 && turn < OUT_TURN) {
		fill_queue(o);
		before = o->q.n - o->sent;
		if (before == 0)
			return 0;
		r = write_some(o);
		turn += before - (o->q.n - o->sent);
	}
	return r;
}

int
out_collect(struct out *o)
{
	if (o->pumping)
		return 0;
	o->pumping = true;
	fill_queue(o);
	o->pumping = false;
	return o->q.n - o->sent < OUT_BLOCK ? 0 : out_pump(o);
}

void
out_drain(struct out *o)
{
	o->pumping = true;
	while (pump(o) == 1)
		continue;
	o->pumping = false;
}

int
out_pump(struct out *o)
{
	int r;

	/* done() may answer, which asks for output: it is on its way. */
	if (o->pumping)
		return 0;
	for (;;) {
		o->pumping = true;
		r = pump(o);
		o->pumping = false;
		if (r == -1)
			return -1;
		if (o->sink.wake(
			o->sink.arg, o->q.n > 0 || o->replays != NULL) == 0)
			return 0;
		/* Nobody will call again: the wait has to be now. */
		if (o->sink.wait(o->sink.arg) == -1) {
			o->broken = true;
			return -1;
		}
	}
}
