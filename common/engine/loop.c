#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/base/log.h"
#include "common/engine/loop.h"

enum {
	SIGNALS_MAX = 8,
	PRIORITY_FIRST = 0,
	PRIORITY_REST = 1, /* libevent's default of two */
	PRIORITIES = 2,
	REST_AT_ONCE = 4, /* callbacks until those that go first may */
	FIRST_TURNS = 64 /* of these while others wait */
};

struct loop_timer {
	struct event *ev;
	void (*cb)(void *);
	void *arg;
};

struct loop_io {
	struct event *ev;
	void (*cb)(void *, int);
	void *arg;
	int fd;
	int what;
	bool file; /* a regular file: always ready, never polled */
	bool first;
	unsigned turns; /* in a row while others waited */
};

struct loop_signal {
	struct event *ev;
	void (*cb)(void *);
	void *arg;
};

static const struct timeval at_once;
static struct event_base *base;
static struct loop_signal signals[SIGNALS_MAX];
static unsigned nsignals;
static bool stopped;
static void (*around)(void *, bool);
static void *around_arg;

static void
on_log(int severity, const char *text)
{
	/* An error is one that libevent does not survive. */
	if (severity == EVENT_LOG_ERR)
		log_warn("event loop: %s", text);
	else
		log_debug("event loop: %s", text);
}

int
loop_init(void)
{
	struct event_config *config = event_config_new();

	event_set_log_callback(on_log);
	if (config != NULL &&
	    event_config_set_max_dispatch_interval(
		config, NULL, REST_AT_ONCE, PRIORITY_REST) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	if (base == NULL)
		return -1;
	return event_base_priority_init(base, PRIORITIES);
}

void
loop_fini(void)
{
	while (nsignals > 0)
		event_free(signals[--nsignals].ev);
	if (base != NULL)
		event_base_free(base);
	base = NULL;
	around = NULL;
	stopped = false;
}

void
loop_around(void (*cb)(void *, bool), void *arg)
{
	around = cb;
	around_arg = arg;
}

static void
turn(bool over)
{
	if (around != NULL)
		around(around_arg, over);
}

int
loop_run(void)
{
	int r = 0;

	if (!stopped)
		r = event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	stopped = false;
	return r == -1 ? -1 : 0;
}

void
loop_stop(void)
{
	stopped = true;
	(void)event_base_loopbreak(base);
}

struct event_base *
loop_base(void)
{
	return base;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	turn(false);
	t->cb(t->arg);
	turn(true);
}

struct loop_timer *
loop_timer_new(void (*cb)(void *), void *arg)
{
	struct loop_timer *t = malloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	*t = (struct loop_timer){ NULL, cb, arg };
	t->ev = event_new(base, -1, 0, on_timer, t);
	if (t->ev == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

int
loop_timer_set(struct loop_timer *t, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = (int)(ms % 1000) * 1000 };

	return event_add(t->ev, &tv) == -1 ? -1 : 0;
}

void
loop_timer_stop(struct loop_timer *t)
{
	(void)event_del(t->ev);
}

void
loop_timer_free(struct loop_timer *t)
{
	if (t == NULL)
		return;
	event_free(t->ev);
	free(t);
}

/* One that goes first lets the others have their turn if it never ends. */
static void
take_turn(struct loop_io *io)
{
	bool others =
	    event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE) > 0;

	if (io->turns == FIRST_TURNS)
		(void)event_priority_set(io->ev, PRIORITY_FIRST);
	if (io->turns == FIRST_TURNS || !others)
		io->turns = 0;
	else if (++io->turns == FIRST_TURNS)
		(void)event_priority_set(io->ev, PRIORITY_REST);
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	struct loop_io *io = arg;
	int ready = 0;

	(void)fd;
	if ((what & EV_READ) != 0)
		ready |= LOOP_READ;
	if ((what & EV_WRITE) != 0)
		ready |= LOOP_WRITE;
	if (io->file) {
		ready = io->what;
		(void)event_add(io->ev, &at_once);
	}
	if (ready == 0)
		return;
	if (io->first)
		take_turn(io);
	turn(false);
	io->cb(io->arg, ready);
	turn(true);
}

struct loop_io *
loop_io_new(int fd, void (*cb)(void *, int), void *arg)
{
	struct loop_io *io = malloc(sizeof(*io));

	if (io == NULL)
		return NULL;
	*io = (struct loop_io){ .cb = cb, .arg = arg, .fd = fd };
	io->ev = event_new(base, fd, EV_READ | EV_PERSIST, on_io, io);
	if (io->ev == NULL) {
		free(io);
		return NULL;
	}
	return io;
}

void
loop_io_first(struct loop_io *io)
{
	io->first = event_priority_set(io->ev, PRIORITY_FIRST) == 0;
}

static int
assign(struct loop_io *io, int fd, short what)
{
	if (event_assign(io->ev, base, fd, what, on_io, io) == -1)
		return -1;
	io->turns = 0;
	if (io->first)
		(void)event_priority_set(io->ev, PRIORITY_FIRST);
	return event_add(io->ev, fd == -1 ? &at_once : NULL);
}

int
loop_io_set(struct loop_io *io, int what)
{
	short ev = EV_PERSIST;

	if (what == io->what)
		return 0;
	(void)event_del(io->ev);
	io->what = what;
	if (what == 0)
		return 0;
	if ((what & LOOP_READ) != 0)
		ev |= EV_READ;
	if ((what & LOOP_WRITE) != 0)
		ev |= EV_WRITE;
	if (assign(io, io->fd, ev) == 0)
		return 0;
	/* epoll refuses regular files: a timer that is always due. */
	io->file = errno == EPERM;
	if (io->file && assign(io, -1, 0) == 0)
		return 0;
	io->what = 0;
	return -1;
}

void
loop_io_free(struct loop_io *io)
{
	if (io == NULL)
		return;
	event_free(io->ev);
	free(io);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	const struct loop_signal *s = arg;

	(void)fd;
	(void)what;
	s->cb(s->arg);
}

int
loop_signal(int signo, void (*cb)(void *), void *arg)
{
	struct loop_signal *s = &signals[nsignals];

	if (nsignals == SIGNALS_MAX)
		return -1;
	s->cb = cb;
	s->arg = arg;
	s->ev = evsignal_new(base, signo, on_signal, s);
	if (s->ev == NULL)
		return -1;
	/* Not after the end of input, which ends the process. */
	if (event_priority_set(s->ev, PRIORITY_FIRST) == -1 ||
	    event_add(s->ev, NULL) == -1) {
		event_free(s->ev);
		return -1;
	}
	nsignals++;
	return 0;
}
