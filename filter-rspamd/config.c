#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/engine/option.h"
#include "filter-rspamd/config.h"
#include "filter-rspamd/verdict.h"

enum option {
	OPT_URL,
	OPT_SPREAD,
	OPT_CONNECT_TIMEOUT,
	OPT_TIMEOUT,
	OPT_MAX_SCANS,
	OPT_MAX_SIZE,
	OPT_TLS_CA,
	OPT_TLS_CERT,
	OPT_TLS_KEY,
	OPT_SETTINGS_ID,
	OPT_SETTINGS,
	OPT_MTA_TAG,
	OPT_DELIVER_TO,
	OPT_LOG_TAG,
	OPT_PASS_ALL,
	OPT_HEADER,
	OPT_ON_UNREACHABLE,
	OPT_ON_TIMEOUT,
	OPT_ON_ERROR,
	OPT_ON_TOO_LARGE,
	OPT_DISCARD,
	OPT_QUARANTINE,
	OPT_AUTHENTICATED,
	OPT_LOCAL,
	OPT_SKIP_NETWORKS,
	OPT_REPORT_ONLY,
	OPT_SCORE_HEADERS,
	OPT_REJECT_TEXT,
	OPT_SOFT_REJECT_TEXT,
	OPTS
};

#define DNS_PORT 53 /* long answers come over TCP */

#define POLICY "tempfail|accept|junk"
#define MAPPING "reject|mark|accept"
#define SCAN_OR_SKIP "scan|skip"
#define SCORE "spam|always|never"

const struct filter_opt config_opts[OPTS + 1] = {
	[OPT_URL] = { "url", 0, "URL",
	    "where rspamd listens; may be repeated" },
	[OPT_SPREAD] = { "spread", 0, NULL, "use the URLs in turn" },
	[OPT_CONNECT_TIMEOUT] = { "connect-timeout", 0, "SECONDS",
	    "limit of a connection attempt (2)" },
	[OPT_TIMEOUT] = { "timeout", 0, "SECONDS", "limit of a scan (25)" },
	[OPT_MAX_SCANS] = { "max-scans", 0, "NUMBER",
	    "scans at the same time (64)" },
	[OPT_MAX_SIZE] = { "max-size", 0, "BYTES",
	    "largest message that is scanned (48M)" },
	[OPT_TLS_CA] = { "tls-ca", 0, "FILE", "CA certificates for https" },
	[OPT_TLS_CERT] = { "tls-cert", 0, "FILE", "our certificate for https" },
	[OPT_TLS_KEY] = { "tls-key", 0, "FILE", "its private key" },
	[OPT_SETTINGS_ID] = { "settings-id", 0, "ID",
	    "element of rspamd's settings to use" },
	[OPT_SETTINGS] = { "settings", 0, "JSON", "settings to use" },
	[OPT_MTA_TAG] = { "mta-tag", 0, "TEXT", "tag for rspamd's settings" },
	[OPT_DELIVER_TO] = { "deliver-to", 0, NULL,
	    "tell the mailbox if there is one recipient" },
	[OPT_LOG_TAG] = { "log-tag", 0, NULL,
	    "put the message id into rspamd's log" },
	[OPT_PASS_ALL] = { "pass-all", 0, NULL, "run all rules of rspamd" },
	[OPT_HEADER] = { "header", 0, "NAME=VALUE",
	    "one more request header; may be repeated" },
	[OPT_ON_UNREACHABLE] = { "on-unreachable", 0, POLICY,
	    "if there is no connection (tempfail)" },
	[OPT_ON_TIMEOUT] = { "on-timeout", 0, POLICY,
	    "if the scan takes too long (tempfail)" },
	[OPT_ON_ERROR] = { "on-error", 0, POLICY,
	    "if the reply is no verdict (tempfail)" },
	[OPT_ON_TOO_LARGE] = { "on-too-large", 0, POLICY,
	    "if the message is over --max-size (tempfail)" },
	[OPT_DISCARD] = { "discard", 0, MAPPING,
	    "what to make of the action discard (reject)" },
	[OPT_QUARANTINE] = { "quarantine", 0, MAPPING,
	    "what to make of the action quarantine (mark)" },
	[OPT_AUTHENTICATED] = { "authenticated", 0, SCAN_OR_SKIP,
	    "mail of authenticated users (scan)" },
	[OPT_LOCAL] = { "local", 0, SCAN_OR_SKIP,
	    "mail of the local socket (scan)" },
	[OPT_SKIP_NETWORKS] = { "skip-networks", 0, "CIDR[,CIDR...]",
	    "clients whose mail is not scanned" },
	[OPT_REPORT_ONLY] = { "report-only", 0, NULL,
	    "never refuse a message" },
	[OPT_SCORE_HEADERS] = { "score-headers", 0, SCORE,
	    "when to add X-Spam-Score and X-Spam-Status (spam)" },
	[OPT_REJECT_TEXT] = { "reject-text", 0, "TEXT",
	    "text of a reject if rspamd has none" },
	[OPT_SOFT_REJECT_TEXT] = { "soft-reject-text", 0, "TEXT",
	    "text of a soft reject if rspamd has none" },
};

#define DEFAULTS \
	{ \
		.max_scans = CONFIG_SCANS, .max_size = CONFIG_SIZE, \
		.http = { .connect_ms = CONFIG_CONNECT_MS, \
			.total_ms = CONFIG_TOTAL_MS }, \
		.request = { .extra = { .max = REQUEST_EXTRA_MAX } }, \
		.apply = { \
			.discard = APPLY_REFUSE, \
			.quarantine = APPLY_JUNK \
		} \
	}

static struct config config = DEFAULTS;

const struct config *
config_get(void)
{
	return &config;
}

/* Setters: what the option changes, and its argument. */

static const char *
add_url(void *to, const char *arg)
{
	const char *why;

	(void)to;
	if (config.ntargets == HOSTS_MAX)
		return "more than 16 URLs";
	why = target_parse(str_c(arg), &config.target[config.ntargets]);
	if (why == NULL)
		config.ntargets++;
	return why;
}

static const char *
set_policy(void *to, const char *arg)
{
	static const char *const words[] = { [CONFIG_TEMPFAIL] = "tempfail",
		[CONFIG_ACCEPT] = "accept",
		[CONFIG_JUNK] = "junk",
		NULL };
	enum config_policy *policy = to;
	int i = option_word(arg, words);

	if (i == -1)
		return "not " POLICY;
	*policy = (enum config_policy)i;
	return NULL;
}

static const char *
set_mapping(void *to, const char *arg)
{
	static const char *const words[] = { [APPLY_REFUSE] = "reject",
		[APPLY_JUNK] = "mark",
		[APPLY_ACCEPT] = "accept",
		NULL };
	enum apply_map *map = to;
	int i = option_word(arg, words);

	if (i == -1)
		return "not " MAPPING;
	*map = (enum apply_map)i;
	return NULL;
}

static const char *
set_score(void *to, const char *arg)
{
	static const char *const words[] = { [APPLY_SCORE_SPAM] = "spam",
		[APPLY_SCORE_ALWAYS] = "always",
		[APPLY_SCORE_NEVER] = "never",
		NULL };
	enum apply_score *score = to;
	int i = option_word(arg, words);

	if (i == -1)
		return "not " SCORE;
	*score = (enum apply_score)i;
	return NULL;
}

static const char *
set_skip(void *to, const char *arg)
{
	static const char *const words[] = { "scan", "skip", NULL };
	bool *skip = to;
	int i = option_word(arg, words);

	if (i == -1)
		return "not " SCAN_OR_SKIP;
	*skip = i == 1;
	return NULL;
}

/* Seconds, or milliseconds with "ms". */
static const char *
set_ms(void *to, const char *arg)
{
	struct str s = str_c(arg);
	uint64_t n, unit = 1000;
	unsigned *ms = to;

	if (str_iends(s, STR("ms"))) {
		s.n -= 2;
		unit = 1;
	}
	if (str_u64(s, CONFIG_TIME_MAX_S * 1000 / unit, &n) == -1 || n == 0)
		return "not a number of seconds from 1 to 3600, or of "
		       "milliseconds with \"ms\"";
	*ms = (unsigned)(n * unit);
	return NULL;
}

static const char *
set_size(void *to, const char *arg)
{
	return option_size(arg, 1, CONFIG_SIZE_MAX, to) == -1
	    ? "not a size from 1 to 1G"
	    : NULL;
}

static const char *
set_scans(void *to, const char *arg)
{
	unsigned *scans = to;
	uint64_t n;

	if (option_number(arg, 1, CONFIG_SCANS_MAX, &n) == -1)
		return "not a number from 1 to 10000";
	*scans = (unsigned)n;
	return NULL;
}

static const char *
add_networks(void *to, const char *arg)
{
	struct str rest = str_c(arg), one;
	bool more;

	(void)to;
	do {
		more = str_cut(&rest, ',', &one);
		if (config.nskip == CONFIG_NETWORKS_MAX)
			return "more than 256 networks";
		if (network_parse(str_trim(one), &config.skip[config.nskip]) ==
		    -1)
			return "not ADDRESS or ADDRESS/BITS";
		config.nskip++;
	} while (more);
	return NULL;
}

static const char *
set_text(void *to, const char *arg)
{
	struct str *text = to;

	*text = str_c(arg);
	return NULL; /* what is empty is not sent */
}

/* For a client: what is not ASCII would reach it as "?". */
static const char *
set_reply(void *to, const char *arg)
{
	if (arg[str_printable(str_c(arg), ' ')] != '\0')
		return "not printable ASCII";
	return set_text(to, arg);
}

static const char *
set_json(void *to, const char *arg)
{
	return verdict_is_object(str_c(arg)) ? set_text(to, arg)
					     : "not a JSON object";
}

static const char *
set_file(void *to, const char *arg)
{
	const char **path = to;

	if (arg[0] == '\0')
		return "empty";
	*path = arg;
	return NULL;
}

static const char *
set_flag(void *to, const char *arg)
{
	bool *flag = to;

	(void)arg;
	*flag = true;
	return NULL;
}

static const char *
add_header(void *to, const char *arg)
{
	return request_extra(to, str_c(arg));
}

static const struct {
	const char *(*set)(void *to, const char *arg);
	void *to;
} setters[OPTS] = {
	[OPT_URL] = { add_url, NULL },
	[OPT_SPREAD] = { set_flag, &config.spread },
	[OPT_CONNECT_TIMEOUT] = { set_ms, &config.http.connect_ms },
	[OPT_TIMEOUT] = { set_ms, &config.http.total_ms },
	[OPT_MAX_SCANS] = { set_scans, &config.max_scans },
	[OPT_MAX_SIZE] = { set_size, &config.max_size },
	[OPT_TLS_CA] = { set_file, &config.http.ca },
	[OPT_TLS_CERT] = { set_file, &config.http.cert },
	[OPT_TLS_KEY] = { set_file, &config.http.key },
	[OPT_SETTINGS_ID] = { set_text, &config.request.settings_id },
	[OPT_SETTINGS] = { set_json, &config.request.settings },
	[OPT_MTA_TAG] = { set_text, &config.request.mta_tag },
	[OPT_DELIVER_TO] = { set_flag, &config.request.deliver_to },
	[OPT_LOG_TAG] = { set_flag, &config.request.log_tag },
	[OPT_PASS_ALL] = { set_flag, &config.request.pass_all },
	[OPT_HEADER] = { add_header, &config.request },
	[OPT_ON_UNREACHABLE] = { set_policy,
	    &config.policy[CONFIG_UNREACHABLE] },
	[OPT_ON_TIMEOUT] = { set_policy, &config.policy[CONFIG_TIMEOUT] },
	[OPT_ON_ERROR] = { set_policy, &config.policy[CONFIG_ERROR] },
	[OPT_ON_TOO_LARGE] = { set_policy, &config.policy[CONFIG_TOO_LARGE] },
	[OPT_DISCARD] = { set_mapping, &config.apply.discard },
	[OPT_QUARANTINE] = { set_mapping, &config.apply.quarantine },
	[OPT_AUTHENTICATED] = { set_skip, &config.skip_authenticated },
	[OPT_LOCAL] = { set_skip, &config.skip_local },
	[OPT_SKIP_NETWORKS] = { add_networks, NULL },
	[OPT_REPORT_ONLY] = { set_flag, &config.apply.report_only },
	[OPT_SCORE_HEADERS] = { set_score, &config.apply.score },
	[OPT_REJECT_TEXT] = { set_reply, &config.apply.reject_text },
	[OPT_SOFT_REJECT_TEXT] = { set_reply, &config.apply.soft_text },
};

const char *
config_option(size_t i, const char *arg)
{
	return i < OPTS ? setters[i].set(setters[i].to, arg) : "unknown";
}

/* What a file holds in PEM (RFC 7468). */
enum {
	PEM_CERTIFICATE = 1,
	PEM_KEY = 2,
	PEM_ENCRYPTED = 4
};

static int
read_pem(const char *path, unsigned *has)
{
	FILE *f = fopen(path, "re");
	char line[128];
	int err;

	if (f == NULL)
		return -1;
	*has = 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		bool begin = strstr(line, "-----BEGIN ") != NULL;
		if (begin && strstr(line, "CERTIFICATE-----") != NULL)
			*has |= PEM_CERTIFICATE;
		if (begin && strstr(line, "PRIVATE KEY-----") != NULL)
			*has |= PEM_KEY;
		if (strstr(line, "ENCRYPTED") != NULL)
			*has |= PEM_ENCRYPTED;
	}
	err = ferror(f) != 0 ? errno : 0;
	(void)fclose(f);
	errno = err;
	return err == 0 ? 0 : -1;
}

/* The file of an option must be there and hold what it is for. */
static int
check_pem(const char *option, const char *path, unsigned need)
{
	const char *why = NULL;
	unsigned has;

	if (path == NULL)
		return 0;
	if (read_pem(path, &has) == -1)
		why = strerror(errno);
	else if ((need & ~has & PEM_CERTIFICATE) != 0)
		why = "no certificate in PEM";
	else if ((need & ~has & PEM_KEY) != 0)
		why = "no private key in PEM";
	else if ((need & PEM_KEY) != 0 && (has & PEM_ENCRYPTED) != 0)
		why = "the private key is encrypted";
	if (why == NULL)
		return 0;
	filter_config_error("--%s \"%s\": %s", option, path, why);
	return -1;
}

/* Options that are right, and do nothing. */
static void
tell_useless(void)
{
	bool https = false;

	for (size_t i = 0; i < config.ntargets; i++)
		https = https || config.target[i].https;
	if (!https && (config.http.ca != NULL || config.http.cert != NULL))
		filter_config_error(
		    "--tls-ca and --tls-cert do nothing: no URL is https");
	if (config.spread && config.ntargets < 2)
		filter_config_error("--spread does nothing with one URL");
	if (config.http.connect_ms > config.http.total_ms)
		filter_config_error("--connect-timeout does nothing: --timeout "
				    "comes first");
}

int
config_check(void)
{
	const struct request_options *r = &config.request;
	const char *why = NULL;
	int rc = 0;

	if (config.ntargets == 0 && (why = add_url(NULL, CONFIG_URL)) != NULL) {
		filter_config_error("--url %s: %s", CONFIG_URL, why);
		rc = -1;
	}
	if (r->settings_id.n + r->settings.n + r->mta_tag.n + r->extra.n >
	    REQUEST_EXTRA_MAX) {
		filter_config_error(
		    "request headers over %d bytes in all", REQUEST_EXTRA_MAX);
		rc = -1;
	}
	if (config.http.key != NULL && config.http.cert == NULL) {
		filter_config_error("--tls-key needs --tls-cert");
		rc = -1;
	}
	if (check_pem("tls-ca", config.http.ca, PEM_CERTIFICATE) == -1)
		rc = -1;
	if (check_pem("tls-cert", config.http.cert,
		config.http.key != NULL ? PEM_CERTIFICATE
					: PEM_CERTIFICATE | PEM_KEY) == -1)
		rc = -1;
	if (check_pem("tls-key", config.http.key, PEM_KEY) == -1)
		rc = -1;
	config.http.body_max = (size_t)config.max_size;
	if (rc == 0)
		tell_useless();
	return rc;
}

void
config_sandbox(struct sandbox *sb)
{
	const char *const files[] = { config.http.ca, config.http.cert,
		config.http.key };
	bool https = false, named = false;

	sandbox_network(sb);
	for (size_t i = 0; i < config.ntargets; i++) {
		const struct target *t = &config.target[i];
		https = https || t->https;
		named = named || t->named;
		if (t->unix_path != NULL)
			sandbox_path(sb, t->unix_path, SANDBOX_SOCKET);
		else
			sandbox_port(sb, t->port);
	}
	if (named) {
		sandbox_resolver(sb);
		sandbox_port(sb, DNS_PORT);
	}
	if (https)
		sandbox_certificates(sb);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i] != NULL)
			sandbox_folder_of(sb, files[i], &config.folder[i]);
}

void
config_clear(void)
{
	while (config.ntargets > 0)
		target_clear(&config.target[--config.ntargets]);
	buf_clear(&config.request.extra);
	for (size_t i = 0; i < CONFIG_FOLDERS; i++)
		free(config.folder[i]);
	config = (struct config)DEFAULTS;
}
