/*
 * The scan of one message: waiting for its turn, asking rspamd, answering.
 *
 * Whatever happens, the message gets one answer: the verdict's, the policy's
 * for the kind of failure, or 451 without memory.
 */
#ifndef FILTER_RSPAMD_SCAN_H
#define FILTER_RSPAMD_SCAN_H

#include <stdio.h>

#include "common/engine/filter.h"
#include "filter-rspamd/config.h"

/* smtpd's own host name, for MTA-Name where there is no greeting; copied. */
void scan_admd(struct str);

/* Sets up; keeps the configuration.  -1 without memory. */
int scan_start(const struct config *);
/* All messages must be gone. */
void scan_stop(void);

/* For struct filter. */
void *scan_new(struct msg *);
void scan_free(void *);
void scan_message(struct msg *);
void scan_expired(struct msg *);
void scan_counters(void);
int scan_check(struct msg *, struct str refused, FILE *out);

#endif
