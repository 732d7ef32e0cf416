/* filter-rspamd/verdict: limits and damage */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/message/edit.h"
#include "tests/unit/nomem.h"
#include "tests/unit/told.h"

/* Builds a reply whose milter block or symbols have n members. */
static char *
many(const char *head, const char *member, size_t n, const char *tail)
{
	struct buf b;

	buf_init(&b, TOLD_MAX);
	buf_fmt(&b, "%s", head);
	for (size_t i = 0; i < n; i++) {
		buf_fmt(&b, "%s", i == 0 ? "" : ",");
		buf_fmt(&b, member, (int)i);
	}
	buf_fmt(&b, "%s", tail);
	buf_chr(&b, '\0');
	assert_false(buf_failed(&b));
	return b.p;
}

static size_t
count_of(const struct verdict *v, const char *what)
{
	if (strcmp(what, "adds") == 0)
		return v->nadds;
	if (strcmp(what, "removes") == 0)
		return v->nremoves;
	if (strcmp(what, "spams") == 0)
		return v->nspams;
	return strcmp(what, "sigs") == 0 ? v->nsigs : v->nsymbols;
}

static void
bounds_lists(void **state)
{
	static const struct {
		const char *what, *head, *member, *tail;
		size_t max;
		bool noted;
	} cases[] = {
		{ "adds", ACT "\"milter\":{\"add_headers\":{", "\"X-%d\":\"v\"",
		    "}}}", VERDICT_ADDS_MAX, true },
		{ "removes", ACT "\"milter\":{\"remove_headers\":{",
		    "\"X-%d\":0", "}}}", VERDICT_REMOVES_MAX, true },
		{ "spams", ACT "\"milter\":{\"spam_header\":{",
		    "\"X-%d\":\"v\"", "}}}", VERDICT_SPAMS_MAX, true },
		{ "sigs", ACT "\"dkim-signature\":[", "\"v=%d\"", "]}",
		    VERDICT_SIGS_MAX, true },
		{ "symbols", ACT "\"symbols\":{", "\"S%d\":{}", "}}",
		    VERDICT_SYMBOLS_MAX, false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		size_t c = i / 2, n = cases[c].max + i % 2 * 5;
		char *body =
		    many(cases[c].head, cases[c].member, n, cases[c].tail);
		struct verdict_reply r = { 200, STR_NULL, str_c(body) };
		struct buf why;
		struct verdict *v;
		buf_init(&why, 1000);
		v = verdict_parse(&r, &why);
		assert_non_null(v);
		assert_int_equal(count_of(v, cases[c].what), cases[c].max);
		assert_true(str_eq(v->notes,
		    i % 2 == 1 && cases[c].noted
			? STR("reply: too many header changes")
			: STR("")));
		verdict_free(v);
		buf_clear(&why);
		free(body);
	}
}

static void
bounds_values_and_notes(void **state)
{
	struct buf b;

	(void)state;
	for (int over = 0; over < 2; over++) {
		buf_init(&b, TOLD_MAX);
		buf_fmt(&b, ACT "\"milter\":{\"add_headers\":{\"A\":\"");
		for (int i = 0; i < EDIT_VALUE_MAX + over; i++)
			buf_chr(&b, 'v');
		buf_fmt(&b, "\"}}}");
		struct verdict_reply r = { 200, STR_NULL, buf_view(&b) };
		struct verdict *v = verdict_parse(&r, NULL);
		assert_non_null(v);
		assert_int_equal(v->nadds, !over);
		assert_true(str_eq(v->notes,
		    over ? STR("add_headers A: value too long") : STR("")));
		verdict_free(v);
		buf_clear(&b);
	}
	char *body =
	    many(ACT "\"milter\":{\"add_headers\":{", "\"X-%d\":5", 500, "}}}");
	struct verdict_reply r = { 200, STR_NULL, str_c(body) };
	struct verdict *v = verdict_parse(&r, NULL);
	assert_non_null(v);
	assert_in_range(v->notes.n, VERDICT_NOTES_MAX / 2, VERDICT_NOTES_MAX);
	verdict_free(v);
	free(body);
}

/* Each prefix of a reply, and each reply with one byte spoilt, ends well. */
static void
survives_damage(void **state)
{
	static const char text[] =
	    "{\"action\":\"add header\",\"score\":-1.5e1,\"messages\":{"
	    "\"smtp_message\":\"\\u00e9\\n\"},\"dkim-signature\":[\"a\"],"
	    "\"milter\":{\"add_headers\":{\"A\":[{\"value\":\"v\",\"order\":1}]"
	    "}"
	    ",\"remove_headers\":{\"B\":[1,-1]},\"no_action\":true}}";
	static const char spoil[] = "\"\\{}[],:0x\x80\xc3\0";

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(text); n++) {
		struct verdict_reply r = { 200, STR_NULL, { text, n } };
		char *got = outcome(&r);
		assert_int_equal(got[0], '!');
		free(got);
		for (size_t i = 0; i < sizeof(spoil); i++) {
			char copy[sizeof(text)];
			memcpy(copy, text, sizeof(text));
			copy[n] = spoil[i];
			r.body = str_n(copy, sizeof(text) - 1);
			free(outcome(&r));
		}
	}
}

#ifndef NOMEM_WHY
/* Whichever allocation fails: no verdict, and no other reason is given. */
static void
survives_lack_of_memory(void **state)
{
	static const char *const texts[] = {
		"{\"action\":\"add header\",\"score\":-1.5e1,\"messages\":{"
		"\"smtp_message\":\"\\u00e9\\n\"},\"dkim-signature\":[\"a\"],"
		"\"symbols\":{\"A\":{}},\"a\":true,\"b\":1,\"c\":2,\"d\":3,"
		"\"milter\":{\"add_headers\":{\"A\":\"a\"},\"remove_headers\":"
		"{\"B\":1},\"spam_header\":\"x\"},\"g\":[1,2,3,4,5,6,7]}",
		"{\"action\":\"greylist\",\"score\":nan}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct verdict_reply r = { 200, STR_NULL, str_c(texts[i]) };
		struct verdict *v = NULL;
		long n = 0;
		while (v == NULL) {
			struct buf why;
			int err;
			buf_init(&why, 1000);
			nomem_left = n++;
			v = verdict_parse(&r, &why);
			err = errno;
			nomem_left = -1;
			assert_true(v != NULL || err == ENOMEM);
			assert_int_equal(why.n, 0);
			buf_clear(&why);
		}
		assert_in_range(n, 4, 100);
		verdict_free(v);
	}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_lists),
		cmocka_unit_test(bounds_values_and_notes),
		cmocka_unit_test(survives_damage),
#ifndef NOMEM_WHY
		cmocka_unit_test(survives_lack_of_memory),
#endif
	};

#ifdef NOMEM_WHY
	puts("ok - survives_lack_of_memory # SKIP " NOMEM_WHY);
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
