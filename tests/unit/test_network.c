/* common/base/network */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/network.h"
#include "tests/unit/guard.h"

static const struct {
	const char *network, *ip;
	bool want;
} cases[] = {
	{ "192.0.2.0/24", "192.0.2.0", true },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.77/24", "192.0.2.1", true },
	{ "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.2.128/25", "192.0.2.128", true },
	{ "192.0.2.7", "192.0.2.7", true },
	{ "192.0.2.7", "192.0.2.6", false },
	{ "192.0.2.7/32", "192.0.2.6", false },
	{ "0.0.0.0/0", "203.0.113.9", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "::/0", "2001:db8::1", true },
	{ "::/0", "192.0.2.7", true },
	{ "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "2001:db8::/32", "2001:db9::1", false },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "::1", "::1", true },
	{ "::1", "::2", false },
	{ "::1/127", "::", true },
	/* an IPv4 address may come as an IPv6 one */
	{ "192.0.2.0/24", "::ffff:192.0.2.9", true },
	{ "::ffff:192.0.2.0/120", "192.0.2.9", true },
	/* no address is in no network */
	{ "::/0", "", false },
	{ "::/0", "unix", false },
	{ "::/0", "192.0.2.7:25", false },
};

static const char *const bad[] = { "", "/", "192.0.2.0/", "192.0.2.0/33",
	"192.0.2/24", "192.0.2.0/24/", "192.0.2.0/-1", "192.0.2.0/x",
	"2001:db8::/129", "[::1]", "example.org", " 192.0.2.1",
	"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111" };

static void
membership(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str ip = guard_copy(str_c(cases[i].ip));
		struct network n;
		assert_int_equal(network_parse(str_c(cases[i].network), &n), 0);
		if (network_any(&n, 1, ip) != cases[i].want)
			fail_msg("%s in %s", cases[i].ip, cases[i].network);
		guard_free(ip);
	}
}

static void
lists(void **state)
{
	struct network n[2];

	(void)state;
	assert_int_equal(network_parse(STR("192.0.2.0/24"), &n[0]), 0);
	assert_int_equal(network_parse(STR("::1"), &n[1]), 0);
	assert_true(network_any(n, 2, STR("192.0.2.1")));
	assert_true(network_any(n, 2, STR("::1")));
	assert_false(network_any(n, 1, STR("::1")));
	assert_false(network_any(n, 0, STR("192.0.2.1")));
	assert_false(network_any(n, 2, STR("::2")));
}

static void
bad_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str s = guard_copy(str_c(bad[i]));
		struct network n;
		if (network_parse(s, &n) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
		guard_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(membership),
		cmocka_unit_test(lists),
		cmocka_unit_test(bad_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
