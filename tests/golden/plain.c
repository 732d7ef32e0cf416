/*
 * A filter for tests of the engine: lets each message pass as it is, or does
 * what the options say, at once or later.
 */
#include <stdlib.h>

#include "common/engine/filter.h"
#include "common/engine/loop.h"
#include "common/engine/option.h"

enum {
	OPT_LATER,
	OPT_REFUSE,
	OPT_NEVER,
	OPT_TWICE,
	OPT_BODY,
	OPT_ON_EXPIRY,
	OPT_CONNECT,
	OPT_DATA
};

static const struct filter_opt opts[] = {
	[OPT_LATER] = { "later", 0, "MS", "answer that much later" },
	[OPT_REFUSE] = { "refuse", 0, "TEXT", "refuse messages" },
	[OPT_NEVER] = { "never", 0, NULL, "do not answer messages" },
	[OPT_TWICE] = { "twice", 0, NULL, "answer each message twice" },
	[OPT_BODY] = { "new-body", 0, "TEXT", "replace the body" },
	[OPT_ON_EXPIRY] = { "on-expiry", 0, NULL, "accept on expiry" },
	[OPT_CONNECT] = { "on-connect", 0, "WORD", "answer to connect" },
	[OPT_DATA] = { "on-data", 0, "WORD", "answer to data" },
	{ NULL, 0, NULL, NULL },
};

static struct {
	unsigned later_ms;
	const char *refuse, *body, *connect, *data;
	bool never, twice, on_expiry;
} conf;

struct plain {
	struct msg *msg;
	struct loop_timer *timer;
};

static const char *
plain_option(size_t i, const char *arg)
{
	uint64_t v = 0;

	if (i == OPT_LATER && option_number(arg, 0, 1000000, &v) == -1)
		return "not a number";
	if (i == OPT_LATER)
		conf.later_ms = (unsigned)v;
	else if (i == OPT_REFUSE)
		conf.refuse = arg;
	else if (i == OPT_BODY)
		conf.body = arg;
	else if (i == OPT_CONNECT)
		conf.connect = arg;
	else if (i == OPT_DATA)
		conf.data = arg;
	conf.never = conf.never || i == OPT_NEVER;
	conf.twice = conf.twice || i == OPT_TWICE;
	conf.on_expiry = conf.on_expiry || i == OPT_ON_EXPIRY;
	return NULL;
}

static void
plain_stop(void)
{
	memset(&conf, 0, sizeof(conf));
}

/* Also tries what a filter must not say. */
static void
answer(struct request *req, const char *word)
{
	if (word == NULL)
		return;
	if (strcmp(word, "junk") == 0)
		filter_junk(req);
	else if (strcmp(word, "rewrite") == 0)
		filter_rewrite(req, STR("x"));
	else if (strcmp(word, "disconnect") == 0)
		filter_disconnect(req, 550, "5.7.0", STR("Go\r\naway"));
	else if (strcmp(word, "reject") == 0)
		filter_reject(req, 421, "4.7.0", STR("Later"));
	if (conf.twice)
		filter_proceed(req);
}

static void
plain_connect(struct request *req, const struct session *s, struct str param)
{
	(void)s;
	(void)param;
	answer(req, conf.connect);
}

static void
plain_data(struct request *req, const struct session *s, struct str param)
{
	(void)s;
	(void)param;
	answer(req, conf.data);
}

static void
decide(struct msg *m)
{
	bool twice = conf.twice;

	if (conf.refuse != NULL)
		msg_refuse(m, 550, "5.7.1", str_c(conf.refuse));
	else if (conf.body != NULL && msg_set_body(m, str_c(conf.body)) == -1)
		msg_refuse(m, 451, "4.3.0", STR("No body"));
	else
		msg_accept(m, NULL);
	if (twice) {
		msg_refuse(m, 451, "4.3.0", STR("Second thoughts"));
		msg_accept(m, NULL);
	}
}

static void
on_timer(void *arg)
{
	struct plain *p = arg;

	decide(p->msg);
}

static void *
plain_tx_new(struct msg *m)
{
	struct plain *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->msg = m;
	p->timer = loop_timer_new(on_timer, p);
	if (p->timer == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

static void
plain_tx_free(void *data)
{
	struct plain *p = data;

	loop_timer_free(p->timer);
	free(p);
}

static void
plain_message(struct msg *m)
{
	struct plain *p = msg_data(m);

	if (conf.never)
		return;
	if (conf.later_ms == 0)
		decide(m);
	else if (loop_timer_set(p->timer, conf.later_ms) == -1)
		msg_refuse(m, 451, "4.3.0", STR("No timer"));
}

static void
plain_expired(struct msg *m)
{
	if (conf.on_expiry)
		decide(m);
}

static const struct filter plain = {
	.name = "filter-plain",
	.opts = opts,
	.envelope = true,
	.option = plain_option,
	.stop = plain_stop,
	.on[PHASE_CONNECT] = plain_connect,
	.on[PHASE_DATA] = plain_data,
	.tx_new = plain_tx_new,
	.tx_free = plain_tx_free,
	.message = plain_message,
	.expired = plain_expired,
};

int
main(int argc, char **argv)
{
	return filter_main(&plain, argc, argv);
}
