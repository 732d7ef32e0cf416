/*
 * filter-rspamd as a whole, with the HTTP of this file instead of http.c (for
 * that see fuzz_http.c).  Steps of HTTP, each about the oldest request on its
 * way (J, O: the newest):
 *
 *	h STATUS BODY	the reply, escaped; or what became of it: refused,
 *			timeout, closed, broken, local
 *	o OFFSET BODY	a reply 200 with Message-Offset, in the last set of
 *			options only
 *	f		the next request cannot be started
 */
#include "common/base/buf.h"
#include "common/base/hash.h"
#include "filter-rspamd/crlf.h"
#include "filter-rspamd/http.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/script.h"

struct http_job {
	void (*cb)(void *, const struct http_reply *);
	void *arg;
	struct http_job *prev, *next;
};

static struct http_job *jobs;
static bool refuse; /* the next request */
static bool rewrites; /* bodies may change */

/* ---- http.h ---- */

int
http_init(const struct http_conf *conf)
{
	rewrites = conf->total_ms == 3000;
	refuse = false;
	return 0;
}

void
http_fini(void)
{
	MUST(jobs == NULL);
}

/* The message is read in blocks of any size: it is CRLF all through. */
static void
read_message(const struct http_request *req)
{
	uint64_t size = crlf_size(req->head, req->store), got = 0;
	char block[4099], before = '\0';
	struct crlf c;
	ssize_t n;

	crlf_init(&c, req->head, req->store);
	while ((n = crlf_read(&c, block, 1 + got * 7 % sizeof(block))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			MUST(block[i] != '\n' || before == '\r');
			before = block[i];
		}
		got += (uint64_t)n;
	}
	MUST(n == 0 && got == size);
}

/* Fields that libcurl sends as they are: one line each. */
static void
check_fields(struct str rest)
{
	struct str f, name;

	while (str_cut(&rest, '\0', &f)) {
		MUST(!str_has(f, '\r') && !str_has(f, '\n'));
		MUST(str_cut(&f, ':', &name) && name.n > 0);
		fuzz_engine_trace("HTTP", name);
	}
	MUST(rest.n == 0);
}

struct http_job *
http_start(const struct http_request *req,
    void (*cb)(void *, const struct http_reply *), void *arg)
{
	struct http_job *job;

	if (refuse) {
		refuse = false;
		return NULL;
	}
	job = calloc(1, sizeof(*job));
	MUST(job != NULL && req->target->url != NULL);
	job->cb = cb;
	job->arg = arg;
	DL_APPEND(jobs, job);
	check_fields(req->fields);
	read_message(req);
	return job;
}

void
http_cancel(struct http_job **job)
{
	if (*job != NULL)
		DL_DELETE(jobs, *job);
	free(*job);
	*job = NULL;
}

/* ---- steps ---- */

/* The reply dies after the callback, and its end is where memory ends. */
static void
finish(struct http_job *job, struct http_reply *r, struct str body)
{
	char *copy = malloc(body.n + 1);

	MUST(copy != NULL);
	if (body.n > 0)
		memcpy(copy, body.p, body.n);
	r->body = str_n(copy, body.n);
	DL_DELETE(jobs, job);
	job->cb(job->arg, r);
	free(job);
	free(copy);
}

static void
http(char verb, struct str text)
{
	static const struct {
		const char *word;
		enum http_outcome outcome;
	} failures[] = {
		{ "refused", HTTP_UNREACHABLE },
		{ "timeout", HTTP_TIMEOUT },
		{ "closed", HTTP_CLOSED },
		{ "broken", HTTP_BROKEN },
		{ "local", HTTP_LOCAL },
	};
	bool newest = verb == 'J' || verb == 'O';
	struct http_reply r = { .outcome = HTTP_REPLY, .status = 200 };
	uint64_t status = 200;
	struct str word;

	refuse = refuse || verb == 'f';
	if (jobs == NULL || (!newest && verb != 'h' && verb != 'o'))
		return;
	text = fuzz_unescape(text);
	(void)str_cut(&text, ' ', &word);
	if (verb == 'o' || verb == 'O') {
		r.offset =
		    rewrites ? str_head(word, HTTP_OFFSET_MAX) : STR_NULL;
	} else {
		(void)str_u64(word, 999, &status);
		r.status = (long)status;
	}
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (str_eq(word, str_c(failures[i].word)))
			r = (struct http_reply){ .outcome = failures[i].outcome,
				.error = "it was said so" };
	finish(newest ? jobs->prev : jobs, &r, text);
}

/* clang-format off */
static const char *const sets[][SCRIPT_OPTS] = {
	{ "--url", "http://one", "--spool-size", "4096" },
	{ "--url", "http://one", "--url", "unix:/two", "--url", "http://three",
	    "--spread", "--max-scans", "1", "--score-headers", "always" },
	{ "--on-unreachable", "accept", "--on-timeout", "junk", "--on-error",
	    "junk", "--on-too-large", "accept", "--max-size", "400" },
	{ "--report-only", "--memory", "1M", "--local", "skip",
	    "--skip-networks", "198.51.100.0/24", "--authenticated", "skip" },
	{ "--discard", "mark", "--quarantine", "reject", "--score-headers",
	    "never", "--deadline", "2", "--long-lines", "reject" },
	{ "--header", "A=b", "--settings", "{}", "--mta-tag", "t",
	    "--deliver-to", "--log-tag", "--pass-all", "--reject-text", "no" },
	{ "--timeout", "3000ms", "--url", "http://one", "--discard", "accept" },
};
/* clang-format on */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct fuzz_filter ff = {
		.sets = sets,
		.nsets = sizeof(sets) / sizeof(sets[0]),
		.whole = JUDGE_BODY,
		.added = 0,
		.body_changes = true,
		.outside = http,
	};

	fuzz_script(&ff, fuzz_text(data, n));
	return 0;
}
