#include <stdlib.h>

#include "common/message/header.h"
#include "filter-rspamd/apply.h"
#include "filter-rspamd/apply_remove.h"
#include "filter-rspamd/apply_score.h"

#define VALUE_MAX (2 * APPLY_TESTS_MAX) /* bytes of a score header */

/* An edit and where the fields that count begin and end in it. */
struct work {
	struct edit *e;
	size_t top;
	size_t end;
	bool no_memory;
};

static const struct str arc_names[] = {
	STR("ARC-Authentication-Results"),
	STR("ARC-Message-Signature"),
	STR("ARC-Seal"),
};
#define ARC_NAMES (sizeof(arc_names) / sizeof(*arc_names))

static size_t
find_end(const struct edit *e, size_t top)
{
	while (top < edit_count(e) && !header_ends(edit_raw(e, top)))
		top++;
	return top;
}

/* How many fields this host put on top: none without its Received. */
static size_t
count_top(const struct edit *e, size_t end)
{
	for (size_t i = 0; i < end; i++) {
		struct str name = edit_name(e, i);
		if (str_ieq(name, STR("Received")))
			return i + 1;
		if (str_ieq(name, STR("From")) || str_ieq(name, STR("To")) ||
		    str_ieq(name, STR("Subject")) || str_ieq(name, STR("Date")))
			break;
	}
	return 0;
}

static int
work_init(struct work *w, struct str header)
{
	*w = (struct work){ .e = edit_new(header) };
	if (w->e == NULL)
		return -1;
	w->end = find_end(w->e, 0);
	w->top = count_top(w->e, w->end);
	return 0;
}

static void
insert(struct work *w, size_t pos, struct str name, struct str value)
{
	if (edit_insert(w->e, pos, name, value) == -1) {
		w->no_memory = true;
		return;
	}
	w->end++;
	if (pos < w->top)
		w->top++;
}

static void
append(struct work *w, struct str name, struct str value)
{
	insert(w, w->end, name, value);
}

static void
insert_order(struct work *w, struct str name, struct str value, int32_t order)
{
	size_t fields = w->end - w->top, n;

	if (order == 0) {
		insert(w, 0, name, value);
		return;
	}
	n = (size_t)(order > 0 ? order : -order) - 1;
	if (order > 0)
		insert(w, n < fields ? w->top + n : w->end, name, value);
	else
		insert(w, n == 0 || n < fields ? w->end - n : 0, name, value);
}

static void
remove_all(struct work *w, struct str name)
{
	const struct verdict_remove all = { name, 0 };
	long taken = apply_remove(w->e, w->top, &all, 1);

	if (taken == -1)
		w->no_memory = true;
	else
		w->end -= (size_t)taken;
}

/* Removes all of this name and appends one. */
static void
set(struct work *w, struct str name, struct str value)
{
	remove_all(w, name);
	append(w, name, value);
}

/* The same, but as for the milter an empty value makes no field. */
static void
replace(struct work *w, const struct verdict_add *field)
{
	remove_all(w, field->name);
	if (field->value.n > 0)
		append(w, field->name, field->value);
}

/* Where in an ARC set, from the bottom, an addition belongs; -1: nowhere. */
static int
arc_rank(const struct verdict_add *add)
{
	for (size_t i = 0; add->order == 1 && i < ARC_NAMES; i++)
		if (str_ieq(add->name, arc_names[i]))
			return (int)i;
	return -1;
}

static void
add_fields(struct work *w, const struct verdict *v)
{
	static const int ranks[] = { -1, 0, 1, 2 };

	for (size_t r = 0; r < sizeof(ranks) / sizeof(*ranks); r++) {
		for (size_t i = 0; i < v->nadds; i++) {
			const struct verdict_add *add = &v->adds[i];
			if (arc_rank(add) == ranks[r])
				insert_order(
				    w, add->name, add->value, add->order);
		}
	}
	for (size_t i = 0; i < v->nsigs; i++)
		insert_order(
		    w, STR("DKIM-Signature"), v->sigs[i], (int32_t)i + 1);
}

static void
rewrite_subject(struct work *w, struct str subject)
{
	static const struct str name = STR("Subject");
	size_t i;

	for (i = w->top; i < w->end; i++)
		if (str_ieq(edit_name(w->e, i), name))
			break;
	if (subject.n > 0)
		insert(w, i++, name, subject);
	if (i < w->end && !w->no_memory) {
		edit_remove(w->e, i);
		w->end--;
	}
}

static bool
is_spam(enum verdict_action action)
{
	switch (action) {
	case VERDICT_ADD_HEADER:
	case VERDICT_REWRITE_SUBJECT:
	case VERDICT_REJECT:
	case VERDICT_QUARANTINE:
	case VERDICT_DISCARD:
		return true;
	case VERDICT_NO_ACTION:
	case VERDICT_GREYLIST:
	case VERDICT_SOFT_REJECT:
	case VERDICT_CUSTOM:
		break;
	}
	return false;
}

static bool
is_report(const struct verdict *v, const struct apply_options *o)
{
	return v->no_action || o->report_only;
}

static bool
has_spam_header(const struct verdict *v)
{
	return v->action == VERDICT_ADD_HEADER && v->nspams > 0;
}

static enum apply_map
map_of(const struct verdict *v, const struct apply_options *o)
{
	return v->action == VERDICT_DISCARD ? o->discard : o->quarantine;
}

/* Does the message get a mark that makes it junk? */
static bool
is_junk(const struct verdict *v, const struct apply_options *o)
{
	if (is_report(v, o))
		return false;
	if (v->action == VERDICT_DISCARD || v->action == VERDICT_QUARANTINE)
		return map_of(v, o) == APPLY_JUNK;
	if (v->action == VERDICT_REWRITE_SUBJECT)
		return !v->has_subject || v->subject.n > 0;
	if (!has_spam_header(v))
		return v->action == VERDICT_ADD_HEADER;
	for (size_t i = 0; i < v->nspams; i++)
		if (v->spams[i].value.n > 0)
			return true;
	return false;
}

/* The marks that the action asks for. */
static void
mark(struct work *w, const struct verdict *v, const struct apply_options *o)
{
	bool junk = false;

	switch (v->action) {
	case VERDICT_ADD_HEADER:
		for (size_t i = 0; i < v->nspams; i++)
			replace(w, &v->spams[i]);
		junk = !has_spam_header(v);
		break;
	case VERDICT_REWRITE_SUBJECT:
		if (v->has_subject)
			rewrite_subject(w, v->subject);
		junk = !v->has_subject;
		break;
	case VERDICT_QUARANTINE:
	case VERDICT_DISCARD:
		set(w, STR("X-Rspamd-Action"),
		    v->action == VERDICT_DISCARD ? STR("discard")
						 : STR("quarantine"));
		junk = map_of(v, o) == APPLY_JUNK;
		break;
	case VERDICT_NO_ACTION:
	case VERDICT_GREYLIST:
	case VERDICT_SOFT_REJECT:
	case VERDICT_REJECT:
	case VERDICT_CUSTOM:
		break;
	}
	if (junk)
		set(w, STR("X-Spam"), STR("Yes"));
}

/* As set, of a whole field. */
static void
set_raw(struct work *w, struct str name, struct str raw)
{
	remove_all(w, name);
	if (edit_insert_raw(w->e, w->end, raw) == -1)
		w->no_memory = true;
	else
		w->end++;
}

/* Does the message get such a field from rspamd? */
static bool
adds(const struct verdict *v, const struct apply_options *o, struct str name)
{
	bool marks = !is_report(v, o) && has_spam_header(v);

	for (size_t i = 0; i < v->nadds; i++)
		if (str_ieq(v->adds[i].name, name))
			return true;
	for (size_t i = 0; marks && i < v->nspams; i++)
		if (v->spams[i].value.n > 0 && str_ieq(v->spams[i].name, name))
			return true;
	return false;
}

static void
add_scores(struct work *w, const struct verdict *v,
    const struct apply_options *o, bool spam)
{
	static const struct str score = STR("X-Spam-Score");
	static const struct str status = STR("X-Spam-Status");
	struct buf b;

	if (!v->has_score)
		return;
	buf_init(&b, VALUE_MAX);
	apply_score_value(v, &b);
	if (!adds(v, o, score))
		set(w, score, buf_view(&b));
	w->no_memory = w->no_memory || buf_failed(&b);
	buf_reset(&b);
	apply_score_status(v, spam, &b);
	if (!adds(v, o, status))
		set_raw(w, status, buf_view(&b));
	w->no_memory = w->no_memory || buf_failed(&b);
	buf_clear(&b);
}

static void
refuse(struct apply *a, int code, const char *status, struct str text,
    struct str usual, struct str fallback)
{
	a->refused = true;
	a->code = code;
	a->status = status;
	a->text = str_trim_fws(text);
	if (a->text.n == 0)
		a->text = usual;
	if (a->text.n == 0)
		a->text = fallback;
}

/* Refuses the message if that is to be done. */
static void
decide(const struct verdict *v, const struct apply_options *o, struct apply *a)
{
	static const struct str no = STR("Spam message rejected");
	bool unmapped = false;

	switch (v->action) {
	case VERDICT_SOFT_REJECT:
		refuse(a, 451, "4.7.1", v->text, o->soft_text,
		    STR("Try again later"));
		break;
	case VERDICT_REJECT:
		refuse(a, 554, "5.7.1", v->text, o->reject_text, no);
		break;
	case VERDICT_QUARANTINE:
	case VERDICT_DISCARD:
		a->mapped = true;
		unmapped = map_of(v, o) == APPLY_REFUSE;
		break;
	case VERDICT_NO_ACTION:
	case VERDICT_GREYLIST:
	case VERDICT_ADD_HEADER:
	case VERDICT_REWRITE_SUBJECT:
	case VERDICT_CUSTOM:
		break;
	}
	if (unmapped)
		refuse(a, 554, "5.7.1", STR_NULL, o->reject_text, no);
}

static void
change(struct work *w, const struct verdict *v, const struct apply_options *o,
    bool spam)
{
	long taken = apply_remove(w->e, w->top, v->removes, v->nremoves);

	if (taken == -1) {
		w->no_memory = true;
		return;
	}
	w->end -= (size_t)taken;
	add_fields(w, v);
	if (is_report(v, o))
		set(w, STR("X-Rspamd-Action"),
		    str_head(v->action_name, APPLY_ACTION_MAX));
	else
		mark(w, v, o);
	if (o->score == APPLY_SCORE_ALWAYS ||
	    (o->score == APPLY_SCORE_SPAM && spam))
		add_scores(w, v, o, spam);
}

int
apply_verdict(const struct verdict *v, const struct apply_options *o,
    struct str header, struct apply *out)
{
	struct apply a = { .spam = is_spam(v->action) };
	struct work w;

	if (!is_report(v, o))
		decide(v, o, &a);
	if (a.refused) {
		*out = a;
		return 0;
	}
	if (work_init(&w, header) == -1)
		return -1;
	change(&w, v, o, a.spam);
	if (w.no_memory) {
		edit_free(w.e);
		return -1;
	}
	a.junk = is_junk(v, o);
	a.has_body = v->has_body && (is_report(v, o) || !has_spam_header(v));
	a.edit = edit_changed(w.e) ? w.e : NULL;
	if (a.edit == NULL)
		edit_free(w.e);
	*out = a;
	return 0;
}

struct edit *
apply_mark(struct str header, bool junk, struct str action)
{
	struct work w;

	if (work_init(&w, header) == -1)
		return NULL;
	set(&w, STR("X-Rspamd-Action"), action);
	if (junk)
		set(&w, STR("X-Spam"), STR("Yes"));
	if (w.no_memory) {
		edit_free(w.e);
		return NULL;
	}
	return w.e;
}
