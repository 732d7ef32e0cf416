/*
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/smtpd.h"

enum {
	OPT_SIZE = 256,
	OPT_COUNT,
	OPT_SESSIONS,
	OPT_LINES,
	OPT_HEADERS,
	OPT_RCPTS,
	OPT_SIGNED,
	OPT_IDLE,
	OPT_MAILS,
	OPT_BURST,
	OPT_SEED,
	OPT_DROP,
	OPT_CHAIN,
	OPT_TIMEOUT,
	OPT_PROTOCOL,
	OPT_VARIANTS,
	OPT_RATE,
	OPT_EXPECT,
	OPT_VERDICT,
	OPT_LABEL,
	OPT_TRACE,
	OPT_SENDER,
	OPT_SHARE,
	OPT_HUP,
	OPT_SAMPLES,
	OPT_COUNTERS,
	OPT_CHAOS,
	OPT_GHOSTS,
	OPT_OVERLONG,
	OPT_EOF_EARLY,
	OPT_SHOW,
	OPT_HELP
};

static const struct option longopts[] = {
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "sessions", required_argument, NULL, OPT_SESSIONS },
	{ "lines", required_argument, NULL, OPT_LINES },
	{ "headers", required_argument, NULL, OPT_HEADERS },
	{ "rcpts", required_argument, NULL, OPT_RCPTS },
	{ "signed", required_argument, NULL, OPT_SIGNED },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "mails", required_argument, NULL, OPT_MAILS },
	{ "burst", required_argument, NULL, OPT_BURST },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "drop-rate", required_argument, NULL, OPT_DROP },
	{ "chain", required_argument, NULL, OPT_CHAIN },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "protocol", required_argument, NULL, OPT_PROTOCOL },
	{ "variants", required_argument, NULL, OPT_VARIANTS },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "expect", required_argument, NULL, OPT_EXPECT },
	{ "verdict", required_argument, NULL, OPT_VERDICT },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "trace", required_argument, NULL, OPT_TRACE },
	{ "sender", required_argument, NULL, OPT_SENDER },
	{ "share", required_argument, NULL, OPT_SHARE },
	{ "hup", required_argument, NULL, OPT_HUP },
	{ "samples", required_argument, NULL, OPT_SAMPLES },
	{ "counters", required_argument, NULL, OPT_COUNTERS },
	{ "chaos", no_argument, NULL, OPT_CHAOS },
	{ "ghosts", no_argument, NULL, OPT_GHOSTS },
	{ "overlong", no_argument, NULL, OPT_OVERLONG },
	{ "eof-early", no_argument, NULL, OPT_EOF_EARLY },
	{ "show", no_argument, NULL, OPT_SHOW },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: smtpd [options] [--] command [argument ...]\n"
    "  one word as command is run as smtpd does it: sh -c 'exec command'\n"
    "  --size N          bytes of one message (2048)\n"
    "  --count N         messages (1000)\n"
    "  --sessions N      sessions at a time (1)\n"
    "  --mails N         messages per session (1)\n"
    "  --lines N         length of a body line (72)\n"
    "  --headers N       more header fields (0)\n"
    "  --rcpts N         recipients (1)\n"
    "  --signed FILE     send this message; may be repeated\n"
    "  --share W:WHAT    a size, a file or \"overlong\", sent W times in the\n"
    "                    sum of all W; may be repeated\n"
    "  --sender ADDR     envelope sender (sender@example.net)\n"
    "  --idle N          sessions that stay idle all the time (0)\n"
    "  --burst N         lines of one session in a row (1)\n"
    "  --variants N      different messages (4, of 1 MB and more: 1)\n"
    "  --rate N          start at most N sessions a second (no limit)\n"
    "  --drop-rate N     percent of clients that go away in DATA (0)\n"
    "  --protocol V      0.4 to 0.8 (0.7)\n"
    "  --chain N         the filter stands N times in the chain, 1 or 2\n"
    "  --expect E        exact, add (fields on top, default), any\n"
    "  --verdict V       accept (default), tempfail, permfail, any\n"
    "  --chaos           odd but legal order, events, texts and pieces\n"
    "  --ghosts          also sessions without link-connect\n"
    "  --overlong        also lines that cannot be answered whole\n"
    "  --eof-early       smtpd goes away in the middle\n"
    "  --seed N          for all random choices (1)\n"
    "  --timeout S       silence that counts as a hang (20)\n"
    "  --trace FILE      write the dialogue\n"
    "  --hup N           SIGHUP after each N messages\n"
    "  --samples FILE    messages, seconds, resident KiB, descriptors\n"
    "  --counters FILE   what the filter says to SIGUSR1 at the end\n"
    "  --show            show the filter's stderr\n"
    "  --label TEXT      name in the result line\n";

uint64_t
bench_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

uint64_t
bench_random(struct bench *b)
{
	uint64_t z;

	z = (b->rng += 0x9e3779b97f4a7c15U);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

bool
bench_chance(struct bench *b, unsigned int percent)
{
	return bench_random(b) % 100 < percent;
}

void
bench_die(const char *fmt, ...)
{
	va_list ap;

	fputs("smtpd: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

void *
bench_grow(void *p, size_t *cap, size_t need, size_t each)
{
	size_t n;

	if (need <= *cap)
		return p;
	for (n = *cap == 0 ? 64 : *cap; n < need; n *= 2)
		continue;
	p = realloc(p, n * each);
	if (p == NULL)
		bench_die("no memory for %zu bytes", n * each);
	*cap = n;
	return p;
}

static void
print_line(const char *name, const char *p, size_t len)
{
	size_t i;

	fprintf(stderr, "  %s (%zu bytes): ", name, len);
	for (i = 0; i < len && i < 240; i++) {
		if (p[i] >= ' ' && p[i] <= '~' && p[i] != '\\')
			fputc(p[i], stderr);
		else
			fprintf(stderr, "\\x%02x", (unsigned char)p[i]);
	}
	fputs(i < len ? "...\n" : "\n", stderr);
}

void
bench_fault(struct bench *b, const struct session *s, const char *line,
    size_t len, const char *fmt, ...)
{
	const char *want;
	size_t wantlen;
	va_list ap;

	fputs("FAULT: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (seed %llu, message %llu)\n",
	    (unsigned long long)b->opt.seed, (unsigned long long)b->st.begun);
	if (line != NULL)
		print_line("got", line, len);
	if (s != NULL) {
		fprintf(stderr,
		    "  session %s, msgid %08x, step %s, open %s, "
		    "place %u\n",
		    s->sid, s->msgid, session_step(s),
		    s->open < 0 ? "none" : handshake_phase((enum phase)s->open),
		    s->link);
		if (s->step == ST_LINES) {
			want = mail_line(s, s->want, &wantlen);
			fprintf(stderr, "  lines %zu, sent %zu, back %zu\n",
			    s->nlines, s->next, s->want);
			print_line("expected", want, wantlen);
		}
	}
	if (b->trace != NULL)
		fflush(b->trace);
	if (b->pid > 0)
		kill(b->pid, SIGKILL);
	exit(1);
}

static size_t
number(const char *name, const char *text, size_t min, size_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < min || n > max)
		bench_die("bad value for %s: %s", name, text);
	return (size_t)n;
}

static void
parse_words(struct options *o, int opt, char *arg)
{
	if (opt == OPT_EXPECT && strcmp(arg, "exact") == 0)
		o->expect = EXPECT_EXACT;
	else if (opt == OPT_EXPECT && strcmp(arg, "add") == 0)
		o->expect = EXPECT_ADD;
	else if (opt == OPT_EXPECT && strcmp(arg, "any") == 0)
		o->expect = EXPECT_ANY;
	else if (opt == OPT_PROTOCOL && strncmp(arg, "0.", 2) == 0)
		o->proto = (unsigned int)number("protocol", arg + 2, 4, 8);
	else if (opt == OPT_VERDICT &&
	    (strcmp(arg, "accept") == 0 || strcmp(arg, "tempfail") == 0 ||
		strcmp(arg, "permfail") == 0 || strcmp(arg, "any") == 0))
		o->verdict = arg;
	else if (opt == OPT_LABEL)
		o->label = arg;
	else if (opt == OPT_TRACE)
		o->trace = arg;
	else if (opt == OPT_SENDER)
		o->sender = arg;
	else if (opt == OPT_SAMPLES)
		o->samples = arg;
	else if (opt == OPT_COUNTERS)
		o->counters = arg;
	else if (opt == OPT_SHARE && o->nshares < TEXTS_MAX)
		o->share[o->nshares++] = arg;
	else
		bench_die("bad value: %s", arg);
}

static void
parse_flag(struct options *o, int opt, char *arg)
{
	switch (opt) {
	case OPT_CHAOS:
		o->chaos = true;
		break;
	case OPT_GHOSTS:
		o->ghosts = true;
		break;
	case OPT_OVERLONG:
		o->overlong = true;
		break;
	case OPT_EOF_EARLY:
		o->eof_early = true;
		break;
	case OPT_SHOW:
		o->show = true;
		break;
	case OPT_HELP:
		fputs(usage, stdout);
		exit(0);
	case OPT_SIGNED:
		o->files =
		    realloc(o->files, (o->nfiles + 1) * sizeof(*o->files));
		if (o->files == NULL || o->nfiles == TEXTS_MAX / 2)
			bench_die("too many files");
		o->files[o->nfiles++] = arg;
		break;
	case '?':
		fputs(usage, stderr);
		exit(2);
	default:
		parse_words(o, opt, arg);
	}
}

static void
parse_number(struct options *o, int opt, char *arg)
{
	const struct {
		int opt;
		size_t *to, min, max;
	} table[] = {
		{ OPT_SIZE, &o->size, 0, (size_t)1 << 32 },
		{ OPT_COUNT, &o->count, 1, 1000000000 },
		{ OPT_SESSIONS, &o->sessions, 1, 100000 },
		{ OPT_LINES, &o->line, 1, 65533 },
		{ OPT_HEADERS, &o->headers, 0, 10000000 },
		{ OPT_RCPTS, &o->rcpts, 1, 10000000 },
		{ OPT_IDLE, &o->idle, 0, 900000 },
		{ OPT_MAILS, &o->mails, 1, SIZE_MAX },
		{ OPT_BURST, &o->burst, 1, SIZE_MAX },
		{ OPT_HUP, &o->hup, 1, SIZE_MAX },
	};
	const struct {
		int opt;
		unsigned int *to, min, max;
	} small[] = {
		{ OPT_DROP, &o->drop, 0, 100 },
		{ OPT_CHAIN, &o->chain, 1, CHAIN_MAX },
		{ OPT_TIMEOUT, &o->timeout, 1, 3600 },
		{ OPT_VARIANTS, &o->variants, 1, TEXTS_MAX / 2 },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].opt == opt)
			*table[i].to = number(longopts[opt - OPT_SIZE].name,
			    arg, table[i].min, table[i].max);
	}
	for (i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
		if (small[i].opt == opt)
			*small[i].to = (unsigned int)number(
			    "option", arg, small[i].min, small[i].max);
	}
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	int opt;

	*o = (struct options){ .size = 2048,
		.count = 1000,
		.sessions = 1,
		.line = 72,
		.rcpts = 1,
		.mails = 1,
		.burst = 1,
		.seed = 1,
		.chain = 1,
		.timeout = 20,
		.proto = 7,
		.expect = EXPECT_ADD,
		.verdict = "accept",
		.label = "-",
		.sender = "sender@example.net" };
	while ((opt = getopt_long(argc, argv, "+", longopts, NULL)) != -1) {
		switch (opt) {
		case OPT_SEED:
			o->seed = number("seed", optarg, 0, SIZE_MAX);
			break;
		case OPT_RATE:
			o->rate = (double)number("rate", optarg, 1, 10000000);
			break;
		case OPT_SIZE:
		case OPT_COUNT:
		case OPT_SESSIONS:
		case OPT_LINES:
		case OPT_HEADERS:
		case OPT_RCPTS:
		case OPT_IDLE:
		case OPT_MAILS:
		case OPT_BURST:
		case OPT_HUP:
		case OPT_DROP:
		case OPT_CHAIN:
		case OPT_TIMEOUT:
		case OPT_VARIANTS:
			parse_number(o, opt, optarg);
			break;
		default:
			parse_flag(o, opt, optarg);
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		exit(2);
	}
	if (o->variants == 0)
		o->variants = o->size < 1000000 ? 4 : 1;
	if (o->sessions > o->count)
		o->sessions = o->count;
}

/* Opens the sessions that stay idle and waits until they are open. */
static void
open_idlers(struct bench *b)
{
	size_t i, idle;

	for (i = b->opt.sessions; i < b->nslots; i++)
		session_begin(b, &b->slot[i]);
	for (;;) {
		channel_turn(b, WAIT_US);
		for (idle = 0, i = b->opt.sessions; i < b->nslots; i++)
			idle += b->slot[i].step == ST_IDLE;
		if (idle == b->opt.idle && b->outpos == b->outlen)
			break;
	}
	b->st.idle_rss_kb = channel_rss(b, "VmRSS:");
	b->st.idle_fds = channel_fds(b);
}

/* Until the next session is due, in us. */
static unsigned int
wait_time(const struct bench *b)
{
	uint64_t ns = bench_now();

	if (b->opt.rate <= 0 || b->next_ns == 0 || b->alive == b->nslots ||
	    b->next_ns > ns + WAIT_US * 1000U)
		return WAIT_US;
	return b->next_ns <= ns ? 0 : (unsigned int)(b->next_ns - ns) / 1000;
}

static void
bench_run(struct bench *b)
{
	size_t i;

	b->nslots = b->opt.sessions + b->opt.idle;
	b->slot = calloc(b->nslots, sizeof(*b->slot));
	b->active = calloc(b->nslots, sizeof(*b->active));
	b->st.lat = calloc(b->opt.count, sizeof(*b->st.lat));
	b->st.done = calloc(b->opt.count, sizeof(*b->st.done));
	if (b->slot == NULL || b->active == NULL || b->st.lat == NULL ||
	    b->st.done == NULL)
		bench_die("no memory");
	for (i = 0; i < b->nslots; i++) {
		b->slot[i].index = (uint32_t)i;
		b->slot[i].step = ST_GONE;
		b->slot[i].open = -1;
	}
	b->last = &b->slot[0];
	open_idlers(b);
	soak_start(b);
	b->st.cpu_ns = channel_cpu(b);
	b->st.start_ns = bench_now();
	b->st.own_ns = (uint64_t)clock();
	while (!session_done(b)) {
		session_fill(b);
		if (b->opt.eof_early && b->st.begun > b->opt.count / 2)
			break;
		channel_turn(b, wait_time(b));
		soak_turn(b);
	}
	b->st.stop_ns = bench_now();
	b->st.own_ns =
	    ((uint64_t)clock() - b->st.own_ns) * (1000000000U / CLOCKS_PER_SEC);
	b->st.cpu_ns = channel_cpu(b) - b->st.cpu_ns;
	b->st.rss_kb = channel_rss(b, "VmHWM:");
	soak_end(b);
}

int
main(int argc, char **argv)
{
	static struct bench b;

	parse_options(&b.opt, argc, argv);
	b.rng = b.opt.seed;
	b.linemax = b.opt.proto < 7 ? LINE_MAX_06 : LINE_MAX_07;
	b.datamax = b.opt.proto < 7 ? DATA_MAX_06 : DATA_MAX_07;
	text_load(&b);
	if (b.opt.trace != NULL && (b.trace = fopen(b.opt.trace, "w")) == NULL)
		bench_die("%s: %s", b.opt.trace, strerror(errno));
	channel_start(&b, argv + optind);
	handshake_send(&b);
	while (!b.ready)
		channel_turn(&b, WAIT_US);
	bench_run(&b);
	channel_stop(&b);
	stats_print(&b);
	return 0;
}
