/*
 * uthash and its lists, set up so that they never end the process: without
 * memory an element is not added, and HASH_ADD leaves its hh.tbl NULL.
 * Elements must therefore be zeroed before they are added; hash_added() tells
 * how it went.
 */
#ifndef COMMON_BASE_HASH_H
#define COMMON_BASE_HASH_H

#include <stddef.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elt) ((void)(elt))
/* The macros of uthash trip over -Wconversion; they are not ours to mend. */
#if defined(__GNUC__)
#pragma GCC system_header
#endif
#include <uthash.h>
#include <utlist.h>

#define hash_added(elt) ((elt)->hh.tbl != NULL)

#endif
