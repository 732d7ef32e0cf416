/*
 * milter.remove_headers: fields taken out by name and number.
 */
#ifndef FILTER_RSPAMD_APPLY_REMOVE_H
#define FILTER_RSPAMD_APPLY_REMOVE_H

#include "common/message/edit.h"
#include "filter-rspamd/verdict.h"

/*
 * Takes the fields that the n elements of list name out of e.  Numbers count
 * the fields of a name from position top to the first line that is no field,
 * all as they are before the call.  Returns how many it took, or -1, with e
 * unchanged, without memory.  Linear in the fields of e.
 */
long apply_remove(
    struct edit *e, size_t top, const struct verdict_remove *list, size_t n);

#endif
