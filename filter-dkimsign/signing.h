/*
 * One message on its way through the signer.
 */
#ifndef FILTER_DKIMSIGN_SIGNING_H
#define FILTER_DKIMSIGN_SIGNING_H

#include "common/engine/filter.h"
#include "common/engine/worker.h"
#include "filter-dkimsign/config.h"

/* What all messages share. */
struct signing_env {
	const struct options *opt;
	struct config *config; /* the newest */
	struct worker *workers;
	bool old_smtpd; /* see struct qualify */
	uint64_t nsigned, nunsigned, nfailed;
};

/* The callbacks of struct filter; data is made with signing_new(). */
void *signing_new(struct signing_env *);
void signing_free(void *data);
void signing_header(struct msg *);
void signing_body(struct msg *, struct str text);
void signing_message(struct msg *);
void signing_expired(struct msg *);

/* Did it get a signature? */
bool signing_is_signed(const void *data);

#endif
