#include "common/base/scratch.h"
#include "common/engine/engine.h"

/* Bytes of a body that may wait in the store until the filter is told. */
#define PIECE_MAX STORE_BLOCK

void
turn_header(struct msg *m)
{
	const struct filter *f = m->eng->filter;

	if (!m->header_told && !m->lost && f->header != NULL)
		f->header(m);
	m->header_told = true;
}

/* What the store has of the body and the filter has not seen: whole lines. */
static void
tell_body(struct msg *m)
{
	const struct filter *f = m->eng->filter;
	SCRATCH char scratch[PIECE_MAX];
	struct str text;

	while (f->body != NULL && !m->lost && m->told < store_size(m->store)) {
		if (store_block(m->store, m->told, PIECE_MAX, scratch, &text) ==
		    -1) {
			msg_lose(m, "its text cannot be read back");
			break;
		}
		m->told += text.n;
		f->body(m, text);
	}
}

static void
tell_end(struct msg *m)
{
	if (m->lost)
		msg_fail(m);
	else
		m->eng->filter->message(m);
}

int
turn_line(struct msg *m, struct str line)
{
	const struct filter *f = m->eng->filter;

	if (f->body == NULL)
		return store_line(m->store, line);
	if (store_size(m->store) - m->told + line.n >= PIECE_MAX) {
		turn_header(m);
		tell_body(m);
	}
	if (m->lost)
		return 0;
	if (store_line(m->store, line) == -1)
		return -1;
	if (line.n >= PIECE_MAX) {
		m->told = store_size(m->store);
		f->body(m, line);
	}
	return 0;
}

void
turn_message(struct msg *m)
{
	if (!m->due || m->state != MSG_WAITING)
		return;
	turn_header(m);
	tell_body(m);
	msg_not_due(m);
	tell_end(m);
}

void
turn_end(struct engine *eng)
{
	struct msg *m;

	DL_FOREACH2(eng->due, m, due_next)
	turn_header(m);
	DL_FOREACH2(eng->due, m, due_next)
	if (m->state == MSG_WAITING)
		tell_body(m);
	while ((m = eng->due) != NULL) {
		msg_not_due(m);
		if (m->state == MSG_WAITING)
			tell_end(m);
	}
}
