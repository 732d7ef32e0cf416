/*
 * Allocations that fail on purpose.  Only where the C library lets a program
 * bring its own malloc (glibc, no sanitizer): else NOMEM_WHY says why not.
 */
#ifndef TESTS_UNIT_NOMEM_H
#define TESTS_UNIT_NOMEM_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NOMEM_WHY "malloc belongs to the address sanitizer"
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define NOMEM_WHY "malloc belongs to the address sanitizer"
#elif !defined(__GLIBC__)
#define NOMEM_WHY "the C library has no __libc_malloc()"
#endif

#ifndef NOMEM_WHY
/* Allocations that still succeed; all later ones fail.  -1: all succeed. */
static long nomem_left = -1;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static inline int
nomem_fails(void)
{
	if (nomem_left == -1)
		return 0;
	if (nomem_left > 0) {
		nomem_left--;
		return 0;
	}
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return nomem_fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return nomem_fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return nomem_fails() ? NULL : __libc_realloc(p, n);
}
#endif

#endif
