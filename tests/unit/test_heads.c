/* common/engine/heads */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/engine/heads.h"
#include "tests/unit/guard.h"

#define SID 0x7641df9771b4ed00u
#define HEAD "|smtp-in|data-line|7641df9771b4ed00|1ef1c203cc576e5d|"

/* Only its address is of use here. */
static char one, two;

static struct heads *heads;

static int
start(void **state)
{
	(void)state;
	heads = calloc(1, sizeof(*heads));
	return heads == NULL ? -1 : 0;
}

static int
end(void **state)
{
	(void)state;
	free(heads);
	return 0;
}

static struct msg *
msg(char *c)
{
	return (struct msg *)(void *)c;
}

/* Remembers it with the text that begins where the head ends. */
static void
put(const char *line, const char *text, struct msg *m)
{
	struct str s = str_c(line);

	heads_put(heads, s, str_from(s, (size_t)(text - line)), m);
}

/* What is found for a line, at the end of a page. */
static struct msg *
find(const char *line, const char *want)
{
	struct str s = guard_copy(str_c(line)), text = STR_NULL;
	struct msg *m = heads_find(heads, s, &text);

	if (m != NULL)
		assert_true(str_eq(text, str_c(want)));
	guard_free(s);
	return m;
}

static const struct {
	const char *line;
	const char *text; /* NULL: not found */
} cases[] = {
	{ "filter|0.7|1576146008.006099" HEAD "Hello", "Hello" },
	{ "filter|0.7|1576146008.006099" HEAD, "" },
	{ "filter|0.7|1576146008.006099" HEAD "a|b", "a|b" },
	/* shorter and longer times and versions */
	{ "filter|0.7|1.5" HEAD "Hello", "Hello" },
	{ "filter|0.10|15761460080.006099" HEAD "Hello", "Hello" },
	/* of others */
	{ "report|0.7|1576146008.006099" HEAD "Hello", NULL },
	{ "filter|0.7|1576146008.006099|smtp-in|data-line|7641df9771b4ed01|"
	  "1ef1c203cc576e5d|Hello",
	    NULL },
	{ "filter|0.7|1576146008.006099|smtp-in|data-line|7641df9771b4ed00|"
	  "1ef1c203cc576e5e|Hello",
	    NULL },
	{ "filter|0.7|1576146008.006099|smtp-in|commit|7641df9771b4ed00|"
	  "1ef1c203cc576e5d",
	    NULL },
	{ "filter|0.7|1576146008.006099|smtp-in|data-line|7641df9771b4ed00|"
	  "1ef1c203cc576e5d",
	    NULL },
	{ "filter|0.7|", NULL },
	{ "filter|0.7", NULL },
	{ "", NULL },
};

static void
test_lines(void **state)
{
	static const char first[] = "filter|0.7|1576146008.006099" HEAD ".";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_null(find(cases[i].line, ""));
	put(first, first + sizeof(first) - 2, msg(&one));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct msg *got = find(cases[i].line, cases[i].text);
		if (got != (cases[i].text == NULL ? NULL : msg(&one)))
			fail_msg("row %zu: %p", i, (void *)got);
	}
}

static void
test_drop(void **state)
{
	static const char line[] = "filter|0.7|1576146008.006099" HEAD "x";

	(void)state;
	put(line, line + sizeof(line) - 2, msg(&one));
	heads_drop(heads, SID, msg(&two));
	assert_ptr_equal(find(line, "x"), msg(&one));
	heads_drop(heads, SID, msg(&one));
	assert_null(find(line, "x"));
	/* Another message of the session takes its place. */
	put(line, line + sizeof(line) - 2, msg(&one));
	put(line, line + sizeof(line) - 2, msg(&two));
	assert_ptr_equal(find(line, "x"), msg(&two));
}

/* What smtpd does not write so is not remembered; it must be parsed. */
static void
test_odd_heads(void **state)
{
	static const char upper[] =
	    "filter|0.7|1576146008.006099|smtp-in|data-line|"
	    "7641DF9771B4ED00|1ef1c203cc576e5d|x";
	static const char shorter[] =
	    "filter|0.7|1576146008.006099|smtp-in|data-line|"
	    "7641df9771b4ed0|1ef1c203cc576e5d|x";

	static const char shifted[] =
	    "filter|0.7|1576146008.006099|smtp-in \xfd__|data-line|"
	    "7641df9771b4ed00|1ef1c203cc57|x";
	static const char moved[] =
	    "filter|0.7|1576146008.006099|smtp-in|data-line|"
	    "641df9771b4ed00|1ef1c203cc576e5dd|x";

	(void)state;
	put(shifted, shifted + sizeof(shifted) - 2, msg(&one));
	assert_null(find(shifted, "x"));
	put(moved, moved + sizeof(moved) - 2, msg(&one));
	assert_null(find(moved, "x"));
	put(upper, upper + sizeof(upper) - 2, msg(&one));
	assert_null(find(upper, "x"));
	put(shorter, shorter + sizeof(shorter) - 2, msg(&one));
	assert_null(find(shorter, "x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, start, end),
		cmocka_unit_test_setup_teardown(test_drop, start, end),
		cmocka_unit_test_setup_teardown(test_odd_heads, start, end),
	};

	return cmocka_run_group_tests_name("heads", tests, NULL, NULL);
}
