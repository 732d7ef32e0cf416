#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common/base/log.h"
#include "common/engine/cli.h"
#include "common/engine/engine.h"

#ifndef VERSION
#define VERSION "unreleased"
#endif

enum {
	READS = 8, /* reads of stdin before others get a turn */
	MMAP_FROM = 64 * 1024 /* bytes of an allocation of its own */
};

/* What is between the engine and the descriptors 0 and 1. */
struct stdio {
	struct engine *eng;
	struct loop_io *in;
	struct loop_io *out;
	int status;
};

/* Is an error of a descriptor one that will be over, unlike its end? */
static bool
is_passing(int err)
{
	return err == EAGAIN || err == EINTR || err == ENOMEM || err == ENOBUFS;
}

static long
out_write(void *arg, const char *p, size_t n)
{
	ssize_t w = write(STDOUT_FILENO, p, n);

	(void)arg;
	if (w >= 0)
		return (long)w;
	return is_passing(errno) ? 0 : -1;
}

static int
out_wait(void *arg)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	(void)arg;
	while (poll(&pfd, 1, -1) == -1)
		if (errno != EINTR)
			return -1;
	return (pfd.revents & POLLOUT) != 0 ? 0 : -1;
}

static int
out_wake(void *arg, bool on)
{
	struct stdio *io = arg;

	return loop_io_set(io->out, on ? LOOP_WRITE : 0);
}

static void
on_out(void *arg, int what)
{
	(void)arg;
	(void)what;
	/* Whatever happens, output goes on after it: on_turn(). */
}

static int
take_lines(struct engine *eng)
{
	struct str line;
	int r;

	while ((r = lines_next(&eng->lines, &line)) != 0) {
		if (r == -1)
			engine_lost_line(eng, line);
		else if (engine_line(eng, line) == -1)
			return -1;
	}
	return 0;
}

/* Reads what is there.  0: go on; -1: the end, or no smtpd to work with. */
static int
read_some(struct stdio *io)
{
	size_t room;
	ssize_t n;
	char *p;

	for (unsigned i = 0; i < READS; i++) {
		p = lines_room(&io->eng->lines, &room);
		n = read(STDIN_FILENO, p, room);
		if (n == -1)
			return is_passing(errno) ? 0 : -1;
		if (n == 0) {
			out_drain(&io->eng->out);
			return -1;
		}
		lines_added(&io->eng->lines, (size_t)n);
		if (take_lines(io->eng) == -1) {
			io->status = STATUS_BAD;
			return -1;
		}
		if ((size_t)n < room)
			break; /* there was no more */
	}
	return 0;
}

static void
on_in(void *arg, int what)
{
	(void)what;
	if (read_some(arg) == -1)
		loop_stop();
}

/* What comes of a callback, answers and log lines, is written together. */
static void
on_turn(void *arg, bool over)
{
	if (!over)
		log_hold();
	engine_turn(arg, over);
	if (over)
		log_release();
}

static void
on_hup(void *arg)
{
	const struct stdio *io = arg;

	if (io->eng->filter->reload != NULL)
		io->eng->filter->reload();
}

static void
on_usr1(void *arg)
{
	const struct stdio *io = arg;

	log_loud(true);
	engine_counters(io->eng);
	if (io->eng->filter->counters != NULL)
		io->eng->filter->counters();
	log_loud(false);
}

/* A signal that comes while keys are read waits for its handler. */
static void
hold_signals(bool hold)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGUSR1);
	(void)pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void
set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags != -1)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int
serve(const struct filter *f, const struct cli *c)
{
	struct stdio io = { .status = STATUS_OK };
	struct out_sink sink = { out_write, out_wait, out_wake, &io };
	int r = STATUS_BAD;

	io.eng = engine_new(f, &sink, &c->pool, c->deadline_s * 1000);
	io.in = loop_io_new(STDIN_FILENO, on_in, &io);
	io.out = loop_io_new(STDOUT_FILENO, on_out, &io);
	if (io.eng == NULL || io.in == NULL || io.out == NULL ||
	    loop_signal(SIGHUP, on_hup, &io) == -1 ||
	    loop_signal(SIGUSR1, on_usr1, &io) == -1 ||
	    loop_io_set(io.in, LOOP_READ) == -1) {
		filter_config_error("cannot start: %s", strerror(errno));
		goto out;
	}
	if (isatty(STDIN_FILENO))
		filter_config_error("smtpd(8) starts this; by hand there is "
				    "--check, see --help");
	hold_signals(false);
	loop_around(on_turn, io.eng);
	loop_io_first(io.in);
	loop_io_first(io.out);
	io.eng->reject_long = c->reject_long;
	set_nonblock(STDIN_FILENO);
	set_nonblock(STDOUT_FILENO);
	if (loop_run() == 0)
		r = io.status;
	else
		log_warn("the event loop failed");
out:
	engine_free(io.eng);
	loop_io_free(io.in);
	loop_io_free(io.out);
	return r;
}

/* A temporary file for each large message needs descriptors. */
static void
raise_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

/*
 * Memory of large messages goes back to the system at once, whatever lies
 * above it in the heap; glibc would raise this threshold as it goes.
 */
static void
tune_malloc(void)
{
#ifdef __GLIBC__
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	(void)mallopt(M_TRIM_THRESHOLD, MMAP_FROM);
#endif
}

static int
enter_sandbox(const struct filter *f, const struct cli *c)
{
	static const char *const files[] = { "/etc/localtime",
		"/usr/share/zoneinfo", "/etc/ssl/openssl.cnf",
		"/usr/lib/ssl/openssl.cnf", "/dev/urandom" };
	static const struct rlimit no_core = { 0, 0 };
	struct sandbox sb = { .npaths = 0 };
	struct str rest, line;
	struct buf said;
	int r;

	if (f->sandbox == NULL || !c->sandbox)
		return 0;
	(void)setrlimit(RLIMIT_CORE, &no_core);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		sandbox_path(&sb, files[i], SANDBOX_READ);
	sandbox_path(&sb, c->pool.dir, SANDBOX_SPOOL);
	if (c->check.file != NULL)
		sandbox_path(&sb, c->check.file, SANDBOX_READ);
	f->sandbox(&sb);
	buf_init(&said, 4096);
	r = sandbox_enter(&sb, &said);
	if (r == -1)
		filter_config_error("sandbox: %s", strerror(errno));
	rest = buf_view(&said);
	while (r == 0 && str_cut(&rest, '\n', &line))
		log_info("sandbox: %.*s", (int)line.n, line.p);
	buf_clear(&said);
	return r;
}

static int
run(const struct filter *f, const struct cli *c)
{
	int r = STATUS_BAD;

	raise_limit();
	tune_malloc();
	if (loop_init() == -1) {
		filter_config_error("no memory to start");
		return r;
	}
	if (f->command != NULL && (r = f->command()) != -1)
		return r;
	r = STATUS_BAD;
	if (enter_sandbox(f, c) == -1)
		return r;
	if (f->start == NULL || f->start() == 0)
		r = c->check.file == NULL
		    ? serve(f, c)
		    : check_run(f, &c->pool, c->deadline_s * 1000,
			  c->reject_long, &c->check);
	return r;
}

int
filter_main(const struct filter *f, int argc, char **argv)
{
	struct cli c;
	unsigned bad;
	int r = STATUS_OK;

	/* Both come as an error of write(), too. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	hold_signals(true);
	bad = cli_parse(f, argc, argv, &c);
	if (bad == 0 && (c.help || c.version)) {
		if (c.help)
			cli_help(f);
		else
			printf("%s %s\n", f->name, VERSION);
		return STATUS_OK;
	}
	log_level(c.quiet ? LOG_WARNING : c.verbose > 0 ? LOG_DEBUG : LOG_INFO);
	if (f->configure != NULL && f->configure() == -1)
		bad++;
	if (bad > 0)
		r = c.check.file != NULL ? STATUS_USAGE : STATUS_BAD;
	else if (c.only_check)
		(void)fprintf(stderr, "configuration OK\n");
	else
		r = run(f, &c);
	if (f->stop != NULL)
		f->stop();
	loop_fini();
	return r;
}
