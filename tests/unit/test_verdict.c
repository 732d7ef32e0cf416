/* filter-rspamd/verdict and verdict_json */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/message/edit.h"
#include "filter-rspamd/verdict.h"
#include "filter-rspamd/verdict_json.h"
#include "tests/unit/guard.h"
#include "tests/unit/nomem.h"

#define OUT_MAX (16u * 1024 * 1024)

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

static void
show(struct buf *b, const char *name, struct str s)
{
	buf_fmt(b, " %s[", name);
	buf_str(b, s);
	buf_chr(b, ']');
}

static void
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

static void
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
static char *
outcome(const struct verdict_reply *r)
{
	struct verdict_reply guarded = *r;
	struct verdict *v;
	struct buf b;

	buf_init(&b, OUT_MAX);
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

static void
assert_outcome(
    int status, const char *offset, const char *body, const char *want)
{
	struct verdict_reply r = { status, str_c(offset), str_c(body) };
	char *got = outcome(&r);

	assert_string_equal(got, want);
	free(got);
}

#define ACT "{\"action\":\"no action\","

static const struct {
	const char *body, *want;
} replies[] = {
	/* actions */
	{ "{\"action\":\"no action\"}", "NO_ACTION" },
	{ "{\"action\":\"greylist\"}", "GREYLIST" },
	{ "{\"action\":\"add header\"}", "ADD_HEADER" },
	{ "{\"action\":\"rewrite subject\",\"subject\":\"s\"}",
	    "REWRITE_SUBJECT subject[s]" },
	{ "{\"action\":\"rewrite subject\"}",
	    "REWRITE_SUBJECT note[subject: missing, no string or too long]" },
	{ "{\"action\":\"soft reject\"}", "SOFT_REJECT" },
	{ "{\"action\":\"reject\"}", "REJECT" },
	{ "{\"action\":\"quarantine\"}", "QUARANTINE" },
	{ "{\"action\":\"discard\"}", "DISCARD" },
	{ "{\"action\":\"custom\"}", "CUSTOM note[action custom: not known]" },
	{ "{\"action\":\"\"}", "CUSTOM note[action : not known]" },
	{ "{\"action\":\"no\",\"action\":\"reject\"}", "REJECT" },
	{ "{\"action\":\"x\",\"reject\":\"discard\"}", "DISCARD" },
	{ "{\"action\":\"x\",\"reject\":\"quarantine\"}", "QUARANTINE" },
	{ "{\"action\":\"reject\",\"reject\":5}",
	    "REJECT note[reject: neither discard nor quarantine]" },
	/* scores */
	{ ACT "\"score\":4.500000,\"required_score\":15.0}",
	    "NO_ACTION score=4.5 required=15" },
	{ ACT "\"score\":-3,\"required_score\":null}", "NO_ACTION score=-3" },
	{ ACT "\"score\":\"5\",\"required_score\":[]}",
	    "NO_ACTION note[score: no number; required_score: no number]" },
	{ ACT "\"score\":nan,\"required_score\":-inf}",
	    "NO_ACTION note[reply: no JSON before it was repaired]" },
	{ ACT "\"score\":1e999}",
	    "NO_ACTION note[reply: no JSON before it was repaired]" },
	{ ACT "\"score\":123456789012345678901234567890}",
	    "NO_ACTION score=1.23457e+29" },
	{ ACT "\"is_skipped\":true}", "NO_ACTION skipped" },
	{ ACT "\"is_skipped\":1,\"thresholds\":{\"reject\":15}}", "NO_ACTION" },
	/* messages */
	{ ACT "\"messages\":{\"smtp_message\":\"a\\nb\",\"other\":1}}",
	    "NO_ACTION text[a\nb]" },
	{ ACT "\"messages\":[\"a\",\"b\"]}", "NO_ACTION" },
	{ ACT "\"messages\":{\"smtp_message\":[\"a\"]}}",
	    "NO_ACTION note[smtp_message: no string]" },
	{ ACT "\"messages\":null,\"subject\":\"not used\"}", "NO_ACTION" },
	/* signatures */
	{ ACT "\"dkim-signature\":\"v=1\\n\\tx\"}", "NO_ACTION sig[v=1\n\tx]" },
	{ ACT "\"dkim-signature\":[\"a\",\"\",5,\"b\"]}",
	    "NO_ACTION sig[a] sig[b] "
	    "note[reply DKIM-Signature: value is no string]" },
	{ ACT "\"dkim-signature\":{}}",
	    "NO_ACTION note[reply DKIM-Signature: value is no string]" },
	/* symbols */
	{ ACT "\"symbols\":{\"B\":{\"name\":\"B\",\"score\":1.5,\"options\":"
	      "[\"x\"]},\"A\":{},\"C\":3}}",
	    "NO_ACTION symbol(B=1.5) symbol(A=0) symbol(C=0)" },
	{ ACT "\"symbols\":[]}", "NO_ACTION" },
};

static const struct {
	const char *block, *want;
} milters[] = {
	{ "null", "note[milter: no object]" },
	{ "{}", "" },
	{ "{\"unknown\":[]}", "" },
	/* remove_headers */
	{ "{\"remove_headers\":{\"A\":0,\"B\":-1,\"C\":300,\"D\":[1,3]}}",
	    "remove(A 0) remove(B -1) remove(C 300) remove(D 1) remove(D 3)" },
	{ "{\"remove_headers\":{\"A\":1.9,\"B\":-1.9,\"C\":-0.5}}",
	    "remove(A 1) remove(B -1) remove(C 0)" },
	{ "{\"remove_headers\":{\"A\":99999999999999999999,\"B\":-1e300}}",
	    "remove(A 1000000000) remove(B -1000000000)" },
	{ "{\"remove_headers\":{\"A\":\"0\",\"B\":[[1],2,null]}}",
	    "remove(B 2) note[remove_headers A: no number; "
	    "remove_headers B: no number; remove_headers B: no number]" },
	{ "{\"remove_headers\":[\"A\"]}", "note[remove_headers: no object]" },
	{ "{\"remove_headers\":{\"A\":[]}}", "" },
	/* add_headers */
	{ "{\"add_headers\":{\"A\":\"v\",\"B\":{\"value\":\"w\"}}}",
	    "add(A=v@-1) add(B=w@-1)" },
	{ "{\"add_headers\":{\"Z\":{\"order\":1,\"value\":\"v\"},"
	  "\"A\":{\"value\":\"w\",\"index\":-3}}}",
	    "add(Z=v@1) add(A=w@-3)" },
	{ "{\"add_headers\":{\"A\":{\"value\":\"v\",\"order\":0,\"index\":7}}}",
	    "add(A=v@0)" },
	{ "{\"add_headers\":{\"A\":[\"v\",{\"value\":\"w\",\"order\":2},5]}}",
	    "add(A=v@-1) add(A=w@2) note[add_headers A: value is no string]" },
	{ "{\"add_headers\":{\"A\":{\"value\":\"v\",\"order\":\"1\"}}}",
	    "add(A=v@-1) note[add_headers A: order is no number]" },
	{ "{\"add_headers\":{\"A\":{\"value\":\"v\",\"order\":1e99}}}",
	    "add(A=v@1000000000)" },
	{ "{\"add_headers\":{\"A\":5,\"B\":true,\"C\":{},\"D\":[[\"x\"]]}}",
	    "note[add_headers A: value is no string; "
	    "add_headers B: value is no string; "
	    "add_headers C: value is no string; "
	    "add_headers D: value is no string]" },
	{ "{\"add_headers\":{\"\":\"v\",\"a b\":\"v\",\"a\\nb\":\"v\"}}",
	    "note[add_headers : no field name; add_headers a b: no field name; "
	    "add_headers a\nb: no field name]" },
	{ "{\"add_headers\":{\"A\":\"\",\"B\":\"a\\u0000b\"}}",
	    "add(A=@-1) add(B=a" },
	{ "{\"add_headers\":\"x\"}", "note[add_headers: no object]" },
	{ "{\"add_headers\":{\"A\":\"1\",\"A\":\"2\",\"a\":\"3\"}}",
	    "add(A=2@-1) add(a=3@-1)" },
	/* the rest */
	{ "{\"spam_header\":\"Probably\"}", "spam(X-Spam=Probably@-1)" },
	{ "{\"spam_header\":{\"B\":\"1\",\"A\":\"2\",\"C\":3}}",
	    "spam(B=1@-1) spam(A=2@-1) "
	    "note[spam_header C: value is no string]" },
	{ "{\"spam_header\":[]}", "note[spam_header: no string or object]" },
	{ "{\"no_action\":true}", "no_action" },
	{ "{\"no_action\":false}", "" },
	{ "{\"no_action\":1}", "note[no_action: no boolean]" },
	{ "{\"reject\":\"discard\"}", "" },
	{ "{\"change_from\":\"a@b\",\"add_rcpt\":[],\"del_rcpt\":[\"c\"]}",
	    "note[change_from: not possible here; add_rcpt: not possible here;"
	    " del_rcpt: not possible here]" },
};

static const struct {
	int status;
	const char *offset, *body, *want;
} errors[] = {
	{ 200, "", "", "!no JSON" },
	{ 200, "", "x", "!no JSON" },
	{ 200, "", "<html>", "!no JSON" },
	{ 200, "", "{\"action\":\"no action\"", "!no JSON" },
	{ 200, "", "[{\"action\":\"no action\"}]", "!no action" },
	{ 200, "", "\"no action\"", "!no JSON" },
	{ 200, "", "{}", "!no action" },
	{ 200, "", "{\"action\":5}", "!no action" },
	{ 200, "", "{\"action\":null}", "!no action" },
	{ 200, "", "{\"default\":{\"action\":\"reject\"}}", "!no action" },
	{ 200, "", "{\"error\":\"oops\"}", "!no action: oops" },
	{ 500, "", "{\"error\":\"invalid command\"}",
	    "!HTTP 500: invalid command" },
	{ 500, "", "{\"action\":\"no action\"}", "!HTTP 500" },
	{ 201, "", "{\"action\":\"no action\"}", "!HTTP 201" },
	{ 302, "", "", "!HTTP 302" },
	{ 502, "", "<html>bad gateway</html>", "!HTTP 502" },
	{ 401, "", "{\"error\":[1]}", "!HTTP 401" },
	{ 200, "x", ACT "\"score\":1}", "!bad Message-Offset" },
	{ 200, "-1", ACT "\"score\":1}", "!bad Message-Offset" },
	{ 200, "99", ACT "\"score\":1}", "!bad Message-Offset" },
	{ 200, "99999999999999999999999", "{}", "!bad Message-Offset" },
	{ 200, "0", ACT "\"score\":1}", "!no JSON" },
	{ 200, "10", ACT "\"score\":1}", "!no JSON" },
};

static void
reads_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++)
		assert_outcome(200, "", replies[i].body, replies[i].want);
}

static void
reads_milter_blocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(milters) / sizeof(*milters); i++) {
		char body[1000], want[1000];
		(void)snprintf(
		    body, sizeof(body), ACT "\"milter\":%s}", milters[i].block);
		(void)snprintf(want, sizeof(want), "NO_ACTION%s%s",
		    milters[i].want[0] == '\0' ? "" : " ", milters[i].want);
		assert_outcome(200, "", body, want);
	}
	assert_outcome(200, "",
	    "{\"action\":\"reject\",\"milter\":{\"reject\":\"discard\"}}",
	    "DISCARD");
	assert_outcome(200, "",
	    "{\"milter\":{\"reject\":\"quarantine\"},\"action\":\"reject\"}",
	    "QUARANTINE");
	assert_outcome(200, "",
	    "{\"action\":\"reject\",\"milter\":{\"reject\":\"accept\"}}",
	    "REJECT note[reject: neither discard nor quarantine]");
}

static void
tells_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		assert_outcome(errors[i].status, errors[i].offset,
		    errors[i].body, errors[i].want);
}

static void
finds_the_body(void **state)
{
	static const char body[] = "{\"action\":\"no action\"}\xff new\r\nbody";

	(void)state;
	assert_outcome(200, "22", body, "NO_ACTION body[\xff new\r\nbody]");
	assert_outcome(200, " 22 ", body, "NO_ACTION body[\xff new\r\nbody]");
	assert_outcome(
	    200, "22", "{\"action\":\"no action\"}", "NO_ACTION body[]");
	assert_outcome(
	    200, "24", "{\"action\":\"no action\"} \nx", "NO_ACTION body[x]");
	assert_outcome(200, "", "{\"action\":\"no action\"} x",
	    "NO_ACTION note[reply: more after the JSON]");
}

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
reads_repaired_replies(void **state)
{
	(void)state;
	assert_outcome(200, "",
	    "{\"action\":\"reject\",\"messages\":{\"smtp_message\":\"caf\xe9 "
	    "refus\xe9\"}}",
	    "REJECT text[caf? refus?] "
	    "note[reply: no JSON before it was repaired]");
	assert_outcome(200, "",
	    ACT "\"milter\":{\"add_headers\":{\"A\":\"a\rb\"}}}",
	    "NO_ACTION add(A=a?b@-1) "
	    "note[reply: no JSON before it was repaired]");
	assert_outcome(200, "", ACT "\"symbols\":{\"a\\u0000b\":{}}}",
	    "NO_ACTION symbol(a?b=0) "
	    "note[reply: no JSON before it was repaired]");
}

/* Builds a reply whose milter block or symbols have n members. */
static char *
many(const char *head, const char *member, size_t n, const char *tail)
{
	struct buf b;

	buf_init(&b, OUT_MAX);
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
bounds_depth_values_and_bytes(void **state)
{
	char *body;

	(void)state;
	for (int over = 0; over < 2; over++) {
		char text[200] = ACT "\"x\":";
		size_t n = strlen(text), depth = VERDICT_DEPTH_MAX - 1;
		depth += (size_t)over;
		memset(text + n, '[', depth);
		memset(text + n + depth, ']', depth);
		(void)snprintf(
		    text + n + 2 * depth, sizeof(text) - n - 2 * depth, "}");
		assert_outcome(200, "", text, over ? "!no JSON" : "NO_ACTION");
		/* 3 for the object, its comma and the array */
		body = many(ACT "\"x\":[", "%d",
		    VERDICT_VALUES_MAX - 3 + (size_t)over, "]}");
		assert_outcome(200, "", body, over ? "!no JSON" : "NO_ACTION");
		free(body);
		body = malloc(VERDICT_JSON_MAX + 2);
		assert_non_null(body);
		n = (size_t)snprintf(body, 100, ACT "\"x\":\"");
		memset(body + n, ',', VERDICT_JSON_MAX + 2 - n);
		(void)snprintf(body + VERDICT_JSON_MAX - 2 + over, 3, "\"}");
		assert_outcome(
		    200, "", body, over ? "!too much JSON" : "NO_ACTION");
		free(body);
	}
}

static void
bounds_values_and_notes(void **state)
{
	struct buf b;

	(void)state;
	for (int over = 0; over < 2; over++) {
		buf_init(&b, OUT_MAX);
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
		cmocka_unit_test(reads_replies),
		cmocka_unit_test(reads_milter_blocks),
		cmocka_unit_test(tells_errors),
		cmocka_unit_test(finds_the_body),
		cmocka_unit_test(repairs),
		cmocka_unit_test(reads_repaired_replies),
		cmocka_unit_test(bounds_lists),
		cmocka_unit_test(bounds_depth_values_and_bytes),
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
