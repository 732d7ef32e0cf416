/*
 * Verdicts from JSON, and what they do to a header, as text.
 */
#ifndef TESTS_UNIT_APPLIED_H
#define TESTS_UNIT_APPLIED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-rspamd/apply.h"
#include "tests/unit/guard.h"

#define APPLIED_MAX (8u * 1024 * 1024)

#define TOP "Received: us\n\tfor b\n"
#define REST "From: a\nX-A: 1\nx-a : 2\n\tx\nX-A: 3\nSubject: Lunch\n"

static inline struct verdict *
parse(const char *json)
{
	struct verdict_reply r = { 200, STR_NULL, str_c(json) };
	struct verdict *v;
	struct buf why;

	buf_init(&why, 1000);
	v = verdict_parse(&r, &why);
	assert_int_equal(why.n, 0);
	assert_non_null(v);
	return v;
}

/* The changed header, or the reply and no header. */
static inline char *
outcome(const char *json, const struct apply_options *o, const char *header)
{
	struct verdict *v = parse(json);
	struct str block = guard_copy(str_c(header));
	struct apply a;
	struct buf b;

	buf_init(&b, APPLIED_MAX);
	assert_int_equal(apply_verdict(v, o, block, &a), 0);
	assert_true(!a.junk || (a.spam && a.edit != NULL));
	if (a.refused) {
		assert_null(a.edit);
		assert_false(a.has_body);
		buf_fmt(&b, "%d %s ", a.code, a.status);
		buf_str(&b, a.text);
	} else if (a.edit == NULL) {
		buf_str(&b, block);
	} else {
		assert_true(edit_changed(a.edit));
		edit_write(a.edit, &b);
	}
	edit_free(a.edit);
	verdict_free(v);
	guard_free(block);
	buf_chr(&b, '\0');
	assert_false(buf_failed(&b));
	return b.p;
}

static inline void
assert_outcome_with(const struct apply_options *o, const char *json,
    const char *header, const char *want)
{
	char *got = outcome(json, o, header);

	assert_string_equal(got, want);
	free(got);
}

static inline void
assert_outcome(const char *json, const char *header, const char *want)
{
	static const struct apply_options o = { .score = APPLY_SCORE_NEVER,
		.quarantine = APPLY_JUNK };

	assert_outcome_with(&o, json, header, want);
}

#endif
