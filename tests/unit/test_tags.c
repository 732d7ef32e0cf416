/* common/dkim/tags */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/dkim/tags.h"
#include "tests/unit/guard.h"

/* What comes out is written as "name=value|" for each tag; NULL: refused. */
static const struct {
	const char *text, *tags;
} cases[] = {
	{ "", "" },
	{ " \t", "" },
	{ "a=1", "a=1|" },
	{ "a=1;", "a=1|" },
	{ "a=1; ", "a=1|" },
	{ "a=1;\n\t", "a=1|" },
	{ "a=1;b=2", "a=1|b=2|" },
	{ " a = 1 ; b\t=\n 2\n ; ", "a=1|b=2|" },
	{ "a=1\r\n b", "a=1\r\n b|" },
	{ "a=;b= ", "a=|b=|" },
	{ "a=x y", "a=x y|" },
	{ "a==", "a==|" },
	{ "a=b=c;d=1", "a=b=c|d=1|" },
	{ "A=1;a=2", "A=1|a=2|" },
	{ "a_1=x;ab=y", "a_1=x|ab=y|" },
	{ "a=\xc3\xa9", "a=\xc3\xa9|" },
	{ "a=~!", "a=~!|" },
	/* twice */
	{ "a=1;a=1", NULL },
	{ "a=1;b=2;a=", NULL },
	/* no tag list */
	{ ";", NULL },
	{ "a=1;;", NULL },
	{ ";a=1", NULL },
	{ "a", NULL },
	{ "a;b=1", NULL },
	{ "=1", NULL },
	{ "1a=1", NULL },
	{ "_a=1", NULL },
	{ "a-b=1", NULL },
	{ "a b=1", NULL },
	{ "\xc3\xa9=1", NULL },
	/* no value */
	{ "a=\x7f", NULL },
	{ "a=\x01", NULL },
	{ "a=x\v", NULL },
	{ "a=x\ny", NULL },
	{ "a=x\n", NULL },
	{ "a=x\r y", NULL },
	{ "a=1;\n", NULL },
	{ "a\n=1", NULL },
};

static void
parses_lists(void **state)
{
	struct tags tags;
	struct buf got;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = guard_copy(str_c(cases[i].text));
		int r = tags_parse(text, &tags);

		buf_init(&got, 1000);
		for (size_t k = 0; r == 0 && k < tags.n; k++) {
			buf_str(&got, tags.v[k].name);
			buf_chr(&got, '=');
			buf_str(&got, tags.v[k].value);
			buf_chr(&got, '|');
		}
		buf_chr(&got, '\0');
		if (r == -1 && cases[i].tags != NULL)
			fail_msg("refused: %s", cases[i].text);
		if (r == 0 && cases[i].tags == NULL)
			fail_msg("taken: %s", cases[i].text);
		if (r == 0)
			assert_string_equal(got.p, cases[i].tags);
		buf_clear(&got);
		guard_free(text);
	}
}

static void
refuses_nul(void **state)
{
	struct str text = guard_copy(str_n("a=x\0y", 5));
	struct tags tags;

	(void)state;
	assert_int_equal(tags_parse(text, &tags), -1);
	guard_free(text);
}

/* The raw value is what is removed from b=: RFC 6376 section 3.7. */
static void
keeps_raw_values(void **state)
{
	struct str text = guard_copy(STR("bh=b=x; b \t= \n abc\n d \t; c=b=;"));
	struct tags tags;

	(void)state;
	assert_int_equal(tags_parse(text, &tags), 0);
	assert_int_equal(tags.n, 3);
	assert_true(
	    str_eq(tags_find(&tags, STR("b"))->raw, STR(" \n abc\n d \t")));
	assert_true(str_eq(tags_find(&tags, STR("c"))->raw, STR("b=")));
	assert_null(tags_find(&tags, STR("B")));
	assert_null(tags_find(&tags, STR("")));
	guard_free(text);
}

static void
keeps_the_limit(void **state)
{
	struct tags tags;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	for (int i = 0; i < TAGS_MAX; i++)
		buf_fmt(&b, "t%d=%d;", i, i);
	assert_int_equal(tags_parse(buf_view(&b), &tags), 0);
	assert_int_equal(tags.n, TAGS_MAX);
	buf_fmt(&b, "more=1");
	assert_int_equal(tags_parse(buf_view(&b), &tags), -1);
	buf_clear(&b);
}

static void
takes_items(void **state)
{
	static const struct {
		const char *list, *items;
	} lists[] = {
		{ "", "|" },
		{ "a", "a|" },
		{ " a : b\n :c", "a|b|c|" },
		{ "a::b", "a||b|" },
		{ ":", "||" },
		{ "a:", "a||" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct str text = guard_copy(str_c(lists[i].list));
		struct str rest = text, item;
		struct buf got;
		bool more = true;

		buf_init(&got, 100);
		while (tags_item(&rest, &more, &item) == 1) {
			buf_str(&got, item);
			buf_chr(&got, '|');
		}
		buf_chr(&got, '\0');
		assert_string_equal(got.p, lists[i].items);
		buf_clear(&got);
		guard_free(text);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_lists),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(keeps_raw_values),
		cmocka_unit_test(keeps_the_limit),
		cmocka_unit_test(takes_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
