/*
 * Sessions of smtpd in any order, to filter-plain.  Each pair of bytes is a
 * step; text comes from the bytes after it.
 */
#include <stdio.h>

#include "common/base/buf.h"
#include "tests/fuzz/engine.h"
#include "tests/fuzz/fuzz.h"

static const char *const versions[] = { "0.7", "0.6", "0.4", "0.5" };

struct world {
	struct fuzz_engine *fe;
	const char *version;
	unsigned time;
	struct str in;
};

static void
send(struct world *w, const char *kind, const char *name, unsigned who,
    const char *rest, struct str text)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_fmt(&b, "%s|%s|1.%06u|smtp-in|%s|%016x|%s", kind, w->version,
	    w->time++ % 1000000, name, who % 4 + 1, rest);
	buf_str(&b, text);
	fuzz_engine_line(w->fe, buf_view(&b));
	buf_clear(&b);
}

static struct str
text(struct world *w)
{
	struct str s = str_head(w->in, fuzz_byte(&w->in)), line;

	s = str_head(w->in, s.n);
	(void)str_cut(&s, '\n', &line);
	w->in = str_from(w->in, line.n);
	return line;
}

/* A line that need not go through the fuzzer's bytes. */
static void
long_line(struct world *w, unsigned who, const char *token)
{
	size_t n = 100 + fuzz_byte(&w->in) * 300;
	char *p = malloc(n), fill = (char)('a' + fuzz_byte(&w->in) % 26);

	MUST(p != NULL);
	memset(p, fill, n);
	for (size_t i = 50; i < n; i += 97)
		p[i] = i % 2 == 0 ? ' ' : '.';
	send(w, "filter", "data-line", who, token, str_n(p, n));
	free(p);
}

static void
data(struct world *w, unsigned op, unsigned who)
{
	const char *token = op % 2 == 0 ? "00000000000000d1|" : "d2|";

	switch (op / 2 % 8) {
	case 0:
		send(w, "filter", "data-line", who, token, STR("."));
		break;
	case 1:
		send(w, "filter", "data-line", who, token, STR_NULL);
		break;
	case 2:
		long_line(w, who, token);
		break;
	default:
		send(w, "filter", "data-line", who, token, text(w));
		break;
	}
}

static void
step(struct world *w)
{
	static const struct {
		const char *kind, *name, *rest;
	} steps[] = {
		{ "report", "link-connect", "h|pass|192.0.2.7:1|192.0.2.1:25" },
		{ "report", "tx-begin", "01020304" },
		{ "report", "tx-begin", "01020305" },
		{ "report", "tx-mail", "01020304|ok|" },
		{ "report", "tx-rcpt", "01020304|ok|" },
		{ "report", "tx-rollback", "01020304" },
		{ "report", "tx-reset", "" },
		{ "report", "tx-commit", "01020305|1" },
		{ "report", "link-auth", "pass|" },
		{ "report", "link-tls", "" },
		{ "report", "link-identify", "EHLO|" },
		{ "report", "link-disconnect", "" },
		{ "filter", "commit", "c1|" },
		{ "filter", "commit", "c2|" },
		{ "filter", "connect", "c3|" },
		{ "filter", "rcpt-to", "c4|" },
		{ "filter", "data", "c5|" },
		{ "filter", "new-phase", "c6|" },
	};
	unsigned op = fuzz_byte(&w->in), who = fuzz_byte(&w->in);
	size_t i = op % 32;

	if (i < sizeof(steps) / sizeof(steps[0]))
		send(w, steps[i].kind, steps[i].name, who, steps[i].rest,
		    op >= 128 ? text(w) : STR_NULL);
	else if (i == 31)
		fuzz_engine_tick(w->fe, who * 20);
	else
		data(w, who / 4, who);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data_in, size_t n)
{
	static char name[] = "filter-plain", spool[] = "--spool-size",
		    size[] = "4096", later[] = "--later", ms[] = "1000",
		    never[] = "--never", twice[] = "--twice",
		    longs[] = "--long-lines", reject[] = "reject",
		    deadline[] = "--deadline", s[] = "3";
	static char *const extra[][3] = { { NULL }, { later, ms }, { never },
		{ twice, longs, reject }, { deadline, s, never } };
	char *argv[8] = { name, spool, size };
	const struct judge_rules rules = { .whole = JUDGE_ALL };
	struct world w = { .in = fuzz_text(data_in, n) };
	unsigned how = fuzz_byte(&w.in);
	int argc = 3;

	for (unsigned i = 0; i < 3 && extra[how % 5][i] != NULL; i++)
		argv[argc++] = extra[how % 5][i];
	w.version = versions[how / 5 % 4];
	w.fe = fuzz_engine_new(argc, argv, &rules);
	for (unsigned i = 0; w.in.n > 0 && i < 500; i++)
		step(&w);
	fuzz_engine_free(w.fe);
	return 0;
}
