/* One line from smtpd; its fields lie in it, its texts become answers. */
#include "common/protocol/reply.h"
#include "common/protocol/wire.h"
#include "tests/fuzz/fuzz.h"

static void
check_answers(const struct wire_event *ev)
{
	struct reply_to to = { ev->version, ev->sid, ev->token };
	struct buf text, line;

	buf_init(&text, 4096);
	buf_init(&line, 4096);
	reply_text(&text, 550, STR("5.7.1"), ev->param);
	MUST(reply_result(&line, &to, PHASE_COMMIT, ANSWER_REJECT,
		 buf_view(&text)) == 0);
	MUST(line.n <= REPLY_RESULT_MAX && line.p[line.n - 1] == '\n');
	MUST(memchr(line.p, '\n', line.n) == line.p + line.n - 1);
	buf_reset(&line);
	if (reply_result(&line, &to, ev->phase, ANSWER_REWRITE, ev->param) == 0)
		MUST(memchr(line.p, '\n', line.n) == line.p + line.n - 1);
	buf_clear(&text);
	buf_clear(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str line = fuzz_text(data, n);
	struct wire_event ev;
	char *user;

	if (str_has(line, '\n') || wire_parse(line, &ev) == -1)
		return 0;
	/* The greeting of smtpd 6.6 has no key of its own. */
	MUST(fuzz_within(ev.key, line) || str_eq(ev.key, STR("admd")));
	MUST(fuzz_within(ev.value, line));
	MUST(fuzz_within(ev.time, line) && fuzz_within(ev.param, line));
	MUST(ev.fields <= WIRE_FIELDS && ev.phase <= PHASE_UNKNOWN);
	for (unsigned i = 0; i < ev.fields; i++) {
		MUST(fuzz_within(ev.field[i], line));
		MUST(ev.kind == WIRE_REPORT && ev.event != EVENT_UNKNOWN);
		/* Only the last field, or that moved before it, has bars. */
		MUST(i + 1 == ev.fields || !str_has(ev.field[i], '|'));
	}
	if (ev.kind == WIRE_FILTER)
		check_answers(&ev);
	user = malloc(line.n + 1);
	if (user != NULL)
		MUST(wire_unvis(line, user) <= line.n);
	free(user);
	return 0;
}
