/* filter-rspamd/verdict */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/told.h"

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
	/* empty keys, as rspamd writes them */
	assert_outcome(200, "",
	    ACT
	    "\"milter\":{\"add_headers\":{\"A\":\"v\",null:\"w\"},null:[]}}",
	    "NO_ACTION add(A=v@-1) "
	    "note[reply: no JSON before it was repaired; "
	    "add_headers : no field name]");
	assert_outcome(200, "", ACT "\"symbols\":{\"a\\u0000b\":{}}}",
	    "NO_ACTION symbol(a?b=0) "
	    "note[reply: no JSON before it was repaired]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_replies),
		cmocka_unit_test(reads_milter_blocks),
		cmocka_unit_test(tells_errors),
		cmocka_unit_test(finds_the_body),
		cmocka_unit_test(reads_repaired_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
