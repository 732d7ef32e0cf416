/*
 * Threads for work that takes long: private-key operations, key files.
 *
 * Jobs are started and their results taken in the loop's thread; only work()
 * runs elsewhere.  Where no thread can be made, it runs in a turn of the loop
 * of its own.
 */
#ifndef COMMON_ENGINE_WORKER_H
#define COMMON_ENGINE_WORKER_H

enum {
	WORKER_THREADS_MAX = 64,
	WORKER_BATCH = 32, /* jobs that the loop hears of at once */
	WORKER_HOLD_US = 5000, /* from a job's begin; then it hears of it */
};

struct worker; /* a pool of threads */
struct worker_job;

/*
 * What a job does with the data it owns.  work must touch nothing else that
 * another thread may change.  release is called in the loop's thread, once,
 * when nobody uses the data any more: after done, after cancel, at the end.
 */
struct worker_ops {
	void (*work)(void *owned); /* in some thread */
	void (*done)(void *owned); /* in the loop, if not cancelled */
	void (*release)(void *owned);
};

/*
 * A pool of threads (0: none, the loop does it all); needs the loop.  Threads
 * that cannot be made are logged and done without.  NULL without memory or
 * descriptors.
 */
struct worker *worker_new(unsigned threads);
/*
 * Waits for the jobs that run, drops all others and releases the data of all.
 * done is not called any more.  free(NULL) is fine.
 */
void worker_free(struct worker *);

/* How many threads there are. */
unsigned worker_threads(const struct worker *);
/* One for each processor, at most WORKER_THREADS_MAX. */
unsigned worker_default_threads(void);

/*
 * Starts a job.  done comes from a later turn of the loop, exactly once; the
 * handle dies before that.  While more jobs with the same ops wait, it may come
 * only after some of them: a quarter of as many as wait, fewer than
 * WORKER_BATCH, and none that begins WORKER_HOLD_US after this one.  NULL
 * without memory, with the data released.
 */
struct worker_job *
worker_start(struct worker *, const struct worker_ops *, void *owned);
/*
 * Forgets a job, and clears the handle: done will not be called, work may
 * still run or not run at all.  A NULL handle is fine.
 */
void worker_cancel(struct worker_job **);

#endif
