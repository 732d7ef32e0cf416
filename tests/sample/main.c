/*
 * A filter of one file: refuses a recipient, and adds a field that says how
 * many lines the body has.  It shows what a new filter needs.
 */
#include <stdlib.h>

#include "common/engine/filter.h"

struct count {
	uint64_t lines;
};

static struct str closed = STR("noreply");

static const struct filter_opt opts[] = {
	{ "closed", 'c', "NAME", "mailbox that takes no mail (noreply)" },
	{ NULL, 0, NULL, NULL },
};

static const char *
sample_option(size_t i, const char *arg)
{
	(void)i;
	closed = str_c(arg);
	return closed.n == 0 ? "a mailbox needs a name" : NULL;
}

static void
sample_rcpt(struct request *req, const struct session *s, struct str addr)
{
	struct str local;

	(void)s;
	(void)str_cut(&addr, '@', &local);
	if (str_ieq(local, closed))
		filter_reject(req, 550, "5.1.1", STR("nobody reads that"));
}

static void *
sample_tx_new(struct msg *m)
{
	(void)m;
	return calloc(1, sizeof(struct count));
}

static void
sample_body(struct msg *m, struct str text)
{
	struct count *c = msg_data(m);
	struct str line;

	for (; text.n > 0; c->lines++)
		(void)str_cut(&text, '\n', &line);
}

static void
sample_message(struct msg *m)
{
	const struct count *c = msg_data(m);
	struct edit *e = edit_new(msg_header(m));
	char text[32];

	(void)snprintf(
	    text, sizeof(text), "%llu", (unsigned long long)c->lines);
	if (e == NULL ||
	    edit_insert(e, 0, STR("X-Body-Lines"), str_c(text)) == -1) {
		edit_free(e);
		msg_refuse(m, 451, "4.3.0", STR("Out of memory"));
		return;
	}
	msg_info(m, "lines=%s", text);
	msg_accept(m, e);
}

/* Needs no file and no network. */
static void
sample_sandbox(struct sandbox *sb)
{
	(void)sb;
}

static const struct filter sample = {
	.name = "filter-sample",
	.opts = opts,
	.envelope = true,
	.option = sample_option,
	.sandbox = sample_sandbox,
	.on[PHASE_RCPT_TO] = sample_rcpt,
	.tx_new = sample_tx_new,
	.tx_free = free,
	.body = sample_body,
	.message = sample_message,
	.check_prints = true,
};

int
main(int argc, char **argv)
{
	return filter_main(&sample, argc, argv);
}
