#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/protocol/wire.h"
#include "tests/golden/judge.h"
#include "tests/golden/whole.h"

enum {
	SESSIONS = 64,
	MESSAGES = 4, /* of one session: one per token */
	LINE_MAX_BYTES = 65535, /* without the LF */
	FIRST_MAX = 400
};

struct mail {
	bool used;
	bool dotted; /* its dot was sent to the filter */
	bool back; /* the dot came back */
	uint64_t token;
	unsigned number; /* of the session's messages, from 1 */
	uint64_t dot_us;
	unsigned version;
	struct buf in, out; /* lines with LF, dots doubled */
};

struct talk {
	bool used;
	bool alive;
	uint64_t sid;
	bool begun; /* a transaction is open, with this id: */
	char msgid[512]; /* cut; smtpd has 8 bytes */
	bool ended; /* its transaction is over, the next one did not begin */
	bool asked; /* a request is open: */
	enum phase phase;
	uint64_t token;
	unsigned count; /* messages so far */
	struct mail mails[MESSAGES];
};

struct judge {
	struct judge_rules rules;
	struct talk talks[SESSIONS];
	bool ready;
	bool full; /* more sessions than it can follow */
	bool versioned; /* the version is known: */
	unsigned version;
	unsigned faults;
	unsigned accepted;
	char first[FIRST_MAX];
};

static void fault(struct judge *, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));

static void
fault(struct judge *j, const char *fmt, ...)
{
	va_list ap;

	if (j->faults++ > 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(j->first, sizeof(j->first), fmt, ap);
	va_end(ap);
}

struct judge *
judge_new(const struct judge_rules *rules)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (j != NULL)
		j->rules = *rules;
	return j;
}

static void
end_mails(struct talk *t)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		buf_clear(&t->mails[i].in);
		buf_clear(&t->mails[i].out);
		t->mails[i].used = false;
	}
}

void
judge_free(struct judge *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < SESSIONS; i++)
		end_mails(&j->talks[i]);
	free(j);
}

static struct talk *
find(struct judge *j, uint64_t sid)
{
	for (size_t i = 0; i < SESSIONS; i++)
		if (j->talks[i].used && j->talks[i].sid == sid)
			return &j->talks[i];
	return NULL;
}

static struct talk *
meet(struct judge *j, uint64_t sid)
{
	struct talk *t = find(j, sid);

	for (size_t i = 0; t == NULL && i < SESSIONS; i++)
		if (!j->talks[i].used)
			t = &j->talks[i];
	if (t == NULL) {
		j->full = true;
		return NULL;
	}
	if (!t->used)
		*t = (struct talk){ .used = true, .alive = true, .sid = sid };
	return t;
}

static struct mail *
mail_of(struct talk *t, uint64_t token, bool make)
{
	for (size_t i = 0; i < MESSAGES; i++)
		if (t->mails[i].used && t->mails[i].token == token)
			return &t->mails[i];
	for (size_t i = 0; make && i < MESSAGES; i++) {
		struct mail *m = &t->mails[i];
		if (m->used)
			continue;
		*m = (struct mail){
			.used = true, .token = token, .number = ++t->count
		};
		buf_init(&m->in, SIZE_MAX);
		buf_init(&m->out, SIZE_MAX);
		return m;
	}
	return NULL;
}

/* A message that the filter has not given back. */
static struct mail *
pending(struct talk *t)
{
	for (size_t i = 0; i < MESSAGES; i++)
		if (t->mails[i].used && !t->mails[i].back)
			return &t->mails[i];
	return NULL;
}

static void
add_line(struct buf *b, struct str line)
{
	buf_str(b, line);
	buf_chr(b, '\n');
}

static bool
in_data_line(struct talk *t, const struct wire_event *ev, uint64_t now)
{
	struct mail *m = mail_of(t, ev->token, true);

	if (m == NULL || m->dotted || t->ended)
		return false;
	m->version = ev->version;
	if (str_eq(ev->param, STR("."))) {
		m->dotted = true;
		m->dot_us = now;
	} else {
		add_line(&m->in, ev->param);
	}
	return true;
}

static bool
in_request(
    struct judge *j, const struct wire_event *ev, uint64_t now, bool forced)
{
	struct talk *t = meet(j, ev->sid);

	if (t == NULL || !t->alive || (t->asked && !forced))
		return false;
	if (ev->phase == PHASE_DATA_LINE)
		return in_data_line(t, ev, now);
	if (t->asked ||
	    (ev->phase == PHASE_COMMIT && pending(t) != NULL && !forced))
		return false;
	t->asked = true;
	t->phase = ev->phase;
	t->token = ev->token;
	return true;
}

/* The end of a transaction, if it is the one that is open. */
static bool
is_end(const struct talk *t, const struct wire_event *ev)
{
	if (ev->event != EVENT_TX_RESET && ev->event != EVENT_TX_ROLLBACK)
		return false;
	return !t->begun || ev->field[0].n == 0 ||
	    str_eq(ev->field[0], str_c(t->msgid));
}

static void
begin(struct talk *t, struct str msgid)
{
	msgid = str_head(msgid, sizeof(t->msgid) - 1);
	memset(t->msgid, 0, sizeof(t->msgid));
	if (msgid.n > 0)
		memcpy(t->msgid, msgid.p, msgid.n);
}

static bool
in_report(struct judge *j, const struct wire_event *ev)
{
	struct talk *t = find(j, ev->sid);

	if (!ev->smtp_in)
		return true;
	if (ev->event == EVENT_LINK_CONNECT && t == NULL)
		t = meet(j, ev->sid);
	if (t == NULL || !t->alive)
		return !j->full;
	/* While a request is open nothing else comes for the session. */
	if (t->asked)
		return false;
	/* It may be told twice, but not in the middle. */
	if (ev->event == EVENT_LINK_CONNECT && (t->count > 0 || t->begun))
		return false;
	if (ev->event == EVENT_LINK_DISCONNECT) {
		t->alive = false;
		end_mails(t);
	} else if (is_end(t, ev)) {
		end_mails(t);
		t->begun = false;
		t->ended = true;
	} else if (ev->event == EVENT_TX_BEGIN &&
	    !(t->begun && str_eq(ev->field[0], str_c(t->msgid)))) {
		end_mails(t);
		begin(t, ev->field[0]);
		t->begun = true;
		t->ended = false;
	}
	return true;
}

bool
judge_in(struct judge *j, struct str line, uint64_t now, bool forced)
{
	struct wire_event ev;

	if (wire_parse(line, &ev) == -1 || ev.kind == WIRE_CONFIG)
		return true;
	/* One smtpd speaks one version. */
	if (!j->versioned)
		j->version = ev.version;
	j->versioned = true;
	if (ev.version != j->version)
		return false;
	if (ev.kind == WIRE_FILTER)
		return j->ready && in_request(j, &ev, now, forced);
	return in_report(j, &ev);
}

/* May smtpd get this answer in this phase? */
static bool
is_legal(enum phase p, struct str word, struct str text, bool has_text)
{
	if (str_eq(word, STR("proceed")))
		return !has_text;
	if (p == PHASE_UNKNOWN)
		return false;
	if (str_eq(word, STR("junk")))
		return !has_text && p != PHASE_COMMIT;
	if (str_eq(word, STR("rewrite")))
		return has_text && p != PHASE_COMMIT && p != PHASE_DATA;
	if (!str_eq(word, STR("reject")) && !str_eq(word, STR("disconnect")))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < 32 || text.p[i] > 126)
			return false;
	return has_text && text.n >= 5 && text.n <= 510 && text.p[3] == ' ' &&
	    (text.p[0] == '4' || text.p[0] == '5') && is_digit(text.p[1]) &&
	    is_digit(text.p[2]);
}

static void
committed(struct judge *j, struct talk *t, struct str word)
{
	struct whole_message w;
	struct mail *m = NULL;
	const char *why;

	for (size_t i = 0; i < MESSAGES; i++)
		if (t->mails[i].used &&
		    (m == NULL || t->mails[i].number < m->number))
			m = &t->mails[i];
	if (m == NULL)
		return;
	if (str_eq(word, STR("proceed"))) {
		j->accepted++;
		w = (struct whole_message){ buf_view(&m->in), buf_view(&m->out),
			j->rules.whole == JUDGE_BODY, j->rules.added };
		why = j->rules.whole == JUDGE_NOTHING ? NULL : whole_check(&w);
		if (why != NULL)
			fault(j, "accepted, but %s", why);
		if (j->rules.leaves != NULL)
			j->rules.leaves(w.in, w.out);
		if (j->rules.may_leave != NULL &&
		    !j->rules.may_leave(j->rules.arg, w.out))
			fault(j, "accepted with another text");
	}
	/* The next filter name of a chain asks for the next message. */
	buf_clear(&m->in);
	buf_clear(&m->out);
	m->used = false;
}

static void
out_result(struct judge *j, struct talk *t, uint64_t token, struct str rest)
{
	struct str word;
	bool has_text = str_cut(&rest, '|', &word);

	if (!t->asked) {
		fault(j, "result without a request: %.*s", (int)word.n, word.p);
		return;
	}
	if (token != t->token)
		fault(j, "result with another token");
	if (!is_legal(t->phase, word, rest, has_text))
		fault(j, "illegal result to %s: %.*s %.*s",
		    phase_name(t->phase), (int)word.n, word.p, (int)rest.n,
		    rest.p);
	t->asked = false;
	if (t->phase == PHASE_COMMIT)
		committed(j, t, word);
}

static void
out_data_line(struct judge *j, struct talk *t, uint64_t token, struct str text)
{
	struct mail *m = mail_of(t, token, false);

	if (m == NULL) {
		fault(j, "data line outside of any message");
		return;
	}
	if (m->back)
		fault(j, "data line after the dot");
	if (str_eq(text, STR("."))) {
		if (!m->dotted)
			fault(j, "dot before the client's");
		m->back = true;
		return;
	}
	if (text.n > 0 && text.p[0] == '.' && (text.n < 2 || text.p[1] != '.'))
		fault(j, "dot not doubled");
	if (m->version < WIRE_V07 && text.n > 1997)
		fault(j, "data line of %zu bytes would be cut", text.n);
	add_line(&m->out, text);
}

static bool
read_ids(struct judge *j, struct str *line, uint64_t *sid, uint64_t *token)
{
	bool old = j->versioned && j->version <= WIRE_V04;
	struct str a, b;

	return str_cut(line, '|', &a) && str_cut(line, '|', &b) &&
	    str_hex64(a, old ? token : sid) == 0 &&
	    str_hex64(b, old ? sid : token) == 0;
}

static void
out_register(struct judge *j, struct str line)
{
	static const char *const good[] = { "report|smtp-in|link-",
		"report|smtp-in|tx-", "filter|smtp-in|" };
	bool found = false;

	if (str_eq(line, STR("ready"))) {
		j->ready = true;
		return;
	}
	for (size_t i = 0; i < 3; i++)
		found = found || str_starts(line, str_c(good[i]));
	if (!found)
		fault(j, "register %.*s", (int)line.n, line.p);
}

void
judge_out(struct judge *j, struct str line)
{
	uint64_t sid, token;
	struct str word, rest = line;
	struct talk *t;

	if (line.n > LINE_MAX_BYTES)
		fault(j, "line of %zu bytes", line.n);
	(void)str_cut(&rest, '|', &word);
	if (!j->ready && str_eq(word, STR("register"))) {
		out_register(j, rest);
		return;
	}
	if (!j->ready || !read_ids(j, &rest, &sid, &token)) {
		fault(j, "not an answer: %.*s", (int)str_head(line, 80).n,
		    line.p);
		return;
	}
	t = find(j, sid);
	if (j->full && t == NULL)
		return;
	if (t == NULL || !t->alive)
		fault(j, "answer for no session: %.*s",
		    (int)str_head(line, 80).n, line.p);
	else if (str_eq(word, STR("filter-result")))
		out_result(j, t, token, rest);
	else if (str_eq(word, STR("filter-dataline")))
		out_data_line(j, t, token, rest);
	else
		fault(j, "unknown word %.*s", (int)word.n, word.p);
}

void
judge_turn(struct judge *j, uint64_t now)
{
	for (size_t i = 0; i < SESSIONS; i++) {
		struct talk *t = &j->talks[i];

		if (!t->used || !t->alive)
			continue;
		if (t->asked && pending(t) == NULL)
			fault(j, "no answer to %s", phase_name(t->phase));
		for (size_t k = 0; k < MESSAGES; k++) {
			const struct mail *m = &t->mails[k];
			if (m->used && m->dotted && !m->back &&
			    now - m->dot_us > j->rules.deadline_us)
				fault(j, "no dot after the deadline");
		}
	}
}

unsigned
judge_faults(const struct judge *j)
{
	return j->faults;
}

const char *
judge_first(const struct judge *j)
{
	return j->faults > 0 ? j->first : NULL;
}

unsigned
judge_accepted(const struct judge *j)
{
	return j->accepted;
}

unsigned
judge_version(const struct judge *j)
{
	return j->versioned ? j->version : WIRE_V07;
}
