#include "common/base/log.h"
#include "common/engine/filter.h"
#include "filter-rspamd/config.h"
#include "filter-rspamd/scan.h"

static void
on_config(struct str key, struct str value)
{
	if (str_eq(key, STR("admd")))
		scan_admd(value);
}

static int
on_start(void)
{
	return scan_start(config_get());
}

static void
on_stop(void)
{
	scan_stop();
	config_clear();
}

static const struct filter filter_rspamd = {
	.name = "filter-rspamd",
	.opts = config_opts,
	.one_dash = true,
	.envelope = true,
	.option = config_option,
	.configure = config_check,
	.config = on_config,
	.sandbox = config_sandbox,
	.start = on_start,
	.stop = on_stop,
	.counters = scan_counters,
	.tx_new = scan_new,
	.tx_free = scan_free,
	.message = scan_message,
	.expired = scan_expired,
	.check = scan_check,
};

int
main(int argc, char **argv)
{
	return filter_main(&filter_rspamd, argc, argv);
}
