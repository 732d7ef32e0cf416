/*
 * Memory for private keys: whatever libcrypto allocates between keymem_enter()
 * and keymem_leave() is kept out of core dumps, out of swap as far as
 * RLIMIT_MEMLOCK allows, and overwritten when it is freed.  OpenSSL's own
 * secure heap does not grow, and leaves the primes as RSA computes with them
 * outside.
 */
#ifndef COMMON_DKIM_KEYMEM_H
#define COMMON_DKIM_KEYMEM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Sets it up; to be called once, before anything else makes use of libcrypto.
 * False: this libcrypto (LibreSSL) or system cannot do that, or a sanitizer
 * watches memory; keys lie with other data.
 */
bool keymem_init(void);

/* For the calling thread; these do not nest. */
void keymem_enter(void);
void keymem_leave(void);

/* Bytes taken so far, and how many of these are locked in memory. */
void keymem_size(size_t *taken, size_t *locked);

#endif
