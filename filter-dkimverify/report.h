/*
 * What is said about a message, in the log and by --check.
 */
#ifndef FILTER_DKIMVERIFY_REPORT_H
#define FILTER_DKIMVERIFY_REPORT_H

#include <stdio.h>

#include "filter-dkimverify/policy.h"

/*
 * The line of the log.  v is NULL for a message that was not verified;
 * dns_text is the last failure of DNS, or empty.
 */
void
report_log(const struct msg *, const struct verify *v, const struct authors *,
    const struct policy *, size_t removed, const char *dns_text);

/* A line for each signature: its result and the check that it failed. */
void report_signatures(const struct verify *, FILE *out);

#endif
