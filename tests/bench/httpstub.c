/*
 * SPDX-License-Identifier: ISC
 *
 * Answers each POST with a fixed reply of rspamd, at once or after a fixed
 * delay, as rspamd does: one request per connection.  With -f some requests of
 * a thousand get something else.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 98304 /* rspamd itself stops at 80 KiB */
#define READ_SIZE 262144
#define FDS_MAX 65536

enum state {
	HEAD,
	BODY,
	CHUNK_SIZE,
	CHUNK_DATA,
	TRAILER,
	WAITING
};

struct conn {
	enum state state;
	uint32_t serial;
	char *head;
	size_t headlen;
	uint64_t left; /* bytes of body or chunk to come */
	char line[24];
	size_t linelen;
};

/* What a request can get instead of the reply. */
enum fault {
	FAULT_500,
	FAULT_503,
	FAULT_NO_JSON,
	FAULT_HALF,
	FAULT_CLOSE,
	FAULT_RESET,
	FAULT_LATE,
	FAULT_SILENCE,
	FAULTS
};

/* Replies that are due later, in order because the delay is fixed. */
struct due {
	uint64_t at;
	uint32_t serial;
	int fd;
};

struct ring {
	struct due due[FDS_MAX];
	size_t head, count;
};

static const char *const names[FAULTS] = { "error-500", "error-503", "no-json",
	"half", "close", "reset", "late", "silence" };

static struct conn conns[FDS_MAX];
static struct ring usual, late;
static uint64_t delay_ns, late_ns = 1000000000, requests, bytes;
static uint64_t fault_rate, faults[FAULTS];
static volatile sig_atomic_t stop;
static char reply[4096];
static size_t replylen;

static const char json[] =
    "{\"is_skipped\":false,\"score\":1.6,\"required_score\":15.0,"
    "\"action\":\"no action\",\"thresholds\":{\"reject\":15.0,"
    "\"add header\":6.0,\"greylist\":4.0},\"symbols\":{"
    "\"MIME_GOOD\":{\"name\":\"MIME_GOOD\",\"score\":-0.1,"
    "\"metric_score\":-0.1,\"options\":[\"text/plain\"]},"
    "\"R_DKIM_NA\":{\"name\":\"R_DKIM_NA\",\"score\":0.0,"
    "\"metric_score\":0.0},"
    "\"ONCE_RECEIVED\":{\"name\":\"ONCE_RECEIVED\",\"score\":0.1,"
    "\"metric_score\":0.1},"
    "\"RCVD_NO_TLS_LAST\":{\"name\":\"RCVD_NO_TLS_LAST\",\"score\":0.1,"
    "\"metric_score\":0.1},"
    "\"HFILTER_HOSTNAME_UNKNOWN\":{\"name\":\"HFILTER_HOSTNAME_UNKNOWN\","
    "\"score\":1.5,\"metric_score\":1.5}},\"messages\":{},"
    "\"message-id\":\"1@example.net\",\"time_real\":0.004,"
    "\"milter\":{\"remove_headers\":{\"X-Spam\":0}}}";

static uint64_t
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void
conn_close(int fd)
{
	struct conn *c = &conns[fd];

	free(c->head);
	c->head = NULL;
	c->serial++;
	(void)close(fd);
}

static void
answer(int fd)
{
	(void)!write(fd, reply, replylen);
	conn_close(fd);
}

/* After that time, which is the same for all in the ring. */
static void
answer_later(struct ring *r, uint64_t ns, int fd)
{
	if (r->count == FDS_MAX) {
		conn_close(fd);
		return;
	}
	r->due[(r->head + r->count++) % FDS_MAX] =
	    (struct due){ now() + ns, conns[fd].serial, fd };
}

static void
error_reply(int fd, const char *status, const char *body)
{
	dprintf(fd,
	    "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu"
	    "\r\n\r\n%s",
	    status, strlen(body), body);
	conn_close(fd);
}

static void
misbehave(int fd, enum fault fault)
{
	struct linger now_l = { 1, 0 };

	faults[fault]++;
	switch (fault) {
	case FAULT_500:
		error_reply(fd, "500 Internal error", "{\"error\":\"x\"}");
		break;
	case FAULT_503:
		error_reply(fd, "503 Unavailable", "");
		break;
	case FAULT_NO_JSON:
		error_reply(fd, "200 OK", "<html>");
		break;
	case FAULT_HALF:
		(void)!write(fd, reply, replylen / 2);
		conn_close(fd);
		break;
	case FAULT_RESET:
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_LINGER, &now_l, sizeof(now_l));
		conn_close(fd);
		break;
	case FAULT_LATE:
		answer_later(&late, late_ns, fd);
		break;
	case FAULT_SILENCE: /* until the other side hangs up */
		break;
	case FAULT_CLOSE:
	case FAULTS:
		conn_close(fd);
	}
}

static void
complete(int fd)
{
	conns[fd].state = WAITING;
	requests++;
	if (fault_rate > 0 && (uint64_t)random() % 1000 < fault_rate)
		misbehave(fd, (enum fault)(random() % FAULTS));
	else if (delay_ns == 0)
		answer(fd);
	else
		answer_later(&usual, delay_ns, fd);
}

/* The head is complete: how long is the body? */
static void
head_done(struct conn *c)
{
	char *line;

	c->state = BODY;
	c->left = 0;
	for (line = c->head; line != NULL; line = strstr(line, "\r\n")) {
		line += line == c->head ? 0 : 2;
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			c->left = strtoull(line + 15, NULL, 10);
		if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0)
			c->state = CHUNK_SIZE;
	}
	c->linelen = 0;
}

/* Returns how many bytes belong to the head, -1 if it is too long. */
static ssize_t
take_head(struct conn *c, const char *p, size_t len)
{
	size_t i, old = c->headlen;

	if (c->head == NULL && (c->head = malloc(HEAD_MAX)) == NULL)
		return -1;
	for (i = 0; i < len && c->headlen < HEAD_MAX - 1; i++) {
		c->head[c->headlen++] = p[i];
		if (p[i] == '\n' && c->headlen >= 4 &&
		    memcmp(c->head + c->headlen - 4, "\r\n\r\n", 4) == 0) {
			c->head[c->headlen] = '\0';
			head_done(c);
			return (ssize_t)(c->headlen - old);
		}
	}
	return i < len ? -1 : (ssize_t)len;
}

/* Reads a chunk size line or a trailer line. */
static size_t
take_line(struct conn *c, const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] != '\n') {
			if (c->linelen < sizeof(c->line) - 1)
				c->line[c->linelen++] = p[i];
			continue;
		}
		c->line[c->linelen] = '\0';
		if (c->state == CHUNK_SIZE) {
			c->left = strtoull(c->line, NULL, 16);
			c->state = c->left == 0 ? TRAILER : CHUNK_DATA;
			c->left += 2;
		} else if (c->linelen <= 1) {
			c->state = BODY;
			c->left = 0;
		}
		c->linelen = 0;
		return i + 1;
	}
	return len;
}

/* Takes bytes of a request; false if the connection must be closed. */
static bool
take(int fd, const char *p, size_t len)
{
	struct conn *c = &conns[fd];
	ssize_t n;

	for (; len > 0 || (c->state == BODY && c->left == 0);
	     p += n, len -= (size_t)n) {
		if (c->state == HEAD) {
			if ((n = take_head(c, p, len)) < 0)
				return false;
		} else if (c->state == CHUNK_SIZE || c->state == TRAILER) {
			n = (ssize_t)take_line(c, p, len);
		} else if (c->state == WAITING) {
			return true;
		} else if (c->state == BODY && c->left == 0) {
			complete(fd);
			return true;
		} else {
			n = (ssize_t)(len < c->left ? len : c->left);
			c->left -= (uint64_t)n;
			bytes += (uint64_t)n;
			if (c->state == CHUNK_DATA && c->left == 0)
				c->state = CHUNK_SIZE;
		}
	}
	return true;
}

static void
readable(int fd)
{
	static char buf[READ_SIZE];
	ssize_t n;

	n = read(fd, buf, sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !take(fd, buf, (size_t)n))
		conn_close(fd);
}

static void
accept_all(int ep, int listener)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd;

	while ((fd = accept4(
		    listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= FDS_MAX) {
			(void)close(fd);
			continue;
		}
		conns[fd] = (struct conn){ .serial = conns[fd].serial + 1 };
		ev.data.fd = fd;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
			conn_close(fd);
		else
			readable(fd);
	}
}

/* Sends what is due; returns the ns until the next, at most wait. */
static uint64_t
send_due(struct ring *r, uint64_t wait)
{
	struct due *d;
	uint64_t t = now();

	while (r->count > 0) {
		d = &r->due[r->head];
		if (d->at > t)
			return d->at - t < wait ? d->at - t : wait;
		if (conns[d->fd].serial == d->serial)
			answer(d->fd);
		r->head = (r->head + 1) % FDS_MAX;
		r->count--;
	}
	return wait;
}

static int
listen_on(unsigned int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0) {
		perror("httpstub");
		exit(1);
	}
	printf("%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	return fd;
}

static void
serve(int listener)
{
	struct epoll_event ev[256] = { { .events = EPOLLIN } };
	struct timespec ts;
	uint64_t wait;
	int ep, i, n;

	ep = epoll_create1(EPOLL_CLOEXEC);
	ev[0].data.fd = listener;
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev[0]) < 0) {
		perror("httpstub");
		exit(1);
	}
	while (!stop) {
		wait = send_due(&late, send_due(&usual, 999999999));
		ts = (struct timespec){ 0, (long)wait };
		n = epoll_pwait2(ep, ev, 256, &ts, NULL);
		for (i = 0; i < n; i++) {
			if (ev[i].data.fd == listener)
				accept_all(ep, listener);
			else
				readable(ev[i].data.fd);
		}
	}
}

/*
 * httpstub [-d milliseconds] [-p port] [-f faults of 1000] [-l late, ms]:
 * prints its port, ends on SIGTERM
 */
int
main(int argc, char **argv)
{
	struct rlimit limit;
	unsigned int port = 0;
	int opt;

	while ((opt = getopt(argc, argv, "d:f:l:p:")) != -1) {
		if (opt == 'd')
			delay_ns = strtoull(optarg, NULL, 10) * 1000000U;
		else if (opt == 'f')
			fault_rate = strtoull(optarg, NULL, 10);
		else if (opt == 'l')
			late_ns = strtoull(optarg, NULL, 10) * 1000000U;
		else if (opt == 'p')
			port = (unsigned int)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGTERM, on_signal);
	replylen = (size_t)snprintf(reply, sizeof(reply),
	    "HTTP/1.1 200 OK\r\nConnection: close\r\nServer: rspamd/3.4\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    sizeof(json) - 1, json);
	serve(listen_on(port));
	fprintf(stderr, "requests=%llu\tbytes=%llu",
	    (unsigned long long)requests, (unsigned long long)bytes);
	for (opt = 0; opt < FAULTS; opt++)
		fprintf(stderr, "\t%s=%llu", names[opt],
		    (unsigned long long)faults[opt]);
	fputc('\n', stderr);
	return 0;
}
