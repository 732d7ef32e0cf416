/*
 * Which header fields a signature covers, and their hash: RFC 6376 sections
 * 3.5 (h=), 3.7 and 5.4.2.  ARC (RFC 8617) hashes header fields the same way.
 */
#ifndef COMMON_DKIM_FIELDS_H
#define COMMON_DKIM_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"
#include "common/dkim/canon.h"

enum {
	FIELDS_MAX = 2000, /* fields of a header block that are indexed */
};

/*
 * An index of a header block from names to instances, so that the cost of an
 * h= list is fields plus names, not their product.
 */
struct fields;

/*
 * Indexes block (lines ended by LF, common/message/header.h), which must
 * outlive the index.  NULL without memory.
 */
struct fields *fields_new(struct str block);
void fields_free(struct fields *);
/* Were there more than FIELDS_MAX? */
bool fields_overflowed(const struct fields *);
/* How many fields of this name (without case) are there? */
size_t fields_count(const struct fields *, struct str name);

/*
 * Canonicalizes the fields that the list h names ("From : To"): the k-th
 * occurrence of a name is its k-th instance counted from the bottom, and
 * nothing once there are no more.  A field whose raw text starts at own (NULL:
 * none) is never an instance.
 */
void fields_hash(struct fields *, struct str h, const char *own, enum canon,
    struct canon_sink);

#endif
