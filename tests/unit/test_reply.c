/* common/protocol/reply */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/protocol/reply.h"
#include "common/protocol/wire.h"
#include "tests/unit/guard.h"

#define IDS "00000000000000a1|d100000000000002|"

static const struct reply_to to = { WIRE_V07, 0xa1, 0xd100000000000002u };

static const struct {
	enum phase phase;
	enum answer answer;
	const char *text;
	const char *line; /* NULL: refused */
} results[] = {
	{ PHASE_CONNECT, ANSWER_PROCEED, "ignored",
	    "filter-result|" IDS "proceed\n" },
	{ PHASE_DATA, ANSWER_JUNK, "", "filter-result|" IDS "junk\n" },
	{ PHASE_MAIL_FROM, ANSWER_REWRITE, "<a@b> SIZE=1",
	    "filter-result|" IDS "rewrite|<a@b> SIZE=1\n" },
	{ PHASE_COMMIT, ANSWER_REJECT, "550 5.7.1 No | thanks",
	    "filter-result|" IDS "reject|550 5.7.1 No | thanks\n" },
	{ PHASE_RCPT_TO, ANSWER_DISCONNECT, "421 x",
	    "filter-result|" IDS "disconnect|421 x\n" },
	{ PHASE_UNKNOWN, ANSWER_PROCEED, "", "filter-result|" IDS "proceed\n" },
	/* what smtpd would not survive or understand */
	{ PHASE_COMMIT, ANSWER_JUNK, "", NULL },
	{ PHASE_COMMIT, ANSWER_REWRITE, "x", NULL },
	{ PHASE_DATA, ANSWER_REWRITE, "x", NULL },
	{ PHASE_DATA_LINE, ANSWER_PROCEED, "", NULL },
	{ PHASE_DATA_LINE, ANSWER_REJECT, "550 no", NULL },
	{ PHASE_UNKNOWN, ANSWER_REJECT, "550 no", NULL },
	{ PHASE_HELO, ANSWER_REWRITE, "a\nb", NULL },
	{ PHASE_HELO, ANSWER_REWRITE, "a\rb", NULL },
	{ PHASE_HELO, ANSWER_REWRITE, "caf\xc3\xa9", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "550", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "550 ", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "550-5.7.1 x", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "250 ok", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "350 x", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "650 x", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "5x0 x", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "55x x", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "no", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "550 a\r\nb", NULL },
	{ PHASE_COMMIT, ANSWER_REJECT, "550 \x7f", NULL },
};

static void
test_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		struct str text = guard_copy(str_c(results[i].text));
		const char *want = results[i].line;
		struct buf b;

		buf_init(&b, 4096);
		assert_int_equal(reply_result(&b, &to, results[i].phase,
				     results[i].answer, text),
		    want == NULL ? -1 : 0);
		if (!str_eq(buf_view(&b), str_c(want)))
			fail_msg("case %zu: %.*s", i, (int)b.n, b.p);
		buf_clear(&b);
		guard_free(text);
	}
}

static int
with_text(enum answer a, size_t n, size_t room)
{
	char text[4096];
	struct buf b;
	int r;

	memset(text, 'x', sizeof(text));
	memcpy(text, "550 ", 4);
	buf_init(&b, room);
	r = reply_result(&b, &to, PHASE_MAIL_FROM, a, str_n(text, n));
	assert_true(b.n <= REPLY_RESULT_MAX);
	if (r == -1)
		assert_int_equal(b.n, 0);
	buf_clear(&b);
	return r;
}

static void
test_lengths(void **state)
{
	(void)state;
	assert_int_equal(with_text(ANSWER_REJECT, REPLY_TEXT_MAX, 4096), 0);
	assert_int_equal(
	    with_text(ANSWER_REJECT, REPLY_TEXT_MAX + 1, 4096), -1);
	assert_int_equal(
	    with_text(ANSWER_DISCONNECT, REPLY_TEXT_MAX + 1, 4096), -1);
	assert_int_equal(with_text(ANSWER_REWRITE, REPLY_PARAM_MAX, 4096), 0);
	assert_int_equal(
	    with_text(ANSWER_REWRITE, REPLY_PARAM_MAX + 1, 4096), -1);
	/* no room in the buffer: nothing is added */
	assert_int_equal(with_text(ANSWER_REJECT, 100, 64), -1);
}

static void
test_v04(void **state)
{
	const struct reply_to old = { WIRE_V04, 0xa1, 0xd1 };
	char prefix[REPLY_PREFIX_MAX];
	struct buf b;
	size_t n;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(
	    reply_result(&b, &old, PHASE_COMMIT, ANSWER_PROCEED, STR_NULL), 0);
	assert_true(str_eq(buf_view(&b),
	    STR("filter-result|00000000000000d1|00000000000000a1|proceed\n")));
	buf_clear(&b);
	n = reply_prefix(&old, prefix);
	assert_true(str_eq(str_n(prefix, n),
	    STR("filter-dataline|00000000000000d1|00000000000000a1|")));
	n = reply_prefix(&to, prefix);
	assert_true(str_eq(str_n(prefix, n), STR("filter-dataline|" IDS)));
	/* the whole line with its LF is at most 64 KiB */
	assert_true(n + REPLY_LINE_MAX + 1 <= 65536);
	assert_true(n + REPLY_LINE_MAX_V06 <= 2047);
	assert_int_equal(reply_line_max(WIRE_V06), 1997);
	assert_int_equal(reply_line_max(WIRE_V07), 65485);
	assert_int_equal(reply_line_max(1000), 65485);
}

static const struct {
	int code;
	const char *status, *text, *reply;
} texts[] = {
	{ 550, "5.7.1", "No", "550 5.7.1 No" },
	{ 451, "", "Try again", "451 Try again" },
	{ 550, "5.7.1", "", "550 5.7.1 -" },
	{ 421, "4.3.0", "x", "451 4.3.0 x" },
	{ 250, "", "ok", "451 ok" },
	{ 399, "", "x", "451 x" },
	{ 600, "", "x", "451 x" },
	{ -1, "", "x", "451 x" },
	{ 550, "5.7.1", "a\r\n\tb\n\nc", "550 5.7.1 a b c" },
	{ 550, "5.7.1", "caf\xc3\xa9\x01|", "550 5.7.1 caf???|" },
};

static void
test_texts(void **state)
{
	char long_text[1000];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct str text = guard_copy(str_c(texts[i].text));

		buf_init(&b, 1000);
		reply_text(&b, texts[i].code, str_c(texts[i].status), text);
		if (!str_eq(buf_view(&b), str_c(texts[i].reply)))
			fail_msg("%.*s", (int)b.n, b.p);
		buf_clear(&b);
		guard_free(text);
	}
	memset(long_text, 'x', sizeof(long_text));
	buf_init(&b, 1000);
	reply_text(&b, 550, STR("5.7.1"), str_n(long_text, sizeof(long_text)));
	assert_int_equal(b.n, REPLY_TEXT_MAX);
	buf_clear(&b);
}

/* Whatever the text is, reply_result() takes what reply_text() makes. */
static void
test_round_trip(void **state)
{
	static const char *const nasty[] = { "", " ", "\r\n", "\t", "\x80",
		"\x7f", "|", "a\nb|c", "550 nested", ".", "%s%n" };

	(void)state;
	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		struct buf text, line;

		buf_init(&text, 1000);
		buf_init(&line, 4096);
		reply_text(&text, 550, STR("5.7.1"), str_c(nasty[i]));
		assert_int_equal(reply_result(&line, &to, PHASE_COMMIT,
				     ANSWER_REJECT, buf_view(&text)),
		    0);
		buf_clear(&text);
		buf_clear(&line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_v04),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
