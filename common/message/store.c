#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/message/store.h"

#define STORE_FIRST 4096 /* bytes of the first allocation */
#define STORE_DOUBLES 16384 /* the last size before all that it may have */
#define STORE_PATH_MAX 1024 /* bytes of a temporary file's name */

struct store {
	struct store_pool *pool;
	char *p; /* all, or what the file does not have yet */
	size_t n;
	size_t cap;
	size_t counted; /* bytes that the pool counts */
	uint64_t in_file; /* bytes in the file */
	uint64_t lines;
	int fd; /* -1: all in memory */
	int err; /* errno of the failure, 0: none */
};

struct store *
store_new(struct store_pool *pool)
{
	struct store *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->pool = pool;
	st->fd = -1;
	return st;
}

/* Kept files must not take the descriptors that connections need. */
static size_t
idle_max(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_cur / STORE_IDLE_SHARE >= STORE_IDLE)
		return STORE_IDLE;
	return (size_t)rl.rlim_cur / STORE_IDLE_SHARE;
}

/*
 * Making a file costs more than what most messages put into it, and so does
 * giving back its blocks: small ones are overwritten by the next message.
 */
static void
release_file(struct store_pool *pool, int fd, uint64_t size)
{
	if (fd == -1)
		return;
	if (pool->nidle < idle_max() && lseek(fd, 0, SEEK_SET) == 0 &&
	    (size <= STORE_IDLE_MAX || ftruncate(fd, 0) == 0))
		pool->idle[pool->nidle++] = fd;
	else
		(void)close(fd);
}

/* The disk is full: gives back what kept files hold.  False: nothing. */
static bool
give_space(struct store_pool *pool)
{
	bool any = pool->nidle > 0;

	while (pool->nidle > 0)
		(void)close(pool->idle[--pool->nidle]);
	return any;
}

void
store_pool_clear(struct store_pool *pool)
{
	(void)give_space(pool);
	while (pool->nspare > 0)
		free(pool->spare[--pool->nspare]);
}

/* The pages of a large buffer are dear too; a few are kept, if not larger. */
static void
release_memory(struct store *st)
{
	struct store_pool *pool = st->pool;

	if (st->cap == pool->spill && st->cap > 0 && st->cap <= STORE_SPILL &&
	    pool->nspare < STORE_SPARE)
		pool->spare[pool->nspare++] = st->p;
	else
		free(st->p);
}

/* What the budget sees of it: what is written to, not what is reserved. */
static void
count(struct store *st, size_t bytes)
{
	st->pool->used += bytes - st->counted;
	st->counted = bytes;
}

static void
drop_content(struct store *st)
{
	count(st, 0);
	release_memory(st);
	st->p = NULL;
	st->n = st->cap = 0;
	release_file(st->pool, st->fd, st->in_file);
	st->fd = -1;
	st->in_file = st->lines = 0;
}

void
store_free(struct store *st)
{
	if (st == NULL)
		return;
	drop_content(st);
	free(st);
}

static int
fail(struct store *st)
{
	int err = errno != 0 ? errno : EIO;

	drop_content(st);
	errno = st->err = err;
	return -1;
}

static int
resize(struct store *st, size_t cap)
{
	struct store_pool *pool = st->pool;
	char *p = NULL;

	if (cap == pool->spill && pool->nspare > 0)
		p = pool->spare[--pool->nspare];
	if (p != NULL) {
		if (st->n > 0)
			memcpy(p, st->p, st->n);
		free(st->p);
	} else if ((p = realloc(st->p, cap)) == NULL)
		return -1;
	st->p = p;
	st->cap = cap;
	return 0;
}

static int
write_all(const struct store *st, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(st->fd, p, n);
		if (w == -1 && errno == EINTR)
			continue;
		if (w == -1 && (errno == ENOSPC || errno == EDQUOT) &&
		    give_space(st->pool))
			continue;
		if (w <= 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int
flush(struct store *st)
{
	if (write_all(st, st->p, st->n) == -1)
		return -1;
	st->in_file += st->n;
	st->n = 0;
	return 0;
}

static int
open_file(const char *dir)
{
	char path[STORE_PATH_MAX];
	int n, fd;

	n = snprintf(path, sizeof(path), "%s/filter.XXXXXXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd != -1)
		(void)unlink(path);
	return fd;
}

static int
take_file(struct store_pool *pool)
{
	if (pool->nidle > 0)
		return pool->idle[--pool->nidle];
	return open_file(pool->dir);
}

static int
spill(struct store *st)
{
	st->fd = take_file(st->pool);
	if (st->fd == -1 || flush(st) == -1)
		return -1;
	st->pool->spilled++;
	/* Its memory is empty now and may go. */
	count(st, STORE_BLOCK);
	release_memory(st);
	st->p = NULL;
	st->cap = 0;
	return 0;
}

/* Room for n more bytes in memory, or -1 if they must go to the file. */
static int
make_room(struct store *st, size_t n)
{
	const struct store_pool *pool = st->pool;
	size_t cap = st->cap == 0 ? STORE_FIRST : st->cap;

	if (n > pool->budget || pool->used > pool->budget - n)
		return -1;
	while (cap - st->n < n) {
		if (cap >= pool->spill)
			return -1;
		cap = cap < STORE_DOUBLES ? cap * 2 : pool->spill;
	}
	if (cap > pool->spill)
		cap = pool->spill;
	if (cap - st->n < n)
		return -1;
	return cap == st->cap ? 0 : resize(st, cap);
}

static void
append(struct store *st, struct str line)
{
	if (line.n > 0)
		memcpy(st->p + st->n, line.p, line.n);
	st->n += line.n;
	st->p[st->n++] = '\n';
}

int
store_line(struct store *st, struct str line)
{
	size_t need = line.n + 1;

	errno = 0;
	if (st->err != 0) {
		errno = st->err;
		return -1;
	}
	st->lines++;
	if (st->fd == -1 && make_room(st, need) == 0) {
		append(st, line);
		count(st, st->n);
		return 0;
	}
	if (st->fd != -1 && need <= st->cap - st->n) {
		append(st, line);
		return 0;
	}
	if ((st->fd == -1 ? spill(st) : flush(st)) == -1)
		return fail(st);
	if (st->cap < STORE_BLOCK && resize(st, STORE_BLOCK) == -1)
		return fail(st);
	if (need <= st->cap) {
		append(st, line);
		return 0;
	}
	if (write_all(st, line.p, line.n) == -1 || write_all(st, "\n", 1) == -1)
		return fail(st);
	st->in_file += need;
	return 0;
}

uint64_t
store_size(const struct store *st)
{
	return st->in_file + st->n;
}

uint64_t
store_lines(const struct store *st)
{
	return st->lines;
}

int
store_block(const struct store *st, uint64_t off, size_t want, char *scratch,
    struct str *out)
{
	size_t n = 0;
	ssize_t r;

	if (st->err != 0) {
		errno = st->err;
		return -1;
	}
	if (off >= st->in_file) {
		*out = str_head(
		    str_from(str_n(st->p, st->n), (size_t)(off - st->in_file)),
		    want);
		return 0;
	}
	if (want > st->in_file - off)
		want = (size_t)(st->in_file - off);
	while (n < want) {
		r = pread(st->fd, scratch + n, want - n, (off_t)(off + n));
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0) {
			if (r == 0)
				errno = EIO;
			return -1;
		}
		n += (size_t)r;
	}
	*out = str_n(scratch, n);
	return 0;
}
