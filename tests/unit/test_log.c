/* common/base/log */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "tests/unit/guard.h"

static int saved, from; /* the real stderr, what is now written to it */

static int
redirect(void **state)
{
	int fds[2];

	(void)state;
	if (pipe(fds) == -1 || fcntl(fds[0], F_SETFL, O_NONBLOCK) == -1)
		return -1;
	saved = dup(STDERR_FILENO);
	if (saved == -1 || dup2(fds[1], STDERR_FILENO) == -1)
		return -1;
	from = fds[0];
	return close(fds[1]);
}

static int
restore(void **state)
{
	(void)state;
	log_level(LOG_INFO);
	if (dup2(saved, STDERR_FILENO) == -1)
		return -1;
	return close(saved) == -1 ? -1 : close(from);
}

/* What came out since the last call. */
static const char *
written(void)
{
	static char text[LOG_LINE_MAX * 16];
	ssize_t n = read(from, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
test_levels(void **state)
{
	static const struct {
		enum log_level level;
		const char *want;
	} cases[] = {
		{ LOG_WARNING, "w 1\n" },
		{ LOG_INFO, "w 1\ni 2\n" },
		{ LOG_DEBUG, "w 1\ni 2\nd 3\n" },
	};

	(void)state;
	assert_true(log_is(LOG_INFO) && !log_is(LOG_DEBUG));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		log_level(cases[i].level);
		log_warn("w %d", 1);
		log_info("i %d", 2);
		log_debug("d %d", 3);
		assert_string_equal(written(), cases[i].want);
	}
}

static void
test_lines(void **state)
{
	char longest[LOG_LINE_MAX + 2], escaped[LOG_LINE_MAX + 1];
	const char *got;

	(void)state;
	errno = ENOENT;
	log_warn("a\nb\t\"c\" \\ \x7f\xc3\xa4");
	assert_string_equal(
	    written(), "a\\x0ab\\x09\"c\" \\ \\x7f\\xc3\\xa4\n");
	assert_int_equal(errno, ENOENT);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_warn("%s", longest);
	got = written();
	assert_int_equal(strlen(got), LOG_LINE_MAX + 1);
	assert_int_equal(got[LOG_LINE_MAX], '\n');
	/* Of an escaped byte all is written or nothing. */
	memset(escaped, '\r', sizeof(escaped) - 1);
	escaped[sizeof(escaped) - 1] = '\0';
	log_warn("x%s", escaped);
	got = written();
	assert_int_equal(strlen(got), 1 + (LOG_LINE_MAX - 1) / 4 * 4 + 1);
	assert_string_equal(got + strlen(got) - 5, "\\x0d\n");
}

static void
test_text(void **state)
{
	static const struct {
		struct str text;
		const char *want;
	} cases[] = {
		{ { "", 0 }, "-" },
		{ { "a@example.net", 13 }, "a@example.net" },
		{ { "a b", 3 }, "a\\x20b" },
		{ { "\"\\\n\0\x1f~\x7f\xff", 8 },
		    "\\x22\\x5c\\x0a\\x00\\x1f~\\x7f\\xff" },
	};
	char many[LOG_TEXT_MAX + 1];
	struct log_text t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str s = guard_copy(cases[i].text);
		assert_string_equal(log_text(&t, s), cases[i].want);
		guard_free(s);
	}
	memset(many, ' ', sizeof(many));
	assert_int_equal(
	    strlen(log_text(&t, str_n(many, LOG_TEXT_MAX))), LOG_TEXT_MAX * 4);
	(void)log_text(&t, str_n(many, LOG_TEXT_MAX + 1));
	assert_int_equal(strlen(t.s), LOG_TEXT_MAX * 4 + 3);
	assert_string_equal(t.s + LOG_TEXT_MAX * 4, "...");
}

/* Nobody reads: lines are dropped and counted, and nothing waits. */
static void
test_full(void **state)
{
	uint64_t before = log_dropped();
	int lines = 0;

	(void)state;
	while (log_dropped() == before && lines < 1000000) {
		log_warn("line %d", lines);
		lines++;
	}
	assert_int_equal(log_dropped(), before + 1);
	log_warn("one more");
	assert_int_equal(log_dropped(), before + 2);
	while (*written() != '\0')
		continue;
	log_warn("again");
	assert_string_equal(written(), "again\n");
	assert_int_equal(log_dropped(), before + 2);
}

static void
test_hold(void **state)
{
	uint64_t before = log_dropped();
	char longest[LOG_LINE_MAX + 1];
	size_t n = 0;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_hold();
	log_warn("a");
	log_hold();
	log_put(LOG_INFO, STR("b\r"));
	log_put(LOG_DEBUG, STR("not shown"));
	log_release();
	assert_string_equal(written(), "");
	/* A line that is ready does not wait for them. */
	log_raw(STR("first\n"));
	assert_string_equal(written(), "first\n");
	log_release();
	assert_string_equal(written(), "a\nb\\x0d\n");
	/* What is held has a limit: more is written earlier, not lost. */
	log_hold();
	for (int i = 0; i < 10; i++)
		log_warn("%s", longest);
	n = strlen(written());
	assert_true(n > 0 && n % sizeof(longest) == 0);
	log_release();
	while (n < 10 * sizeof(longest)) {
		size_t more = strlen(written());
		assert_true(more > 0);
		n += more;
	}
	assert_int_equal(n, 10 * sizeof(longest));
	assert_int_equal(log_dropped(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_levels, redirect, restore),
		cmocka_unit_test_setup_teardown(test_lines, redirect, restore),
		cmocka_unit_test(test_text),
		cmocka_unit_test_setup_teardown(test_hold, redirect, restore),
		cmocka_unit_test_setup_teardown(test_full, redirect, restore),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
