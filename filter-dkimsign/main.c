/*
 * filter-dkimsign: adds DKIM signatures to outgoing mail.
 */
#include <time.h>

#include "common/base/log.h"
#include "common/dkim/keymem.h"
#include "common/message/qualify.h"
#include "filter-dkimsign/folders.h"
#include "filter-dkimsign/signing.h"
#include "filter-dkimsign/tools.h"

/* A configuration being read in a worker thread, at SIGHUP. */
struct reload {
	struct config *config;
	struct report report;
};

static struct signing_env env;
static struct worker *reader; /* so that signatures do not wait for SIGHUP */
static struct worker_job *reloading;
static bool again; /* one more SIGHUP came meanwhile */

static int
dkimsign_configure(void)
{
	struct report r;
	int status;

	(void)keymem_init();
	env.opt = options_get();
	status = options_check();
	if (tools_configure(env.opt) == -1)
		status = -1;
	if (env.opt->tool == TOOL_GENKEY)
		return status;
	report_init(&r);
	env.config = config_load(env.opt, &r);
	report_say(&r, filter_config_error);
	if (env.config == NULL)
		status = -1;
	report_clear(&r);
	return status;
}

static void
dkimsign_config(struct str key, struct str value)
{
	if (str_eq(key, STR("smtpd-version")))
		env.old_smtpd = qualify_is_old(value);
}

static int
dkimsign_command(void)
{
	switch (env.opt->tool) {
	case TOOL_NONE:
		return -1;
	case TOOL_GENKEY:
		return tools_genkey(env.opt);
	case TOOL_DNS:
		return tools_dns(env.config);
	case TOOL_CHECK_DNS:
		return tools_check_dns(env.opt, env.config);
	}
	return -1;
}

static void
dkimsign_sandbox(struct sandbox *sb)
{
	folders_allow(sb, env.opt, env.config);
}

/* Said at -v: what of the keys can go to swap. */
static void
say_unlocked(void)
{
	size_t taken, locked;

	keymem_size(&taken, &locked);
	if (locked < taken)
		log_debug("memory of keys: %zu of %zu KiB are locked, see "
			  "RLIMIT_MEMLOCK",
		    locked / 1024, taken / 1024);
}

static int
dkimsign_start(void)
{
	tzset();
	say_unlocked();
	env.workers = worker_new((unsigned)env.opt->threads);
	reader = worker_new(env.opt->threads > 0 ? 1 : 0);
	if (env.workers == NULL || reader == NULL) {
		filter_config_error("no memory to start");
		return -1;
	}
	return 0;
}

static void
dkimsign_stop(void)
{
	worker_free(reader);
	worker_free(env.workers);
	config_free(env.config);
}

static void
reload_work(void *owned)
{
	struct reload *r = owned;

	r->config = config_load(env.opt, &r->report);
}

static void
reload_release(void *owned)
{
	struct reload *r = owned;

	config_free(r->config);
	report_clear(&r->report);
	free(r);
}

static void dkimsign_reload(void);

static void
reload_done(void *owned)
{
	struct reload *r = owned;

	reloading = NULL;
	report_say(&r->report, log_warn);
	if (r->config == NULL) {
		log_warn("reload failed, the old keys stay in use");
	} else {
		config_free(env.config);
		env.config = r->config;
		r->config = NULL;
		log_loud(true);
		log_info("reload: keys of %zu domains",
		    keytable_count(env.config->keys));
		log_loud(false);
	}
	if (again)
		dkimsign_reload();
}

static const struct worker_ops reload_ops = {
	.work = reload_work,
	.done = reload_done,
	.release = reload_release,
};

/* Many keys take long to read. */
static void
dkimsign_reload(void)
{
	struct reload *r;

	again = reloading != NULL;
	if (again)
		return;
	r = calloc(1, sizeof(*r));
	if (r != NULL) {
		report_init(&r->report);
		reloading = worker_start(reader, &reload_ops, r);
	}
	if (reloading == NULL)
		log_warn("reload failed: no memory");
}

static void *
dkimsign_tx_new(struct msg *m)
{
	(void)m;
	return signing_new(&env);
}

static void
dkimsign_counters(void)
{
	log_info("signed=%llu unsigned=%llu failed=%llu domains=%zu threads=%u",
	    (unsigned long long)env.nsigned, (unsigned long long)env.nunsigned,
	    (unsigned long long)env.nfailed, keytable_count(env.config->keys),
	    worker_threads(env.workers));
}

static int
dkimsign_check(struct msg *m, struct str refused, FILE *out)
{
	(void)refused;
	(void)out;
	return signing_is_signed(msg_data(m)) ? STATUS_OK : STATUS_BAD;
}

static const struct filter dkimsign = {
	.name = "filter-dkimsign",
	.opts = options_table,
	.as_stored = true,
	.option = options_set,
	.configure = dkimsign_configure,
	.config = dkimsign_config,
	.command = dkimsign_command,
	.sandbox = dkimsign_sandbox,
	.start = dkimsign_start,
	.stop = dkimsign_stop,
	.reload = dkimsign_reload,
	.counters = dkimsign_counters,
	.tx_new = dkimsign_tx_new,
	.tx_free = signing_free,
	.header = signing_header,
	.body = signing_body,
	.message = signing_message,
	.expired = signing_expired,
	.check = dkimsign_check,
	.check_prints = true,
};

int
main(int argc, char **argv)
{
	return filter_main(&dkimsign, argc, argv);
}
