#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/engine/cli.h"
#include "common/engine/engine.h"
#include "tests/golden/fake.h"
#include "tests/golden/golden.h"
#include "tests/golden/promise.h"
#include "tests/golden/run.h"

enum {
	OUT_MAX = 64 << 20, /* bytes a filter may send in one run */
	AFTER_US = 1000000
};

struct run {
	const struct script *sc;
	const struct run_plan *plan;
	struct engine *eng;
	struct judge *judge;
	char *why;
	size_t nout; /* bytes of out */
	size_t judged; /* of them given to the judge */
	size_t seen; /* of them matched by the script */
	bool wake;
	bool first; /* of two writes: RUN_TRICKLE takes nothing of it */
};

static char out[OUT_MAX];

static void say(struct run *, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/* The first reason counts. */
static void
say(struct run *r, const char *fmt, ...)
{
	va_list ap;

	if (r->why[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(r->why, RUN_WHY_MAX, fmt, ap);
	va_end(ap);
}

static long
sink_write(void *arg, const char *p, size_t n)
{
	struct run *r = arg;

	if (r->plan->mode == RUN_TRICKLE) {
		r->first = !r->first;
		if (r->first)
			return 0;
		if (n > 7)
			n = n > 4096 ? 1000 + n % 1000 : 1 + n % 7;
	}
	if (n > OUT_MAX - r->nout)
		return -1;
	memcpy(out + r->nout, p, n);
	r->nout += n;
	return (long)n;
}

static int
sink_wait(void *arg)
{
	(void)arg;
	return 0;
}

static int
sink_wake(void *arg, bool on)
{
	struct run *r = arg;

	if (on && fault_now())
		return -1;
	r->wake = on;
	return 0;
}

/* "filter-result|SID|TOKEN|reject|5yz ..." */
static bool
is_for_good(struct str line)
{
	struct str part = STR_NULL;

	for (unsigned i = 0; i < 4; i++)
		(void)str_cut(&line, '|', &part);
	return str_eq(part, STR("reject")) && line.n > 0 && line.p[0] == '5';
}

static bool
may_leave(void *arg, struct str text)
{
	return promise_text(arg, text);
}

/* Lets output go until there is none, as the loop does. */
static void
drain(struct run *r)
{
	struct str rest, line;

	fault_arm();
	for (unsigned i = 0; r->wake && i < (64 << 20); i++)
		engine_flush(r->eng);
	fault_disarm();
	rest = str_n(out + r->judged, r->nout - r->judged);
	while (str_has(rest, '\n')) {
		(void)str_cut(&rest, '\n', &line);
		judge_out(r->judge, line);
		if (r->plan->mode == RUN_FAULT && is_for_good(line) &&
		    !promise_line(r->sc, line))
			say(r, "refused for good: %.*s", (int)line.n, line.p);
	}
	r->judged = r->nout - rest.n;
	judge_turn(r->judge, fake_now());
}

/* As on_in() of common/engine/main.c. */
static void
take_lines(struct run *r)
{
	struct str line;
	int got;

	while (
	    !fake_stopped() && (got = lines_next(&r->eng->lines, &line)) != 0) {
		if (got == -1)
			engine_lost_line(r->eng, line);
		else if (engine_line(r->eng, line) == -1)
			loop_stop();
	}
}

static void
feed(struct run *r, struct str bytes)
{
	size_t room, chunk;
	char *p;

	fault_arm();
	while (bytes.n > 0) {
		p = lines_room(&r->eng->lines, &room);
		if (room == 0) {
			say(r, "a read of no bytes looks like the end");
			break;
		}
		chunk = r->plan->mode == RUN_BYTES ? 1 : bytes.n;
		chunk = chunk < room ? chunk : room;
		memcpy(p, bytes.p, chunk);
		lines_added(&r->eng->lines, chunk);
		bytes = str_from(bytes, chunk);
		engine_turn(r->eng, false);
		take_lines(r);
		engine_turn(r->eng, true);
	}
	fault_disarm();
}

/* "filter-result|a1|d1|..." with short ids, to the form of the filter. */
static void
pad_ids(struct str want, struct buf *b)
{
	struct str word, part;
	uint64_t id;

	(void)str_cut(&want, '|', &word);
	buf_str(b, word);
	if (str_starts(word, STR("filter-"))) {
		for (unsigned i = 0; i < 2; i++) {
			(void)str_cut(&want, '|', &part);
			if (str_hex64(part, &id) == -1)
				id = 0;
			buf_fmt(b, "|%016llx", (unsigned long long)id);
		}
	}
	buf_chr(b, '|');
	buf_str(b, want);
}

static bool
next_out(struct run *r, struct str *line)
{
	struct str rest = str_n(out + r->seen, r->nout - r->seen);

	if (!str_has(rest, '\n'))
		return false;
	(void)str_cut(&rest, '\n', line);
	r->seen = r->nout - rest.n;
	return true;
}

static void
expect(struct run *r, const struct step *st)
{
	struct str got = STR_NULL;
	struct buf want;

	if (str_eq(st->text, STR("register"))) {
		while (next_out(r, &got))
			if (str_eq(got, STR("register|ready")))
				return;
		say(r, "line %u: no registration", st->line);
		return;
	}
	buf_init(&want, SIZE_MAX);
	pad_ids(st->text, &want);
	if (!next_out(r, &got))
		say(r, "line %u: no answer", st->line);
	else if (!str_eq(got, buf_view(&want)))
		say(r, "line %u: got \"%.*s\" (%zu bytes)", st->line,
		    (int)str_head(got, 200).n, got.p, got.n);
	buf_clear(&want);
}

/* All that was sent must have been expected. */
static void
expect_nothing(struct run *r, unsigned line)
{
	struct str got;

	if (next_out(r, &got))
		say(r, "before line %u: unexpected \"%.*s\" (%zu bytes)", line,
		    (int)str_head(got, 200).n, got.p, got.n);
}

static bool
is_strict(const struct run *r)
{
	return r->plan->mode != RUN_CUT && r->plan->mode != RUN_FAULT;
}

/* Sends step i, and in a batch those after it; returns the next step. */
static size_t
send(struct run *r, size_t i)
{
	const struct step *st = r->sc->steps;
	struct buf b;

	buf_init(&b, SIZE_MAX);
	for (; i < r->plan->steps && st[i].verb == VERB_IN; i++) {
		bool legal =
		    judge_in(r->judge, st[i].text, fake_now(), is_strict(r));
		if (legal || is_strict(r)) {
			buf_str(&b, st[i].text);
			buf_chr(&b, '\n');
		}
		if (r->plan->mode != RUN_BATCH) {
			i++;
			break;
		}
	}
	feed(r, buf_view(&b));
	buf_clear(&b);
	return i;
}

static void
tick(struct run *r, const struct step *st)
{
	uint64_t ms;

	if (str_u64(st->text, 1000000000, &ms) == -1) {
		say(r, "line %u: not a time", st->line);
		return;
	}
	fault_arm();
	fake_tick(ms * 1000);
	fault_disarm();
}

/* What the world does. */
static void
outside(struct run *r, const struct step *st)
{
	void (*verb)(struct str) =
	    st->verb == VERB_HTTP ? golden.http : golden.dns;

	if (st->verb == VERB_TICK) {
		tick(r, st);
	} else if (st->verb == VERB_DISK) {
		fault_write(str_eq(st->text, STR("fails")));
		fault_read(str_eq(st->text, STR("fails")));
		fault_open(str_eq(st->text, STR("gone")));
	} else if (st->verb == VERB_MEMORY) {
		fault_memory(str_eq(st->text, STR("fails")));
	} else if (verb == NULL) {
		say(r, "line %u: this filter has none", st->line);
	} else {
		fault_arm();
		verb(st->text);
		fault_disarm();
	}
}

static void
play(struct run *r)
{
	const struct step *st;
	size_t i = 0;

	while (i < r->plan->steps && r->why[0] == '\0' && !fake_stopped()) {
		st = &r->sc->steps[i++];
		if (st->verb == VERB_OUT) {
			if (is_strict(r))
				expect(r, st);
			continue;
		}
		if (is_strict(r))
			expect_nothing(r, st->line);
		if (st->verb == VERB_IN)
			i = send(r, i - 1);
		else
			outside(r, st);
		fault_arm();
		fake_turn();
		fault_disarm();
		drain(r);
	}
	if (is_strict(r) && r->why[0] == '\0')
		expect_nothing(r, 0);
}

static void
another_line(struct run *r, const char *kind, const char *rest)
{
	unsigned version = judge_version(r->judge);
	struct buf b;

	buf_init(&b, 4096);
	buf_fmt(&b, "%s|%u.%u|9.1|smtp-in|%s", kind, version / 1000,
	    version % 1000, rest);
	if (judge_in(r->judge, buf_view(&b), fake_now(), false)) {
		buf_chr(&b, '\n');
		feed(r, buf_view(&b));
	}
	buf_clear(&b);
	drain(r);
}

/* When all is over, memory has come back: does a new message pass? */
static void
try_another(struct run *r)
{
	unsigned before = judge_accepted(r->judge);

	feed(r, STR("config|ready\n"));
	drain(r);
	another_line(r, "report", "link-connect|beef|h|pass|unix:x|unix:x");
	another_line(r, "report", "tx-begin|beef|0badcafe");
	another_line(r, "filter", "data-line|beef|d1|Subject: after");
	another_line(r, "filter", "data-line|beef|d1|");
	another_line(r, "filter", "data-line|beef|d1|still alive");
	another_line(r, "filter", "data-line|beef|d1|.");
	fake_tick(AFTER_US);
	drain(r);
	another_line(r, "filter", "commit|beef|c1|");
	if (judge_accepted(r->judge) == before)
		say(r, "a message after it is not accepted");
}

static void
finish(struct run *r, const struct cli *c)
{
	uint64_t limit = (uint64_t)c->deadline_s * 1000000 + AFTER_US;

	if (!fake_stopped()) {
		fake_tick(limit);
		drain(r);
		fault_end();
		if (r->plan->mode == RUN_FAULT && golden.alone &&
		    !r->sc->changes && c->deadline_s == FILTER_DEADLINE_S)
			try_another(r);
	}
	if (judge_first(r->judge) != NULL)
		say(r, "judge: %s", judge_first(r->judge));
}

/* All sessions end: nothing of theirs may be left. */
static void
end_sessions(struct run *r)
{
	struct session *s, *next;

	HASH_ITER (hh, r->eng->sessions, s, next)
		session_end(r->eng, s);
	if (r->eng->pool.used != 0)
		say(r, "%zu bytes of the pool are in use", r->eng->pool.used);
	if (r->eng->waiting != NULL || r->eng->out.replays != NULL)
		say(r, "messages are waiting without a session");
	for (size_t i = 0; i < HEADS_SLOTS; i++)
		if (r->eng->heads.slot[i].msg != NULL)
			say(r, "a message is remembered after its end");
}

static void
with_engine(const struct filter *f, const struct cli *c, struct run *r)
{
	struct out_sink sink = { sink_write, sink_wait, sink_wake, r };
	struct judge_rules rules = { .whole = r->sc->changes ? JUDGE_NOTHING
							     : golden.whole,
		.added = golden.added,
		.may_leave = golden.exact && !r->sc->changes &&
			r->plan->mode == RUN_FAULT
		    ? may_leave
		    : NULL,
		.arg = (void *)(uintptr_t)r->sc,
		.deadline_us = (uint64_t)c->deadline_s * 1000000 + AFTER_US };

	r->judge = judge_new(&rules);
	fault_arm();
	r->eng = engine_new(f, &sink, &c->pool, c->deadline_s * 1000);
	fault_disarm();
	if (r->eng != NULL && r->judge != NULL) {
		r->eng->reject_long = c->reject_long;
		play(r);
		finish(r, c);
		end_sessions(r);
	} else if (r->plan->mode != RUN_FAULT) {
		say(r, "no engine");
	}
	engine_free(r->eng);
	judge_free(r->judge);
}

int
run_script(const struct filter *f, int argc, char **argv,
    const struct script *sc, const struct run_plan *plan, char *why,
    uint64_t *allocations)
{
	static struct cli c;
	struct run r = { .sc = sc, .plan = plan, .why = why };

	why[0] = '\0';
	fault_reset(UINT64_MAX, false);
	if (cli_parse(f, argc, argv, &c) > 0 ||
	    (f->configure != NULL && f->configure() == -1)) {
		say(&r, "bad options");
		return -1;
	}
	log_level(LOG_WARNING);
	(void)loop_init();
	fault_reset(
	    plan->mode == RUN_FAULT ? plan->fail : UINT64_MAX, plan->more);
	fault_arm();
	if (f->start == NULL || f->start() == 0)
		with_engine(f, &c, &r);
	else if (plan->mode != RUN_FAULT)
		say(&r, "it does not start");
	fault_disarm();
	*allocations = fault_count();
	if (f->stop != NULL)
		f->stop();
	if (fake_handles() > 0)
		say(&r, "%u timers or descriptors left", fake_handles());
	loop_fini();
	return why[0] == '\0' ? 0 : -1;
}
