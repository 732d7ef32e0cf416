#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/engine/loop.h"
#include "filter-dkimverify/authres.h"
#include "filter-dkimverify/config.h"
#include "filter-dkimverify/inbound.h"
#include "filter-dkimverify/keycache.h"
#include "filter-dkimverify/policy.h"
#include "filter-dkimverify/report.h"

struct inbound;

/* A signature that waits for its key. */
struct wait {
	struct keycache_wait wait;
	struct inbound *in;
	size_t i; /* of the signature */
};

struct inbound {
	struct msg *msg;
	struct verify *v; /* NULL: not verified, or no memory */
	struct authors authors;
	struct wait *waits; /* one for each signature; NULL: none waits */
	size_t waiting;
	struct loop_timer *deadline; /* of all queries; NULL: none */
	bool skipped; /* passes unseen, by option */
	bool lost; /* no memory to verify it */
	bool hashing; /* a signature wants the body */
	bool complete; /* the final dot was seen */
	bool answered;
	size_t removed; /* forged fields */
	char dns_text[DNS_WHY_MAX]; /* last DNS failure */
	struct buf field; /* Authentication-Results as it was added */
};

static struct {
	uint64_t result[CONFIG_RESULTS]; /* messages */
	uint64_t skipped;
	uint64_t signatures;
	uint64_t removed; /* forged fields */
	uint64_t junked, refused;
} count;

static char admd[FORGED_ID_MAX + 1];
static bool old_smtpd;

void
inbound_config(struct str key, struct str value)
{
	if (str_eq(key, STR("smtpd-version")))
		old_smtpd = qualify_is_old(value);
	else if (str_eq(key, STR("admd")) && forged_id(value, admd) == -1)
		admd[0] = '\0';
}

/*
 * The name in our field; that of the listener if nobody gave one.  It is valid
 * until the next call.
 */
static struct str
authserv_id(const struct session *s)
{
	static char greeting[FORGED_ID_MAX + 1];
	const struct config *c = config_get();

	if (c->id != NULL)
		return str_c(c->id);
	if (admd[0] != '\0')
		return str_c(admd);
	if (s->greeting != NULL && forged_id(str_c(s->greeting), greeting) == 0)
		return str_c(greeting);
	return STR("localhost");
}

static bool
is_skipped(const struct session *s)
{
	const struct config *c = config_get();

	return (s->user != NULL && !c->verify_auth) ||
	    (session_is_local(s) && !c->verify_local);
}

static bool
is_of_exempt_network(const struct session *s)
{
	const struct sources *from = &config_get()->exempt;

	return network_any(from->net, from->n, session_ip(s));
}

/* May this client bring fields with our name? */
static bool
is_exempt(const struct session *s)
{
	const struct sources *from = &config_get()->exempt;

	return (s->user != NULL && from->auth) ||
	    (session_is_local(s) && from->local) || is_of_exempt_network(s);
}

/* Does its mail pass, whatever its result is? */
static bool
is_trusted(const struct session *s)
{
	return s->user != NULL || session_is_local(s) ||
	    is_of_exempt_network(s);
}

/* ---- the end ---- */

static void
refuse(struct inbound *in, int code, const char *status, const char *text)
{
	count.refused++;
	in->answered = true;
	msg_refuse(in->msg, code, status, str_c(text));
}

static void
lose(struct inbound *in, const char *why)
{
	msg_warn(in->msg, "%s; it gets 451", why);
	refuse(in, 451, "4.3.0", "Temporary local problem");
}

/* Takes out what claims to be ours. */
static void
remove_forged(struct inbound *in, struct edit *e)
{
	const struct config *c = config_get();
	struct forged_rule r = { .mode = c->forged, .ids = &c->own };

	if (forged_name(authserv_id(msg_session(in->msg)), r.own) == -1)
		r.own[0] = '\0';
	in->removed = forged_remove(&r, c->rename_forged, e);
	count.removed += in->removed;
}

/* Text before the first field would become the end of ours. */
static void
remove_leading(struct inbound *in, struct edit *e)
{
	if (edit_count(e) > 0 && is_wsp(edit_raw(e, 0).p[0])) {
		edit_remove(e, 0);
		in->removed++;
	}
}

static int
add_fields(struct inbound *in, struct edit *e, bool junk)
{
	struct str id = authserv_id(msg_session(in->msg));

	if (junk || in->v != NULL)
		remove_leading(in, e);

	/* smtpd has put the line there already if it thinks the same. */
	if (junk &&
	    (edit_count(e) == 0 || !str_ieq(edit_name(e, 0), STR("X-Spam"))) &&
	    edit_insert(e, 0, STR("X-Spam"), STR("Yes")) == -1)
		return -1;
	if (in->v == NULL)
		return 0;
	authres_format(id, in->v, &in->field);
	if (buf_failed(&in->field))
		return -1;
	return edit_insert_raw(e, 0, buf_view(&in->field));
}

static void
log_result(const struct inbound *in, const struct policy *p)
{
	report_log(in->msg, in->v, &in->authors, p, in->removed, in->dns_text);
}

/* The answer may free in, so everything is said before it. */
static void
accept_message(struct inbound *in, const struct policy *p)
{
	struct edit *e = edit_new(msg_header(in->msg));

	if (e == NULL) {
		lose(in, "no memory to verify it");
		return;
	}
	if (!is_exempt(msg_session(in->msg)))
		remove_forged(in, e);
	if (add_fields(in, e, p->action == ACTION_JUNK) == -1) {
		edit_free(e);
		lose(in, "no memory to verify it");
		return;
	}
	count.junked += p->action == ACTION_JUNK;
	log_result(in, p);
	in->answered = true;
	msg_accept(in->msg, e);
}

/*
 * What may be in the part of the header that could not be looked at?  -1 if
 * that cannot be read.
 */
static int
hidden_in_rest(const struct inbound *in, const char **what)
{
	const struct config *c = config_get();
	const struct store *st = msg_store(in->msg);
	int r = 0;

	*what = ", it may hide a forged result";
	if (c->forged != FORGED_KEEP && !is_exempt(msg_session(in->msg)))
		r = forged_in_rest(st);
	if (r != 0)
		return r;
	*what = ", it may hide an author";
	if (c->nmust > 0 || c->on_bad_from != ACTION_PASS)
		r = forged_author_in_rest(st);
	return r;
}

/* A header over the limit: what could not be looked at must be harmless. */
static bool
refuse_large(struct inbound *in)
{
	const char *what;
	int hidden;

	if (is_trusted(msg_session(in->msg)))
		return false;
	hidden = hidden_in_rest(in, &what);
	if (hidden == -1) {
		lose(in, "its text cannot be read back");
		return true;
	}
	if (!config_get()->reject_large && hidden == 0)
		return false;
	msg_info(in->msg, "header over the limit: refused%s",
	    hidden == 1 ? what : "");
	refuse(in, 552, "5.3.4", "Message header is too large");
	return true;
}

static void
finish(struct inbound *in)
{
	struct policy p = { .action = ACTION_PASS };

	if (in->v != NULL) {
		verify_finish(in->v);
		count.result[verify_result(in->v)]++;
		if (!is_trusted(msg_session(in->msg)))
			p = policy_decide(config_get(), &in->authors, in->v);
	}
	if (p.code == 0) {
		accept_message(in, &p);
		return;
	}
	log_result(in, &p);
	refuse(in, p.code, p.status, p.text);
}

static void
finish_if_ready(struct inbound *in)
{
	if (in->complete && in->waiting == 0 && !in->answered)
		finish(in);
}

/* ---- keys ---- */

static void
use_answer(struct inbound *in, size_t i, const struct keycache_answer *a)
{
	if (a->keys != NULL) {
		verify_key(in->v, i, a->keys);
		return;
	}
	verify_dns(in->v, i, a->why);
	if (a->text[0] != '\0')
		(void)snprintf(
		    in->dns_text, sizeof(in->dns_text), "%s", a->text);
}

static void
on_key(struct keycache_wait *wait, const struct keycache_answer *a)
{
	struct wait *w = (struct wait *)wait;
	struct inbound *in = w->in;

	in->waiting--;
	use_answer(in, w->i, a);
	finish_if_ready(in);
}

/* Gives up on all keys that are not there yet. */
static void
stop_waiting(struct inbound *in, const char *why)
{
	static const struct keycache_answer none = { NULL, VERIFY_DNS_FAILED,
		"" };

	for (size_t i = 0; in->waiting > 0 && i < verify_count(in->v); i++) {
		if (in->waits[i].wait.entry == NULL)
			continue;
		keycache_cancel(&in->waits[i].wait);
		in->waiting--;
		use_answer(in, i, &none);
		(void)snprintf(in->dns_text, sizeof(in->dns_text), "%s", why);
	}
}

static void
on_deadline(void *arg)
{
	struct inbound *in = arg;

	stop_waiting(in, "deadline");
	finish_if_ready(in);
}

/* Asks for a key, or takes it from the cache. */
static int
find_key(struct inbound *in, size_t i)
{
	const char *query = verify_get(in->v, i)->query;
	struct keycache_answer answer;

	if (query == NULL)
		return 0;
	if (keycache_find(query, &answer)) {
		use_answer(in, i, &answer);
		return 0;
	}
	if (in->waits == NULL)
		in->waits = calloc(verify_count(in->v), sizeof(*in->waits));
	if (in->waits == NULL ||
	    keycache_start(query, &in->waits[i].wait, on_key) == -1)
		return -1;
	in->waits[i].in = in;
	in->waits[i].i = i;
	in->waiting++;
	return 0;
}

static int
find_keys(struct inbound *in)
{
	for (size_t i = 0; i < verify_count(in->v); i++)
		if (find_key(in, i) == -1)
			return -1;
	if (in->waiting == 0)
		return 0;
	in->deadline = loop_timer_new(on_deadline, in);
	if (in->deadline == NULL)
		return -1;
	return loop_timer_set(
	    in->deadline, config_get()->dns_deadline_s * 1000);
}

/* ---- what the engine calls ---- */

void *
inbound_new(struct msg *m)
{
	struct inbound *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return NULL;
	in->msg = m;
	buf_init(&in->field, AUTHRES_MAX);
	return in;
}

void
inbound_free(void *data)
{
	struct inbound *in = data;

	for (size_t i = 0; in->waits != NULL && i < verify_count(in->v); i++)
		keycache_cancel(&in->waits[i].wait);
	free(in->waits);
	loop_timer_free(in->deadline);
	verify_free(in->v);
	buf_clear(&in->field);
	free(in);
}

void
inbound_header(struct msg *m)
{
	const struct qualify q = { str_c(msg_session(m)->greeting), old_smtpd };
	struct inbound *in = msg_data(m);
	const struct config *c = config_get();
	time_t now = clock_wall();

	in->skipped = is_skipped(msg_session(m));
	if (in->skipped) {
		count.skipped++;
		return;
	}
	if (policy_authors(c, msg_header(m), &q, &in->authors) == -1) {
		in->lost = true;
		return;
	}
	in->v = verify_new(msg_header(m), msg_header_cut(m),
	    str_c(in->authors.first), &c->verify, now < 0 ? 0 : (uint64_t)now);
	if (in->v == NULL || find_keys(in) == -1) {
		in->lost = true;
		return;
	}
	count.signatures += verify_count(in->v);
	in->hashing = !verify_is_decided(in->v);
}

void
inbound_body(struct msg *m, struct str text)
{
	struct inbound *in = msg_data(m);

	if (in->hashing)
		verify_body(in->v, text);
}

void
inbound_message(struct msg *m)
{
	struct inbound *in = msg_data(m);

	in->complete = true;
	if (in->lost)
		lose(in, "no memory to verify it");
	else if (!msg_header_cut(m) || !refuse_large(in))
		finish_if_ready(in);
}

void
inbound_expired(struct msg *m)
{
	struct inbound *in = msg_data(m);

	if (in->v != NULL)
		stop_waiting(in, "deadline");
	finish_if_ready(in);
}

int
inbound_check(struct msg *m, struct str refused, FILE *out)
{
	const struct inbound *in = msg_data(m);
	enum dkim_result r;
	struct buf field;

	(void)refused;
	if (in->v == NULL) {
		if (in->skipped)
			(void)fputs("not verified: session is authenticated or "
				    "local\n",
			    stderr);
		return STATUS_OK;
	}
	buf_init(&field, AUTHRES_MAX);
	authres_format(authserv_id(msg_session(m)), in->v, &field);
	(void)fwrite(field.p, 1, field.n, out);
	buf_clear(&field);
	if (log_is(LOG_DEBUG))
		report_signatures(in->v, out);
	r = verify_result(in->v);
	return r == DKIM_PASS     ? STATUS_OK
	    : r == DKIM_TEMPERROR ? STATUS_AGAIN
				  : STATUS_BAD;
}

void
inbound_counters(void)
{
	const struct keycache_counters *k = keycache_counters();
	const struct dns_counters *d = dns_counters();

	for (int r = DKIM_NONE; r < CONFIG_RESULTS; r++)
		log_info("messages dkim=%s: %llu",
		    error_word((enum dkim_result)r),
		    (unsigned long long)count.result[r]);
	log_info("skipped=%llu signatures=%llu forged=%llu junked=%llu "
		 "refused=%llu",
	    (unsigned long long)count.skipped,
	    (unsigned long long)count.signatures,
	    (unsigned long long)count.removed, (unsigned long long)count.junked,
	    (unsigned long long)count.refused);
	log_info("keys hits=%llu misses=%llu merged=%llu evicted=%llu",
	    (unsigned long long)k->hits, (unsigned long long)k->misses,
	    (unsigned long long)k->merged, (unsigned long long)k->evicted);
	log_info("dns queries=%llu failures=%llu timeouts=%llu running=%u",
	    (unsigned long long)d->started, (unsigned long long)d->failures,
	    (unsigned long long)d->timeouts, d->running);
}
