#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <curl/curl.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/engine/loop.h"
#include "filter-rspamd/crlf.h"
#include "filter-rspamd/http.h"

/* Bytes of libcurl's buffer for sending, for small messages and others. */
#define SMALL 16384L
#define LARGE 65536L

struct http_job {
	CURL *easy;
	struct curl_slist *fields;
	void (*cb)(void *, const struct http_reply *);
	void *arg;
	struct crlf message;
	struct buf reply;
	size_t counted; /* memory of that, in replies */
	size_t head; /* bytes of reply head so far */
	char offset[HTTP_OFFSET_MAX + 1]; /* Message-Offset */
	bool head_ends; /* its empty line has come */
	bool local; /* it failed here */
	struct loop_timer *limit; /* in case libcurl loses it */
	const char *why; /* our own reason to stop, or NULL */
	char error[CURL_ERROR_SIZE];
};

/* A descriptor that libcurl wants watched. */
struct watch {
	struct loop_io *io;
	curl_socket_t fd;
};

static const struct http_conf *conf;
static CURLM *multi;
static CURLSH *share; /* of TLS sessions */
static size_t replies; /* bytes of memory that all of them have */
static struct loop_timer *timer;
static CURL *idle[HTTP_IDLE_MAX];
static size_t nidle;

/*
 * The result of a transfer.  Nothing of the request sent: there was no
 * connection, be it for a name, a refusal, TLS or time.
 */
static enum http_outcome
outcome_of(const struct http_job *job, CURLcode rc)
{
	long sent = 0, status = 0;

	/* libcurl takes a status line without a status. */
	(void)curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK)
		return job->head_ends && status >= 100 ? HTTP_REPLY
						       : HTTP_BROKEN;
	if (job->local)
		return HTTP_LOCAL;
	if (job->why != NULL)
		return HTTP_BROKEN;
	(void)curl_easy_getinfo(job->easy, CURLINFO_REQUEST_SIZE, &sent);
	/* Old versions of libcurl also say so if a line is too long. */
	if (rc == CURLE_OUT_OF_MEMORY)
		return sent > 0 && !job->head_ends ? HTTP_BROKEN : HTTP_LOCAL;
	if (sent == 0)
		return HTTP_UNREACHABLE;
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return HTTP_TIMEOUT;
	if (job->head == 0 &&
	    (rc == CURLE_GOT_NOTHING || rc == CURLE_SEND_ERROR ||
		rc == CURLE_RECV_ERROR))
		return HTTP_CLOSED;
	return HTTP_BROKEN;
}

static void
job_free(struct http_job *job)
{
	if (job == NULL)
		return;
	loop_timer_free(job->limit);
	curl_slist_free_all(job->fields);
	buf_clear(&job->reply);
	replies -= job->counted;
	if (job->easy != NULL && nidle < HTTP_IDLE_MAX) {
		(void)curl_easy_setopt(job->easy, CURLOPT_ERRORBUFFER, NULL);
		idle[nidle++] = job->easy;
	} else {
		curl_easy_cleanup(job->easy);
	}
	free(job);
}

static void
finish(struct http_job *job, CURLcode rc)
{
	struct http_reply r = { .outcome = outcome_of(job, rc),
		.offset = str_c(job->offset),
		.body = buf_view(&job->reply) };
	long err = 0;

	(void)curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &r.status);
	(void)curl_easy_getinfo(job->easy, CURLINFO_OS_ERRNO, &err);
	if (job->why == NULL && rc == CURLE_OK)
		job->why = job->head_ends ? "reply has no status"
					  : "reply head cut off";
	if (job->why == NULL && rc == CURLE_COULDNT_CONNECT && err != 0)
		job->why = strerror((int)err);
	if (job->why == NULL)
		job->why =
		    job->error[0] != '\0' ? job->error : curl_easy_strerror(rc);
	r.error = r.outcome == HTTP_REPLY ? NULL : job->why;
	(void)curl_multi_remove_handle(multi, job->easy);
	job->cb(job->arg, &r);
	job_free(job);
}

/* libcurl should have ended it, but without memory it may forget to. */
static void
on_limit(void *arg)
{
	struct http_job *job = arg;

	job->local = true;
	job->why = "no memory to follow the connection";
	finish(job, CURLE_OUT_OF_MEMORY);
}

/* Tells about the transfers that ended. */
static void
read_messages(void)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)) != NULL) {
		CURLcode rc = m->data.result;
		char *job = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &job);
		finish((struct http_job *)(void *)job, rc);
	}
}

static void
on_timer(void *arg)
{
	int running;

	(void)arg;
	(void)curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	read_messages();
}

static void
on_ready(void *arg, int what)
{
	const struct watch *w = arg;
	int running, bits = 0;

	if ((what & LOOP_READ) != 0)
		bits |= CURL_CSELECT_IN;
	if ((what & LOOP_WRITE) != 0)
		bits |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(multi, w->fd, bits, &running);
	read_messages();
}

static void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	loop_io_free(w->io);
	free(w);
}

static struct watch *
watch_new(curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->fd = fd;
	w->io = loop_io_new(fd, on_ready, w);
	if (w->io == NULL || curl_multi_assign(multi, fd, w) != CURLM_OK) {
		watch_free(w);
		return NULL;
	}
	return w;
}

/*
 * libcurl's socket callback.  An error from here would end all transfers for
 * good, so one that cannot be watched is left to its time limit.
 */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct watch *w = assigned;
	int bits = 0;

	(void)easy;
	(void)arg;
	if (what == CURL_POLL_REMOVE) {
		(void)curl_multi_assign(multi, fd, NULL);
		watch_free(w);
		return 0;
	}
	if (w == NULL)
		w = watch_new(fd);
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		bits |= LOOP_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		bits |= LOOP_WRITE;
	if (w == NULL || loop_io_set(w->io, bits) == -1)
		log_warn("no memory to watch a connection to rspamd");
	return 0;
}

static int
on_timer_change(CURLM *m, long ms, void *arg)
{
	(void)m;
	(void)arg;
	if (ms < 0)
		loop_timer_stop(timer);
	else if (loop_timer_set(timer, (unsigned)ms) == -1)
		log_warn("no memory for a timer of libcurl");
	return 0;
}

static size_t
on_read(char *to, size_t size, size_t n, void *arg)
{
	struct http_job *job = arg;
	ssize_t r = crlf_read(&job->message, to, size * n);

	if (r >= 0)
		return (size_t)r;
	job->local = true;
	job->why = "message cannot be read";
	return CURL_READFUNC_ABORT;
}

/* A line of the reply's head. */
static size_t
on_head(char *p, size_t size, size_t n, void *arg)
{
	struct http_job *job = arg;
	struct str line = str_n(p, size * n), name;

	if (line.n > HTTP_HEAD_MAX - job->head) {
		job->why = "reply head too large";
		return 0;
	}
	job->head += line.n;
	if (job->head_ends && !str_starts(line, STR("HTTP/")))
		return size * n; /* what follows the last chunk */
	job->head_ends = str_trim_fws(line).n == 0;
	if (str_starts(line, STR("HTTP/")))
		job->offset[0] = '\0'; /* that was an interim reply */
	if (!str_cut(&line, ':', &name) ||
	    !str_ieq(name, STR("Message-Offset")))
		return size * n;
	line = str_head(str_trim_fws(line), HTTP_OFFSET_MAX);
	if (line.n > 0)
		memcpy(job->offset, line.p, line.n);
	job->offset[line.n] = '\0';
	return size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_job *job = arg;

	job->reply.max = HTTP_JSON_MAX;
	if (job->offset[0] != '\0')
		job->reply.max += conf->body_max;
	buf_add(&job->reply, p, size * n);
	if (buf_failed(&job->reply)) {
		job->why = "reply too large";
		return 0;
	}
	replies += job->reply.cap - job->counted;
	job->counted = job->reply.cap;
	if (replies <= HTTP_REPLIES_MAX || replies == job->counted)
		return size * n;
	job->local = true;
	job->why = "too many large replies at a time";
	replies -= job->counted;
	job->counted = 0;
	buf_clear(&job->reply);
	return 0;
}

/* Without a descriptor or memory here nothing is known of the host. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_job *job = arg;
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

	(void)purpose;
	if (fd != -1)
		return fd;
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM) {
		job->local = true;
		job->why = strerror(errno);
	}
	return CURL_SOCKET_BAD;
}

/* What is the same for all requests.  Returns 0 or -1. */
static int
set_always(CURL *e)
{
	bool ok = true;

#define SET(opt, v) (ok = curl_easy_setopt(e, opt, v) == CURLE_OK && ok)
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_HEADERFUNCTION, on_head);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_SHARE, share);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)conf->connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)conf->total_ms);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	/* Without one OpenSSL asks for it: on stdin, which is smtpd. */
	SET(CURLOPT_KEYPASSWD, "");
	if (conf->ca != NULL)
		SET(CURLOPT_CAINFO, conf->ca);
	if (conf->cert != NULL)
		SET(CURLOPT_SSLCERT, conf->cert);
	if (conf->key != NULL)
		SET(CURLOPT_SSLKEY, conf->key);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A cancelled request does not wait for the thread of its name. */
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
#undef SET
	return ok ? 0 : -1;
}

static CURL *
handle_new(void)
{
	CURL *e;

	if (nidle > 0)
		return idle[--nidle];
	e = curl_easy_init();
	if (e != NULL && set_always(e) == 0)
		return e;
	curl_easy_cleanup(e);
	return NULL;
}

/* Our fields, and those of libcurl that must not go out, as its list. */
static int
set_fields(struct http_job *job, struct str fields)
{
	static const char *const own[] = { "Content-Type: text/plain",
		"Expect:", "Accept:" };
	struct curl_slist *l;
	struct str f;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		l = curl_slist_append(job->fields, own[i]);
		if (l == NULL)
			return -1;
		job->fields = l;
	}
	while (str_cut(&fields, '\0', &f)) {
		l = curl_slist_append(job->fields, f.p);
		if (l == NULL)
			return -1;
		job->fields = l;
	}
	return 0;
}

static int
set_request(struct http_job *job, const struct http_request *req)
{
	curl_off_t size = (curl_off_t)crlf_size(req->head, req->store);
	CURL *e = job->easy;
	bool ok = set_fields(job, req->fields) == 0;

	crlf_init(&job->message, req->head, req->store);
#define SET(opt, v) (ok = curl_easy_setopt(e, opt, v) == CURLE_OK && ok)
	SET(CURLOPT_URL, req->target->url);
	SET(CURLOPT_UNIX_SOCKET_PATH, req->target->unix_path);
	SET(CURLOPT_HTTPHEADER, job->fields);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, size);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, size < SMALL ? SMALL : LARGE);
	SET(CURLOPT_READDATA, job);
	SET(CURLOPT_OPENSOCKETDATA, job);
	SET(CURLOPT_HEADERDATA, job);
	SET(CURLOPT_WRITEDATA, job);
	SET(CURLOPT_PRIVATE, job);
	SET(CURLOPT_ERRORBUFFER, job->error);
#undef SET
	return ok ? 0 : -1;
}

struct http_job *
http_start(const struct http_request *req,
    void (*cb)(void *, const struct http_reply *), void *arg)
{
	struct http_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->cb = cb;
	job->arg = arg;
	buf_init(&job->reply, HTTP_JSON_MAX);
	job->easy = handle_new();
	job->limit = loop_timer_new(on_limit, job);
	if (job->easy == NULL || job->limit == NULL ||
	    loop_timer_set(job->limit, conf->total_ms + HTTP_GRACE_MS) == -1 ||
	    set_request(job, req) == -1 ||
	    curl_multi_add_handle(multi, job->easy) != CURLM_OK) {
		job_free(job);
		return NULL;
	}
	return job;
}

void
http_cancel(struct http_job **jobp)
{
	struct http_job *job = *jobp;

	if (job == NULL)
		return;
	*jobp = NULL;
	(void)curl_multi_remove_handle(multi, job->easy);
	job_free(job);
}

int
http_init(const struct http_conf *c)
{
	bool ok;

	conf = c;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -1;
	multi = curl_multi_init();
	share = curl_share_init();
	timer = loop_timer_new(on_timer, NULL);
	if (multi == NULL || share == NULL || timer == NULL) {
		http_fini();
		return -1;
	}
	ok = curl_share_setopt(share, CURLSHOPT_SHARE,
		 CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
	ok = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) ==
		CURLM_OK &&
	    ok;
	ok = curl_multi_setopt(
		 multi, CURLMOPT_TIMERFUNCTION, on_timer_change) == CURLM_OK &&
	    ok;
	if (!ok) {
		http_fini();
		return -1;
	}
	return 0;
}

void
http_fini(void)
{
	while (nidle > 0)
		curl_easy_cleanup(idle[--nidle]);
	if (multi != NULL)
		(void)curl_multi_cleanup(multi);
	if (share != NULL)
		(void)curl_share_cleanup(share);
	loop_timer_free(timer);
	multi = NULL;
	share = NULL;
	timer = NULL;
	curl_global_cleanup();
}
