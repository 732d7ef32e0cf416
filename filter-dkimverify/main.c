#include "filter-dkimverify/config.h"
#include "filter-dkimverify/inbound.h"
#include "filter-dkimverify/keycache.h"

static void
on_sandbox(struct sandbox *sb)
{
	dns_sandbox(&config_get()->dns, sb);
}

static int
on_start(void)
{
	char why[DNS_ERROR_MAX];

	if (dns_init(&config_get()->dns, why) == 0)
		return 0;
	filter_config_error("%s", why);
	return -1;
}

static void
on_stop(void)
{
	keycache_clear();
	dns_fini();
}

static const struct filter filter_dkimverify = {
	.name = "filter-dkimverify",
	.args = "[authserv-id]",
	.opts = config_opts,
	.option = config_option,
	.operand = config_operand,
	.configure = config_check,
	.config = inbound_config,
	.sandbox = on_sandbox,
	.start = on_start,
	.stop = on_stop,
	.counters = inbound_counters,
	.tx_new = inbound_new,
	.tx_free = inbound_free,
	.header = inbound_header,
	.body = inbound_body,
	.message = inbound_message,
	.expired = inbound_expired,
	.check = inbound_check,
};

int
main(int argc, char **argv)
{
	return filter_main(&filter_dkimverify, argc, argv);
}
