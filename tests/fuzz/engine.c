#include <stdio.h>

#include "common/base/log.h"
#include "common/engine/cli.h"
#include "common/engine/engine.h"
#include "tests/fuzz/engine.h"
#include "tests/fuzz/fuzz.h"
#include "tests/golden/fake.h"

enum {
	TOKENS = 2, /* names of a chain: messages of a session at once */
	SLOW = 7, /* bytes a slow smtpd takes at a time */
	HEAP_MAX = 64 << 20, /* bytes, the judge's copies included */
	HEAP_KEPT = 256 << 10 /* what libraries may keep for the next time */
};

/* Of the sanitizer; gcc comes without its header. */
size_t __sanitizer_get_current_allocated_bytes(void);

struct fuzz_engine {
	struct engine *eng;
	struct judge *judge;
	struct buf out; /* not judged yet */
	bool turn; /* the next line comes together with the last one */
	bool wake;
	unsigned writes;
	size_t heap; /* bytes in use before it began */
};

static const struct filter *filter;
static struct cli cli;

/* Stands in for that of common/engine/main.c. */
int
filter_main(const struct filter *f, int argc, char **argv)
{
	filter = f;
	return (int)cli_parse(f, argc, argv, &cli);
}

/* Stands in for that of tests/golden/fault.c: nothing fails. */
bool
fault_now(void)
{
	return false;
}

void
fuzz_engine_trace(const char *what, struct str text)
{
	if (getenv("FUZZ_TRACE") != NULL)
		fprintf(stderr, "%8llu %s %.*s\n",
		    (unsigned long long)fake_now() / 1000, what,
		    (int)str_head(text, 200).n, text.p);
}

static long
sink_write(void *arg, const char *p, size_t n)
{
	struct fuzz_engine *fe = arg;

	/* Now and then nothing goes, or little. */
	fe->writes++;
	if (fe->writes % 5 == 4)
		return 0;
	if (fe->writes % 3 == 2 && n > SLOW)
		n = SLOW;
	buf_add(&fe->out, p, n);
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
	struct fuzz_engine *fe = arg;

	fe->wake = on;
	return 0;
}

/*
 * Headers stay in memory up to twice the budget; besides that each message may
 * have a short header, and a block on its way to its file.
 */
static void
check_pool(const struct fuzz_engine *fe)
{
	const struct store_pool *p = &fe->eng->pool;
	size_t messages = HASH_COUNT(fe->eng->sessions) * TOKENS;

	MUST(p->used <= p->budget * 2 + 1 + messages * STORE_BLOCK * 3);
}

static void
drain(struct fuzz_engine *fe)
{
	struct str rest, line;

	while (fe->wake)
		engine_flush(fe->eng);
	for (rest = buf_view(&fe->out); str_has(rest, '\n');) {
		(void)str_cut(&rest, '\n', &line);
		fuzz_engine_trace("<", line);
		judge_out(fe->judge, line);
	}
	MUST(rest.n == 0);
	buf_reset(&fe->out);
	judge_turn(fe->judge, fake_now());
	check_pool(fe);
	MUST(__sanitizer_get_current_allocated_bytes() < fe->heap + HEAP_MAX);
	if (judge_first(fe->judge) != NULL) {
		fprintf(stderr, "judge: %s\n", judge_first(fe->judge));
		abort();
	}
}

static void
end_turn(struct fuzz_engine *fe)
{
	if (!fe->turn)
		return;
	engine_turn(fe->eng, true);
	fe->turn = false;
	fake_turn();
	drain(fe);
}

struct fuzz_engine *
fuzz_engine_new(int argc, char **argv, const struct judge_rules *judged)
{
	size_t heap = __sanitizer_get_current_allocated_bytes();
	struct fuzz_engine *fe = calloc(1, sizeof(*fe));
	struct out_sink sink = { sink_write, sink_wait, sink_wake, fe };
	struct judge_rules rules = *judged;

	MUST(fe != NULL && filter_entry(argc, argv) == 0);
	MUST(filter->configure == NULL || filter->configure() == 0);
	log_level(LOG_WARNING);
	fe->heap = heap;
	buf_init(&fe->out, SIZE_MAX);
	MUST(loop_init() == 0);
	MUST(filter->start == NULL || filter->start() == 0);
	fe->eng = engine_new(filter, &sink, &cli.pool, cli.deadline_s * 1000);
	rules.deadline_us = (uint64_t)cli.deadline_s * 1000000 + 2000;
	fe->judge = judge_new(&rules);
	MUST(fe->eng != NULL && fe->judge != NULL);
	fe->eng->reject_long = cli.reject_long;
	fuzz_engine_line(fe, STR("config|protocol|0.7"));
	fuzz_engine_line(fe, STR("config|admd|mx.example.org"));
	fuzz_engine_line(fe, STR("config|ready"));
	return fe;
}

void
fuzz_engine_line(struct fuzz_engine *fe, struct str line)
{
	struct wire_event ev;
	bool good = wire_parse(line, &ev) == 0;
	char *copy;

	/* The engine does not look at the version of each data line. */
	if (str_starts(line, STR("filter|")) && !good)
		return;
	/* What is no data line comes when all before it is answered. */
	if (!good || ev.kind != WIRE_FILTER || ev.phase != PHASE_DATA_LINE)
		end_turn(fe);
	if (!judge_in(fe->judge, line, fake_now(), false))
		return;
	fuzz_engine_trace(">", line);
	/* Its end is where the memory ends. */
	copy = malloc(line.n + 1);
	MUST(copy != NULL);
	if (line.n > 0)
		memcpy(copy, line.p, line.n);
	if (!fe->turn)
		engine_turn(fe->eng, false);
	fe->turn = true;
	(void)engine_line(fe->eng, str_n(copy, line.n));
	free(copy);
	/* Some come together. */
	if (line.n % 4 != 3)
		end_turn(fe);
}

void
fuzz_engine_tick(struct fuzz_engine *fe, unsigned ms)
{
	end_turn(fe);
	fake_tick((uint64_t)ms * 1000);
	drain(fe);
}

void
fuzz_engine_signal(struct fuzz_engine *fe, bool hup)
{
	end_turn(fe);
	if (hup && filter->reload != NULL)
		filter->reload();
	if (!hup)
		engine_counters(fe->eng);
	if (!hup && filter->counters != NULL)
		filter->counters();
	fuzz_engine_tick(fe, 0);
}

void
fuzz_engine_free(struct fuzz_engine *fe)
{
	struct session *s, *next;
	size_t heap = fe->heap;

	fuzz_engine_tick(fe, cli.deadline_s * 1000 + 5);
	HASH_ITER (hh, fe->eng->sessions, s, next)
		session_end(fe->eng, s);
	MUST(fe->eng->pool.used == 0 && fe->eng->waiting == NULL);
	MUST(fe->eng->out.replays == NULL);
	engine_free(fe->eng);
	if (filter->stop != NULL)
		filter->stop();
	MUST(fake_handles() == 0);
	loop_fini();
	judge_free(fe->judge);
	buf_clear(&fe->out);
	free(fe);
	MUST(__sanitizer_get_current_allocated_bytes() <= heap + HEAP_KEPT);
}
