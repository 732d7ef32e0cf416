/* common/dns/resolver: options and files, without a server */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dns/dns.h"

static const struct {
	struct dns_options o;
	const char *why; /* NULL: they are good */
} options[] = {
	{ { .servers = { "192.0.2.1" }, .nservers = 1 }, NULL },
	{ { .servers = { "192.0.2.1@53" }, .nservers = 1 }, NULL },
	{ { .servers = { "2001:db8::1@5353" }, .nservers = 1 }, NULL },
	{ { .servers = { "fe80::1%eth0" }, .nservers = 1 }, NULL },
	{ { .servers = { "192.0.2.1@0" }, .nservers = 1 }, "192.0.2.1@0" },
	{ { .servers = { "192.0.2.1@65536" }, .nservers = 1 }, "@65536" },
	{ { .servers = { "192.0.2.1@" }, .nservers = 1 }, "192.0.2.1@" },
	{ { .servers = { "192.0.2.1", "localhost" }, .nservers = 2 },
	    "localhost" },
	{ { .servers = { "" }, .nservers = 1 }, "\"\"" },
	{ { .resolv_conf = "/nowhere/resolv.conf" }, "/nowhere/resolv.conf" },
	{ { .servers = { "192.0.2.1" },
	      .nservers = 1,
	      .trust_anchor = "/nowhere/key" },
	    "/nowhere/key" },
	/* libunbound reads a folder without end, or not at all */
	{ { .resolv_conf = "/tmp" }, "--resolv-conf \"/tmp\": Is a directory" },
	{ { .resolv_conf = "/dev/null" }, "not a regular file" },
	{ { .servers = { "192.0.2.1" }, .nservers = 1, .trust_anchor = "/tmp" },
	    "--trust-anchor \"/tmp\": Is a directory" },
	/* what is in them */
	{ { .servers = { "192.0.2.1" },
	      .nservers = 1,
	      .trust_anchor = "/etc/passwd" },
	    "--trust-anchor \"/etc/passwd\": " },
	{ { .servers = { "192.0.2.1" },
	      .nservers = 1,
	      .trust_anchor = "/proc/self/status" },
	    "is empty" },
};

static char said[1000];

static void say(const char *fmt, ...) __attribute__((__format__(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
}

static void
checks(void **state)
{
	static const struct dns_options bad = {
		.servers = { "x", "192.0.2.1", "y" },
		.nservers = 3,
		.trust_anchor = "/nowhere/key",
	};
	static const struct dns_options worse = {
		.resolv_conf = "test_resolver.conf",
		.trust_anchor = "/etc/passwd",
	};
	FILE *f;

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		int r;

		said[0] = '\0';
		r = dns_check(&options[i].o, say);
		if (r != (options[i].why == NULL ? 0 : -1))
			fail_msg("case %zu: %d", i, r);
		if (r == -1 && strstr(said, options[i].why) == NULL)
			fail_msg("case %zu: %s", i, said);
	}
	/* all errors, not just the first one */
	said[0] = '\0';
	assert_int_equal(dns_check(&bad, say), -1);
	assert_non_null(strstr(said, "\"x\""));
	assert_non_null(strstr(said, "\"y\""));
	assert_non_null(strstr(said, "/nowhere/key"));
	/* in both files */
	f = fopen(worse.resolv_conf, "w");
	assert_non_null(f);
	(void)fputs("nameserver here\n", f);
	assert_int_equal(fclose(f), 0);
	said[0] = '\0';
	assert_int_equal(dns_check(&worse, say), -1);
	(void)unlink(worse.resolv_conf);
	assert_non_null(strstr(said, "--resolv-conf \"test_resolver.conf\": "));
	assert_non_null(strstr(said, "--trust-anchor \"/etc/passwd\": "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
