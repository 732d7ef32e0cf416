/*
 * SPDX-License-Identifier: ISC
 *
 * Answers each POST with a fixed reply of rspamd, at once or after a fixed
 * delay, as rspamd does: one request per connection.
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

/* Replies that are due later, in order because the delay is fixed. */
struct due {
	uint64_t at;
	uint32_t serial;
	int fd;
};

static struct conn conns[FDS_MAX];
static struct due due[FDS_MAX];
static size_t duehead, duecount;
static uint64_t delay_ns, requests, bytes;
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
	requests++;
	(void)!write(fd, reply, replylen);
	conn_close(fd);
}

static void
complete(int fd)
{
	struct conn *c = &conns[fd];

	if (delay_ns == 0) {
		answer(fd);
		return;
	}
	c->state = WAITING;
	if (duecount == FDS_MAX) {
		conn_close(fd);
		return;
	}
	due[(duehead + duecount++) % FDS_MAX] =
	    (struct due){ now() + delay_ns, c->serial, fd };
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

/* Sends what is due; returns the time until the next, or 1 s. */
static struct timespec
send_due(void)
{
	struct timespec ts = { 1, 0 };
	struct due *d;
	uint64_t t = now();

	while (duecount > 0) {
		d = &due[duehead];
		if (d->at > t) {
			ts.tv_sec = (time_t)((d->at - t) / 1000000000U);
			ts.tv_nsec = (long)((d->at - t) % 1000000000U);
			break;
		}
		if (conns[d->fd].serial == d->serial)
			answer(d->fd);
		duehead = (duehead + 1) % FDS_MAX;
		duecount--;
	}
	return ts;
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
	int ep, i, n;

	ep = epoll_create1(EPOLL_CLOEXEC);
	ev[0].data.fd = listener;
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev[0]) < 0) {
		perror("httpstub");
		exit(1);
	}
	while (!stop) {
		ts = send_due();
		n = epoll_pwait2(ep, ev, 256, &ts, NULL);
		for (i = 0; i < n; i++) {
			if (ev[i].data.fd == listener)
				accept_all(ep, listener);
			else
				readable(ev[i].data.fd);
		}
	}
}

/* httpstub [-d milliseconds] [-p port]: prints its port, ends on SIGTERM */
int
main(int argc, char **argv)
{
	struct rlimit limit;
	unsigned int port = 0;
	int opt;

	while ((opt = getopt(argc, argv, "d:p:")) != -1) {
		if (opt == 'd')
			delay_ns = strtoull(optarg, NULL, 10) * 1000000U;
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
	fprintf(stderr, "requests=%llu\tbytes=%llu\n",
	    (unsigned long long)requests, (unsigned long long)bytes);
	return 0;
}
