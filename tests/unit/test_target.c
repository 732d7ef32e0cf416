/* filter-rspamd/target */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-rspamd/target.h"
#include "tests/unit/guard.h"

static const struct {
	const char *text, *url, *unix_path, *name;
	unsigned port;
} good[] = {
	{ "http://127.0.0.1:11333", "http://127.0.0.1:11333/checkv2", NULL,
	    "127.0.0.1:11333", 11333 },
	{ "http://h/", "http://h/checkv2", NULL, "h", 80 },
	{ "http://h//", "http://h/checkv2", NULL, "h", 80 },
	{ "http://h:80/checkv2", "http://h:80/checkv2", NULL, "h:80", 80 },
	{ "http://h/rspamd", "http://h/rspamd/checkv2", NULL, "h", 80 },
	{ "http://h/rspamd/checkv2", "http://h/rspamd/checkv2", NULL, "h", 80 },
	{ "http://h?a=b/c", "http://h/checkv2?a=b/c", NULL, "h", 80 },
	{ "http://h/x/?a", "http://h/x/checkv2?a", NULL, "h", 80 },
	{ "HTTP://h", "HTTP://h/checkv2", NULL, "h", 80 },
	{ "https://mail-1.example.org:443/",
	    "https://mail-1.example.org:443/checkv2", NULL,
	    "https://mail-1.example.org:443", 443 },
	{ "http://[2001:db8::1]:11333", "http://[2001:db8::1]:11333/checkv2",
	    NULL, "[2001:db8::1]:11333", 11333 },
	{ "http://[::1]", "http://[::1]/checkv2", NULL, "[::1]", 80 },
	{ "unix:/run/r.sock", "http://localhost/checkv2", "/run/r.sock",
	    "/run/r.sock", 0 },
	{ "/run/r.sock", "http://localhost/checkv2", "/run/r.sock",
	    "/run/r.sock", 0 },
};

static const char *const bad[] = { "", "h", "h:11333", "127.0.0.1:11333",
	"ftp://h", "http:/h", "http://", "http:///x", "http://:80", "unix:r",
	"http://u@h", "http://u:p@h/", "http://h:", "http://h:0",
	"http://h:65536", "http://h:x", "http://h:80:80", "http://[::1",
	"http://[::1]x", "http://[]", "http://a b", "http://h/\n",
	"http://h/#x", "http://h\\x", "http://\xc3\xbc", "/a\tb" };

static void
good_ones(void **state)
{
	struct target t;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct str s = guard_copy(str_c(good[i].text));
		assert_null(target_parse(s, &t));
		guard_free(s);
		assert_string_equal(t.url, good[i].url);
		assert_string_equal(t.name, good[i].name);
		assert_int_equal(t.port, good[i].port);
		if (good[i].unix_path == NULL)
			assert_null(t.unix_path);
		else
			assert_string_equal(t.unix_path, good[i].unix_path);
		target_clear(&t);
		assert_null(t.url);
	}
}

static void
bad_ones(void **state)
{
	struct target t = { .url = NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str s = guard_copy(str_c(bad[i]));
		if (target_parse(s, &t) == NULL)
			fail_msg("\"%s\" was taken", bad[i]);
		guard_free(s);
		assert_null(t.url);
	}
}

static void
names(void **state)
{
	static const struct {
		const char *text;
		bool named;
	} hosts[] = {
		{ "http://rspamd.example.org:11333", true },
		{ "https://localhost/", true },
		{ "http://127.0.0.1.example.org", true },
		{ "http://127.0.0.1:11333", false },
		{ "https://192.0.2.1", false },
		{ "http://[2001:db8::1%25eth0]:80", false },
		{ "unix:/run/r.sock", false },
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		assert_null(target_parse(str_c(hosts[i].text), &t));
		assert_int_equal(t.named, hosts[i].named);
		target_clear(&t);
	}
}

static void
limits(void **state)
{
	static char path[TARGET_TEXT_MAX + 2];
	struct target t;

	(void)state;
	memset(path, '/', sizeof(path) - 1);
	/* A socket address holds 107 bytes of path on Linux, 103 on BSD. */
	assert_non_null(target_parse(str_n(path, 108), &t));
	assert_null(target_parse(str_n(path, 103), &t));
	target_clear(&t);
	memset(path, 'h', sizeof(path) - 1);
	memcpy(path, "http://", 7);
	assert_null(target_parse(str_n(path, TARGET_TEXT_MAX), &t));
	target_clear(&t);
	assert_non_null(target_parse(str_n(path, TARGET_TEXT_MAX + 1), &t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test(names),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
