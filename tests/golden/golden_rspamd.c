/*
 * filter-rspamd with an HTTP that does what the script says.  The verb http
 * is about the oldest request on its way:
 *
 *	http to NAME			it goes to this host
 *	http field NAME: VALUE		it has this header field
 *	http lacks NAME			it has none of this name
 *	http refused|timeout|closed|broken	it fails
 *	http STATUS BODY		the reply
 *	http requests N			so many are on their way
 *
 * What is not as the script says ends the program.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "filter-rspamd/crlf.h"
#include "filter-rspamd/http.h"
#include "tests/golden/fake.h"
#include "tests/golden/golden.h"

struct http_job {
	const struct target *target;
	struct buf fields;
	void (*cb)(void *, const struct http_reply *);
	void *arg;
	struct http_job *prev, *next;
};

static struct http_job *jobs;

static void http(struct str text);

const struct golden golden = {
	.name = "rspamd",
	.whole = JUDGE_BODY,
	.added = 0,
	.http = http,
};

/* Where memory fails, a request may be another one or not be there. */
static void
wrong(struct str text)
{
	if (fault_is_planned())
		return;
	fprintf(stderr, "http %.*s: it is not so\n", (int)text.n, text.p);
	abort();
}

int
http_init(const struct http_conf *conf)
{
	(void)conf;
	return fault_now() ? -1 : 0;
}

void
http_fini(void)
{
	if (jobs != NULL)
		abort();
}

static void
job_free(struct http_job *job)
{
	DL_DELETE(jobs, job);
	buf_clear(&job->fields);
	free(job);
}

/* Reads the message as libcurl would. */
static void
read_message(const struct http_request *req)
{
	uint64_t size = crlf_size(req->head, req->store), got = 0;
	char block[100], before = '\0';
	struct crlf c;
	ssize_t n;

	crlf_init(&c, req->head, req->store);
	while ((n = crlf_read(&c, block, sizeof(block))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (block[i] == '\n' && before != '\r')
				abort();
			before = block[i];
		}
		got += (uint64_t)n;
	}
	if (n == 0 && got != size)
		abort();
}

struct http_job *
http_start(const struct http_request *req,
    void (*cb)(void *, const struct http_reply *), void *arg)
{
	struct http_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->target = req->target;
	job->cb = cb;
	job->arg = arg;
	DL_APPEND(jobs, job);
	buf_init(&job->fields, SIZE_MAX);
	buf_str(&job->fields, req->fields);
	if (buf_failed(&job->fields)) {
		job_free(job);
		return NULL;
	}
	read_message(req);
	return job;
}

void
http_cancel(struct http_job **job)
{
	if (*job != NULL)
		job_free(*job);
	*job = NULL;
}

static void
finish(struct http_reply *r)
{
	struct http_job *job = jobs;
	void (*cb)(void *, const struct http_reply *) = job->cb;
	void *arg = job->arg;

	job_free(job);
	cb(arg, r);
}

static bool
has_field(struct str want, bool name_only)
{
	struct str rest = buf_view(&jobs->fields), f, name;

	while (str_cut(&rest, '\0', &f)) {
		if (str_eq(f, want))
			return true;
		(void)str_cut(&f, ':', &name);
		if (name_only && str_eq(name, want))
			return true;
	}
	return false;
}

static uint64_t
count_jobs(void)
{
	struct http_job *job;
	uint64_t n = 0;

	DL_FOREACH (jobs, job)
		n++;
	return n;
}

static const struct {
	const char *word;
	enum http_outcome outcome;
} failures[] = {
	{ "refused", HTTP_UNREACHABLE },
	{ "timeout", HTTP_TIMEOUT },
	{ "closed", HTTP_CLOSED },
	{ "broken", HTTP_BROKEN },
};

static void
reply(struct str word, struct str rest, struct str text)
{
	struct http_reply r = { .error = "it was said so" };
	uint64_t status;

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (str_eq(word, str_c(failures[i].word))) {
			r.outcome = failures[i].outcome;
			finish(&r);
			return;
		}
	}
	if (str_u64(word, 999, &status) == -1) {
		wrong(text);
		return;
	}
	r = (struct http_reply){ HTTP_REPLY, (long)status, STR_NULL, rest,
		NULL };
	finish(&r);
}

static void
http(struct str text)
{
	struct str rest = text, word;
	uint64_t n;

	(void)str_cut(&rest, ' ', &word);
	if (str_eq(word, STR("requests"))) {
		if (str_u64(rest, 1000, &n) == -1 || n != count_jobs())
			wrong(text);
	} else if (jobs == NULL) {
		wrong(text);
	} else if (str_eq(word, STR("to"))) {
		if (!str_eq(rest, str_c(jobs->target->name)))
			wrong(text);
	} else if (str_eq(word, STR("field"))) {
		if (!has_field(rest, false))
			wrong(text);
	} else if (str_eq(word, STR("lacks"))) {
		if (has_field(rest, true))
			wrong(text);
	} else {
		reply(word, rest, text);
	}
}
