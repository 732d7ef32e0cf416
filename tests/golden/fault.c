/*
 * malloc() and its kin, and reads and writes of files, that can be told to
 * fail; linked in with --wrap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/golden/fake.h"

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
ssize_t __real_pread(int, void *, size_t, off_t);
ssize_t __real_write(int, const void *, size_t);
int __real_mkostemp(char *, int);

void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
char *__wrap_strdup(const char *);
ssize_t __wrap_pread(int, void *, size_t, off_t);
ssize_t __wrap_write(int, const void *, size_t);
int __wrap_mkostemp(char *, int);

static bool armed, more, no_memory, no_read, no_write, no_open;
static uint64_t count, fail = UINT64_MAX;

void
fault_reset(uint64_t n, bool and_more)
{
	count = 0;
	fail = n;
	more = and_more;
	no_memory = no_read = no_write = no_open = false;
}

void
fault_end(void)
{
	fail = UINT64_MAX;
	no_memory = no_read = no_write = no_open = false;
}

void
fault_arm(void)
{
	armed = true;
}

void
fault_disarm(void)
{
	armed = false;
}

bool
fault_now(void)
{
	uint64_t n = count;

	if (!armed)
		return false;
	count++;
	if (!no_memory && (n < fail || (n > fail && !more)))
		return false;
	errno = ENOMEM;
	return true;
}

uint64_t
fault_count(void)
{
	return count;
}

bool
fault_is_planned(void)
{
	return fail != UINT64_MAX;
}

void
fault_memory(bool on)
{
	no_memory = on;
}

void
fault_read(bool on)
{
	no_read = on;
}

void
fault_open(bool on)
{
	no_open = on;
}

void
fault_write(bool on)
{
	no_write = on;
}

void *
__wrap_malloc(size_t n)
{
	return fault_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fault_now() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fault_now() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = __wrap_malloc(n);

	return p == NULL ? NULL : memcpy(p, s, n);
}

ssize_t
__wrap_pread(int fd, void *p, size_t n, off_t off)
{
	if (!no_read)
		return __real_pread(fd, p, n, off);
	errno = EIO;
	return -1;
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	if (!no_write || fd <= 2)
		return __real_write(fd, p, n);
	errno = ENOSPC;
	return -1;
}

int
__wrap_mkostemp(char *template, int flags)
{
	if (!no_open)
		return __real_mkostemp(template, flags);
	errno = ENOENT;
	return -1;
}
