#include <errno.h>
#include <stdlib.h>

#include <jansson.h>

#include "common/message/edit.h"
#include "filter-rspamd/verdict.h"
#include "filter-rspamd/verdict_json.h"

#define SHOWN_MAX 60 /* bytes of a name in a note */
#define ERROR_MAX 150 /* bytes of rspamd's error text */
#define FIRST_CAP 8 /* elements of the first allocation of a list */

/* The verdict with what owns the memory behind its views. */
struct parsed {
	struct verdict v; /* first */
	struct verdict_json json;
	struct buf notes;
	struct verdict_remove *removes;
	struct verdict_add *adds;
	struct verdict_add *spams;
	struct str *sigs;
	struct verdict_symbol *symbols;
	bool no_memory;
	bool full; /* a list was, and that is noted */
};

static const struct {
	const char *name;
	enum verdict_action action;
} actions[] = {
	{ "no action", VERDICT_NO_ACTION },
	{ "greylist", VERDICT_GREYLIST },
	{ "add header", VERDICT_ADD_HEADER },
	{ "rewrite subject", VERDICT_REWRITE_SUBJECT },
	{ "soft reject", VERDICT_SOFT_REJECT },
	{ "reject", VERDICT_REJECT },
	{ "quarantine", VERDICT_QUARANTINE },
	{ "discard", VERDICT_DISCARD },
};

static struct str
text(const json_t *j)
{
	return str_n(json_string_value(j), json_string_length(j));
}

/* "where: what", or "where name: what". */
static void
note(struct parsed *p, const char *where, const char *name, const char *what)
{
	buf_fmt(&p->notes, "%s%s%s%.*s: %s", p->notes.n > 0 ? "; " : "", where,
	    name == NULL ? "" : " ", SHOWN_MAX, name == NULL ? "" : name, what);
}

/*
 * Room for one more element in a list of n, which doubles when n is a power
 * of two.  Returns the list, old or new; NULL if n is max, or without memory.
 */
static void *
more(struct parsed *p, void *list, size_t n, size_t max, size_t size)
{
	if (n >= max) {
		if (!p->full)
			note(p, "reply", NULL, "too many header changes");
		p->full = true;
		return NULL;
	}
	if (n != 0 && (n < FIRST_CAP || (n & (n - 1)) != 0))
		return list;
	list = realloc(list, (n == 0 ? FIRST_CAP : n * 2) * size);
	if (list == NULL)
		p->no_memory = true;
	return list;
}

static void
push_remove(struct parsed *p, const char *name, int32_t index)
{
	struct verdict_remove *list;

	list = more(
	    p, p->removes, p->v.nremoves, VERDICT_REMOVES_MAX, sizeof(*list));
	if (list == NULL)
		return;
	p->removes = list;
	list[p->v.nremoves++] = (struct verdict_remove){ str_c(name), index };
}

static bool
is_usable(
    struct parsed *p, const char *where, const char *name, const json_t *value)
{
	const char *why = NULL;

	if (!edit_is_name(str_c(name)))
		why = "no field name";
	else if (!json_is_string(value))
		why = "value is no string";
	else if (json_string_length(value) > EDIT_VALUE_MAX)
		why = "value too long";
	if (why != NULL)
		note(p, where, name, why);
	return why == NULL;
}

static void
push_add(struct parsed *p, const char *name, const json_t *value, int32_t order)
{
	struct verdict_add *list;

	if (!is_usable(p, "add_headers", name, value))
		return;
	list = more(p, p->adds, p->v.nadds, VERDICT_ADDS_MAX, sizeof(*list));
	if (list == NULL)
		return;
	p->adds = list;
	list[p->v.nadds++] =
	    (struct verdict_add){ str_c(name), text(value), order };
}

static void
push_spam(struct parsed *p, const char *name, const json_t *value)
{
	struct verdict_add *list;

	if (!is_usable(p, "spam_header", name, value))
		return;
	list = more(p, p->spams, p->v.nspams, VERDICT_SPAMS_MAX, sizeof(*list));
	if (list == NULL)
		return;
	p->spams = list;
	list[p->v.nspams++] = (struct verdict_add){ str_c(name), text(value),
		VERDICT_ORDER_LAST };
}

static void
push_sig(struct parsed *p, const json_t *value)
{
	struct str *list;

	if (!is_usable(p, "reply", "DKIM-Signature", value) ||
	    json_string_length(value) == 0)
		return;
	list = more(p, p->sigs, p->v.nsigs, VERDICT_SIGS_MAX, sizeof(*list));
	if (list == NULL)
		return;
	p->sigs = list;
	list[p->v.nsigs++] = text(value);
}

/* A number of any size as an order or index. */
static int32_t
to_order(const json_t *j)
{
	double d = json_number_value(j);

	if (d > VERDICT_ORDER_MAX)
		return VERDICT_ORDER_MAX;
	if (d < -VERDICT_ORDER_MAX)
		return -VERDICT_ORDER_MAX;
	return (int32_t)d;
}

static void
read_removes(struct parsed *p, json_t *j)
{
	const char *name;
	json_t *value, *one;
	size_t i;

	if (j != NULL && !json_is_object(j))
		note(p, "remove_headers", NULL, "no object");
	json_object_foreach(j, name, value)
	{
		if (json_is_number(value))
			push_remove(p, name, to_order(value));
		else if (!json_is_array(value))
			note(p, "remove_headers", name, "no number");
		json_array_foreach(value, i, one)
		{
			if (json_is_number(one))
				push_remove(p, name, to_order(one));
			else
				note(p, "remove_headers", name, "no number");
		}
	}
}

/* A value of add_headers, or of an array in it. */
static void
read_add(struct parsed *p, const char *name, json_t *j)
{
	json_t *order;

	if (!json_is_object(j)) {
		push_add(p, name, j, VERDICT_ORDER_LAST);
		return;
	}
	order = json_object_get(j, "order");
	if (order == NULL)
		order = json_object_get(j, "index");
	if (order != NULL && !json_is_number(order)) {
		note(p, "add_headers", name, "order is no number");
		order = NULL;
	}
	push_add(p, name, json_object_get(j, "value"),
	    order == NULL ? VERDICT_ORDER_LAST : to_order(order));
}

static void
read_adds(struct parsed *p, json_t *j)
{
	const char *name;
	json_t *value, *one;
	size_t i;

	if (j != NULL && !json_is_object(j))
		note(p, "add_headers", NULL, "no object");
	json_object_foreach(j, name, value)
	{
		if (!json_is_array(value))
			read_add(p, name, value);
		json_array_foreach(value, i, one)
		{
			read_add(p, name, one);
		}
	}
}

static void
read_spam_header(struct parsed *p, json_t *j)
{
	const char *name;
	json_t *value;

	if (json_is_string(j))
		push_spam(p, "X-Spam", j);
	else if (j != NULL && !json_is_object(j))
		note(p, "spam_header", NULL, "no string or object");
	json_object_foreach(j, name, value)
	{
		push_spam(p, name, value);
	}
}

/* "reject", of the reply or of its milter block. */
static void
read_reject(struct parsed *p, const json_t *j)
{
	if (j == NULL)
		return;
	if (json_is_string(j) && str_eq(text(j), STR("discard")))
		p->v.action = VERDICT_DISCARD;
	else if (json_is_string(j) && str_eq(text(j), STR("quarantine")))
		p->v.action = VERDICT_QUARANTINE;
	else
		note(p, "reject", NULL, "neither discard nor quarantine");
}

static void
read_milter(struct parsed *p, json_t *j)
{
	static const char *const impossible[] = { "change_from", "add_rcpt",
		"del_rcpt" };
	json_t *no_action = json_object_get(j, "no_action");

	if (j != NULL && !json_is_object(j))
		note(p, "milter", NULL, "no object");
	read_removes(p, json_object_get(j, "remove_headers"));
	read_adds(p, json_object_get(j, "add_headers"));
	read_spam_header(p, json_object_get(j, "spam_header"));
	if (p->v.action == VERDICT_REJECT)
		read_reject(p, json_object_get(j, "reject"));
	p->v.no_action = json_is_true(no_action);
	if (no_action != NULL && !json_is_boolean(no_action))
		note(p, "no_action", NULL, "no boolean");
	for (size_t i = 0; i < sizeof(impossible) / sizeof(*impossible); i++)
		if (json_object_get(j, impossible[i]) != NULL)
			note(p, impossible[i], NULL, "not possible here");
}

static void
read_sigs(struct parsed *p, json_t *j)
{
	json_t *one;
	size_t i;

	if (j != NULL && !json_is_array(j))
		push_sig(p, j);
	json_array_foreach(j, i, one)
	{
		push_sig(p, one);
	}
}

static void
read_symbols(struct parsed *p, json_t *j)
{
	struct verdict_symbol *list;
	const char *name;
	json_t *value;
	size_t n;

	n = json_object_size(j);
	if (n > VERDICT_SYMBOLS_MAX)
		n = VERDICT_SYMBOLS_MAX;
	if (n == 0)
		return;
	list = malloc(n * sizeof(*list));
	p->no_memory = p->no_memory || list == NULL;
	if (list == NULL)
		return;
	p->symbols = list;
	json_object_foreach(j, name, value)
	{
		if (p->v.nsymbols == n)
			break;
		list[p->v.nsymbols++] = (struct verdict_symbol){ str_c(name),
			json_number_value(json_object_get(value, "score")) };
	}
}

static void
read_score(struct parsed *p, const char *name, bool *has, double *score)
{
	json_t *j = json_object_get(p->json.root, name);

	*has = json_is_number(j);
	*score = json_number_value(j);
	if (j != NULL && !json_is_number(j) && !json_is_null(j))
		note(p, name, NULL, "no number");
}

/* An array of messages is what rspamd's old versions send: no text. */
static void
read_text(struct parsed *p)
{
	json_t *messages = json_object_get(p->json.root, "messages");
	json_t *j = json_object_get(messages, "smtp_message");

	if (json_is_string(j))
		p->v.text = text(j);
	else if (j != NULL)
		note(p, "smtp_message", NULL, "no string");
}

static void
read_subject(struct parsed *p)
{
	json_t *j = json_object_get(p->json.root, "subject");

	if (p->v.action != VERDICT_REWRITE_SUBJECT)
		return;
	p->v.has_subject =
	    json_is_string(j) && json_string_length(j) <= EDIT_VALUE_MAX;
	if (p->v.has_subject)
		p->v.subject = text(j);
	else
		note(p, "subject", NULL, "missing, no string or too long");
}

static void
read_action(struct parsed *p, const json_t *j)
{
	p->v.action_name = text(j);
	p->v.action = VERDICT_CUSTOM;
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (str_ieq(p->v.action_name, str_c(actions[i].name)))
			p->v.action = actions[i].action;
	read_reject(p, json_object_get(p->json.root, "reject"));
	if (p->v.action == VERDICT_CUSTOM)
		note(p, "action", json_string_value(j), "not known");
}

/* Where a rewritten body begins.  -1 if the header is not to be believed. */
static int
find_body(const struct verdict_reply *r, struct verdict *v, struct str *json)
{
	uint64_t offset;

	*json = r->body;
	if (r->offset.n == 0)
		return 0;
	if (str_u64(str_trim(r->offset), r->body.n, &offset) == -1)
		return -1;
	*json = str_head(r->body, (size_t)offset);
	v->has_body = true;
	v->body = str_from(r->body, (size_t)offset);
	return 0;
}

/* Says why a reply is no verdict: its status, and its "error" if it has one. */
static void
explain(const struct verdict_reply *r, const json_t *root, struct buf *why,
    const char *what)
{
	json_t *error = json_object_get(root, "error");

	if (r->status != 200)
		buf_fmt(why, "HTTP %d", r->status);
	else
		buf_fmt(why, "%s", what);
	if (json_is_string(error))
		buf_fmt(why, ": %.*s", ERROR_MAX, json_string_value(error));
}

/* Fills p from the reply.  Returns 0, or the errno of verdict_parse(). */
static int
read_reply(struct parsed *p, const struct verdict_reply *r, struct buf *why)
{
	struct str json;
	const char *what = "no JSON";
	const json_t *action;

	errno = EBADMSG;
	if (find_body(r, &p->v, &json) == -1)
		what = "bad Message-Offset";
	else if (json.n > VERDICT_JSON_MAX)
		what = "too much JSON";
	else
		(void)verdict_json_parse(json, &p->json);
	if (p->json.root == NULL) {
		if (errno == EBADMSG)
			explain(r, NULL, why, what);
		return errno;
	}
	action = json_object_get(p->json.root, "action");
	if (r->status != 200 || !json_is_string(action)) {
		explain(r, p->json.root, why, "no action");
		return EBADMSG;
	}
	if (p->json.repaired)
		note(p, "reply", NULL, "no JSON before it was repaired");
	if (str_trim_fws(p->json.rest).n > 0)
		note(p, "reply", NULL, "more after the JSON");
	read_action(p, action);
	read_score(p, "score", &p->v.has_score, &p->v.score);
	read_score(p, "required_score", &p->v.has_required, &p->v.required);
	p->v.is_skipped =
	    json_is_true(json_object_get(p->json.root, "is_skipped"));
	read_text(p);
	read_subject(p);
	read_sigs(p, json_object_get(p->json.root, "dkim-signature"));
	read_symbols(p, json_object_get(p->json.root, "symbols"));
	read_milter(p, json_object_get(p->json.root, "milter"));
	return p->no_memory ? ENOMEM : 0;
}

struct verdict *
verdict_parse(const struct verdict_reply *r, struct buf *why)
{
	struct parsed *p = calloc(1, sizeof(*p));
	int err;

	if (p == NULL)
		return NULL;
	buf_init(&p->notes, VERDICT_NOTES_MAX);
	err = read_reply(p, r, why);
	if (err != 0) {
		verdict_free(&p->v);
		errno = err;
		return NULL;
	}
	p->v.removes = p->removes;
	p->v.adds = p->adds;
	p->v.spams = p->spams;
	p->v.sigs = p->sigs;
	p->v.symbols = p->symbols;
	p->v.notes = buf_view(&p->notes);
	return &p->v;
}

bool
verdict_is_object(struct str text)
{
	json_t *json = json_loadb(text.p, text.n, 0, NULL);
	bool is = json_is_object(json);

	json_decref(json);
	return is;
}

void
verdict_free(struct verdict *v)
{
	struct parsed *p = (struct parsed *)(void *)v;

	if (v == NULL)
		return;
	verdict_json_clear(&p->json);
	buf_clear(&p->notes);
	free(p->removes);
	free(p->adds);
	free(p->spams);
	free(p->sigs);
	free(p->symbols);
	free(p);
}
