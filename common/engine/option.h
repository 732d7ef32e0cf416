/*
 * Arguments of options, for the option callback of a filter.
 */
#ifndef COMMON_ENGINE_OPTION_H
#define COMMON_ENGINE_OPTION_H

#include <stdint.h>

#include "common/base/str.h"

/*
 * A decimal number of min to max; a size in bytes, with K, M or G as suffix.
 * Returns 0, or -1 if it is none.
 */
int option_number(const char *arg, uint64_t min, uint64_t max, uint64_t *out);
int option_size(const char *arg, uint64_t min, uint64_t max, uint64_t *out);

/* The index of arg in a list of words that ends with NULL, or -1. */
int option_word(const char *arg, const char *const *words);

#endif
