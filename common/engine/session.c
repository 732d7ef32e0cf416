#include <stdlib.h>

#include "common/engine/engine.h"

bool
session_is_local(const struct session *s)
{
	return str_starts(str_c(s->src), STR("unix:")) ||
	    str_eq(str_c(s->src), STR("local"));
}

struct str
session_ip(const struct session *s)
{
	struct str rest = str_c(s->src), ip, port;

	if (rest.n == 0 || session_is_local(s))
		return STR_NULL;
	if (rest.p[0] == '[') {
		rest = str_from(rest, 1);
		(void)str_cut(&rest, ']', &ip);
	} else {
		(void)str_cut(&rest, ':', &ip);
		/* More colons without brackets: an address and no port. */
		if (str_cut(&rest, ':', &port))
			ip = str_c(s->src);
	}
	rest = ip;
	(void)str_cut(&rest, '%', &ip);
	return ip;
}

unsigned
session_port(const struct session *s)
{
	struct str addr = str_c(s->dst), port;
	uint64_t n;

	if (session_is_local(s) || !str_rcut(&addr, ':', &port) ||
	    str_u64(port, 65535, &n) == -1)
		return 0;
	return (unsigned)n;
}

bool
session_rcpt(const struct session *s, size_t *pos, struct str *rcpt)
{
	if (*pos >= s->env.rcpts.n)
		return false;
	*rcpt = str_c(s->env.rcpts.p + *pos);
	*pos += rcpt->n + 1;
	return true;
}

struct session *
session_get(struct engine *eng, uint64_t id)
{
	struct session *s;

	HASH_FIND(hh, eng->sessions, &id, sizeof(id), s);
	return s;
}

struct session *
session_add(struct engine *eng, uint64_t id)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		goto fail;
	s->id = id;
	buf_init(&s->env.rcpts, SESSION_RCPTS_MAX);
	HASH_ADD(hh, eng->sessions, id, sizeof(id), s);
	if (!hash_added(s))
		goto fail;
	eng->count[COUNT_SESSIONS]++;
	return s;
fail:
	free(s);
	eng->count[COUNT_NO_MEMORY]++;
	return NULL;
}

/* Frees messages and envelope. */
static void
end_tx(struct session *s)
{
	while (s->msgs != NULL)
		msg_drop(s->msgs);
	free(s->env.msgid);
	free(s->env.mail_from);
	buf_clear(&s->env.rcpts);
	s->env.msgid = s->env.mail_from = NULL;
	s->env.nrcpts = 0;
	s->env.broken = false;
	s->last_rcpt = 0;
}

/* Forgets all but the id. */
static void
forget(struct session *s)
{
	end_tx(s);
	free(s->rdns);
	free(s->src);
	free(s->dst);
	free(s->greeting);
	free(s->helo);
	free(s->tls_version);
	free(s->tls_cipher);
	free(s->user);
	s->rdns = s->src = s->dst = s->greeting = s->helo = NULL;
	s->tls_version = s->tls_cipher = s->user = NULL;
	s->fcrdns = FCRDNS_ERROR;
	s->broken = false;
	s->env.state = TX_NONE;
}

void
session_end(struct engine *eng, struct session *s)
{
	forget(s);
	HASH_DEL(eng->sessions, s);
	eng->dead[eng->ndead++ % ENGINE_DEAD] = s->id;
	free(s);
}

bool
session_was(const struct engine *eng, uint64_t id)
{
	unsigned n = eng->ndead < ENGINE_DEAD ? eng->ndead : ENGINE_DEAD;

	for (unsigned i = 0; i < n; i++)
		if (eng->dead[i] == id)
			return true;
	return false;
}

static void
set_text(bool *broken, char **to, struct str from)
{
	free(*to);
	*to = str_dup(str_head(from, SESSION_TEXT_MAX));
	if (*to == NULL)
		*broken = true;
}

void
session_greet(struct engine *eng, struct str name)
{
	struct session *s, *next;

	HASH_ITER (hh, eng->sessions, s, next)
		if (s->greeting == NULL)
			set_text(&s->broken, &s->greeting, name);
}

/* Is a message under way, the rest of which must not pass as a whole one? */
static bool
is_receiving(const struct session *s)
{
	const struct msg *m;

	DL_FOREACH (s->msgs, m)
		if (m->state == MSG_RECEIVING)
			return true;
	return false;
}

static void
on_connect(struct session *s, const struct wire_event *ev)
{
	bool cut = is_receiving(s);

	/* A process that stands twice in a chain is told twice. */
	if (s->src != NULL && !str_eq(str_c(s->src), ev->field[2])) {
		forget(s);
		s->env.broken = cut;
	}
	set_text(&s->broken, &s->rdns, ev->field[0]);
	if (str_eq(ev->field[1], STR("pass")))
		s->fcrdns = FCRDNS_PASS;
	else if (str_eq(ev->field[1], STR("fail")))
		s->fcrdns = FCRDNS_FAIL;
	set_text(&s->broken, &s->src, ev->field[2]);
	set_text(&s->broken, &s->dst, ev->field[3]);
}

/* VERSION:CIPHER:BITS */
static void
on_tls(struct session *s, struct str text)
{
	struct str version, cipher;

	(void)str_cut(&text, ':', &version);
	(void)str_cut(&text, ':', &cipher);
	set_text(&s->broken, &s->tls_version, version);
	set_text(&s->broken, &s->tls_cipher, cipher);
}

static void
on_auth(struct session *s, const struct wire_event *ev)
{
	char user[SESSION_TEXT_MAX];
	size_t n;

	if (!str_eq(ev->field[0], STR("pass")))
		return;
	n = wire_unvis(str_head(ev->field[1], sizeof(user)), user);
	set_text(&s->broken, &s->user, str_n(user, n));
}

static bool
is_current(const struct session *s, struct str msgid)
{
	return s->env.state == TX_OPEN && s->env.msgid != NULL &&
	    str_eq(msgid, str_c(s->env.msgid));
}

static void
on_begin(struct session *s, const struct wire_event *ev)
{
	bool cut = is_receiving(s);

	/* A process that stands twice in a chain is told twice. */
	if (is_current(s, ev->field[0]))
		return;
	end_tx(s);
	s->env.state = TX_OPEN;
	s->env.broken = cut;
	set_text(&s->env.broken, &s->env.msgid, ev->field[0]);
}

static void
on_mail(struct session *s, const struct wire_event *ev)
{
	if (ev->fields == 3 && str_eq(ev->field[1], STR("ok")) &&
	    is_current(s, ev->field[0]))
		set_text(&s->env.broken, &s->env.mail_from, ev->field[2]);
}

/* Tells two reports of one event from two events: by time and address. */
static uint64_t
fingerprint(const struct wire_event *ev)
{
	struct str parts[] = { ev->time, ev->field[2] };
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < parts[i].n; k++)
			h = (h ^ (unsigned char)parts[i].p[k]) * 1099511628211u;
	return h;
}

static void
on_rcpt(struct session *s, const struct wire_event *ev)
{
	struct buf *b = &s->env.rcpts;
	uint64_t seen = fingerprint(ev);

	if (ev->fields != 3 || !str_eq(ev->field[1], STR("ok")) ||
	    !is_current(s, ev->field[0]) || seen == s->last_rcpt ||
	    str_has(ev->field[2], '\0'))
		return;
	s->last_rcpt = seen;
	buf_str(b, ev->field[2]);
	buf_chr(b, '\0');
	if (buf_failed(b))
		s->env.broken = true;
	else
		s->env.nrcpts++;
}

static void
on_tx_end(struct session *s, const struct wire_event *ev)
{
	if (s->env.state == TX_OPEN && s->env.msgid != NULL &&
	    ev->field[0].n > 0 && !is_current(s, ev->field[0]))
		return;
	end_tx(s);
	s->env.state = TX_ENDED;
}

void
session_event(
    struct engine *eng, struct session *s, const struct wire_event *ev)
{
	switch (ev->event) {
	case EVENT_LINK_CONNECT:
		on_connect(s, ev);
		break;
	case EVENT_LINK_DISCONNECT:
		session_end(eng, s);
		break;
	case EVENT_LINK_GREETING:
		set_text(&s->broken, &s->greeting, ev->field[0]);
		break;
	case EVENT_LINK_IDENTIFY:
		set_text(&s->broken, &s->helo, ev->field[1]);
		break;
	case EVENT_LINK_TLS:
		on_tls(s, ev->field[0]);
		break;
	case EVENT_LINK_AUTH:
		on_auth(s, ev);
		break;
	case EVENT_TX_BEGIN:
		on_begin(s, ev);
		break;
	case EVENT_TX_MAIL:
		on_mail(s, ev);
		break;
	case EVENT_TX_RCPT:
		on_rcpt(s, ev);
		break;
	case EVENT_TX_RESET:
	case EVENT_TX_ROLLBACK:
		on_tx_end(s, ev);
		break;
	case EVENT_UNKNOWN:
		eng->count[COUNT_UNKNOWN_EVENT]++;
		break;
	}
}
