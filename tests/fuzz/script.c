#include "tests/fuzz/script.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "tests/fuzz/fuzz.h"

enum {
	STEPS_MAX = 1000,
	LONG_UNIT = 64, /* bytes of "L1" */
	LONG_MAX = 2000, /* units of one line */
	LONG_TOTAL = 4 << 20, /* bytes of all of them */
	TICK_MAX_MS = 100000
};

struct play {
	struct fuzz_engine *fe;
	char version; /* '7': protocol 0.7 */
	char sid[17];
	unsigned time;
	size_t longs; /* bytes of long lines so far */
};

/* ---- lines of smtpd ---- */

static void
send(struct play *p, const char *kind, const char *name, const char *token,
    struct str rest)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_fmt(&b, "%s|0.%c|1.%06u|smtp-in|%s|", kind, p->version,
	    p->time++ % 1000000, name);
	/* filter lines of 0.4 have the ids the other way round */
	if (token != NULL && p->version == '4')
		buf_fmt(&b, "%s|%s", token, p->sid);
	else
		buf_fmt(&b, "%s%s%s", p->sid, token != NULL ? "|" : "",
		    token != NULL ? token : "");
	if (token != NULL || rest.n > 0)
		buf_chr(&b, '|');
	buf_str(&b, rest);
	fuzz_engine_line(p->fe, buf_view(&b));
	buf_clear(&b);
}

static void
report(struct play *p, const char *name, const char *before, struct str text,
    const char *after)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_str(&b, str_c(before));
	buf_str(&b, text);
	buf_str(&b, str_c(after));
	send(p, "report", name, NULL, buf_view(&b));
	buf_clear(&b);
}

/* A step of several reports; text, or what is usual. */
static bool
events(struct play *p, char verb, struct str text)
{
	struct str none = text.n == 0 ? STR("h.example.net") : text;
	struct str from = text.n == 0 ? STR("s@example.net") : text;

	switch (verb) {
	case 'C':
		report(p, "link-connect", "", none,
		    "|pass|192.0.2.7:4711|192.0.2.1:25");
		report(p, "link-greeting", "mx.example.org", STR_NULL, "");
		report(p, "link-identify", "EHLO|", none, "");
		return true;
	case 'B':
		report(p, "tx-begin", "01020304", STR_NULL, "");
		report(p, "tx-mail", "01020304|ok|", from, "");
		report(p, "tx-rcpt", "01020304|ok|", from, "");
		return true;
	case 'A':
		report(p, "link-auth", "pass|", text, "");
		return true;
	case 'R':
		report(p, "tx-rollback", "01020304", STR_NULL, "");
		report(p, "tx-reset", "01020304", STR_NULL, "");
		return true;
	case 'E':
		report(p, "tx-commit", "01020304|300", STR_NULL, "");
		report(p, "tx-reset", "01020304", STR_NULL, "");
		return true;
	case 'X':
		send(p, "report", "link-disconnect", NULL, STR_NULL);
		return true;
	default:
		return false;
	}
}

/* Header and body of great length need few bytes of the fuzzer's. */
static void
long_line(struct play *p, struct str text)
{
	uint64_t units = 1;
	size_t n;
	char *line;

	(void)str_u64(str_trim(text), LONG_MAX, &units);
	n = (size_t)units * LONG_UNIT;
	if (n > LONG_TOTAL - p->longs)
		return;
	p->longs += n;
	line = malloc(n + 1);
	MUST(line != NULL);
	memset(line, units % 2 == 0 ? 'x' : '.', n);
	for (size_t i = LONG_UNIT - 1; i < n; i += LONG_UNIT)
		line[i] = units % 3 == 0 ? ' ' : ':';
	send(p, "filter", "data-line", "d1", str_n(line, n));
	free(line);
}

static void
set_session(struct play *p, struct str text)
{
	text = text.n == 0 ? STR("1") : str_head(text, sizeof(p->sid) - 1);
	memset(p->sid, 0, sizeof(p->sid));
	memcpy(p->sid, text.p, text.n);
}

static bool
step(struct play *p, char verb, struct str text)
{
	uint64_t ms = 0;

	switch (verb) {
	case '>':
		fuzz_engine_line(p->fe, text);
		return true;
	case '=':
		if (!str_has(text, '\0'))
			set_session(p, text);
		return true;
	case ':':
		send(p, "filter", "data-line", "d1", text);
		return true;
	case 'Q':
		send(p, "filter", "commit", "c1", STR_NULL);
		return true;
	case 'L':
		long_line(p, text);
		return true;
	case 'T':
		(void)str_u64(str_trim(text), TICK_MAX_MS, &ms);
		fuzz_engine_tick(p->fe, (unsigned)ms);
		return true;
	case 'H':
	case 'U':
		fuzz_engine_signal(p->fe, verb == 'H');
		return true;
	default:
		return events(p, verb, text);
	}
}

/* ---- the whole ---- */

/* Starts the filter with the options that the first line names. */
static void
begin(struct play *p, const struct fuzz_filter *ff, struct str first)
{
	static char name[] = "filter";
	struct judge_rules rules = {
		.whole = ff->whole, .added = ff->added, .leaves = ff->leaves
	};
	char *argv[SCRIPT_OPTS + 2] = { name };
	size_t set = (fuzz_byte(&first) + 256 - 'a') % ff->nsets;
	unsigned version = fuzz_byte(&first);
	int argc = 1;

	/* Not copied: getopt_long keeps a pointer for the next time. */
	for (size_t i = 0; i < SCRIPT_OPTS && ff->sets[set][i] != NULL; i++)
		argv[argc++] = (char *)(uintptr_t)ff->sets[set][i];
	if (ff->body_changes && set == ff->nsets - 1)
		rules.whole = JUDGE_NOTHING;
	p->version = version >= '4' && version <= '7' ? (char)version : '7';
	set_session(p, STR_NULL);
	p->fe = fuzz_engine_new(argc, argv, &rules);
	log_level(str_has(first, 'v') ? LOG_DEBUG : LOG_WARNING);
}

void
fuzz_script(const struct fuzz_filter *ff, struct str in)
{
	struct play p = { .time = 0 };
	struct str line;

	(void)str_cut(&in, '\n', &line);
	begin(&p, ff, line);
	for (unsigned i = 0; in.n > 0 && i < STEPS_MAX; i++) {
		char verb;
		(void)str_cut(&in, '\n', &line);
		verb = (char)fuzz_byte(&line);
		if (step(&p, verb, line) || ff->outside == NULL)
			continue;
		fuzz_engine_trace("!", line);
		ff->outside(verb, line);
		fuzz_engine_tick(p.fe, 0);
	}
	fuzz_engine_free(p.fe);
}

struct str
fuzz_unescape(struct str s)
{
	static char out[SCRIPT_TEXT_MAX];
	size_t n = 0;

	while (s.n > 0 && n < sizeof(out)) {
		unsigned c = fuzz_byte(&s);
		if (c == '\\')
			c = fuzz_byte(&s) ^ 0x40;
		out[n++] = (char)c;
	}
	return str_n(out, n);
}
