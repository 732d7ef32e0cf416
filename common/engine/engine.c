#include <stdarg.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/scratch.h"
#include "common/engine/engine.h"
#include "common/protocol/reply.h"

struct request {
	struct engine *eng;
	struct reply_to to;
	enum phase phase;
	bool answered;
};

struct engine *
engine_new(const struct filter *f, const struct out_sink *sink,
    const struct store_pool *pool, unsigned deadline_ms)
{
	struct engine *eng = calloc(1, sizeof(*eng));

	if (eng == NULL)
		return NULL;
	eng->filter = f;
	eng->pool = *pool;
	eng->deadline_ms = deadline_ms;
	eng->deadline = loop_timer_new(msg_expire, eng);
	if (eng->deadline == NULL || lines_init(&eng->lines) == -1 ||
	    out_init(&eng->out, sink, msg_sent) == -1) {
		engine_free(eng);
		return NULL;
	}
	return eng;
}

void
engine_free(struct engine *eng)
{
	struct session *s, *next;

	if (eng == NULL)
		return;
	HASH_ITER (hh, eng->sessions, s, next)
		session_end(eng, s);
	store_pool_clear(&eng->pool);
	loop_timer_free(eng->deadline);
	lines_clear(&eng->lines);
	out_clear(&eng->out);
	free(eng);
}

void
engine_counters(const struct engine *eng)
{
	const uint64_t *c = eng->count;

	log_info("counters sessions=%llu open=%u messages=%llu accepted=%llu "
		 "refused=%llu failed=%llu expired=%llu dropped=%llu "
		 "cut=%llu spilled=%llu memory=%zu",
	    (unsigned long long)c[COUNT_SESSIONS], HASH_COUNT(eng->sessions),
	    (unsigned long long)c[COUNT_MESSAGES],
	    (unsigned long long)c[COUNT_ACCEPTED],
	    (unsigned long long)c[COUNT_REFUSED],
	    (unsigned long long)c[COUNT_FAILED],
	    (unsigned long long)c[COUNT_EXPIRED],
	    (unsigned long long)c[COUNT_DROPPED],
	    (unsigned long long)c[COUNT_CUT],
	    (unsigned long long)eng->pool.spilled, eng->pool.used);
	log_info("counters bad-line=%llu unknown-event=%llu "
		 "unknown-session=%llu stale=%llu no-memory=%llu "
		 "log-dropped=%llu",
	    (unsigned long long)c[COUNT_BAD_LINE],
	    (unsigned long long)c[COUNT_UNKNOWN_EVENT],
	    (unsigned long long)c[COUNT_UNKNOWN_SESSION],
	    (unsigned long long)c[COUNT_STALE],
	    (unsigned long long)c[COUNT_NO_MEMORY],
	    (unsigned long long)log_dropped());
}

void
engine_flush(struct engine *eng)
{
	int r = eng->busy ? out_collect(&eng->out) : out_pump(&eng->out);

	if (r == -1)
		loop_stop();
}

void
engine_turn(struct engine *eng, bool over)
{
	if (over)
		turn_end(eng);
	eng->busy = !over;
	if (over)
		engine_flush(eng);
}

void
engine_answer(struct engine *eng, const struct reply_to *to, enum phase phase,
    enum answer a, struct str text)
{
	struct buf *q = out_room(&eng->out, REPLY_RESULT_MAX);

	if (q == NULL)
		return;
	if (reply_result(q, to, phase, a, text) == -1) {
		log_warn("%016llx answer to %s would stop smtpd: not given",
		    (unsigned long long)to->sid, phase_name(phase));
		if (phase == PHASE_COMMIT)
			(void)reply_result(
			    q, to, phase, ANSWER_REJECT, STR(MSG_TRY_AGAIN));
		else
			(void)reply_result(
			    q, to, phase, ANSWER_PROCEED, STR_NULL);
	}
	engine_flush(eng);
}

static void send_line(struct engine *eng, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));

static void
send_line(struct engine *eng, const char *fmt, ...)
{
	struct buf *q = out_room(&eng->out, REPLY_RESULT_MAX);
	char line[REPLY_RESULT_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (q != NULL && n > 0)
		buf_add(q, line, (size_t)n);
}

/* Not what the filter has no use for: a list may have many recipients. */
static bool
is_heard(const struct filter *f, enum event e)
{
	return f->envelope ||
	    (e != EVENT_LINK_IDENTIFY && e != EVENT_LINK_TLS &&
		e != EVENT_TX_MAIL && e != EVENT_TX_RCPT);
}

static void
handshake(struct engine *eng)
{
	const struct filter *f = eng->filter;

	for (unsigned e = 0; e < EVENT_UNKNOWN; e++)
		if (is_heard(f, (enum event)e))
			send_line(eng, "register|report|smtp-in|%s\n",
			    event_name((enum event)e));
	for (unsigned p = 0; p < FILTER_PHASES; p++)
		if ((f->on[p] != NULL && p != PHASE_DATA_LINE) ||
		    (f->message != NULL &&
			(p == PHASE_DATA_LINE || p == PHASE_COMMIT)))
			send_line(eng, "register|filter|smtp-in|%s\n",
			    phase_name((enum phase)p));
	send_line(eng, "register|ready\n");
	eng->ready = true;
}

static int
on_config(struct engine *eng, const struct wire_event *ev)
{
	struct log_text t;
	unsigned version;

	if (eng->filter->config != NULL)
		eng->filter->config(ev->key, ev->value);
	if (str_eq(ev->key, STR("admd")))
		session_greet(eng, ev->value);
	if (str_eq(ev->key, STR("ready")) && !eng->ready) {
		handshake(eng);
		return 0;
	}
	if (!str_eq(ev->key, STR("protocol")))
		return 0;
	if (wire_version(ev->value, &version) == 0 &&
	    version >= ENGINE_PROTOCOL_MIN)
		return 0;
	log_warn("protocol %s of this smtpd is not known: 0.4 and later are",
	    log_text(&t, ev->value));
	return eng->ready ? 0 : -1;
}

/* smtpd would wait for the dot; who does not still gets it. */
static void
tell_now(struct session *s)
{
	struct msg *m;

	DL_FOREACH (s->msgs, m)
		turn_message(m);
}

static void
on_report(struct engine *eng, const struct wire_event *ev)
{
	struct session *s;

	if (!ev->smtp_in) {
		eng->count[COUNT_UNKNOWN_EVENT]++;
		return;
	}
	s = session_get(eng, ev->sid);
	if (s == NULL && ev->event == EVENT_LINK_CONNECT)
		s = session_add(eng, ev->sid);
	if (s == NULL) {
		eng->count[COUNT_UNKNOWN_SESSION]++;
		return;
	}
	tell_now(s);
	session_event(eng, s, ev);
}

/*
 * Without a session there is no message, but the session in smtpd must go on:
 * its dot goes back and the message is refused for now.
 */
static void
answer_alone(struct engine *eng, const struct wire_event *ev)
{
	struct reply_to to = { ev->version, ev->sid, ev->token };
	char prefix[REPLY_PREFIX_MAX];

	if (ev->phase == PHASE_COMMIT) {
		engine_answer(
		    eng, &to, ev->phase, ANSWER_REJECT, STR(MSG_TRY_AGAIN));
	} else if (ev->phase != PHASE_DATA_LINE) {
		engine_answer(eng, &to, ev->phase, ANSWER_PROCEED, STR_NULL);
	} else if (str_eq(ev->param, STR("."))) {
		size_t n = reply_prefix(&to, prefix);
		send_line(eng, "%.*s.\n", (int)n, prefix);
	}
}

static struct msg *
on_data_line(struct engine *eng, struct session *s, const struct wire_event *ev)
{
	struct msg *m;

	if (s->env.state == TX_ENDED) {
		eng->count[COUNT_STALE]++;
		return NULL;
	}
	m = msg_get(eng, s, ev);
	if (m == NULL)
		answer_alone(eng, ev);
	else
		msg_line(m, ev->param);
	return m;
}

static void
on_request(struct engine *eng, struct session *s, const struct wire_event *ev)
{
	struct request req = { eng, { ev->version, ev->sid, ev->token },
		ev->phase, false };

	if ((unsigned)ev->phase < FILTER_PHASES &&
	    eng->filter->on[ev->phase] != NULL)
		eng->filter->on[ev->phase](&req, s, ev->param);
	filter_proceed(&req);
}

/* Returns the message that the line is one of, if it is one. */
static struct msg *
on_filter(struct engine *eng, const struct wire_event *ev)
{
	struct session *s = session_get(eng, ev->sid);

	if (s == NULL) {
		eng->count[COUNT_UNKNOWN_SESSION]++;
		if (session_was(eng, ev->sid))
			return NULL;
		s = session_add(eng, ev->sid);
		/* The start of its message may have come without memory. */
		if (s != NULL)
			s->broken = eng->count[COUNT_NO_MEMORY] > 0;
	}
	if (s == NULL ||
	    (ev->phase == PHASE_DATA_LINE && eng->filter->message == NULL)) {
		answer_alone(eng, ev);
		return NULL;
	}
	if (ev->phase == PHASE_DATA_LINE)
		return on_data_line(eng, s, ev);
	tell_now(s);
	if (ev->phase == PHASE_COMMIT && eng->filter->message != NULL)
		msg_commit(eng, s, ev);
	else
		on_request(eng, s, ev);
	return NULL;
}

/* A line that is not one more of a message that is known. */
static int
on_line(struct engine *eng, struct str line)
{
	SCRATCH struct wire_event ev;
	struct msg *m;

	if (wire_parse(line, &ev) == -1) {
		struct log_text t;
		if (eng->count[COUNT_BAD_LINE]++ == 0)
			log_warn("line from smtpd not understood: %s",
			    log_text(&t, line));
		return 0;
	}
	switch (ev.kind) {
	case WIRE_CONFIG:
		return on_config(eng, &ev);
	case WIRE_REPORT:
		on_report(eng, &ev);
		break;
	case WIRE_FILTER:
		m = on_filter(eng, &ev);
		if (m != NULL)
			heads_put(&eng->heads, line, ev.param, m);
		break;
	}
	return 0;
}

int
engine_line(struct engine *eng, struct str line)
{
	struct str text;
	struct msg *m = heads_find(&eng->heads, line, &text);

	if (m == NULL)
		return on_line(eng, line);
	msg_line(m, text);
	return 0;
}

void
engine_lost_line(struct engine *eng, struct str head)
{
	struct wire_event ev;
	struct session *s;
	struct msg *m;

	eng->count[COUNT_BAD_LINE]++;
	if (wire_parse(head, &ev) == -1 || ev.kind != WIRE_FILTER)
		return;
	if (ev.phase != PHASE_DATA_LINE) {
		(void)on_filter(eng, &ev);
		return;
	}
	s = session_get(eng, ev.sid);
	if (s == NULL && !session_was(eng, ev.sid))
		s = session_add(eng, ev.sid);
	if (s == NULL || s->env.state == TX_ENDED)
		return;
	m = msg_get(eng, s, &ev);
	/* After its dot a message may be in other hands. */
	if (m != NULL && m->state == MSG_RECEIVING)
		msg_lose(m, "a line is longer than any smtpd sends");
}

/* Answers of a filter to the request it is asked. */

static void
answer(struct request *req, enum answer a, struct str text)
{
	if (req->answered)
		return;
	req->answered = true;
	engine_answer(req->eng, &req->to, req->phase, a, text);
}

void
filter_proceed(struct request *req)
{
	answer(req, ANSWER_PROCEED, STR_NULL);
}

void
filter_junk(struct request *req)
{
	answer(req, ANSWER_JUNK, STR_NULL);
}

void
filter_rewrite(struct request *req, struct str param)
{
	answer(req, ANSWER_REWRITE, param);
}

static void
refuse(struct request *req, enum answer a, int code, const char *status,
    struct str text)
{
	struct buf b;

	buf_init(&b, REPLY_TEXT_MAX * 2);
	reply_text(&b, code, str_c(status), text);
	answer(req, a, buf_failed(&b) ? STR(MSG_TRY_AGAIN) : buf_view(&b));
	buf_clear(&b);
}

void
filter_reject(
    struct request *req, int code, const char *status, struct str text)
{
	refuse(req, ANSWER_REJECT, code, status, text);
}

void
filter_disconnect(
    struct request *req, int code, const char *status, struct str text)
{
	refuse(req, ANSWER_DISCONNECT, code, status, text);
}
