/*
 * A message on its way through filter-dkimverify: signatures are read and
 * their keys asked for at the end of the header, the body is hashed as it
 * comes, and the message goes on when both are there.
 */
#ifndef FILTER_DKIMVERIFY_INBOUND_H
#define FILTER_DKIMVERIFY_INBOUND_H

#include <stdio.h>

#include "common/engine/filter.h"

/* For struct filter. */
void inbound_config(struct str key, struct str value);
void *inbound_new(struct msg *);
void inbound_free(void *);
void inbound_header(struct msg *);
void inbound_body(struct msg *, struct str text);
void inbound_message(struct msg *);
void inbound_expired(struct msg *);
int inbound_check(struct msg *, struct str refused, FILE *out);
void inbound_counters(void);

#endif
