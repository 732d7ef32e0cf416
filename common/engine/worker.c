#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/loop.h"
#include "common/engine/worker.h"

enum {
	WAITING_SHARE = 4 /* of waiting jobs, at most as many are unheard */
};

struct worker_job {
	const struct worker_ops *ops;
	void *owned;
	struct worker_job *next;
	atomic_bool cancelled;
};

struct worker {
	pthread_mutex_t lock; /* for the nine that follow */
	pthread_cond_t more;
	struct worker_job *first, **last; /* waiting for a thread */
	size_t waiting; /* so many */
	size_t unheard; /* done, and the loop was not woken for them */
	const struct worker_ops *unheard_ops; /* of the last of them */
	uint64_t unheard_us; /* when the first of them was begun */
	unsigned idle; /* threads that sleep */
	bool stop;

	/* Finished jobs, last first: threads push, the loop takes them all. */
	_Atomic(struct worker_job *) finished;
	atomic_bool woken; /* a byte is in the pipe, or about to be */
	struct worker_job *taken; /* taken from there, oldest first */
	int wake[2]; /* a byte in this pipe: finished is not empty */
	struct loop_io *io;
	struct loop_timer *turn; /* without threads: the loop works */
	unsigned nthreads;
	pthread_t threads[WORKER_THREADS_MAX];
};

static void
job_free(struct worker_job *j)
{
	j->ops->release(j->owned);
	free(j);
}

static void
jobs_free(struct worker_job *j)
{
	struct worker_job *next;

	for (; j != NULL; j = next) {
		next = j->next;
		job_free(j);
	}
}

static void
job_work(struct worker_job *j)
{
	if (!atomic_load_explicit(&j->cancelled, memory_order_relaxed))
		j->ops->work(j->owned);
}

static void
push_finished(struct worker *w, struct worker_job *j)
{
	struct worker_job *old = atomic_load(&w->finished);

	do {
		j->next = old;
	} while (!atomic_compare_exchange_weak(&w->finished, &old, j));
}

/* The loop is woken once for several: it takes all it finds. */
static void
wake_loop(struct worker *w)
{
	if (atomic_exchange(&w->woken, true))
		return;
	while (write(w->wake[1], "", 1) == -1 && errno == EINTR)
		continue;
}

/* Oldest first. */
static struct worker_job *
take_finished(struct worker *w)
{
	struct worker_job *j = atomic_exchange(&w->finished, NULL);
	struct worker_job *list = NULL, *next;

	for (; j != NULL; j = next) {
		next = j->next;
		j->next = list;
		list = j;
	}
	return list;
}

/*
 * Is it time for the loop to hear of those that are done?  Waking it costs a
 * tenth of a signature, so it hears of several at a time, but of few beside the
 * jobs that wait anyway, and soon; and one of another kind may take long.
 */
static bool
is_time(const struct worker *w)
{
	return w->unheard > 0 &&
	    (w->first == NULL || w->first->ops != w->unheard_ops ||
		w->unheard >= WORKER_BATCH ||
		w->unheard > w->waiting / WAITING_SHARE ||
		clock_us() - w->unheard_us >= WORKER_HOLD_US);
}

static struct worker_job *
take_first(struct worker *w)
{
	struct worker_job *j = w->first;

	w->first = j->next;
	if (w->first == NULL)
		w->last = &w->first;
	w->waiting--;
	return j;
}

/* The next job, or NULL to stop; called with the lock. */
static struct worker_job *
next_job(struct worker *w)
{
	while (!w->stop) {
		if (is_time(w)) {
			w->unheard = 0;
			(void)pthread_mutex_unlock(&w->lock);
			wake_loop(w);
			(void)pthread_mutex_lock(&w->lock);
			continue;
		}
		if (w->first != NULL)
			return take_first(w);
		w->idle++;
		(void)pthread_cond_wait(&w->more, &w->lock);
		w->idle--;
	}
	return NULL;
}

static void *
run_thread(void *arg)
{
	const struct worker_ops *ops;
	struct worker *w = arg;
	struct worker_job *j;
	uint64_t begun;

	(void)pthread_mutex_lock(&w->lock);
	while ((j = next_job(w)) != NULL) {
		(void)pthread_mutex_unlock(&w->lock);
		ops = j->ops;
		begun = clock_us();
		job_work(j);
		push_finished(w, j);
		(void)pthread_mutex_lock(&w->lock);
		if (w->unheard++ == 0 || begun < w->unheard_us)
			w->unheard_us = begun;
		w->unheard_ops = ops;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* A callback may start and cancel jobs, but not free the pool. */
static void
deliver(struct worker *w)
{
	struct worker_job *j;

	w->taken = take_finished(w);
	while ((j = w->taken) != NULL) {
		w->taken = j->next;
		if (!atomic_load(&j->cancelled))
			j->ops->done(j->owned);
		job_free(j);
	}
}

static void
on_wake(void *arg, int what)
{
	struct worker *w = arg;
	char bytes[64];

	/* Seldom more than one byte, and the loop comes again for the rest. */
	(void)what;
	if (read(w->wake[0], bytes, sizeof(bytes)) <= 0)
		return;
	atomic_store(&w->woken, false);
	deliver(w);
}

/* Without threads: one job in a turn, so that others get theirs. */
static void
on_turn(void *arg)
{
	struct worker *w = arg;
	struct worker_job *j;

	if (w->first == NULL)
		return;
	j = take_first(w);
	if (w->first != NULL)
		(void)loop_timer_set(w->turn, 0);
	job_work(j);
	if (!atomic_load(&j->cancelled))
		j->ops->done(j->owned);
	job_free(j);
}

static int
open_wake(struct worker *w)
{
	if (pipe(w->wake) == -1) {
		w->wake[0] = w->wake[1] = -1;
		return -1;
	}
	for (int i = 0; i < 2; i++)
		if (fcntl(w->wake[i], F_SETFL, O_NONBLOCK) == -1 ||
		    fcntl(w->wake[i], F_SETFD, FD_CLOEXEC) == -1)
			return -1;
	w->io = loop_io_new(w->wake[0], on_wake, w);
	return w->io == NULL ? -1 : loop_io_set(w->io, LOOP_READ);
}

/*
 * Signals are the loop's: threads start with all of them blocked.  Only SIGSYS
 * is a thread's own: where the sandbox denies it a call.
 */
static void
start_threads(struct worker *w, unsigned threads)
{
	sigset_t all, old;
	int err = 0;

	if (threads > WORKER_THREADS_MAX)
		threads = WORKER_THREADS_MAX;
	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGSYS);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (w->nthreads < threads && err == 0) {
		err = pthread_create(
		    &w->threads[w->nthreads], NULL, run_thread, w);
		if (err == 0)
			w->nthreads++;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err != 0)
		log_warn("only %u of %u threads could be started: %s",
		    w->nthreads, threads, strerror(err));
}

struct worker *
worker_new(unsigned threads)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->last = &w->first;
	atomic_init(&w->finished, NULL);
	atomic_init(&w->woken, false);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->more, NULL);
	w->turn = loop_timer_new(on_turn, w);
	if (open_wake(w) == -1 || w->turn == NULL) {
		worker_free(w);
		return NULL;
	}
	start_threads(w, threads);
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_cond_broadcast(&w->more);
	(void)pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->nthreads; i++)
		(void)pthread_join(w->threads[i], NULL);
	jobs_free(w->first);
	jobs_free(w->taken);
	jobs_free(take_finished(w));
	loop_io_free(w->io);
	loop_timer_free(w->turn);
	for (int i = 0; i < 2; i++)
		if (w->wake[i] != -1)
			(void)close(w->wake[i]);
	(void)pthread_cond_destroy(&w->more);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

unsigned
worker_threads(const struct worker *w)
{
	return w->nthreads;
}

unsigned
worker_default_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n > WORKER_THREADS_MAX ? WORKER_THREADS_MAX : (unsigned)n;
}

struct worker_job *
worker_start(struct worker *w, const struct worker_ops *ops, void *owned)
{
	struct worker_job *j = malloc(sizeof(*j));
	bool idle;

	if (j == NULL) {
		ops->release(owned);
		return NULL;
	}
	*j = (struct worker_job){ .ops = ops, .owned = owned };
	atomic_init(&j->cancelled, false);
	(void)pthread_mutex_lock(&w->lock);
	*w->last = j;
	w->last = &j->next;
	w->waiting++;
	idle = w->idle > 0;
	(void)pthread_mutex_unlock(&w->lock);
	if (w->nthreads == 0)
		(void)loop_timer_set(w->turn, 0);
	else if (idle)
		(void)pthread_cond_signal(&w->more);
	return j;
}

void
worker_cancel(struct worker_job **job)
{
	if (*job != NULL)
		atomic_store(&(*job)->cancelled, true);
	*job = NULL;
}
