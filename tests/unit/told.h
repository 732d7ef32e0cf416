/*
 * What a reply of rspamd says, as text.
 */
#ifndef TESTS_UNIT_TOLD_H
#define TESTS_UNIT_TOLD_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-rspamd/verdict.h"
#include "tests/unit/guard.h"

#define ACT "{\"action\":\"no action\","

#define TOLD_MAX (16u * 1024 * 1024)

static const char *const action_names[] = {
	[VERDICT_NO_ACTION] = "NO_ACTION",
	[VERDICT_GREYLIST] = "GREYLIST",
	[VERDICT_ADD_HEADER] = "ADD_HEADER",
	[VERDICT_REWRITE_SUBJECT] = "REWRITE_SUBJECT",
	[VERDICT_SOFT_REJECT] = "SOFT_REJECT",
	[VERDICT_REJECT] = "REJECT",
	[VERDICT_QUARANTINE] = "QUARANTINE",
	[VERDICT_DISCARD] = "DISCARD",
	[VERDICT_CUSTOM] = "CUSTOM",
};

static inline void
show(struct buf *b, const char *name, struct str s)
{
	buf_fmt(b, " %s[", name);
	buf_str(b, s);
	buf_chr(b, ']');
}

static inline void
show_adds(
    struct buf *b, const char *what, const struct verdict_add *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_fmt(b, " %s(", what);
		buf_str(b, a[i].name);
		buf_chr(b, '=');
		buf_str(b, a[i].value);
		buf_fmt(b, "@%d)", a[i].order);
	}
}

static inline void
show_verdict(struct buf *b, const struct verdict *v)
{
	buf_fmt(b, "%s", action_names[v->action]);
	if (v->has_score)
		buf_fmt(b, " score=%g", v->score);
	if (v->has_required)
		buf_fmt(b, " required=%g", v->required);
	if (v->is_skipped)
		buf_fmt(b, " skipped");
	if (v->text.n > 0)
		show(b, "text", v->text);
	if (v->has_subject)
		show(b, "subject", v->subject);
	if (v->no_action)
		buf_fmt(b, " no_action");
	for (size_t i = 0; i < v->nremoves; i++) {
		buf_fmt(b, " remove(");
		buf_str(b, v->removes[i].name);
		buf_fmt(b, " %d)", v->removes[i].index);
	}
	show_adds(b, "add", v->adds, v->nadds);
	show_adds(b, "spam", v->spams, v->nspams);
	for (size_t i = 0; i < v->nsigs; i++)
		show(b, "sig", v->sigs[i]);
	for (size_t i = 0; i < v->nsymbols; i++) {
		buf_fmt(b, " symbol(");
		buf_str(b, v->symbols[i].name);
		buf_fmt(b, "=%g)", v->symbols[i].score);
	}
	if (v->has_body)
		show(b, "body", v->body);
	if (v->notes.n > 0)
		show(b, "note", v->notes);
}

/* What a reply says, or "!" and why it says nothing. */
static inline char *
outcome(const struct verdict_reply *r)
{
	struct verdict_reply guarded = *r;
	struct verdict *v;
	struct buf b;

	buf_init(&b, TOLD_MAX);
	buf_chr(&b, '!');
	guarded.body = guard_copy(r->body);
	guarded.offset = guard_copy(r->offset);
	v = verdict_parse(&guarded, &b);
	if (v == NULL) {
		assert_int_equal(errno, EBADMSG);
	} else {
		assert_int_equal(b.n, 1);
		buf_reset(&b);
		show_verdict(&b, v);
	}
	verdict_free(v);
	guard_free(guarded.body);
	guard_free(guarded.offset);
	buf_chr(&b, '\0');
	return b.p;
}

static inline void
assert_outcome(
    int status, const char *offset, const char *body, const char *want)
{
	struct verdict_reply r = { status, str_c(offset), str_c(body) };
	char *got = outcome(&r);

	assert_string_equal(got, want);
	free(got);
}

#endif
