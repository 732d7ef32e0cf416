/*
 * The event loop: descriptors, timers, signals.  The only place that knows
 * libevent; tests replace it by a loop with a clock of their own.
 *
 * Callbacks run one at a time from loop_run().  A handle may be freed from
 * any callback, its own included, and is silent after that.
 */
#ifndef COMMON_ENGINE_LOOP_H
#define COMMON_ENGINE_LOOP_H

#include <stdbool.h>

enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2
};

struct loop_timer;
struct loop_io;
struct event_base; /* libevent's, for libraries that bring their own events */

/* Makes the loop.  Returns 0, or -1 without memory or descriptors. */
int loop_init(void);
/* Frees it; all handles must be gone. */
void loop_fini(void);

/*
 * Runs callbacks until loop_stop(), also one that was called before.  -1 if the
 * system refuses to wait.
 */
int loop_run(void);
void loop_stop(void);

/*
 * Calls cb before (over is false) and after each callback of a timer or
 * descriptor, so that what comes of one can be written at once.
 */
void loop_around(void (*cb)(void *, bool over), void *arg);

/* The libevent base, for libunbound. */
struct event_base *loop_base(void);

/* A stopped timer; NULL without memory. */
struct loop_timer *loop_timer_new(void (*cb)(void *), void *arg);
/* Calls cb once, ms milliseconds from now, instead of any time set before. */
int loop_timer_set(struct loop_timer *, unsigned ms);
void loop_timer_stop(struct loop_timer *);
void loop_timer_free(struct loop_timer *);

/*
 * Calls cb whenever fd can be read (LOOP_READ) or written (LOOP_WRITE) as
 * loop_io_set() asks; at first for nothing.  The descriptor stays the
 * caller's.  NULL without memory.
 */
struct loop_io *loop_io_new(int fd, void (*cb)(void *, int what), void *arg);
int loop_io_set(struct loop_io *, int what);
/*
 * Lets its callbacks go before those of everything else that is due, so that
 * hundreds of timers at once hold it up by a few of them only.  It does not
 * keep the others out: after some turns it waits for them.
 */
void loop_io_first(struct loop_io *);
void loop_io_free(struct loop_io *);

/*
 * Calls cb from the loop each time the process gets the signal (several that
 * come at once may count as one).  Returns -1 without memory.  Gone with
 * loop_fini().
 */
int loop_signal(int signo, void (*cb)(void *), void *arg);

#endif
