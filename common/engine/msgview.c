/* What filters see of a message and say about it: the msg_ part of filter.h. */
#include <stdarg.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/scratch.h"
#include "common/engine/engine.h"
#include "common/message/header.h"

enum {
	MSGID_SHOWN = 32, /* bytes of a transaction's id in log lines */
};

const struct session *
msg_session(const struct msg *m)
{
	return m->session;
}

void *
msg_data(const struct msg *m)
{
	return m->data;
}

const char *
msg_id(const struct msg *m)
{
	return m->session->env.msgid != NULL ? m->session->env.msgid : "-";
}

struct str
msg_header(const struct msg *m)
{
	return buf_view(&m->header);
}

bool
msg_header_cut(const struct msg *m)
{
	return m->header_cut;
}

const struct store *
msg_store(const struct msg *m)
{
	return m->store;
}

uint64_t
msg_size(const struct msg *m)
{
	return m->header.n + (m->store == NULL ? 0 : store_size(m->store));
}

uint64_t
msg_waited(const struct msg *m)
{
	return m->dot_us == 0 ? 0 : clock_us() - m->dot_us;
}

size_t
msg_line_max(const struct msg *m)
{
	return m->line_max;
}

bool
msg_is_open(const struct msg *m)
{
	/* While it is due, its filter was not asked. */
	return m->state == MSG_WAITING && !m->due;
}

bool
msg_is_check(const struct msg *m)
{
	return m->eng->answered != NULL;
}

static int
apply_edit(struct msg *m, const struct edit *e)
{
	size_t size = edit_size(e);
	struct buf changed;

	if (size > MSG_HEADER_MAX) {
		msg_warn(m, "new header of %zu bytes is over %d; it gets 451",
		    size, MSG_HEADER_MAX);
		return -1;
	}
	buf_init(&changed, MSG_HEADER_MAX);
	edit_write(e, &changed);
	if (buf_failed(&changed)) {
		buf_clear(&changed);
		msg_warn(m, "no memory for its new header; it gets 451");
		return -1;
	}
	m->eng->pool.used += changed.cap - m->counted;
	m->counted = changed.cap;
	buf_clear(&m->header);
	m->header = changed;
	return 0;
}

void
msg_accept(struct msg *m, struct edit *owned)
{
	int r = 0;

	if (!msg_is_open(m)) {
		edit_free(owned);
		return;
	}
	/* By a line of a new body. */
	if (m->cut && m->eng->reject_long) {
		edit_free(owned);
		msg_decide(m, STR(MSG_TOO_LONG));
		return;
	}
	if (owned != NULL && edit_changed(owned))
		r = apply_edit(m, owned);
	edit_free(owned);
	if (r == -1)
		msg_fail(m);
	else
		msg_decide(m, STR_NULL);
}

int
msg_set_body(struct msg *m, struct str body)
{
	struct store *st;
	struct str line;

	/* The rest of a header that was cut stands in the store. */
	if (!msg_is_open(m) || m->header_cut)
		return -1;
	st = store_new(&m->eng->pool);
	if (st == NULL || store_line(st, STR_NULL) == -1)
		goto fail;
	while (body.n > 0) {
		(void)str_cut(&body, '\n', &line);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		msg_see_length(m, line);
		if (store_line(st, line) == -1)
			goto fail;
	}
	store_free(m->store);
	m->store = st;
	return 0;
fail:
	store_free(st);
	return -1;
}

void
msg_refuse(struct msg *m, int code, const char *status, struct str text)
{
	struct buf reply;

	if (!msg_is_open(m))
		return;
	buf_init(&reply, REPLY_TEXT_MAX * 2);
	reply_text(&reply, code, str_c(status), text);
	msg_decide(
	    m, buf_failed(&reply) ? STR(MSG_TRY_AGAIN) : buf_view(&reply));
	buf_clear(&reply);
}

/* "SESSION MSGID "; returns its length. */
static size_t
put_ids(const struct msg *m, char line[LOG_LINE_MAX + 1])
{
	struct str id = str_head(str_c(msg_id(m)), MSGID_SHOWN);
	size_t n = STR_HEX64;

	str_format_hex64(m->session->id, line);
	line[n++] = ' ';
	memcpy(line + n, id.p, id.n);
	n += id.n;
	line[n++] = ' ';
	return n;
}

static void
vlog(enum log_level level, const struct msg *m, const char *fmt, va_list ap)
{
	SCRATCH char line[LOG_LINE_MAX + 1];
	size_t at;
	int n;

	if (!log_is(level))
		return;
	at = put_ids(m, line);
	n = vsnprintf(line + at, sizeof(line) - at, fmt, ap);
	if (n > 0)
		log_put(
		    level, str_head(str_n(line, at + (size_t)n), LOG_LINE_MAX));
}

void
msg_info_text(const struct msg *m, struct str text)
{
	SCRATCH char line[LOG_LINE_MAX + 1];
	size_t at;

	if (!log_is(LOG_INFO))
		return;
	at = put_ids(m, line);
	text = str_head(text, LOG_LINE_MAX - at);
	memcpy(line + at, text.p, text.n);
	log_put(LOG_INFO, str_n(line, at + text.n));
}

void
msg_info(const struct msg *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_INFO, m, fmt, ap);
	va_end(ap);
}

void
msg_warn(const struct msg *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_WARNING, m, fmt, ap);
	va_end(ap);
}
