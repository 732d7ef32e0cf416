/*
 * SPDX-License-Identifier: ISC
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/smtpd.h"

#define READ_SIZE 262144
#define ERR_LINE_MAX 65536 /* smtpd spins over a longer stderr line */
#define STOP_MS 10000 /* a filter must be gone this long after end of input */

static void
child_exec(int fd, int errfd, char **argv)
{
	static char exec[4096];
	int i;

	(void)setsid();
	for (i = SIGHUP; i <= SIGTERM; i++)
		(void)signal(i, SIG_DFL);
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(errfd, 2) < 0)
		_exit(127);
	for (i = 3; i < 64; i++)
		(void)close(i);
	if (argv[1] == NULL) {
		(void)snprintf(exec, sizeof(exec), "exec %s", argv[0]);
		execl("/bin/sh", "sh", "-c", exec, (char *)NULL);
	}
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

void
channel_start(struct bench *b, char **argv)
{
	int data[2], err[2];

	(void)signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, data) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, err) < 0)
		bench_die("socketpair: %s", strerror(errno));
	b->pid = fork();
	if (b->pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (b->pid == 0)
		child_exec(data[1], err[1], argv);
	(void)close(data[1]);
	(void)close(err[1]);
	b->fd = data[0];
	b->errfd = err[0];
	if (fcntl(b->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(b->errfd, F_SETFL, O_NONBLOCK) < 0)
		bench_die("fcntl: %s", strerror(errno));
	b->heard_ns = b->now_ns = bench_now();
	b->in = bench_grow(NULL, &b->incap, READ_SIZE + LINE_MAX_07 + 1, 1);
}

char *
channel_room(struct bench *b, size_t len)
{
	if (b->outpos == b->outlen ||
	    (b->outpos > OUT_LOW && b->outpos > 2 * (b->outlen - b->outpos))) {
		b->outbase += b->outpos;
		b->outlen -= b->outpos;
		if (b->outlen > 0)
			memmove(b->out, b->out + b->outpos, b->outlen);
		b->outpos = 0;
	}
	b->out = bench_grow(b->out, &b->outcap, b->outlen + len, 1);
	return b->out + b->outlen;
}

void
channel_put(struct bench *b, const char *p, size_t len)
{
	memcpy(channel_room(b, len), p, len);
	b->outlen += len;
}

void
channel_print(struct bench *b, const char *fmt, ...)
{
	char *to;
	va_list ap;
	int n;

	to = channel_room(b, 4096);
	va_start(ap, fmt);
	n = vsnprintf(to, 4096, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= 4096)
		bench_die("line too long: %.60s", fmt);
	b->outlen += (size_t)n;
}

/* Remembers that the final dot of a session ends at the end of the queue. */
void
channel_mark(struct bench *b, const struct session *s)
{
	if (b->dothead == b->dottail)
		b->dothead = b->dottail = 0;
	b->dots =
	    bench_grow(b->dots, &b->dotcap, b->dottail + 1, sizeof(*b->dots));
	b->dots[b->dottail++] =
	    (struct dot){ b->outbase + b->outlen, s->index, s->generation };
}

static void
stamp_dots(struct bench *b)
{
	struct dot *d;

	while (b->dothead < b->dottail) {
		d = &b->dots[b->dothead];
		if (d->at > b->outbase + b->outpos)
			break;
		if (b->slot[d->index].generation == d->generation)
			b->slot[d->index].dot_ns = b->now_ns;
		b->dothead++;
	}
}

static void
trace(struct bench *b, char who, const char *p, size_t len)
{
	const char *lf;
	size_t n;

	for (; b->trace != NULL && len > 0; p += n, len -= n) {
		lf = memchr(p, '\n', len);
		n = lf == NULL ? len : (size_t)(lf - p) + 1;
		fprintf(b->trace, "%c: %.*s%s", who, (int)n, p,
		    lf == NULL ? "\\\n" : "");
	}
}

/* In pieces of any size when there is chaos, else all at once. */
static size_t
piece(struct bench *b, size_t len)
{
	size_t n;

	if (!b->opt.chaos || bench_chance(b, 30))
		return len;
	n = 1 + bench_random(b) % (bench_chance(b, 30) ? 3 : 3000);
	return n < len ? n : len;
}

static void
channel_write(struct bench *b)
{
	size_t len;
	ssize_t n;

	while (b->outpos < b->outlen) {
		len = piece(b, b->outlen - b->outpos);
		b->now_ns = bench_now();
		n = write(b->fd, b->out + b->outpos, len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0 && errno == EPIPE)
			break; /* reading tells what happened */
		if (n < 0)
			bench_die("write: %s", strerror(errno));
		trace(b, 'S', b->out + b->outpos, (size_t)n);
		b->outpos += (size_t)n;
		b->st.out += (uint64_t)n;
		stamp_dots(b);
		if ((size_t)n < len)
			break;
	}
}

static void
channel_lost(struct bench *b)
{
	int status;

	(void)waitpid(b->pid, &status, 0);
	b->pid = 0;
	if (WIFSIGNALED(status))
		bench_fault(b, NULL, NULL, 0, "filter died of signal %d",
		    WTERMSIG(status));
	bench_fault(b, NULL, NULL, 0, "filter exited with status %d",
	    WEXITSTATUS(status));
}

static void
channel_read(struct bench *b)
{
	size_t room;
	ssize_t n;

	room = piece(b, READ_SIZE);
	b->in = bench_grow(b->in, &b->incap, b->inlen + room, 1);
	n = read(b->fd, b->in + b->inlen, room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	b->now_ns = bench_now();
	if (n <= 0) {
		b->eof = true;
		return;
	}
	trace(b, 'F', b->in + b->inlen, (size_t)n);
	b->heard_ns = b->now_ns;
	b->st.in += (uint64_t)n;
	b->inlen += (size_t)n;
	answer_bytes(b);
}

/* Control characters in a log line would allow a client to forge others. */
static void
stderr_bytes(struct bench *b, const char *p, size_t len)
{
	size_t i;

	if (b->opt.show)
		(void)!write(2, p, len);
	soak_stderr(b, p, len);
	b->st.err_bytes += len;
	for (i = 0; i < len; i++) {
		if (p[i] == '\n') {
			b->st.err_lines++;
			b->errline = 0;
			continue;
		}
		if (++b->errline > ERR_LINE_MAX)
			bench_fault(b, NULL, p, len, "stderr line too long");
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f) {
			if (b->st.err_control++ == 0)
				fprintf(stderr,
				    "warning: control character "
				    "on stderr: %.*s\n",
				    (int)len, p);
		}
	}
}

static void
channel_errors(struct bench *b)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(b->errfd, buf, sizeof(buf))) > 0)
		stderr_bytes(b, buf, (size_t)n);
}

static void
check_silence(struct bench *b)
{
	struct session *s;
	size_t i;

	if (b->now_ns - b->heard_ns < (uint64_t)b->opt.timeout * 1000000000U)
		return;
	if (!b->ready)
		bench_fault(b, NULL, NULL, 0, "no register|ready");
	if (b->outpos < b->outlen)
		bench_fault(b, NULL, NULL, 0, "filter does not read");
	for (i = 0; i < b->nslots; i++) {
		s = &b->slot[i];
		if (s->open >= 0 || s->step == ST_LINES)
			bench_fault(b, s, NULL, 0, "no answer for %u s",
			    b->opt.timeout);
	}
	b->heard_ns = b->now_ns;
}

/*
 * Writes what is queued, reads and checks what the filter has written.
 * Waits for at most wait_us.
 */
void
channel_turn(struct bench *b, unsigned int wait_us)
{
	struct pollfd p[2];
	struct timespec ts;

	channel_write(b);
	p[0] = (struct pollfd){ .fd = b->fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = b->errfd, .events = POLLIN };
	if (b->outpos < b->outlen)
		p[0].events |= POLLOUT;
	else if (b->nactive > 0 || b->more || session_done(b))
		wait_us = 0;
	ts = (struct timespec){ wait_us / 1000000, wait_us % 1000000 * 1000L };
	if (ppoll(p, 2, &ts, NULL) < 0 && errno != EINTR)
		bench_die("poll: %s", strerror(errno));
	b->now_ns = bench_now();
	if ((p[1].revents & POLLIN) != 0)
		channel_errors(b);
	else if ((p[1].revents & POLLHUP) != 0)
		usleep(1000);
	if ((p[0].revents & (POLLIN | POLLHUP)) != 0)
		channel_read(b);
	if (b->eof)
		channel_lost(b);
	check_silence(b);
}

/* CPU time of all threads of the filter, in ns. */
uint64_t
channel_cpu(const struct bench *b)
{
	struct timespec ts;
	clockid_t id;

	if (clock_getcpuclockid(b->pid, &id) != 0 ||
	    clock_gettime(id, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/* A value of /proc/PID/status in KiB, -1 if there is none. */
long
channel_rss(const struct bench *b, const char *key)
{
	char path[64], line[256];
	long kb = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)b->pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			kb = strtol(line + strlen(key), NULL, 10);
	}
	if (f != NULL)
		(void)fclose(f);
	return kb;
}

long
channel_fds(const struct bench *b)
{
	char path[64];
	long n = -2; /* . and .. */
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)b->pid);
	d = opendir(path);
	if (d == NULL)
		return -1;
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* End of input: smtpd stops.  The filter must end by itself, with status 0. */
void
channel_stop(struct bench *b)
{
	int ms, status;
	pid_t pid;

	if (b->inlen > 0 && !b->opt.eof_early)
		bench_fault(b, NULL, b->in, b->inlen, "unfinished line");
	(void)close(b->fd);
	for (ms = 0; (pid = waitpid(b->pid, &status, WNOHANG)) == 0; ms += 5) {
		if (ms >= STOP_MS)
			bench_fault(b, NULL, NULL, 0,
			    "filter does not end with its input");
		channel_errors(b);
		usleep(5000);
	}
	channel_errors(b);
	b->pid = 0;
	if (WIFSIGNALED(status))
		bench_fault(b, NULL, NULL, 0,
		    "filter died of signal %d at "
		    "end of input",
		    WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		bench_fault(b, NULL, NULL, 0, "filter ended with status %d",
		    WEXITSTATUS(status));
}
