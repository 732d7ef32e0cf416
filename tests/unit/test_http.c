/* filter-rspamd/http, with a server on the same loop */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/engine/loop.h"
#include "filter-rspamd/http.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define BODY_MAX (1024 * 1024)
#define LIMIT_MS 20000 /* of a test */

/* One connection to the server. */
struct conn {
	int fd;
	struct loop_io *io;
	struct buf in;
	size_t sent;
};

static const struct http_conf conf = {
	.connect_ms = 300, .total_ms = 600, .body_max = BODY_MAX
};

static struct target target;
static int listener;
static struct loop_io *listener_io;
static struct loop_timer *limit;
static struct conn conn; /* the newest one */
static struct str answer; /* what it gets; p NULL: nothing, ever */
static unsigned connections;

/* The last reply. */
static unsigned replies;
static struct http_reply last;
static struct buf last_body;
static char last_offset[HTTP_OFFSET_MAX + 1];

static void
end_conn(void)
{
	loop_io_free(conn.io);
	if (conn.fd != -1)
		(void)close(conn.fd);
	buf_clear(&conn.in);
	conn.io = NULL;
	conn.fd = -1;
}

/* Does in hold the head and as many bytes as it says? */
static bool
is_complete(struct str in)
{
	const char *end, *field;

	if (in.p == NULL)
		return false;
	end = memmem(in.p, in.n, "\r\n\r\n", 4);
	if (end == NULL)
		return false;
	field = memmem(in.p, in.n, "\r\nContent-Length: ", 18);
	assert_non_null(field);
	return in.n - (size_t)(end + 4 - in.p) == strtoul(field + 18, NULL, 10);
}

static void
on_conn(void *arg, int what)
{
	char block[65536];
	ssize_t n;

	(void)arg;
	if (what & LOOP_READ) {
		n = read(conn.fd, block, sizeof(block));
		if (n <= 0) {
			end_conn();
			loop_stop();
			return;
		}
		buf_add(&conn.in, block, (size_t)n);
		if (!is_complete(buf_view(&conn.in)))
			return;
		if (answer.p == NULL)
			loop_stop(); /* the test goes on */
		else
			assert_int_equal(loop_io_set(conn.io, LOOP_WRITE), 0);
		return;
	}
	n = send(conn.fd, answer.p + conn.sent, answer.n - conn.sent,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	conn.sent += n > 0 ? (size_t)n : 0;
	if (n < 0 || conn.sent == answer.n) {
		loop_io_free(conn.io);
		conn.io = NULL;
		(void)close(conn.fd);
		conn.fd = -1;
	}
}

static void
on_listener(void *arg, int what)
{
	(void)arg;
	(void)what;
	connections++;
	end_conn();
	conn.fd = accept(listener, NULL, NULL);
	assert_int_not_equal(conn.fd, -1);
	conn.sent = 0;
	conn.io = loop_io_new(conn.fd, on_conn, NULL);
	assert_non_null(conn.io);
	assert_int_equal(loop_io_set(conn.io, LOOP_READ), 0);
}

static void
on_limit(void *arg)
{
	(void)arg;
	fail_msg("the test does not end");
}

static void
listen_on(const struct sockaddr *sa, socklen_t n)
{
	listener = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(listener, -1);
	assert_int_equal(bind(listener, sa, n), 0);
	assert_int_equal(listen(listener, 5), 0);
	listener_io = loop_io_new(listener, on_listener, NULL);
	assert_non_null(listener_io);
	assert_int_equal(loop_io_set(listener_io, LOOP_READ), 0);
}

static int
set_up(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);
	char url[100];

	(void)state;
	assert_int_equal(loop_init(), 0);
	assert_int_equal(http_init(&conf), 0);
	limit = loop_timer_new(on_limit, NULL);
	assert_non_null(limit);
	assert_int_equal(loop_timer_set(limit, LIMIT_MS), 0);
	listen_on((struct sockaddr *)&sin, sizeof(sin));
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sin, &n), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u",
	    (unsigned)ntohs(sin.sin_port));
	assert_null(target_parse(str_c(url), &target));
	conn.fd = -1;
	buf_init(&conn.in, 64 * 1024 * 1024);
	buf_init(&last_body, 64 * 1024 * 1024);
	replies = connections = 0;
	answer = STR_NULL;
	return 0;
}

static void
close_listener(void)
{
	loop_io_free(listener_io);
	listener_io = NULL;
	(void)close(listener);
}

static int
tear_down(void **state)
{
	(void)state;
	http_fini();
	end_conn();
	close_listener();
	buf_clear(&last_body);
	target_clear(&target);
	loop_timer_free(limit);
	loop_fini();
	return 0;
}

static void
on_reply(void *arg, const struct http_reply *r)
{
	struct http_job **job = arg;

	*job = NULL;
	replies++;
	last = *r;
	buf_reset(&last_body);
	buf_str(&last_body, r->body);
	(void)snprintf(last_offset, sizeof(last_offset), "%.*s",
	    (int)r->offset.n, r->offset.p);
	loop_stop();
}

static void
post(struct str fields, struct str head, const struct store *st)
{
	struct http_request req = { &target, fields, head, st };
	struct http_job *job;

	job = http_start(&req, on_reply, &job);
	assert_non_null(job);
	assert_int_equal(replies, 0);
	while (replies == 0)
		assert_int_equal(loop_run(), 0);
	assert_null(job);
	assert_int_equal(replies, 1);
}

static void
what_is_sent(void **state)
{
	static struct store_pool pool = {
		.dir = "/tmp", .spill = 1024, .budget = 1024
	};
	struct store *st = store_new(&pool);
	struct str in;

	(void)state;
	assert_non_null(st);
	assert_int_equal(store_line(st, STR("")), 0);
	assert_int_equal(store_line(st, STR(".body")), 0);
	answer = STR(OK_HEAD "Content-Length: 2\r\n\r\n{}");
	post(STR("IP: 192.0.2.7\0Rcpt: <a@b>\0Rcpt: <c@d>\0"), STR("A: b\n"),
	    st);
	in = buf_view(&conn.in);
	assert_true(str_starts(in, STR("POST /checkv2 HTTP/1.1\r\n")));
	assert_true(str_iends(in, STR("\r\n\r\nA: b\r\n\r\n.body\r\n")));
	buf_chr(&conn.in, '\0');
	assert_non_null(strstr(conn.in.p, "\r\nIP: 192.0.2.7\r\n"));
	assert_non_null(
	    strstr(conn.in.p, "\r\nRcpt: <a@b>\r\nRcpt: <c@d>\r\n"));
	assert_non_null(strstr(conn.in.p, "\r\nContent-Type: text/plain\r\n"));
	assert_non_null(strstr(conn.in.p, "\r\nContent-Length: 15\r\n"));
	assert_null(strstr(conn.in.p, "\r\nExpect"));
	assert_null(strstr(conn.in.p, "\r\nAccept"));
	assert_null(strstr(conn.in.p, "\r\nUser-Agent"));
	assert_null(strstr(conn.in.p, "\r\nTransfer-Encoding"));
	store_free(st);
}

static const struct {
	const char *name, *answer;
	enum http_outcome outcome;
	long status;
	const char *offset, *body;
} cases[] = {
	{ "good", OK_HEAD "Content-Length: 2\r\n\r\n{}", HTTP_REPLY, 200, "",
	    "{}" },
	{ "until the end", "HTTP/1.0 200 OK\r\n\r\n{}", HTTP_REPLY, 200, "",
	    "{}" },
	{ "chunks",
	    OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
		    "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
	    HTTP_REPLY, 200, "", "{}" },
	{ "trailer",
	    OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
		    "2\r\n{}\r\n0\r\nMessage-Offset: 1\r\nX: y\r\n\r\n",
	    HTTP_REPLY, 200, "", "{}" },
	{ "no body", OK_HEAD "Content-Length: 0\r\n\r\n", HTTP_REPLY, 200, "",
	    "" },
	{ "message offset",
	    OK_HEAD "message-OFFSET:  2 \r\n"
		    "Content-Length: 5\r\n\r\n{}new",
	    HTTP_REPLY, 200, "2", "{}new" },
	{ "interim reply",
	    "HTTP/1.1 100 Continue\r\nMessage-Offset: 9\r\n\r\n" OK_HEAD
	    "Content-Length: 2\r\n\r\n{}",
	    HTTP_REPLY, 200, "", "{}" },
	{ "error status",
	    "HTTP/1.1 500 invalid command\r\n"
	    "Content-Length: 2\r\n\r\n{}",
	    HTTP_REPLY, 500, "", "{}" },
	{ "redirect",
	    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
	    "Content-Length: 0\r\n\r\n",
	    HTTP_REPLY, 302, "", "" },
	{ "nothing", "", HTTP_CLOSED, 0, "", "" },
	{ "cut off", OK_HEAD "Content-Length: 9\r\n\r\n{}", HTTP_BROKEN, 200,
	    "", "{}" },
	{ "cut off in the head", OK_HEAD "Content-Le", HTTP_BROKEN, 200, "",
	    "" },
	{ "no HTTP", "{}\r\n", HTTP_BROKEN, 0, "", "" },
	{ "no status", "HTTP/200 Recorded 4\r\n\r\n{}", HTTP_BROKEN, 0, "",
	    "{}" },
	{ "too large", OK_HEAD "Content-Length: 99999999999\r\n\r\n{}",
	    HTTP_BROKEN, 200, "", "{}" },
};

static void
what_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer = str_c(cases[i].answer);
		replies = 0;
		post(STR_NULL, STR("A: b\n"), NULL);
		if (last.outcome != cases[i].outcome ||
		    last.status != cases[i].status)
			fail_msg("%s: outcome %d, status %ld", cases[i].name,
			    (int)last.outcome, last.status);
		assert_string_equal(last_offset, cases[i].offset);
		assert_true(str_eq(buf_view(&last_body), str_c(cases[i].body)));
		assert_int_equal(
		    last.error == NULL, last.outcome == HTTP_REPLY);
	}
	/* A connection is not used again. */
	assert_int_equal(connections, sizeof(cases) / sizeof(cases[0]));
}

/* An answer of head, n bytes 'x', and the length that fits. */
static struct str
long_answer(struct buf *b, const char *head, size_t n)
{
	char *p;

	buf_init(b, n + 1000);
	buf_fmt(b, OK_HEAD "%sContent-Length: %zu\r\n\r\n", head, n);
	p = buf_room(b, n);
	assert_non_null(p);
	memset(p, 'x', n);
	b->n += n;
	return buf_view(b);
}

static void
large_replies(void **state)
{
	static const char offset[] = "Message-Offset: 2\r\n";
	static const struct {
		const char *head;
		size_t n;
		enum http_outcome outcome;
	} sizes[] = {
		{ "", HTTP_JSON_MAX, HTTP_REPLY },
		{ "", HTTP_JSON_MAX + 1, HTTP_BROKEN },
		{ offset, HTTP_JSON_MAX + BODY_MAX, HTTP_REPLY },
		{ offset, HTTP_JSON_MAX + BODY_MAX + 1, HTTP_BROKEN },
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		answer = long_answer(&b, sizes[i].head, sizes[i].n);
		replies = 0;
		post(STR_NULL, STR("A: b\n"), NULL);
		assert_int_equal(last.outcome, sizes[i].outcome);
		if (last.outcome == HTTP_REPLY)
			assert_int_equal(last_body.n, sizes[i].n);
		buf_clear(&b);
	}
}

static void
long_reply_head(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 200 * 1024);
	buf_str(&b, STR(OK_HEAD));
	for (int i = 0; i < 5000; i++)
		buf_str(&b, STR("X-Filler: filler\r\n"));
	buf_str(&b, STR("Content-Length: 2\r\n\r\n{}"));
	answer = buf_view(&b);
	post(STR_NULL, STR("A: b\n"), NULL);
	assert_int_equal(last.outcome, HTTP_BROKEN);
	assert_string_equal(last.error, "reply head too large");
	buf_clear(&b);
}

/* libcurl has a limit of its own for a line. */
static void
long_reply_line(void **state)
{
	struct str starts[] = { STR("HTTP/1.1 200 "),
		STR(OK_HEAD "X-Filler: ") };
	struct buf b;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		buf_init(&b, 200 * 1024);
		buf_str(&b, starts[i]);
		for (int k = 0; k < 180 * 1024; k++)
			buf_chr(&b, 'x');
		buf_str(&b, STR("\r\nContent-Length: 2\r\n\r\n{}"));
		answer = buf_view(&b);
		replies = 0;
		post(STR_NULL, STR("A: b\n"), NULL);
		assert_int_equal(last.outcome, HTTP_BROKEN);
		buf_clear(&b);
	}
}

static void
no_reply_in_time(void **state)
{
	(void)state;
	answer = STR_NULL;
	post(STR_NULL, STR("A: b\n"), NULL);
	assert_int_equal(last.outcome, HTTP_TIMEOUT);
}

static void
nobody_there(void **state)
{
	(void)state;
	close_listener();
	post(STR_NULL, STR("A: b\n"), NULL);
	assert_int_equal(last.outcome, HTTP_UNREACHABLE);
	assert_string_equal(last.error, "Connection refused");
	listener = dup(0);
}

static void
unix_socket(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/test_http.XXXXXX";

	(void)state;
	close_listener();
	target_clear(&target);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", dir);
	assert_null(target_parse(str_c(un.sun_path), &target));
	listen_on((struct sockaddr *)&un, sizeof(un));
	answer = STR(OK_HEAD "Content-Length: 2\r\n\r\n{}");
	post(STR_NULL, STR("A: b\n"), NULL);
	assert_int_equal(last.outcome, HTTP_REPLY);
	(void)unlink(un.sun_path);
	(void)rmdir(dir);
}

static void
cancelled(void **state)
{
	struct http_request req = { &target, STR_NULL, STR("A: b\n"), NULL };
	struct http_job *job, *none = NULL;

	(void)state;
	/* Before anything happened. */
	job = http_start(&req, on_reply, &job);
	assert_non_null(job);
	http_cancel(&job);
	assert_null(job);
	/* While the server thinks: it sees the connection closed at once. */
	job = http_start(&req, on_reply, &job);
	assert_non_null(job);
	while (!is_complete(buf_view(&conn.in)))
		assert_int_equal(loop_run(), 0);
	http_cancel(&job);
	while (conn.fd != -1)
		assert_int_equal(loop_run(), 0);
	assert_int_equal(replies, 0);
	http_cancel(&none);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_sent),
		TEST(what_comes_back),
		TEST(large_replies),
		TEST(long_reply_head),
		TEST(long_reply_line),
		TEST(no_reply_in_time),
		TEST(nobody_there),
		TEST(unix_socket),
		TEST(cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
