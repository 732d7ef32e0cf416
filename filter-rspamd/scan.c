#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/message/header.h"
#include "filter-rspamd/crlf.h"
#include "filter-rspamd/http.h"
#include "filter-rspamd/scan.h"
#include "filter-rspamd/show.h"
#include "filter-rspamd/verdict.h"

enum {
	/* A try that lasted so long when its message expired is a timeout. */
	SCAN_SLOW_MS = 10 * 1000
};

/* A message; its memory belongs to the transaction. */
struct scan {
	struct msg *m;
	struct http_job *job; /* on its way; NULL: none */
	struct buf fields; /* of the request */
	struct hosts_tries tries;
	enum hosts_outcome failed; /* of the last try that reached a host */
	int host; /* the last one asked, -1: none */
	uint64_t started; /* ms, of that try */
	bool waiting; /* for its turn */
	struct scan *prev, *next; /* of those that wait */
	/* For --check: */
	struct verdict *verdict;
	struct buf changes; /* see show.h */
};

static const struct config *conf;
static struct hosts hosts;
static struct scan *queue; /* first come, first served */
static struct show_counters counters;
static char *admd;

static void on_reply(void *, const struct http_reply *);

/* How a try ended, as the choice of hosts sees it. */
static enum hosts_outcome
outcome_of(const struct http_reply *r)
{
	switch (r->outcome) {
	case HTTP_REPLY:
		return r->status >= 502 && r->status <= 504 ? HOSTS_GATEWAY
							    : HOSTS_ERROR;
	case HTTP_UNREACHABLE:
		return HOSTS_UNREACHABLE;
	case HTTP_TIMEOUT:
		return HOSTS_TIMEOUT;
	case HTTP_CLOSED:
	case HTTP_BROKEN:
		return HOSTS_CLOSED;
	case HTTP_LOCAL:
		break;
	}
	return HOSTS_CANCELLED;
}

static enum config_case
case_of(enum hosts_outcome outcome)
{
	switch (outcome) {
	case HOSTS_UNREACHABLE:
		return CONFIG_UNREACHABLE;
	case HOSTS_TIMEOUT:
		return CONFIG_TIMEOUT;
	case HOSTS_ANSWERED:
	case HOSTS_ERROR:
	case HOSTS_CLOSED:
	case HOSTS_GATEWAY:
	case HOSTS_CANCELLED:
		break;
	}
	return CONFIG_ERROR;
}

static const char *
host_name(const struct scan *s)
{
	return s->host == -1 ? NULL : conf->target[s->host].name;
}

static void
say(const struct scan *s, struct show_line line)
{
	line.host = host_name(s);
	show_line(s->m, &line);
}

/* Keeps what --check shows. */
static void
keep_changes(struct scan *s, const struct edit *edit, bool has_body)
{
	if (!msg_is_check(s->m))
		return;
	buf_init(&s->changes, HEADER_MAX * 2);
	if (edit != NULL)
		show_changes(&s->changes, msg_header(s->m), edit);
	if (has_body)
		buf_str(&s->changes, STR("body: replaced\n"));
}

/* One of the answers below is the last thing done with a scan. */

static void
refuse_memory(struct scan *s)
{
	counters.memory++;
	say(s, (struct show_line){ .result = "tempfail", .reason = "memory" });
	msg_refuse(
	    s->m, 451, "4.3.0", STR("Out of resources, try again later"));
}

/* Answers a message that could not be scanned as its policy says. */
static void
fail(struct scan *s, enum config_case why)
{
	static const struct {
		const char *reason;
		const char *text;
	} cases[CONFIG_CASES] = {
		[CONFIG_UNREACHABLE] = { "unreachable",
		    "Content check not available, try again later" },
		[CONFIG_TIMEOUT] = { "timeout",
		    "Content check timed out, try again later" },
		[CONFIG_ERROR] = { "error",
		    "Content check failed, try again later" },
		[CONFIG_TOO_LARGE] = { "too-large",
		    "Message too large for the content check" },
	};
	enum config_policy policy = conf->policy[why];
	struct show_line line = { .result = "tempfail",
		.reason = cases[why].reason };
	struct edit *edit;

	counters.unscanned[why]++;
	if (conf->apply.report_only && policy == CONFIG_TEMPFAIL)
		policy = CONFIG_ACCEPT;
	if (policy == CONFIG_TEMPFAIL) {
		say(s, line);
		msg_refuse(s->m, 451, "4.7.1", str_c(cases[why].text));
		return;
	}
	edit = apply_mark(msg_header(s->m), policy == CONFIG_JUNK, STR("none"));
	if (edit == NULL) {
		refuse_memory(s);
		return;
	}
	line.result = policy == CONFIG_JUNK ? "junk" : "accept";
	say(s, line);
	keep_changes(s, edit, false);
	msg_accept(s->m, edit);
}

/* Does what the verdict says. */
static void
conclude(struct scan *s, struct verdict *owned)
{
	struct show_line line = { .verdict = owned };
	bool is_check = msg_is_check(s->m);
	struct msg *m = s->m;
	struct apply a;
	bool fits;

	if (apply_verdict(owned, &conf->apply, msg_header(m), &a) == -1) {
		refuse_memory(s);
		verdict_free(owned);
		return;
	}
	if (a.has_body && msg_header_cut(m)) {
		msg_warn(m, "new body left out: the header is over 1 MiB");
		a.has_body = false;
	}
	/* If not, msg_accept() refuses it. */
	fits = a.edit == NULL || edit_size(a.edit) <= MSG_HEADER_MAX;
	if (!a.refused && a.has_body && msg_set_body(m, owned->body) == -1) {
		edit_free(a.edit);
		refuse_memory(s);
	} else {
		counters.action[owned->action]++;
		if (a.refused)
			line.result = a.code < 500 ? "tempfail" : "reject";
		else if (!fits)
			line.result = "tempfail";
		else
			line.result = a.junk ? "junk" : "accept";
		say(s, line);
		keep_changes(s, a.edit, a.has_body);
		s->verdict = is_check ? owned : NULL;
		if (a.refused)
			msg_refuse(m, a.code, a.status, a.text);
		else
			msg_accept(m, a.edit);
		if (is_check)
			return;
	}
	verdict_free(owned);
}

/* Sends the message to the next host; false: there is none, or no memory. */
static bool
try_next(struct scan *s)
{
	struct http_request req = { .fields = buf_view(&s->fields),
		.head = msg_header(s->m),
		.store = msg_store(s->m) };
	uint64_t now = clock_ms(), lasted;
	int i = hosts_take(&hosts, &s->tries, now);

	if (i == -1)
		return false;
	s->host = i;
	s->started = now;
	req.target = &conf->target[i];
	s->job = http_start(&req, on_reply, s);
	if (s->job == NULL)
		(void)hosts_done(
		    &hosts, (size_t)i, HOSTS_CANCELLED, now, &lasted);
	return s->job != NULL;
}

/* Starts those whose turn it is. */
static void
start_waiting(void)
{
	while (queue != NULL && !hosts_is_full(&hosts)) {
		struct scan *s = queue;
		DL_DELETE(queue, s);
		s->waiting = false;
		if (!try_next(s))
			refuse_memory(s);
	}
}

/* The last try ended; why is what the operator may be told, or empty. */
static void
end_try(struct scan *s, enum hosts_outcome outcome, struct str why)
{
	static const char *const words[] = {
		[HOSTS_ANSWERED] = "answered",
		[HOSTS_ERROR] = "error",
		[HOSTS_UNREACHABLE] = "unreachable",
		[HOSTS_TIMEOUT] = "timeout",
		[HOSTS_CLOSED] = "closed",
		[HOSTS_GATEWAY] = "gateway",
		[HOSTS_CANCELLED] = "cancelled",
	};
	int n = why.n < LOG_TEXT_MAX ? (int)why.n : LOG_TEXT_MAX;
	uint64_t lasted;

	switch (
	    hosts_done(&hosts, (size_t)s->host, outcome, clock_ms(), &lasted)) {
	case HOSTS_DOWN:
		log_warn("rspamd %s fails: %.*s", host_name(s), n, why.p);
		break;
	case HOSTS_UP:
		/* A warning, as its start was: --quiet shows both or none. */
		log_warn("rspamd %s works again after %llu s", host_name(s),
		    (unsigned long long)(lasted / 1000));
		break;
	case HOSTS_NO_NEWS:
		log_debug("rspamd %s outcome=%s%s%.*s", host_name(s),
		    words[outcome], n > 0 ? ": " : "", n, why.p);
		break;
	}
}

/* Reads the verdict; why says what is wrong if there is none. */
static enum hosts_outcome
read_verdict(const struct http_reply *r, struct verdict **v, struct buf *why)
{
	struct verdict_reply reply = { (int)r->status, r->offset, r->body };

	if (r->outcome != HTTP_REPLY) {
		buf_str(why, str_head(str_c(r->error), LOG_TEXT_MAX));
		return outcome_of(r);
	}
	*v = verdict_parse(&reply, why);
	if (*v != NULL)
		return HOSTS_ANSWERED;
	return errno == ENOMEM ? HOSTS_CANCELLED : outcome_of(r);
}

static void
on_reply(void *arg, const struct http_reply *r)
{
	enum hosts_outcome outcome;
	struct verdict *v = NULL;
	struct scan *s = arg;
	struct buf why;

	s->job = NULL;
	buf_init(&why, LOG_TEXT_MAX);
	outcome = read_verdict(r, &v, &why);
	end_try(s, outcome, buf_view(&why));
	buf_clear(&why);
	if (outcome != HOSTS_UNREACHABLE)
		s->failed = outcome;
	if (v != NULL)
		conclude(s, v);
	else if (outcome == HOSTS_CANCELLED)
		refuse_memory(s);
	else if (!hosts_retry(&s->tries, outcome) || !try_next(s))
		fail(s, case_of(s->failed));
	start_waiting();
}

/* Closes what is open for the message, and lets the next one start. */
static void
give_up(struct scan *s, enum hosts_outcome outcome)
{
	if (s->waiting) {
		DL_DELETE(queue, s);
		s->waiting = false;
	}
	if (s->job == NULL)
		return;
	http_cancel(&s->job);
	end_try(s, outcome, STR("no reply before the deadline of the message"));
}

static bool
is_exempt(const struct session *ses)
{
	if (conf->skip_authenticated && ses->user != NULL)
		return true;
	if (session_is_local(ses))
		return conf->skip_local;
	return network_any(conf->skip, conf->nskip, session_ip(ses));
}

void
scan_message(struct msg *m)
{
	const struct session *ses = msg_session(m);
	struct request_about about = { msg_id(m), str_c(admd) };
	struct scan *s = msg_data(m);
	size_t left_out;

	counters.messages++;
	if (is_exempt(ses)) {
		counters.skipped++;
		say(s, (struct show_line){ .result = "skipped" });
		msg_accept(m, NULL);
		return;
	}
	if (crlf_size(msg_header(m), msg_store(m)) > conf->max_size) {
		fail(s, CONFIG_TOO_LARGE);
		return;
	}
	if (ses->broken ||
	    request_fields(
		&s->fields, ses, &about, &conf->request, &left_out) == -1) {
		refuse_memory(s);
		return;
	}
	if (left_out > 0)
		msg_info(m, "%zu recipients not told to rspamd", left_out);
	if (hosts_is_full(&hosts)) {
		DL_APPEND(queue, s);
		s->waiting = true;
	} else if (!try_next(s)) {
		refuse_memory(s);
	}
}

void
scan_expired(struct msg *m)
{
	struct scan *s = msg_data(m);
	bool slow = s->job != NULL && clock_ms() - s->started >= SCAN_SLOW_MS;

	give_up(s, slow ? HOSTS_TIMEOUT : HOSTS_CANCELLED);
	fail(s, CONFIG_TIMEOUT);
	start_waiting();
}

void *
scan_new(struct msg *m)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->m = m;
	s->host = -1;
	s->failed = HOSTS_UNREACHABLE;
	buf_init(&s->fields, REQUEST_HEAD_MAX + REQUEST_EXTRA_MAX);
	return s;
}

void
scan_free(void *data)
{
	struct scan *s = data;

	if (s == NULL)
		return;
	give_up(s, HOSTS_CANCELLED);
	verdict_free(s->verdict);
	buf_clear(&s->changes);
	buf_clear(&s->fields);
	free(s);
	start_waiting();
}

void
scan_counters(void)
{
	size_t waiting;
	struct scan *s;

	DL_COUNT(queue, s, waiting);
	show_counters(&counters, &hosts, conf, waiting);
}

int
scan_check(struct msg *m, struct str refused, FILE *out)
{
	const struct scan *s = msg_data(m);

	show_check(
	    s->verdict, buf_view(&s->changes), host_name(s), refused, out);
	return STATUS_OK;
}

void
scan_admd(struct str name)
{
	free(admd);
	admd = str_dup(name);
}

int
scan_start(const struct config *c)
{
	conf = c;
	hosts_init(
	    &hosts, c->ntargets, c->spread, c->max_scans, (uint32_t)getpid());
	return http_init(&c->http);
}

void
scan_stop(void)
{
	http_fini();
	free(admd);
	admd = NULL;
}
