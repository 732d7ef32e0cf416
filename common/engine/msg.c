#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/engine.h"
#include "common/message/header.h"
#include "common/message/longline.h"
#include "common/protocol/reply.h"

/* What a message may hold of header memory over the pool's budget. */
#define HEADER_BUDGETS 2

/* Bytes of the first allocation for it. */
#define HEADER_FIRST 2048

static struct msg *
msg_new(struct engine *eng, struct session *s, const struct wire_event *ev)
{
	struct msg *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->eng = eng;
	m->session = s;
	m->token = ev->token;
	m->version = ev->version;
	m->line_max = reply_line_max(ev->version);
	m->in_header = true;
	buf_init(&m->header, HEADER_MAX);
	m->store = store_new(&eng->pool);
	if (eng->filter->tx_new != NULL)
		m->data = eng->filter->tx_new(m);
	DL_APPEND(s->msgs, m);
	eng->count[COUNT_MESSAGES]++;
	if (s->broken || s->env.broken)
		msg_lose(m, "what came before it is incomplete");
	else if (m->store == NULL ||
	    (eng->filter->tx_new != NULL && m->data == NULL))
		msg_lose(m, "no memory");
	return m;
}

/* Its filter has something to be told when the turn ends. */
static void
make_due(struct msg *m)
{
	if (!m->due)
		DL_APPEND2(m->eng->due, m, due_prev, due_next);
	m->due = true;
}

void
msg_not_due(struct msg *m)
{
	if (m->due)
		DL_DELETE2(m->eng->due, m, due_prev, due_next);
	m->due = false;
}

/* Ends the filter's work on it; its jobs are cancelled. */
static void
free_data(struct msg *m)
{
	void *data = m->data;

	m->data = NULL;
	if (data != NULL)
		m->eng->filter->tx_free(data);
}

static void
free_content(struct msg *m)
{
	m->eng->pool.used -= m->counted;
	m->counted = 0;
	buf_clear(&m->header);
	store_free(m->store);
	m->store = NULL;
}

static void
stop_work(struct msg *m)
{
	if (m->state == MSG_WAITING)
		DL_DELETE2(m->eng->waiting, m, wait_prev, wait_next);
	if (m->state == MSG_SENDING)
		out_stop(&m->eng->out, &m->replay);
	msg_not_due(m);
	free_data(m);
	free_content(m);
}

void
msg_drop(struct msg *m)
{
	struct engine *eng = m->eng;

	if (m->state != MSG_ANSWERED)
		eng->count[COUNT_DROPPED]++;
	heads_drop(&eng->heads, m->session->id, m);
	stop_work(m);
	DL_DELETE(m->session->msgs, m);
	free(m->refusal);
	free(m);
}

struct msg *
msg_get(struct engine *eng, struct session *s, const struct wire_event *ev)
{
	struct msg *m;

	DL_FOREACH (s->msgs, m)
		if (m->token == ev->token)
			break;
	if (m != NULL && m->state != MSG_ANSWERED)
		return m;
	/* Another one in the same transaction. */
	if (m != NULL)
		msg_drop(m);
	m = msg_new(eng, s, ev);
	if (m == NULL) {
		/* A message that begins with a later line must not pass. */
		s->env.broken = true;
		eng->count[COUNT_NO_MEMORY]++;
	}
	return m;
}

void
msg_lose(struct msg *m, const char *why)
{
	if (m->lost)
		return;
	m->lost = true;
	msg_warn(m, "message lost: %s; it gets 451", why);
	free_data(m);
	free_content(m);
}

/* Is there no room for the line with those of the header? */
static bool
is_beyond(const struct msg *m, struct str line)
{
	return m->header_cut || line.n + 2 > (size_t)HEADER_MAX - m->header.n;
}

/* The last field goes with its continuation to what follows the header. */
static void
move_last_field(struct msg *m)
{
	size_t n = m->header.n;
	struct str field, line;

	do {
		for (n = n > 0 ? n - 1 : 0; n > 0; n--)
			if (m->header.p[n - 1] == '\n')
				break;
	} while (n > 0 && is_wsp(m->header.p[n]));
	field = str_from(buf_view(&m->header), n);
	m->header.n = n;
	while (!m->lost && str_cut(&field, '\n', &line))
		if (store_line(m->store, line) == -1)
			msg_lose(m, "no memory or disk for its text");
}

static bool
add_header(struct msg *m, struct str line, bool tab)
{
	struct store_pool *pool = &m->eng->pool;

	if (is_beyond(m, line)) {
		if (!m->header_cut && (tab || is_wsp(line.p[0])))
			move_last_field(m);
		m->header_cut = true;
		return false;
	}
	if (m->header.cap == 0)
		(void)buf_room(&m->header, HEADER_FIRST);
	if (tab)
		buf_chr(&m->header, '\t');
	buf_str(&m->header, line);
	buf_chr(&m->header, '\n');
	pool->used += m->header.cap - m->counted;
	m->counted = m->header.cap;
	if (buf_failed(&m->header) ||
	    (m->header.n > STORE_BLOCK &&
		pool->used / HEADER_BUDGETS > pool->budget))
		msg_lose(m, "no memory for its header");
	return true;
}

/* A line, or a piece of one that is folded before it. */
static int
store_piece(struct msg *m, struct str piece, bool tab)
{
	struct buf b;
	int r;

	if (!tab)
		return store_line(m->store, piece);
	buf_init(&b, piece.n + 1);
	buf_chr(&b, '\t');
	buf_str(&b, piece);
	r = buf_failed(&b) ? -1 : store_line(m->store, buf_view(&b));
	buf_clear(&b);
	return r;
}

/* A line of the message, dot undone, of a length that can go back. */
static void
take_line(struct msg *m, struct str line, bool tab)
{
	bool body = !m->in_header;
	int r;

	if (m->lost)
		return;
	if (m->in_header && line.n == 0 && !tab) {
		m->in_header = false;
		make_due(m);
	} else if (m->in_header && add_header(m, line, tab)) {
		return;
	}
	if (m->lost)
		return;
	r = body ? turn_line(m, line) : store_piece(m, line, tab);
	if (r == -1)
		msg_lose(m, "no memory or disk for its text");
	else if (!body)
		m->told = store_size(m->store);
}

static void
take_pieces(struct msg *m, struct str line, size_t max)
{
	bool tab = false, next = false;
	struct str piece;

	do {
		tab = next;
		piece = longline_next(&line, max, m->in_header, &next);
		take_line(m, piece, tab);
	} while (line.n > 0);
}

static void
wait_for_filter(struct msg *m)
{
	struct engine *eng = m->eng;

	m->state = MSG_WAITING;
	m->dot_us = clock_us();
	DL_APPEND2(eng->waiting, m, wait_prev, wait_next);
	if (eng->waiting == m &&
	    loop_timer_set(eng->deadline, eng->deadline_ms) == -1)
		msg_lose(m, "no memory for its deadline");
}

void
msg_decide(struct msg *m, struct str reply)
{
	struct engine *eng = m->eng;
	struct reply_to to = { m->version, m->session->id, m->token };

	msg_not_due(m);
	DL_DELETE2(eng->waiting, m, wait_prev, wait_next);
	m->refusal = reply.n == 0 ? NULL : str_dup(reply);
	if (reply.n > 0 && m->refusal == NULL)
		m->lost = true;
	if (m->lost || m->refusal != NULL)
		free_content(m);
	m->state = MSG_SENDING;
	replay_init(&m->replay, &to, buf_view(&m->header), m->store);
	out_start(&eng->out, &m->replay);
	engine_flush(eng);
}

void
msg_fail(struct msg *m)
{
	m->eng->count[COUNT_FAILED]++;
	msg_decide(m, STR(MSG_TRY_AGAIN));
}

static void
on_dot(struct msg *m)
{
	bool too_long = m->cut && m->eng->reject_long;

	m->in_header = false;
	if (too_long)
		turn_header(m);
	wait_for_filter(m);
	if (m->lost) {
		msg_fail(m);
	} else if (too_long) {
		msg_decide(m, STR(MSG_TOO_LONG));
	} else {
		make_due(m);
	}
}

void
msg_see_length(struct msg *m, struct str line)
{
	if (m->cut || !longline_is(line, m->line_max))
		return;
	m->cut = true;
	m->eng->count[COUNT_CUT]++;
	if (!m->eng->reject_long)
		msg_warn(m, "line of %zu bytes cut: smtpd takes %zu", line.n,
		    m->line_max);
}

void
msg_line(struct msg *m, struct str line)
{
	size_t max = m->line_max;

	if (m->state != MSG_RECEIVING) {
		m->eng->count[COUNT_STALE]++;
		return;
	}
	if (line.n > 0 && line.p[0] == '.') {
		if (line.n == 1) {
			on_dot(m);
			return;
		}
		line = str_from(line, 1);
	}
	if (!longline_is(line, max)) {
		take_line(m, line, false);
		return;
	}
	msg_see_length(m, line);
	/* What of the header goes to the store cannot be folded later. */
	if (m->eng->filter->as_stored || (m->in_header && is_beyond(m, line)))
		take_pieces(m, line, max);
	else
		take_line(m, line, false);
}

static struct str
verdict(const struct msg *m)
{
	if (m->refusal != NULL)
		return str_c(m->refusal);
	return m->lost ? STR(MSG_TRY_AGAIN) : STR_NULL;
}

static void
answer_commit(struct msg *m, const struct reply_to *to, struct str reply)
{
	struct engine *eng = m->eng;

	engine_answer(eng, to, PHASE_COMMIT,
	    reply.n == 0 ? ANSWER_PROCEED : ANSWER_REJECT, reply);
	eng->count[reply.n == 0 ? COUNT_ACCEPTED : COUNT_REFUSED]++;
	if (eng->answered != NULL)
		eng->answered(eng->answered_arg, m, reply);
	/* The filter may be the one that led here: its data stays. */
	if (m->state == MSG_SENT)
		free_content(m);
	else
		stop_work(m);
	heads_drop(&eng->heads, m->session->id, m);
	m->state = MSG_ANSWERED;
}

/* The dot is on its way to smtpd. */
void
msg_sent(struct replay *r, bool ok)
{
	struct msg *m =
	    (struct msg *)(void *)((char *)r - offsetof(struct msg, replay));

	m->state = MSG_SENT;
	if (ok) {
		free_content(m);
		if (m->asked)
			answer_commit(m, &m->commit, verdict(m));
		return;
	}
	m->lost = true;
	m->eng->count[COUNT_FAILED]++;
	msg_warn(m, "its text cannot be read back; it gets 451");
	free_content(m);
	/* What was sent stays a message, so it must end like one. */
	replay_init(r,
	    &(struct reply_to){ m->version, m->session->id, m->token },
	    STR_NULL, NULL);
	m->state = MSG_SENDING;
	out_start(&m->eng->out, r);
}

void
msg_commit(struct engine *eng, struct session *s, const struct wire_event *ev)
{
	struct reply_to to = { ev->version, ev->sid, ev->token };
	struct msg *m;

	DL_FOREACH (s->msgs, m)
		if (m->state != MSG_ANSWERED)
			break;
	if (m == NULL) {
		eng->count[COUNT_FAILED]++;
		log_warn("%016llx commit without a message; it gets 451",
		    (unsigned long long)ev->sid);
		engine_answer(
		    eng, &to, PHASE_COMMIT, ANSWER_REJECT, STR(MSG_TRY_AGAIN));
	} else if (m->state == MSG_SENT) {
		answer_commit(m, &to, verdict(m));
	} else if (m->state == MSG_RECEIVING) {
		/* There will be no dot: smtpd has lost its way. */
		msg_lose(m, "it was never ended");
		s->env.broken = true;
		answer_commit(m, &to, STR(MSG_TRY_AGAIN));
	} else {
		/* smtpd waits for the dot before it asks; others may not. */
		m->commit = to;
		m->asked = true;
	}
}

void
msg_expire(void *arg)
{
	struct engine *eng = arg;
	uint64_t limit = (uint64_t)eng->deadline_ms * 1000, waited;
	struct msg *m;

	while ((m = eng->waiting) != NULL) {
		waited = clock_us() - m->dot_us;
		if (waited < limit) {
			unsigned ms = (unsigned)((limit - waited) / 1000) + 1;
			if (loop_timer_set(eng->deadline, ms) == 0)
				return;
		}
		eng->count[COUNT_EXPIRED]++;
		if (eng->filter->expired != NULL)
			eng->filter->expired(m);
		if (msg_is_open(m)) {
			msg_warn(m, "no answer in %u ms; it gets 451",
			    eng->deadline_ms);
			msg_fail(m);
		}
		/* --check has yet to print what is known. */
		if (!msg_is_check(m))
			free_data(m);
	}
}
