/*
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/smtpd.h"

/* Dot out to dot back, and dot out to the answer at commit. */
void
stats_latency(struct bench *b, uint64_t ns, uint64_t done_ns)
{
	if (b->st.nlat == b->opt.count)
		return;
	b->st.lat[b->st.nlat++] = ns;
	b->st.done[b->st.ndone++] = done_ns;
}

static int
by_value(const void *a, const void *c)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)c;

	return x < y ? -1 : x > y;
}

static void
print_percentiles(const char *name, uint64_t *v, size_t n)
{
	if (n == 0)
		return;
	qsort(v, n, sizeof(*v), by_value);
	printf("\t%s_p50_us=%.1f\t%s_p99_us=%.1f\t%s_max_us=%.1f", name,
	    (double)v[n / 2] / 1e3, name, (double)v[(n - 1) * 99 / 100] / 1e3,
	    name, (double)v[n - 1] / 1e3);
}

/* One line, key=value with tabs between, units at the end of the key. */
void
stats_print(struct bench *b)
{
	const struct stats *st = &b->st;
	double s = (double)(st->stop_ns - st->start_ns) / 1e9;
	double n =
	    (double)(st->accepted + st->tempfail + st->permfail + st->dropped);

	if (n < 1)
		n = 1;
	printf("label=%s\tproto=%s\tsize=%zu\tline=%zu\tsessions=%zu\t"
	       "seed=%llu\tmsgs=%.0f",
	    b->opt.label, b->version, b->opt.size, b->opt.line, b->opt.sessions,
	    (unsigned long long)b->opt.seed, n);
	printf("\taccepted=%llu\ttempfail=%llu\tpermfail=%llu\tdropped=%llu",
	    (unsigned long long)st->accepted, (unsigned long long)st->tempfail,
	    (unsigned long long)st->permfail, (unsigned long long)st->dropped);
	printf("\tconnects=%llu\tunseen=%llu", (unsigned long long)st->sessions,
	    (unsigned long long)st->unseen);
	printf("\tseconds=%.4f\tmsg_s=%.1f\tmb_s=%.2f\tpipe_mb_s=%.2f", s,
	    n / s, (double)st->content / 1e6 / s,
	    (double)(st->in + st->out) / 1e6 / s);
	printf("\ttimed=%zu", st->nlat);
	print_percentiles("lat", st->lat, st->nlat);
	print_percentiles("done", st->done, st->ndone);
	printf("\tcpu_us_msg=%.2f\tcpu_ns_byte=%.3f\town_us_msg=%.2f",
	    (double)st->cpu_ns / 1e3 / n,
	    st->content == 0 ? 0.0 : (double)st->cpu_ns / (double)st->content,
	    (double)st->own_ns / 1e3 / n);
	printf("\trss_kb=%ld\tidle_rss_kb=%ld\tidle_fds=%ld", st->rss_kb,
	    st->idle_rss_kb, st->idle_fds);
	printf("\tadded=%llu\tlate=%llu\tstderr_lines=%llu\t"
	       "stderr_control=%llu\n",
	    (unsigned long long)st->added, (unsigned long long)st->late,
	    (unsigned long long)st->err_lines,
	    (unsigned long long)st->err_control);
}
