/*
 * The lines of a message as they came, dots undone, each ended by LF: in
 * memory up to a threshold, then in an unlinked temporary file.
 *
 * A pool holds the limits and counts the memory of all its stores.  A store
 * moves to a file when it grows over the pool's spill size, or when it needs
 * memory and the pool is over its budget.
 */
#ifndef COMMON_MESSAGE_STORE_H
#define COMMON_MESSAGE_STORE_H

#include <stdint.h>

#include "common/base/str.h"

enum {
	STORE_SPILL = 256 * 1024, /* default of a message in memory */
	STORE_BUDGET = 64 * 1024 * 1024, /* default of all messages */
	STORE_BLOCK = 16 * 1024, /* bytes collected for a write to the file */
	STORE_IDLE = 16, /* files kept for the next messages ... */
	STORE_IDLE_SHARE = 16, /* ... and at most 1/16 of the descriptors */
	STORE_SPARE = 8, /* such buffers, if not over STORE_SPILL, likewise */
	STORE_IDLE_MAX = 4 * 1024 * 1024, /* bytes that such a file may keep */
};

struct store_pool {
	const char *dir; /* where temporary files are made; borrowed */
	size_t spill; /* bytes of one store in memory */
	size_t budget; /* bytes of all stores in memory */
	size_t used; /* bytes now in memory */
	uint64_t spilled; /* stores that moved to a file so far */
	int idle[STORE_IDLE]; /* files to be used again */
	size_t nidle;
	char *spare[STORE_SPARE]; /* memory to be used again */
	size_t nspare;
};

/* Gives up the files and memory that are kept; all stores must be free. */
void store_pool_clear(struct store_pool *);

struct store;

/* An empty store; it keeps pool.  NULL without memory.  free(NULL) is fine. */
struct store *store_new(struct store_pool *pool);
void store_free(struct store *);

/*
 * Appends a line and an LF.  Returns -1 with errno set if there is neither
 * memory nor room on disk; the store has then lost its content, and every
 * later call fails too.
 */
int store_line(struct store *, struct str line);

/* Bytes held, an LF for each line included; number of lines. */
uint64_t store_size(const struct store *);
uint64_t store_lines(const struct store *);

/*
 * Up to want bytes from offset off on, as a view that dies with the next
 * change of the store or, if they had to be read from the file, of scratch
 * (want bytes).  Less than that at the end, where it is empty, and where the
 * file ends and memory goes on, which is after a whole line.  Returns -1 with
 * errno set if the file cannot be read.
 */
int store_block(const struct store *, uint64_t off, size_t want, char *scratch,
    struct str *out);

#endif
