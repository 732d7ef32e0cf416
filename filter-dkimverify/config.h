/*
 * The command line of filter-dkimverify.
 */
#ifndef FILTER_DKIMVERIFY_CONFIG_H
#define FILTER_DKIMVERIFY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/network.h"
#include "common/dkim/verify.h"
#include "common/dns/dns.h"
#include "common/engine/filter.h"
#include "filter-dkimverify/forged.h"

enum {
	CONFIG_NETWORKS_MAX = 64, /* --exempt */
	CONFIG_MUST_MAX = 64, /* --must-sign */
	CONFIG_DNS_DEADLINE_S = 20, /* all queries of a message */
	CONFIG_RESULTS = DKIM_PERMERROR + 1,
};

/* What is done with a message. */
enum action {
	ACTION_PASS,
	ACTION_JUNK, /* passed with X-Spam: Yes */
	ACTION_TEMPFAIL, /* 451 */
	ACTION_REJECT, /* 550 */
};

/* Where mail may come from. */
struct sources {
	bool auth; /* authenticated sessions */
	bool local; /* smtpd's own socket */
	struct network net[CONFIG_NETWORKS_MAX];
	size_t n;
};

struct config {
	const char *id; /* authserv-id; NULL: what smtpd says */
	struct forged_ids own; /* --own-id */
	struct sources exempt; /* whose fields are not removed */
	enum forged_mode forged;
	bool rename_forged; /* instead of removing them */
	bool verify_auth, verify_local;
	bool reject_large; /* headers over HEADER_MAX */
	struct dns_options dns;
	unsigned dns_deadline_s;
	struct verify_options verify;
	enum action on[CONFIG_RESULTS]; /* by enum dkim_result */
	enum action on_unsigned; /* --must-sign */
	enum action on_bad_from;
	char must[CONFIG_MUST_MAX][SIG_NAME_MAX + 1];
	size_t nmust;
};

extern const struct filter_opt config_opts[];

/* For struct filter: option, operand, configure. */
const char *config_option(size_t i, const char *arg);
const char *config_operand(const char *arg);
int config_check(void);

/* What they made; never changes once the filter runs. */
const struct config *config_get(void);

#endif
