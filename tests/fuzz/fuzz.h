/*
 * What fuzz targets share.  A target is one file fuzz_NAME.c with
 * LLVMFuzzerTestOneInput(); built without libFuzzer, main.c gives it the files
 * of its corpus.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Ends the run: what must never be. */
#define MUST(what) \
	do { \
		if (!(what)) \
			abort(); \
	} while (0)

/* A view of the input. */
static inline struct str
fuzz_text(const uint8_t *data, size_t n)
{
	return str_n((const char *)data, n);
}

/* Takes a byte off the input; 0 at the end. */
static inline unsigned
fuzz_byte(struct str *s)
{
	unsigned c = s->n > 0 ? (unsigned char)s->p[0] : 0;

	*s = str_from(*s, 1);
	return c;
}

/* Does part lie in whole? */
static inline int
fuzz_within(struct str part, struct str whole)
{
	return part.n == 0 ||
	    (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

#endif
