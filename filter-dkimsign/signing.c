#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/scratch.h"
#include "common/dkim/digest.h"
#include "common/dkim/sign.h"
#include "filter-dkimsign/author.h"
#include "filter-dkimsign/prepare.h"
#include "filter-dkimsign/signing.h"

enum {
	CANONS = 2,
};

struct signing {
	struct signing_env *env;
	struct config *config; /* the one it began with */
	struct author author;
	struct digest_body *body[CANONS]; /* those that its keys need */
	const char *unsigned_why; /* NULL: it gets signed */
	struct edit *edit; /* while the worker signs */
	struct prepare prepared;
	struct worker_job *job;
	bool is_signed;
};

/* One signature being made. */
struct piece {
	const struct signer *signer; /* of the configuration */
	struct buf field;
	unsigned char hash[DIGEST_SIZE];
	unsigned char sig[KEY_SIGNATURE_MAX];
	size_t nsig;
	int result; /* of key_sign() */
};

/* What goes to a worker thread. */
struct task {
	struct msg *msg;
	struct config *config; /* keeps the keys */
	size_t n;
	struct piece v[];
};

void *
signing_new(struct signing_env *env)
{
	struct signing *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->env = env;
	s->config = config_ref(env->config);
	return s;
}

void
signing_free(void *data)
{
	struct signing *s = data;

	worker_cancel(&s->job);
	for (int i = 0; i < CANONS; i++)
		digest_body_free(s->body[i]);
	edit_free(s->edit);
	config_free(s->config);
	free(s);
}

bool
signing_is_signed(const void *data)
{
	const struct signing *s = data;

	return s->is_signed;
}

static struct qualify
qualify_of(const struct msg *m)
{
	const struct signing *s = msg_data(m);

	return (struct qualify){ str_c(msg_session(m)->greeting),
		s->env->old_smtpd };
}

/* Lets the message go as it came. */
static void
pass_unsigned(struct msg *m)
{
	struct signing *s = msg_data(m);
	struct log_text t;

	s->env->nunsigned++;
	msg_info(m, "result=unsigned reason=%s from=%s", s->unsigned_why,
	    log_text(&t, str_c(s->author.domain)));
	msg_accept(m, NULL);
}

/* The documented policy for what should have been signed and cannot be. */
static void
fail(struct msg *m, const char *why)
{
	struct signing *s = msg_data(m);
	bool pass = s->env->opt->pass_on_error;

	s->env->nfailed++;
	msg_warn(m, "cannot sign: %s; %s", why,
	    pass ? "it goes unsigned" : "it gets 451");
	if (pass)
		msg_accept(m, NULL);
	else
		msg_refuse(m, 451, "4.3.0",
		    STR("Message cannot be signed now, try again later"));
}

/* Whose mail is signed: --sign. */
static bool
may_sign(const struct session *s, enum who who)
{
	struct str ip = session_ip(s);
	bool local = session_is_local(s) || str_eq(ip, STR("127.0.0.1")) ||
	    str_eq(ip, STR("::1"));

	switch (who) {
	case WHO_ALL:
		return true;
	case WHO_AUTH:
		return s->user != NULL || session_is_local(s);
	case WHO_LOCAL:
		return local;
	}
	return false;
}

/* The body digests that the keys need. */
static int
start_digests(struct signing *s)
{
	const struct keydomain *d = s->author.keys;

	for (size_t i = 0; i < d->n; i++) {
		enum canon how = d->v[i].body;
		if (s->body[how] == NULL)
			s->body[how] = digest_body_new(how, CANON_NO_LIMIT);
		if (s->body[how] == NULL)
			return -1;
	}
	return 0;
}

void
signing_header(struct msg *m)
{
	struct signing *s = msg_data(m);
	const struct session *session = msg_session(m);
	const struct qualify q = qualify_of(m);
	enum author_result r;

	if (!may_sign(session, s->env->opt->who)) {
		s->unsigned_why = "not-asked";
		return;
	}
	if (msg_header_cut(m)) {
		s->unsigned_why = "header-too-large";
		return;
	}
	r = author_find(
	    s->config, msg_header(m), &q, session->user, &s->author);
	if (r == AUTHOR_NO_MEMORY ||
	    (r == AUTHOR_SIGN && start_digests(s) == -1))
		s->author.keys = NULL;
	else if (r != AUTHOR_SIGN)
		s->unsigned_why = author_word(r);
}

void
signing_body(struct msg *m, struct str text)
{
	struct signing *s = msg_data(m);

	for (int i = 0; i < CANONS; i++)
		if (s->body[i] != NULL)
			digest_body_text(s->body[i], text);
}

static void
task_release(void *owned)
{
	struct task *t = owned;

	for (size_t i = 0; i < t->n; i++)
		buf_clear(&t->v[i].field);
	config_free(t->config);
	free(t);
}

static void
task_work(void *owned)
{
	struct task *t = owned;

	for (size_t i = 0; i < t->n; i++) {
		struct piece *p = &t->v[i];
		p->result = key_sign(p->signer->key, p->hash, p->sig, &p->nsig);
	}
}

/* "sel1,sel2", as far as a log line shows it. */
static void
add_selectors(struct buf *b, const struct keydomain *d)
{
	/* The first that does not fit is cut off by log_text() anyway. */
	SCRATCH char list[LOG_TEXT_MAX + SIG_NAME_MAX + 2];
	SCRATCH struct log_text t;
	struct buf all = buf_over(list, sizeof(list));

	for (size_t i = 0; i < d->n; i++) {
		buf_str(&all, i > 0 ? STR(",") : STR_NULL);
		buf_str(&all, str_c(d->v[i].selector));
	}
	buf_str(b, str_c(log_text(&t, buf_view(&all))));
}

/* Milliseconds with two decimals. */
static void
add_ms(struct buf *b, uint64_t us)
{
	uint64_t hundredths = (us + 5) / 10;

	buf_u64(b, hundredths / 100);
	buf_chr(b, '.');
	buf_chr(b, (char)('0' + hundredths / 10 % 10));
	buf_chr(b, (char)('0' + hundredths % 10));
}

static const char *
added_word(const struct prepare *p)
{
	if (p->date && p->message_id)
		return "date,message-id";
	return p->date ? "date" : p->message_id ? "message-id" : "-";
}

static void
log_signed(const struct msg *m, const struct signing *s)
{
	const struct keydomain *d = s->author.keys;
	const char *name = keytable_d(d, &d->v[0], s->author.domain);
	SCRATCH char line[LOG_LINE_MAX];
	struct buf b = buf_over(line, sizeof(line));

	if (!log_is(LOG_INFO))
		return;
	/* printf would cost as much as the hash of the body. */
	buf_str(&b, STR("result=signed d="));
	buf_str(&b, str_c(name));
	buf_str(&b, STR(" s="));
	add_selectors(&b, d);
	buf_str(&b, STR(" from="));
	buf_str(&b, str_c(s->author.domain));
	buf_str(&b, STR(" qualified="));
	buf_u64(&b, s->prepared.qualified);
	buf_str(&b, STR(" added="));
	buf_str(&b, str_c(added_word(&s->prepared)));
	buf_str(&b, STR(" ms="));
	add_ms(&b, msg_waited(m));
	msg_info_text(m, buf_view(&b));
}

/* Puts the finished fields on top, the first key's first. */
static int
add_fields(struct signing *s, struct task *t)
{
	for (size_t i = t->n; i-- > 0;) {
		struct piece *p = &t->v[i];
		if (p->result == -1 ||
		    sign_finish(p->sig, p->nsig, &p->field) == -1 ||
		    edit_insert_raw(s->edit, 0, buf_view(&p->field)) == -1)
			return -1;
	}
	return 0;
}

static void
task_done(void *owned)
{
	struct task *t = owned;
	struct msg *m = t->msg;
	struct signing *s = msg_data(m);
	struct edit *e;

	s->job = NULL;
	if (add_fields(s, t) == -1) {
		fail(m, "the private-key operation failed");
		return;
	}
	s->is_signed = true;
	s->env->nsigned++;
	log_signed(m, s);
	e = s->edit;
	s->edit = NULL;
	msg_accept(m, e);
}

static const struct worker_ops task_ops = {
	.work = task_work,
	.done = task_done,
	.release = task_release,
};

static struct task *
task_new(struct msg *m)
{
	struct signing *s = msg_data(m);
	const struct keydomain *d = s->author.keys;
	struct task *t = calloc(1, sizeof(*t) + d->n * sizeof(t->v[0]));

	if (t == NULL)
		return NULL;
	t->msg = m;
	t->config = config_ref(s->config);
	t->n = d->n;
	for (size_t i = 0; i < d->n; i++) {
		t->v[i].signer = &d->v[i];
		buf_init(&t->v[i].field, SIGN_FIELD_MAX);
	}
	return t;
}

/* The field of one signature, without the signature. */
static int
prepare_piece(const struct signing *s, struct piece *p, struct fields *f,
    struct str block, struct str h)
{
	const struct signer *k = p->signer;
	const struct keydomain *d = s->author.keys;
	struct sign_options o = {
		.selector = str_c(k->selector),
		.identity = k->identity == NULL ? STR_NULL : str_c(k->identity),
		.header = k->header,
		.body = k->body,
		.timestamp = s->env->opt->timestamp,
		.lifetime = k->lifetime,
		.copy = s->env->opt->copy,
		.key = k->key,
	};
	unsigned char bh[DIGEST_SIZE];
	uint64_t length;

	o.domain = str_c(keytable_d(d, k, s->author.domain));
	if (digest_body_final(s->body[k->body], bh, &length) == -1)
		return -1;
	return sign_prepare(
	    &o, f, block, h, bh, (uint64_t)clock_wall(), &p->field, p->hash);
}

/*
 * Everything but the private-key operations.  Returns NULL, or what went
 * wrong; a message that never can be signed has unsigned_why set then.
 */
static const char *
prepare_task(struct signing *s, struct task *t, struct str block)
{
	const struct options *opt = s->env->opt;
	struct fields *f = fields_new(block);
	const char *bad = NULL;
	struct buf h;

	buf_init(&h, SIGN_FIELD_MAX);
	if (f == NULL)
		bad = "no memory";
	else if (fields_overflowed(f) ||
	    sign_select(f, opt->oversign, str_c(opt->headers), &h) == -1)
		bad = s->unsigned_why = "too-many-fields";
	for (size_t i = 0; bad == NULL && i < t->n; i++)
		if (buf_failed(&h) ||
		    prepare_piece(s, &t->v[i], f, block, buf_view(&h)) == -1)
			bad = "no memory, or a field over its limit";
	fields_free(f);
	buf_clear(&h);
	return bad;
}

/* The edits of smtpd, done before it does them. */
static int
prepare_header(struct msg *m, struct signing *s)
{
	const struct session *session = msg_session(m);
	const struct prepare_how how = {
		.qualify = qualify_of(m),
		.complete = prepare_is_completed(session),
		.now = clock_wall(),
		.session = session->id,
		.msgid = msg_id(m),
		.line_max = msg_line_max(m),
	};

	s->edit = edit_new(msg_header(m));
	if (s->edit == NULL)
		return -1;
	return prepare_edit(s->edit, &how, &s->prepared);
}

void
signing_message(struct msg *m)
{
	struct signing *s = msg_data(m);
	struct str block = msg_header(m);
	const char *bad = "no memory";
	struct task *t = NULL;
	struct buf edited;

	if (s->unsigned_why != NULL) {
		pass_unsigned(m);
		return;
	}
	buf_init(&edited, MSG_HEADER_MAX);
	if (s->author.keys == NULL)
		goto out;
	if (prepare_header(m, s) == -1) {
		s->unsigned_why = s->prepared.unsigned_why;
		goto out;
	}
	t = task_new(m);
	if (t == NULL)
		goto out;
	if (edit_size(s->edit) > MSG_HEADER_MAX - t->n * SIGN_FIELD_MAX) {
		s->unsigned_why = "header-too-large";
		goto out;
	}
	if (edit_changed(s->edit)) {
		edit_write(s->edit, &edited);
		block = buf_view(&edited);
	}
	if (buf_failed(&edited))
		goto out;
	bad = prepare_task(s, t, block);
	if (bad != NULL)
		goto out;
	s->job = worker_start(s->env->workers, &task_ops, t);
	t = NULL;
	if (s->job == NULL)
		bad = "no memory";
out:
	buf_clear(&edited);
	if (t != NULL)
		task_release(t);
	if (s->unsigned_why != NULL)
		pass_unsigned(m);
	else if (bad != NULL)
		fail(m, bad);
}

void
signing_expired(struct msg *m)
{
	struct signing *s = msg_data(m);

	worker_cancel(&s->job);
	fail(m, "no thread got to it before the deadline");
}
