/*
 * Input laid against an unreadable page: whoever reads a byte too many dies.
 */
#ifndef TESTS_UNIT_GUARD_H
#define TESTS_UNIT_GUARD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/str.h"

/* Bytes of the readable pages that hold n bytes. */
static inline size_t
guard_size(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n / page + 1) * page;
}

/* A copy of s that ends where the page does; to be freed by guard_free(). */
static inline struct str
guard_copy(struct str s)
{
	size_t size = guard_size(s.n);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p;

	p = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + size, page, PROT_NONE) == -1)
		abort();
	if (s.n > 0)
		memcpy(p + size - s.n, s.p, s.n);
	return str_n(p + size - s.n, s.n);
}

static inline void
guard_free(struct str s)
{
	size_t size = guard_size(s.n);
	char *base = (char *)(uintptr_t)(s.p + s.n) - size;

	(void)munmap(base, size + (size_t)sysconf(_SC_PAGESIZE));
}

#endif
