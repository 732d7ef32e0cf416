/* common/engine/cli: the options of all filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/engine/cli.h"

static char own_arg[64];
static unsigned own;

static const struct filter_opt opts[] = {
	{ "own", 'o', "X", "one of its own" },
	{ "", 'l', NULL, "a letter only" },
	{ NULL, 0, NULL, NULL },
};

static const char *
option(size_t i, const char *arg)
{
	own |= 1u << i;
	(void)snprintf(own_arg, sizeof(own_arg), "%s", arg == NULL ? "" : arg);
	return strcmp(own_arg, "bad") == 0 ? "is bad" : NULL;
}

static unsigned
parse(struct cli *c, bool one_dash, const char *line)
{
	const struct filter f = { .name = "filter-test",
		.opts = opts,
		.option = option,
		.one_dash = one_dash };
	/* getopt_long keeps a place in the last one. */
	static char texts[64][512];
	static unsigned calls;
	char *argv[20] = { NULL }, *text = texts[calls++ % 64];
	int argc = 0;

	own = 0;
	(void)snprintf(text, sizeof(texts[0]), "filter-test %s", line);
	for (char *p = text; *p != '\0' && argc < 19; argc++) {
		argv[argc] = p;
		p += strcspn(p, " ");
		if (*p != '\0')
			*p++ = '\0';
	}
	return cli_parse(&f, argc, argv, c);
}

static void
test_good(void **state)
{
	static struct cli c;

	(void)state;
	assert_int_equal(parse(&c, false, ""), 0);
	assert_int_equal(c.deadline_s, FILTER_DEADLINE_S);
	assert_int_equal(c.pool.spill, STORE_SPILL);
	assert_int_equal(c.pool.budget, STORE_BUDGET);
	assert_true(c.sandbox);
	assert_null(c.check.file);
	assert_int_equal(parse(&c, false,
			     "-n -vv --own x -l --deadline 5 --memory 2M "
			     "--long-lines=reject --no-sandbox"),
	    0);
	assert_true(c.only_check && c.reject_long && !c.sandbox);
	assert_int_equal(c.verbose, 2);
	assert_int_equal(c.deadline_s, 5);
	assert_int_equal(c.pool.budget, 2 << 20);
	assert_int_equal(own, 3);
	assert_int_equal(
	    parse(&c, false, "--check - --rcpt a --rcpt b -i ::1"), 0);
	assert_string_equal(c.check.file, "-");
	assert_int_equal(c.check.nrcpts, 2);
	assert_string_equal(c.check.rcpts[1], "b");
	assert_string_equal(c.check.ip, "::1");
	/* as old lines have it */
	assert_int_equal(parse(&c, true, "-own y"), 0);
	assert_string_equal(own_arg, "y");
}

/* Each is one error; all are told, not just the first. */
static void
test_bad(void **state)
{
	static const char *const lines[] = { "--nonsense", "-Z", "--own", "-o",
		"--own=bad", "--deadline 0", "--deadline 281", "--deadline x",
		"--memory 1", "--spool-size 1", "operand", "--long-lines maybe",
		"--help=x", "--no-sandbox=1" };
	static struct cli c;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (parse(&c, false, lines[i]) != 1)
			fail_msg("%s", lines[i]);
	assert_int_equal(
	    parse(&c, false, "--nonsense --deadline x --own bad one two"), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
