/* common/engine/loop.h without a system below it. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/engine/loop.h"
#include "tests/golden/fake.h"

struct loop_timer {
	void (*cb)(void *);
	void *arg;
	bool set;
	uint64_t due; /* microseconds */
	struct loop_timer *prev, *next;
};

struct loop_io {
	int fd;
};

static struct clock_fake now;
static struct loop_timer *timers;
static unsigned ios;
static bool stopped;

int
loop_init(void)
{
	now = (struct clock_fake){ .us = 1000000, .wall = 1795341962 };
	clock_set(&now);
	stopped = false;
	return 0;
}

void
loop_fini(void)
{
}

int
loop_run(void)
{
	return 0;
}

void
loop_stop(void)
{
	stopped = true;
}

struct event_base *
loop_base(void)
{
	return NULL;
}

struct loop_timer *
loop_timer_new(void (*cb)(void *), void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->cb = cb;
	t->arg = arg;
	DL_APPEND(timers, t);
	return t;
}

int
loop_timer_set(struct loop_timer *t, unsigned ms)
{
	if (fault_now())
		return -1;
	t->set = true;
	t->due = now.us + (uint64_t)ms * 1000;
	return 0;
}

void
loop_timer_stop(struct loop_timer *t)
{
	t->set = false;
}

void
loop_timer_free(struct loop_timer *t)
{
	if (t == NULL)
		return;
	DL_DELETE(timers, t);
	free(t);
}

struct loop_io *
loop_io_new(int fd, void (*cb)(void *, int), void *arg)
{
	struct loop_io *io = malloc(sizeof(*io));

	(void)cb;
	(void)arg;
	if (io == NULL)
		return NULL;
	io->fd = fd;
	ios++;
	return io;
}

int
loop_io_set(struct loop_io *io, int what)
{
	(void)io;
	(void)what;
	return 0;
}

void
loop_io_first(struct loop_io *io)
{
	(void)io;
}

void
loop_io_free(struct loop_io *io)
{
	if (io != NULL)
		ios--;
	free(io);
}

int
loop_signal(int signo, void (*cb)(void *), void *arg)
{
	(void)signo;
	(void)cb;
	(void)arg;
	return 0;
}

/* The timer that is due first, if it is by then. */
static struct loop_timer *
first_due(uint64_t by)
{
	struct loop_timer *t, *first = NULL;

	DL_FOREACH (timers, t)
		if (t->set && t->due <= by &&
		    (first == NULL || t->due < first->due))
			first = t;
	return first;
}

void
fake_tick(uint64_t us)
{
	uint64_t end = now.us + us;
	struct loop_timer *t;

	while ((t = first_due(end)) != NULL) {
		if (t->due > now.us) {
			now.wall += (time_t)((t->due - now.us) / 1000000);
			now.us = t->due;
		}
		t->set = false;
		t->cb(t->arg);
	}
	now.wall += (time_t)((end - now.us) / 1000000);
	now.us = end;
}

void
fake_turn(void)
{
	fake_tick(0);
}

uint64_t
fake_now(void)
{
	return now.us;
}

bool
fake_stopped(void)
{
	return stopped;
}

unsigned
fake_handles(void)
{
	struct loop_timer *t;
	unsigned n = ios;

	DL_FOREACH (timers, t)
		n++;
	return n;
}
