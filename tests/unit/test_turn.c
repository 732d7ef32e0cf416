/* common/engine/turn */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/engine/engine.h"

#define SID "0000000000000001"
#define OTHER "0000000000000002"

/* What the filter was told, in order: h, b (each piece), m, and whose. */
static struct buf told, text;
static size_t longest;
static char early; /* the callback that answers, 'h' or 'b' */
static struct buf out;

static void *
tx_new(struct msg *m)
{
	(void)m;
	return malloc(1);
}

static void
note(struct msg *m, char what)
{
	buf_chr(&told, what);
	buf_chr(&told, (char)('0' + msg_session(m)->id));
	if (what == early)
		msg_refuse(m, 550, "5.0.0", STR("too early"));
}

static void
on_header(struct msg *m)
{
	note(m, 'h');
}

static void
on_body(struct msg *m, struct str s)
{
	note(m, 'b');
	buf_str(&text, s);
	if (s.n > 0 && s.p[s.n - 1] != '\n')
		buf_chr(&text, '\n');
	if (s.n > longest)
		longest = s.n;
}

static void
on_message(struct msg *m)
{
	note(m, 'm');
	msg_accept(m, NULL);
}

static const struct filter filter = {
	.name = "test",
	.tx_new = tx_new,
	.tx_free = free,
	.header = on_header,
	.body = on_body,
	.message = on_message,
};

static long
take(void *arg, const char *p, size_t n)
{
	(void)arg;
	buf_add(&out, p, n);
	return (long)n;
}

static int
no_wait(void *arg)
{
	(void)arg;
	return 0;
}

static int
no_wake(void *arg, bool on)
{
	(void)arg;
	(void)on;
	return 0;
}

static struct engine *
start(size_t spill)
{
	static const struct out_sink sink = { take, no_wait, no_wake, NULL };
	const struct store_pool pool = {
		.dir = "/tmp", .spill = spill, .budget = STORE_BUDGET
	};
	struct engine *eng = engine_new(&filter, &sink, &pool, 60000);

	assert_non_null(eng);
	buf_init(&told, 1000);
	buf_init(&text, 16 * 1024 * 1024);
	buf_init(&out, 64 * 1024 * 1024);
	longest = 0;
	return eng;
}

static void
stop(struct engine *eng)
{
	engine_free(eng);
	buf_clear(&told);
	buf_clear(&text);
	buf_clear(&out);
}

static void
line(struct engine *eng, const char *sid, struct str s)
{
	struct buf b;

	buf_init(&b, LINES_MAX);
	buf_fmt(&b, "filter|0.7|1.000000|smtp-in|data-line|%s|%s|", sid, sid);
	buf_str(&b, s);
	assert_int_equal(engine_line(eng, buf_view(&b)), 0);
	buf_clear(&b);
}

/* A turn begins, and in it a message. */
static void
begin(struct engine *eng)
{
	engine_turn(eng, false);
	line(eng, SID, STR("From: a@example.org"));
	line(eng, SID, STR(""));
}

static void
assert_told(const char *want)
{
	buf_chr(&told, '\0');
	assert_string_equal(told.p, want);
	buf_reset(&told);
}

static void
tells_when_the_turn_ends(void **state)
{
	struct engine *eng = start(STORE_SPILL);

	(void)state;
	begin(eng);
	line(eng, SID, STR("..one"));
	assert_told("");
	engine_turn(eng, true);
	assert_told("h1");
	assert_int_equal(text.n, 0);
	engine_turn(eng, false);
	line(eng, SID, STR(""));
	line(eng, SID, STR("."));
	line(eng, OTHER, STR("Subject: no body"));
	line(eng, OTHER, STR("."));
	assert_told("");
	assert_int_equal(out.n, 0);
	engine_turn(eng, true);
	/* Each step for both. */
	assert_told("h2b1m1m2");
	assert_true(str_eq(buf_view(&text), STR(".one\n\n")));
	assert_true(out.n > 0);
	stop(eng);
}

/* Did this line come out? */
static bool
came(struct str want)
{
	struct str rest = buf_view(&out), row;

	while (str_cut(&rest, '\n', &row))
		if (str_eq(row, want))
			return true;
	return false;
}

/* smtpd waits for the dot, but a transcript in one piece does not. */
static void
tells_before_the_session_goes_on(void **state)
{
	static const char *const lines[] = {
		"filter|0.7|1.000000|smtp-in|commit|" SID "|" SID,
		"report|0.7|1.000000|smtp-in|tx-reset|" SID "|01020304",
		("report|0.7|1.000000|smtp-in|link-disconnect|" SID),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct engine *eng = start(STORE_SPILL);

		engine_turn(eng, false);
		line(eng, SID, STR("From: a@example.org"));
		line(eng, SID, STR(""));
		line(eng, OTHER, STR("."));
		line(eng, SID, STR("."));
		assert_told("");
		assert_int_equal(engine_line(eng, str_c(lines[i])), 0);
		assert_told("h1m1");
		engine_turn(eng, true);
		assert_told("h2m2");
		assert_null(eng->due);
		assert_true(came(STR("filter-dataline|" SID "|" SID "|.")));
		assert_true(came(STR("filter-dataline|" OTHER "|" OTHER "|.")));
		stop(eng);
	}
}

/* What is gone before its dot is told of nothing. */
static void
forgets_what_ended_in_the_turn(void **state)
{
	static const struct str end =
	    STR("report|0.7|1.000000|smtp-in|link-disconnect|" SID);
	struct engine *eng = start(STORE_SPILL);

	(void)state;
	begin(eng);
	line(eng, SID, STR("text"));
	assert_int_equal(engine_line(eng, end), 0);
	engine_turn(eng, true);
	assert_told("");
	assert_int_equal(out.n, 0);
	assert_null(eng->due);
	stop(eng);
}

/* An answer in the header or body callback is none. */
static void
check_early(char callback, bool turns, bool too_long)
{
	struct engine *eng = start(STORE_SPILL);
	struct buf b;

	early = callback;
	eng->reject_long = too_long;
	begin(eng);
	if (turns) {
		engine_turn(eng, true);
		engine_turn(eng, false);
	}
	buf_init(&b, LINES_MAX);
	for (int i = 0; i < (too_long ? 100000 : 9); i++)
		buf_chr(&b, 'x');
	line(eng, SID, buf_view(&b));
	buf_clear(&b);
	line(eng, SID, STR("."));
	engine_turn(eng, true);
	assert_told(too_long ? "h1b1" : "h1b1m1");
	assert_null(eng->due);
	assert_null(eng->waiting);
	assert_true(came(STR("filter-dataline|" SID "|" SID "|.")));
	early = '\0';
	stop(eng);
}

static void
takes_no_answer_too_early(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++)
		check_early(i & 1 ? 'h' : 'b', i & 2, i & 4);
}

/* Lengths of lines, in turns of some each, around all limits. */
static void
check_pieces(size_t spill, size_t per_turn)
{
	static const size_t lengths[] = { 0, 1, 70, 5000, STORE_BLOCK - 2,
		STORE_BLOCK - 1, STORE_BLOCK, STORE_BLOCK + 1, 3, 40000, 0 };
	enum {
		LENGTHS = sizeof(lengths) / sizeof(lengths[0])
	};
	struct engine *eng = start(spill);
	struct buf want, b;

	buf_init(&want, text.max);
	buf_init(&b, LINES_MAX);
	engine_turn(eng, false);
	line(eng, SID, STR(""));
	for (size_t i = 0; i < 6 * LENGTHS * LENGTHS; i++) {
		if (i % per_turn == 0) {
			engine_turn(eng, true);
			engine_turn(eng, false);
		}
		buf_reset(&b);
		for (size_t k = 0; k < lengths[i * i / 3 % LENGTHS]; k++)
			buf_chr(&b, (char)('a' + (i + k) % 26));
		line(eng, SID, buf_view(&b));
		buf_str(&want, buf_view(&b));
		buf_chr(&want, '\n');
	}
	line(eng, SID, STR("."));
	engine_turn(eng, true);
	assert_true(want.n > 1000000);
	assert_true(str_eq(buf_view(&text), buf_view(&want)));
	assert_true(longest == 40000);
	assert_false(buf_failed(&out));
	buf_clear(&want);
	buf_clear(&b);
	stop(eng);
}

static void
tells_all_of_a_body(void **state)
{
	static const size_t spills[] = { 0, 5000, STORE_BLOCK, 100000,
		STORE_SPILL };

	(void)state;
	for (size_t i = 0; i < sizeof(spills) / sizeof(spills[0]); i++)
		for (size_t n = 1; n < 1000; n = n * 3 + 1)
			check_pieces(spills[i], n);
}

static int
set_up(void **state)
{
	(void)state;
	return loop_init();
}

static int
tear_down(void **state)
{
	(void)state;
	loop_fini();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_when_the_turn_ends),
		cmocka_unit_test(tells_before_the_session_goes_on),
		cmocka_unit_test(forgets_what_ended_in_the_turn),
		cmocka_unit_test(takes_no_answer_too_early),
		cmocka_unit_test(tells_all_of_a_body),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
