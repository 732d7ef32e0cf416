/*
 * The command line of filter-rspamd.
 */
#ifndef FILTER_RSPAMD_CONFIG_H
#define FILTER_RSPAMD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/engine/filter.h"
#include "filter-rspamd/apply.h"
#include "filter-rspamd/hosts.h"
#include "filter-rspamd/http.h"
#include "common/base/network.h"
#include "filter-rspamd/request.h"
#include "filter-rspamd/target.h"

#define CONFIG_URL "http://127.0.0.1:11333" /* if there is no --url */

enum {
	CONFIG_FOLDERS = 3, /* of --tls-ca, --tls-cert and --tls-key */
	CONFIG_NETWORKS_MAX = 256, /* networks of --skip-networks */
	CONFIG_SCANS = 64, /* default of --max-scans */
	CONFIG_SCANS_MAX = 10000,
	CONFIG_CONNECT_MS = 2 * 1000, /* default of --connect-timeout */
	CONFIG_TOTAL_MS = 25 * 1000, /* default of --timeout */
	CONFIG_TIME_MAX_S = 3600,
	CONFIG_SIZE = 48 * 1024 * 1024, /* default of --max-size */
	CONFIG_SIZE_MAX = 1024 * 1024 * 1024
};

/* What happens to a message that was not scanned ... */
enum config_policy {
	CONFIG_TEMPFAIL,
	CONFIG_ACCEPT,
	CONFIG_JUNK
};

/* ... and why it was not. */
enum config_case {
	CONFIG_UNREACHABLE,
	CONFIG_TIMEOUT,
	CONFIG_ERROR,
	CONFIG_TOO_LARGE,
	CONFIG_CASES
};

struct config {
	struct target target[HOSTS_MAX];
	size_t ntargets;
	bool spread;
	unsigned max_scans;
	uint64_t max_size; /* bytes as sent, with CRLF */
	struct http_conf http;
	struct request_options request;
	struct apply_options apply;
	enum config_policy policy[CONFIG_CASES];
	bool skip_authenticated;
	bool skip_local;
	struct network skip[CONFIG_NETWORKS_MAX];
	size_t nskip;
	char *folder[CONFIG_FOLDERS]; /* of the TLS files, for the sandbox */
};

/* For struct filter. */
extern const struct filter_opt config_opts[];
const char *config_option(size_t i, const char *arg);
int config_check(void);
void config_sandbox(struct sandbox *);
void config_clear(void);

/* What was set; as a whole only after config_check(). */
const struct config *config_get(void);

#endif
