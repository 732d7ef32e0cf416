#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/engine/cli.h"
#include "common/engine/engine.h"

/* One session that smtpd could have, with one message. */
#define SID "00000000000000c1"
#define DATA_TOKEN "00000000000000d1"
#define COMMIT_TOKEN "00000000000000d2"
#define MSGID "c0ffee01"
#define DATA_LINE \
	"filter|0.7|0.000000|smtp-in|data-line|" SID "|" DATA_TOKEN "|"

struct run {
	const struct filter *filter;
	struct engine *eng;
	struct buf out; /* lines of the engine, not taken apart yet */
	bool crlf; /* the file has CRLF */
	struct loop_timer *commit; /* set when the message came back */
	struct loop_timer *more; /* set while there is more to write */
	bool lost; /* a line could not be given to the engine */
	bool cut; /* the file has a NUL */
	int status;
};

static void say(struct run *r, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));

static void
say(struct run *r, const char *fmt, ...)
{
	struct buf line;
	va_list ap;
	char *text;
	int n;

	buf_init(&line, LINES_MAX);
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text = n < 0 ? NULL : buf_room(&line, (size_t)n + 1);
	if (text != NULL) {
		va_start(ap, fmt);
		(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
		va_end(ap);
		engine_turn(r->eng, false);
		(void)engine_line(r->eng, str_n(text, (size_t)n));
		engine_turn(r->eng, true);
	} else {
		r->lost = true;
	}
	buf_clear(&line);
}

static void
on_line(struct run *r, struct str line)
{
	struct str prefix = STR("filter-dataline|" SID "|" DATA_TOKEN "|");

	if (!str_starts(line, prefix))
		return;
	line = str_from(line, prefix.n);
	if (str_eq(line, STR("."))) {
		if (loop_timer_set(r->commit, 0) == -1)
			loop_stop();
		return;
	}
	if (!r->filter->check_prints)
		return;
	if (line.n > 0 && line.p[0] == '.')
		line = str_from(line, 1);
	(void)fwrite(line.p, 1, line.n, stdout);
	(void)fputs(r->crlf ? "\r\n" : "\n", stdout);
}

static long
sink_write(void *arg, const char *p, size_t n)
{
	struct run *r = arg;
	struct str rest, line;

	buf_add(&r->out, p, n);
	if (buf_failed(&r->out) || r->out.p == NULL)
		return -1;
	rest = buf_view(&r->out);
	while (str_has(rest, '\n')) {
		(void)str_cut(&rest, '\n', &line);
		on_line(r, line);
	}
	memmove(r->out.p, rest.p, rest.n);
	r->out.n = rest.n;
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

	if (on)
		return loop_timer_set(r->more, 0);
	loop_timer_stop(r->more);
	return 0;
}

static void
write_more(void *arg)
{
	struct run *r = arg;

	engine_flush(r->eng);
}

/* The message is back: asks for the verdict as smtpd does. */
static void
ask_commit(void *arg)
{
	say(arg,
	    "filter|0.7|0.000000|smtp-in|commit|" SID "|" COMMIT_TOKEN "|");
	loop_stop();
}

static void
on_answer(void *arg, struct msg *m, struct str refused)
{
	struct run *r = arg;

	if (refused.n > 0)
		(void)fprintf(stderr, "%.*s\n", (int)refused.n, refused.p);
	r->status = STATUS_OK;
	if (m->data != NULL && r->filter->check != NULL)
		r->status = r->filter->check(m, refused, stdout);
	if (refused.n > 0)
		r->status = refused.p[0] == '4' ? STATUS_AGAIN : STATUS_BAD;
}

/* Logs in as smtpd reports it, which writes user names with vis(3). */
static void
log_in(struct run *r, const char *head, const char *user)
{
	struct buf name;

	buf_init(&name, LINES_MAX);
	for (; *user != '\0'; user++) {
		if (*user == '\\')
			buf_chr(&name, '\\');
		buf_chr(&name, *user);
	}
	buf_chr(&name, '\0');
	if (buf_failed(&name))
		r->lost = true;
	else
		say(r, "%slink-auth|" SID "|pass|%s", head, name.p);
	buf_clear(&name);
}

static void
open_session(struct run *r, const struct check *c)
{
	const char *ip = c->ip != NULL ? c->ip : "127.0.0.1";
	bool v6 = strchr(ip, ':') != NULL;
	const char *head = "report|0.7|0.000000|smtp-in|";

	char name[256];

	if (gethostname(name, sizeof(name)) == -1)
		(void)snprintf(name, sizeof(name), "localhost");
	name[sizeof(name) - 1] = '\0';
	say(r, "config|protocol|0.7");
	say(r, "config|admd|%s", name);
	say(r, "config|ready");
	say(r, "%slink-connect|" SID "|<unknown>|error|%s%s%s:25|127.0.0.1:25",
	    head, v6 ? "[" : "", ip, v6 ? "]" : "");
	say(r, "%slink-greeting|" SID "|%s", head, name);
	say(r, "%slink-identify|" SID "|EHLO|%s", head,
	    c->helo != NULL ? c->helo : "localhost");
	if (c->user != NULL)
		log_in(r, head, c->user);
	say(r, "%stx-begin|" SID "|" MSGID, head);
	say(r, "%stx-mail|" SID "|" MSGID "|ok|%s", head,
	    c->from != NULL ? c->from : "");
	for (size_t i = 0; i < c->nrcpts; i++)
		say(r,
		    "report|0.7|0.%06zu|smtp-in|tx-rcpt|" SID "|" MSGID
		    "|ok|%s",
		    i, c->rcpts[i]);
}

/* Feeds the file line by line.  Returns -1 if it cannot be read. */
static int
feed(struct run *r, FILE *fp)
{
	char *line = NULL;
	size_t cap = 0;
	bool first = true;
	ssize_t n;

	/* What delivered it may have put its own lines, with LF, on top. */
	while ((n = getline(&line, &cap, fp)) != -1) {
		bool crlf = false;
		if (n > 0 && line[n - 1] == '\n') {
			n--;
			crlf = n > 0 && line[n - 1] == '\r';
		}
		if (crlf)
			n--;
		r->crlf = first ? crlf : r->crlf;
		first = false;
		line[n] = '\0';
		/* smtpd loses what follows it, too. */
		r->cut = r->cut || strlen(line) < (size_t)n;
		say(r, DATA_LINE "%s%s", line[0] == '.' ? "." : "", line);
	}
	free(line);
	if (ferror(fp))
		return -1;
	say(r, DATA_LINE ".");
	return 0;
}

static int
run_on(FILE *fp, const struct filter *f, const struct store_pool *pool,
    unsigned deadline_ms, bool reject_long, const struct check *c)
{
	struct run r = { .filter = f, .status = STATUS_AGAIN };
	struct out_sink sink = { sink_write, sink_wait, sink_wake, &r };

	buf_init(&r.out, (size_t)OUT_QUEUE * 2);
	r.commit = loop_timer_new(ask_commit, &r);
	r.more = loop_timer_new(write_more, &r);
	r.eng = engine_new(f, &sink, pool, deadline_ms);
	if (r.eng == NULL || r.commit == NULL || r.more == NULL) {
		filter_config_error("no memory to start");
		goto out;
	}
	r.eng->reject_long = reject_long;
	r.eng->answered = on_answer;
	r.eng->answered_arg = &r;
	open_session(&r, c);
	if (feed(&r, fp) == -1) {
		filter_config_error(
		    "--check \"%s\": %s", c->file, strerror(errno));
		r.status = STATUS_USAGE;
	} else if (r.lost) {
		filter_config_error("--check \"%s\": out of memory, or a line "
				    "over 1 MiB",
		    c->file);
	} else {
		if (r.cut)
			filter_config_error("--check \"%s\": in a line with a "
					    "NUL, what follows it is left out, "
					    "as by smtpd",
			    c->file);
		(void)loop_run();
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		filter_config_error("stdout: %s", strerror(errno));
		r.status = STATUS_BAD;
	}
out:
	engine_free(r.eng);
	loop_timer_free(r.commit);
	loop_timer_free(r.more);
	buf_clear(&r.out);
	return r.status;
}

int
check_run(const struct filter *f, const struct store_pool *pool,
    unsigned deadline_ms, bool reject_long, const struct check *c)
{
	FILE *fp;
	int status;

	if (strcmp(c->file, "-") == 0)
		return run_on(stdin, f, pool, deadline_ms, reject_long, c);
	fp = fopen(c->file, "r");
	if (fp == NULL) {
		filter_config_error(
		    "--check \"%s\": %s", c->file, strerror(errno));
		return STATUS_USAGE;
	}
	status = run_on(fp, f, pool, deadline_ms, reject_long, c);
	(void)fclose(fp);
	return status;
}
