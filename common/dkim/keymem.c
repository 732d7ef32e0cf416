#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common/base/sanitizer.h"
#include "common/dkim/crypto.h"
#include "common/dkim/keymem.h"

/* 256 MiB of addresses, of which only what is used is memory. */
#define RANGE ((size_t)256 << 20)
#define STEP ((size_t)64 << 10) /* bytes made memory at a time */

enum {
	CLASS_MIN = 5, /* the smallest block, with its head: 32 bytes */
	CLASS_MAX = 16, /* the largest: 64 KiB */
	HEAD = 16 /* bytes before what the caller gets */
};

/* What a block begins with. */
struct head {
	size_t class;
	struct head *next; /* of its free list */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *range; /* NULL: no such memory */
static size_t used, memory, locked; /* bytes from the start of the range */
static struct head *unused[CLASS_MAX + 1];
static _Thread_local bool inside;

static bool
is_ours(const void *p)
{
	return range != NULL && (const char *)p >= range &&
	    (const char *)p < range + RANGE;
}

static bool
lock_memory(void *p, size_t n)
{
#ifdef __OpenBSD__
	/* Swap is encrypted there, and pledge has no promise for this. */
	(void)p;
	(void)n;
	return false;
#else
	return mlock(p, n) == 0;
#endif
}

/* Makes some more of the range memory; false without any. */
static bool
grow(void)
{
	if (memory == RANGE ||
	    mprotect(range + memory, STEP, PROT_READ | PROT_WRITE) == -1)
		return false;
	if (locked == memory && lock_memory(range + memory, STEP))
		locked += STEP;
	memory += STEP;
	return true;
}

/* A block that was never used; steps hold a whole number of each class. */
static struct head *
carve(size_t class)
{
	size_t size = (size_t)1 << class;
	struct head *h;

	used = (used + size - 1) & ~(size - 1);
	while (memory < used + size)
		if (!grow())
			return NULL;
	h = (struct head *)(void *)(range + used);
	used += size;
	h->class = class;
	return h;
}

/* NULL: too large, or no such memory left. */
static void *
take(size_t n)
{
	size_t class = CLASS_MIN;
	struct head *h;

	while (class <= CLASS_MAX && ((size_t)1 << class) < n + HEAD)
		class ++;
	if (class > CLASS_MAX)
		return NULL;
	(void)pthread_mutex_lock(&lock);
	h = unused[class];
	if (h != NULL)
		unused[class] = h->next;
	else
		h = carve(class);
	(void)pthread_mutex_unlock(&lock);
	return h == NULL ? NULL : (char *)h + HEAD;
}

static struct head *
head_of(void *p)
{
	return (struct head *)(void *)((char *)p - HEAD);
}

static size_t
size_of(void *p)
{
	return ((size_t)1 << head_of(p)->class) - HEAD;
}

static void
give_back(void *p)
{
	struct head *h = head_of(p);

	OPENSSL_cleanse(p, size_of(p));
	(void)pthread_mutex_lock(&lock);
	h->next = unused[h->class];
	unused[h->class] = h;
	(void)pthread_mutex_unlock(&lock);
}

/* ---- what libcrypto calls ---- */

static void *
on_malloc(size_t n, const char *file, int line)
{
	void *p = NULL;

	(void)file;
	(void)line;
	if (n == 0)
		return NULL;
	if (inside)
		p = take(n);
	return p != NULL ? p : malloc(n);
}

static void
on_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (is_ours(p))
		give_back(p);
	else
		free(p);
}

static void *
on_realloc(void *p, size_t n, const char *file, int line)
{
	void *to;

	if (p == NULL)
		return on_malloc(n, file, line);
	if (n == 0) {
		on_free(p, file, line);
		return NULL;
	}
	if (!is_ours(p))
		return realloc(p, n);
	if (n <= size_of(p))
		return p;
	to = take(n);
	if (to == NULL)
		to = malloc(n);
	if (to == NULL)
		return NULL;
	memcpy(to, p, size_of(p));
	give_back(p);
	return to;
}

/* ---- the interface ---- */

static void
hide(void *p, size_t n)
{
#if defined(MADV_DONTDUMP)
	(void)madvise(p, n, MADV_DONTDUMP);
#elif defined(MADV_NOCORE)
	(void)madvise(p, n, MADV_NOCORE);
#else
	(void)p;
	(void)n;
#endif
}

bool
keymem_init(void)
{
	int flags = MAP_PRIVATE | MAP_ANON;
	struct rlimit rl;
	void *p;

#ifdef MAP_CONCEAL
	flags |= MAP_CONCEAL;
#endif
	if (SANITIZER || range != NULL ||
	    !crypto_set_memory(on_malloc, on_realloc, on_free))
		return range != NULL;
	p = mmap(NULL, RANGE, PROT_NONE, flags, -1, 0);
	if (p == MAP_FAILED)
		return false;
	hide(p, RANGE);
	if (getrlimit(RLIMIT_MEMLOCK, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &rl);
	}
	range = p;
	return true;
}

void
keymem_enter(void)
{
	inside = range != NULL;
}

void
keymem_leave(void)
{
	inside = false;
}

void
keymem_size(size_t *taken, size_t *in_memory)
{
	(void)pthread_mutex_lock(&lock);
	*taken = memory;
	*in_memory = locked;
	(void)pthread_mutex_unlock(&lock);
}
