/* filter-rspamd/verdict_json */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-rspamd/verdict.h"
#include "filter-rspamd/verdict_json.h"
#include "tests/unit/guard.h"

static void
repairs(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "{\"a\":\"b\"}", "{\"a\":\"b\"}" },
		{ "\"caf\xe9\"", "\"caf?\"" },
		{ "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa7\"",
		    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa7\"" },
		{ "\"\xc3\"", "\"?\"" },
		{ "\"\xe2\x82\"", "\"??\"" },
		{ "\"\xc0\x80\xe0\x80\x80\"", "\"?????\"" },
		{ "\"\xed\xa0\x80\xf4\x90\x80\x80\xff\"", "\"????????\"" },
		{ "\"\xf8\x88\x80\x80\x80\"", "\"?????\"" },
		{ "\"a\x01\n\tb\x7f\"", "\"a???b\x7f\"" },
		{ "\"\\n\\\\\\\"\\u00e9\"", "\"\\n\\\\\\\"\\u00e9\"" },
		{ "\"\\u0000\\uD800\\udfffx\"", "\"???x\"" },
		{ "\"\\x\\'\"", "\"?x?'\"" },
		{ "\"\\", "\"?" },
		{ "\"\\u00", "\"\\u00" },
		{ "[nan,-nan,inf,-inf,NaN,1e999,-5,0.5,1e3,true,false,null]",
		    "[null,null,null,null,null,null,-5,0.5,1e3,true,false,"
		    "null]" },
		{ "{\"nan\":nan}", "{\"nan\":null}" },
		{ "{\"a\":null,null:[null],null \n: null}",
		    "{\"a\":null,\"\":[null],\"\" \n: null}" },
		{ "{nul:0,\"null:\":null", "{null:0,\"null:\":null" },
		{ "null:", "\"\":" },
		{ "null ", "null " },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str in = guard_copy(str_c(cases[i].in));
		struct buf b;
		buf_init(&b, 1000);
		verdict_json_repair(in, &b);
		buf_chr(&b, '\0');
		assert_string_equal(b.p, cases[i].out);
		buf_clear(&b);
		guard_free(in);
	}
}

static void
counts_values(void **state)
{
	static const struct {
		const char *json;
		size_t n;
	} cases[] = {
		{ "1", 1 },
		{ "[]", 2 },
		{ "{\"a\":[1,2,{}]}", 6 },
		{ "\"[[[,,,{\"", 1 },
		{ "\"\\\"[,\"", 1 },
		{ "]]]", 1 },
		{ "\"never ended[", 1 },
		{ "\"\\", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str json = guard_copy(str_c(cases[i].json));
		size_t n = 0;
		assert_int_equal(verdict_json_count(json, &n), 0);
		assert_int_equal(n, cases[i].n);
		guard_free(json);
	}
}

static void
assert_bounded(const struct buf *json, bool ok)
{
	struct verdict_json j;
	size_t n = 99;

	assert_false(buf_failed(json));
	assert_int_equal(verdict_json_count(buf_view(json), &n), ok ? 0 : -1);
	assert_true(ok || n == 99);
	errno = 0;
	assert_int_equal(verdict_json_parse(buf_view(json), &j), ok ? 0 : -1);
	if (ok)
		verdict_json_clear(&j);
	else
		assert_int_equal(errno, EBADMSG);
}

static void
bounds_depth_and_values(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, VERDICT_JSON_MAX);
	for (size_t over = 0; over < 2; over++) {
		buf_reset(&b);
		for (size_t i = 0; i < VERDICT_DEPTH_MAX + over; i++)
			buf_chr(&b, '[');
		for (size_t i = 0; i < VERDICT_DEPTH_MAX + over; i++)
			buf_chr(&b, ']');
		assert_bounded(&b, over == 0);
		/* the array counts for two */
		buf_reset(&b);
		buf_chr(&b, '[');
		for (size_t i = 2; i < VERDICT_VALUES_MAX + over; i++)
			buf_str(&b, STR("1,"));
		buf_str(&b, STR("1]"));
		assert_bounded(&b, over == 0);
	}
	buf_clear(&b);
}

/* The memory given beforehand is enough for what takes most. */
static void
has_memory_enough(void **state)
{
	static const char *const parts[] = { "{},", "[],", "{\"\":\"\"},",
		"\"\\u00e9\",", "[[[]]]," };
	struct buf b;

	(void)state;
	buf_init(&b, VERDICT_JSON_MAX);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct verdict_json j;
		buf_reset(&b);
		buf_chr(&b, '[');
		for (size_t n = 0; n < VERDICT_VALUES_MAX / 5; n++)
			buf_str(&b, str_c(parts[i]));
		buf_str(&b, STR("0] rest"));
		assert_int_equal(verdict_json_parse(buf_view(&b), &j), 0);
		assert_false(j.repaired);
		assert_true(str_eq(j.rest, STR(" rest")));
		assert_int_equal(
		    json_array_size(j.root), VERDICT_VALUES_MAX / 5 + 1);
		verdict_json_clear(&j);
	}
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repairs),
		cmocka_unit_test(counts_values),
		cmocka_unit_test(bounds_depth_and_values),
		cmocka_unit_test(has_memory_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
