/*
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/smtpd.h"

#define SAMPLES 1000
#define SETTLE_S 60 /* descriptors must be closed this long after, at most */
#define AGAIN_NS 1000000000U
#define FILES_KEPT 16 /* temporary files that stay open for the next messages */
#define LAST_LINE "counters bad-line=" /* of the engine */

/* The messages of --share. */
void
soak_texts(struct bench *b)
{
	size_t i, first, weight, overlong = 0;
	char *what, *end;

	for (i = 0; i < b->opt.nshares; i++) {
		weight = strtoul(b->opt.share[i], &what, 10);
		if (weight == 0 || *what++ != ':')
			bench_die("bad share: %s", b->opt.share[i]);
		first = b->ntexts;
		(void)strtoul(what, &end, 10);
		if (end > what && *end == '\0')
			text_made(b, strtoul(what, NULL, 10));
		else if (strcmp(what, "overlong") == 0)
			chaos_overlong(b, 1 + overlong++ % 4);
		else
			text_file(b, what);
		b->text[first].weight = weight;
		b->weights += weight;
	}
}

const struct text *
soak_pick(struct bench *b)
{
	size_t n = bench_random(b) % b->weights;
	const struct text *t = b->text;

	for (; n >= t->weight; t++)
		n -= t->weight;
	return t;
}

static uint64_t
ended(const struct bench *b)
{
	return b->st.accepted + b->st.tempfail + b->st.permfail + b->st.dropped;
}

void
soak_start(struct bench *b)
{
	b->next_hup = b->opt.hup;
	if (b->opt.samples == NULL)
		return;
	b->samples = fopen(b->opt.samples, "w");
	if (b->samples == NULL)
		bench_die("%s: %s", b->opt.samples, strerror(errno));
}

static void
sample(struct bench *b)
{
	if (b->samples == NULL || ended(b) < b->next_sample)
		return;
	fprintf(b->samples, "%llu\t%.3f\t%ld\t%ld\n",
	    (unsigned long long)ended(b),
	    (double)(bench_now() - b->st.start_ns) / 1e9,
	    channel_rss(b, "VmRSS:"), channel_fds(b));
	fflush(b->samples);
	b->next_sample = ended(b) + 1 + b->opt.count / SAMPLES;
}

/* What is due between two turns of the loop. */
void
soak_turn(struct bench *b)
{
	struct session *s;
	size_t i;

	for (i = 0; b->weights > 0 && i < b->nslots; i++) {
		s = &b->slot[i];
		if (s->reset_ns != 0 && s->reset_ns <= b->now_ns &&
		    s->step == ST_LINES)
			mail_drop(b, s, true);
	}
	sample(b);
	if (b->opt.hup > 0 && ended(b) >= b->next_hup) {
		(void)kill(b->pid, SIGHUP);
		b->next_hup = ended(b) + b->opt.hup;
	}
}

/* Keeps what the filter writes after the signal. */
void
soak_stderr(struct bench *b, const char *p, size_t len)
{
	if (b->counters != NULL)
		(void)fwrite(p, 1, len, b->counters);
}

/* Whether the engine has told its counters; those of the filter come along. */
static bool
told(struct bench *b)
{
	char line[1024];
	bool found = false;

	rewind(b->counters);
	while (!found && fgets(line, sizeof(line), b->counters) != NULL)
		found = strstr(line, LAST_LINE) != NULL;
	(void)fseek(b->counters, 0, SEEK_END);
	return found;
}

/* For what the filter must do soon, even if it may be silent for long. */
static uint64_t
limit(const struct bench *b)
{
	uint64_t s = b->opt.timeout < SETTLE_S ? b->opt.timeout : SETTLE_S;

	return bench_now() + s * 1000000000U;
}

/* All messages are done: descriptors closed, counters told. */
void
soak_end(struct bench *b)
{
	uint64_t until, again;

	if (b->samples != NULL) {
		b->next_sample = 0;
		sample(b);
		(void)fclose(b->samples);
	}
	if (b->opt.counters == NULL)
		return;
	until = limit(b);
	while (channel_fds(b) > b->st.idle_fds + FILES_KEPT) {
		if (bench_now() > until)
			bench_fault(b, NULL, NULL, 0,
			    "%ld descriptors at the end, %ld at first",
			    channel_fds(b), b->st.idle_fds);
		channel_turn(b, WAIT_US);
		usleep(1000);
	}
	b->counters = fopen(b->opt.counters, "w+");
	if (b->counters == NULL)
		bench_die("%s: %s", b->opt.counters, strerror(errno));
	until = limit(b);
	for (again = 0; !told(b); channel_turn(b, WAIT_US)) {
		if (bench_now() > until)
			bench_fault(b, NULL, NULL, 0, "no counters");
		/* Lost if there was no room for log lines just then. */
		if (bench_now() > again) {
			(void)kill(b->pid, SIGUSR1);
			again = bench_now() + AGAIN_NS;
		}
	}
}
