/* common/engine/cli: numbers, sizes, words; the options of all filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/engine/cli.h"

static const struct {
	const char *text;
	int r;
	uint64_t value;
} sizes[] = {
	{ "0", 0, 0 },
	{ "10", 0, 10 },
	{ "4k", 0, 4096 },
	{ "4K", 0, 4096 },
	{ "2M", 0, 2 << 20 },
	{ "1g", 0, 1 << 30 },
	{ "4G", 0, (uint64_t)4 << 30 },
	{ "5G", -1, 0 },
	{ "4194305K", -1, 0 },
	{ "18446744073709551615G", -1, 0 },
	{ "", -1, 0 },
	{ "K", -1, 0 },
	{ "1KB", -1, 0 },
	{ "1 ", -1, 0 },
	{ "1T", -1, 0 },
	{ "1 K", -1, 0 },
	{ "-1", -1, 0 },
	{ "1.5M", -1, 0 },
};

static void
test_sizes(void **state)
{
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		v = 4711;
		if (cli_size(sizes[i].text, 0, (uint64_t)4 << 30, &v) !=
		    sizes[i].r)
			fail_msg("\"%s\"", sizes[i].text);
		assert_true(v == (sizes[i].r == 0 ? sizes[i].value : 4711));
	}
	assert_int_equal(cli_size("9", 10, 20, &v), -1);
	assert_int_equal(cli_size("10", 10, 20, &v), 0);
	assert_int_equal(cli_number("20", 10, 20, &v), 0);
	assert_int_equal(cli_number("21", 10, 20, &v), -1);
	assert_int_equal(cli_number("9", 10, 20, &v), -1);
	assert_int_equal(cli_number("1K", 0, 10000, &v), -1);
}

static void
test_words(void **state)
{
	static const char *const words[] = { "split", "reject", NULL };

	(void)state;
	assert_int_equal(cli_word("split", words), 0);
	assert_int_equal(cli_word("reject", words), 1);
	assert_int_equal(cli_word("", words), -1);
	assert_int_equal(cli_word("Split", words), -1);
	assert_int_equal(cli_word("spli", words), -1);
}

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
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
