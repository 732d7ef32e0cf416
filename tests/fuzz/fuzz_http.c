/*
 * Raw bytes of an HTTP server, to http.c and libcurl over a socket: each
 * request ends once, a reply is complete and within its limits, and what it
 * says can be looked for a verdict.  The first byte says in what pieces the
 * reply is sent, and whether before or after the request was read.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/engine/loop.h"
#include "filter-rspamd/http.h"
#include "filter-rspamd/verdict.h"
#include "tests/fuzz/fuzz.h"

enum {
	BODY_MAX = 1 << 20
};

static const struct http_conf conf = {
	.connect_ms = 60000, .total_ms = 60000, .body_max = BODY_MAX
};

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener = -1, conn = -1;
static struct loop_io *listener_io, *conn_io;
static struct str left; /* of the reply */
static size_t piece; /* bytes a turn; 0: all */
static unsigned replies;

static void
remove_socket(void)
{
	(void)unlink(address.sun_path);
}

static void
start(void)
{
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
	    "/tmp/fuzz-http.%ld", (long)getpid());
	remove_socket();
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	MUST(listener != -1 &&
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	MUST(listen(listener, 8) == 0 && atexit(remove_socket) == 0);
}

static void
end_conn(void)
{
	loop_io_free(conn_io);
	conn_io = NULL;
	if (conn != -1)
		(void)close(conn);
	conn = -1;
}

static void
on_conn(void *arg, int what)
{
	size_t n = piece == 0 || piece > left.n ? left.n : piece;
	char block[4096];
	ssize_t sent;

	(void)arg;
	if ((what & LOOP_READ) != 0 && read(conn, block, sizeof(block)) > 0) {
		(void)loop_io_set(conn_io, LOOP_WRITE);
		return;
	}
	sent = n == 0 ? 0 : send(conn, left.p, n, MSG_NOSIGNAL);
	if (sent > 0)
		left = str_from(left, (size_t)sent);
	if (sent <= 0 || left.n == 0)
		end_conn();
}

static void
on_listener(void *arg, int what)
{
	const bool *early = arg;

	(void)what;
	MUST(conn == -1);
	conn = accept(listener, NULL, NULL);
	if (conn == -1)
		return;
	conn_io = loop_io_new(conn, on_conn, NULL);
	MUST(conn_io != NULL);
	(void)loop_io_set(conn_io, *early ? LOOP_WRITE : LOOP_READ);
}

static void
on_reply(void *arg, const struct http_reply *r)
{
	struct verdict_reply reply = { (int)r->status, r->offset, r->body };
	struct verdict *v;
	struct buf why;

	(void)arg;
	replies++;
	loop_stop();
	MUST((r->outcome == HTTP_REPLY) == (r->error == NULL));
	MUST(r->outcome != HTTP_LOCAL && r->outcome != HTTP_TIMEOUT);
	MUST(r->outcome != HTTP_UNREACHABLE || piece != 0);
	MUST(r->offset.n <= HTTP_OFFSET_MAX);
	MUST(r->body.n <= HTTP_JSON_MAX + BODY_MAX);
	if (r->outcome != HTTP_REPLY)
		return;
	MUST(r->status >= 100 && r->status <= 999);
	buf_init(&why, 4096);
	v = verdict_parse(&reply, &why);
	MUST(v != NULL || why.n > 0);
	MUST(v == NULL || !v->has_body || fuzz_within(v->body, r->body));
	verdict_free(v);
	buf_clear(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char url[] = "http://localhost/checkv2";
	struct target target = { .url = url, .unix_path = address.sun_path };
	struct http_request req = { .target = &target,
		.fields = str_n("From: <a@example.net>", 22),
		.head = STR("Subject: x\n") };
	unsigned how;
	bool early;

	if (listener == -1)
		start();
	left = fuzz_text(data, n);
	how = fuzz_byte(&left);
	early = how % 2 == 1;
	piece = how / 2 % 4 == 0 ? 0 : how / 2;
	replies = 0;
	MUST(loop_init() == 0 && http_init(&conf) == 0);
	listener_io = loop_io_new(listener, on_listener, &early);
	MUST(listener_io != NULL && loop_io_set(listener_io, LOOP_READ) == 0);
	MUST(http_start(&req, on_reply, NULL) != NULL);
	MUST(loop_run() == 0 && replies == 1);
	end_conn();
	loop_io_free(listener_io);
	http_fini();
	loop_fini();
	return 0;
}
