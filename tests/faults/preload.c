/*
 * Loaded into a filter by LD_PRELOAD: the wall clock jumps, threads do not
 * start, and allocations fail, also those of libraries, as the control file
 * says that both processes have mapped.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <dlfcn.h>

/* by_host.py knows this layout. */
struct control {
	_Atomic int64_t jump_s; /* added to the wall clock */
	_Atomic int64_t no_threads;
	_Atomic int64_t left; /* allocations that still succeed, if > 0 */
	_Atomic int64_t fail; /* how many fail then, in a row */
	_Atomic int64_t failed;
};

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static struct control *control;

__attribute__((__constructor__)) static void
map_control(void)
{
	const char *path = getenv("FAULTS_CONTROL");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *p;

	if (fd == -1)
		return;
	p = mmap(
	    NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		control = p;
	(void)close(fd);
}

static int
fails(void)
{
	if (control == NULL || atomic_load(&control->left) <= 0 ||
	    atomic_fetch_sub(&control->left, 1) > 1)
		return 0;
	atomic_fetch_add(&control->failed, 1);
	/* The next one is the last again, as long as more are to fail. */
	if (atomic_fetch_sub(&control->fail, 1) > 1)
		atomic_store(&control->left, 1);
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

static int64_t
jump(void)
{
	return control == NULL ? 0 : atomic_load(&control->jump_s);
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ts);

	if (r == 0 &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ts->tv_sec += jump();
	return r;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *to)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (to != NULL)
		*to = ts.tv_sec;
	return ts.tv_sec;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*start)(void *), void *arg)
{
	static int (*next)(
	    pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (control != NULL && atomic_load(&control->no_threads) != 0)
		return EAGAIN;
	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
	return next(thread, attr, start, arg);
}
