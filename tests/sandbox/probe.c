/*
 * Preloaded into a filter: when that first reads its input, inside its
 * sandbox, this tries what SANDBOX_TRY says, a line each, and writes to
 * SANDBOX_RESULTS what came of it: the line, a tab, and 0 or errno.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TEXT_MAX = 4096
};

static char tries[TEXT_MAX];
static int results = -1;

static int
try_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd == -1 ? -1 : close(fd);
}

static int
try_write(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd == -1 ? -1 : close(fd);
}

static int
try_list(const char *path)
{
	DIR *dir = opendir(path);

	return dir == NULL ? -1 : closedir(dir);
}

static int
try_remove(const char *path)
{
	return unlink(path);
}

/* A temporary file as the store of messages makes one. */
static int
try_spool(const char *folder)
{
	char name[TEXT_MAX];
	int fd;

	(void)snprintf(name, sizeof(name), "%s/probe-XXXXXX", folder);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd == -1 || unlink(name) == -1 || write(fd, "x", 1) != 1)
		return -1;
	return close(fd);
}

static int
try_socket(const char *family)
{
	int fd = socket((int)strtol(family, NULL, 10), SOCK_DGRAM, 0);

	return fd == -1 ? -1 : close(fd);
}

/* Refused by nobody listening is as good as connected. */
static int
try_connect(const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port, NULL, 10)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	if (fd == -1)
		return -1;
	r = connect(fd, (struct sockaddr *)&to, sizeof(to));
	if (r == -1 && errno == ECONNREFUSED)
		r = 0;
	(void)close(fd);
	return r;
}

/* "TYPE PROTOCOL" of an internet socket. */
static int
try_kind(const char *arg)
{
	char *rest;
	int type = (int)strtol(arg, &rest, 10);
	int fd = socket(AF_INET, type, (int)strtol(rest, NULL, 10));

	return fd == -1 ? -1 : close(fd);
}

/* Connects by a call that only sends: "CALL PORT". */
static int
try_fastopen(const char *arg)
{
	char *rest, byte = 'x';
	int call = (int)strtol(arg, &rest, 10);
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(rest, NULL, 10)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct iovec one = { &byte, 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &to,
				 .msg_namelen = sizeof(to),
				 .msg_iov = &one,
				 .msg_iovlen = 1 } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	long r;

	if (fd == -1)
		return -1;
	if (call == 0)
		r = sendto(fd, &byte, 1, MSG_FASTOPEN, (struct sockaddr *)&to,
		    sizeof(to));
	else if (call == 1)
		r = sendmsg(fd, &m.msg_hdr, MSG_FASTOPEN);
	else
		r = sendmmsg(fd, &m, 1, MSG_FASTOPEN);
	(void)close(fd);
	return r == -1 ? -1 : 0;
}

static int
try_listen(const char *arg)
{
	(void)arg;
	return listen(STDIN_FILENO, 1);
}

static int
try_exec(const char *arg)
{
	char name[] = "/bin/true", *argv[] = { name, NULL }, *envp[] = { NULL };

	(void)arg;
	return execve(name, argv, envp);
}

static int
reap(pid_t pid)
{
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return pid == -1 ? -1 : 0;
}

static int
try_fork(const char *arg)
{
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(0);
	return reap(pid);
}

static int
try_clone(const char *arg)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);

	(void)arg;
	if (pid == 0)
		_exit(0);
	return reap((pid_t)pid);
}

static int
try_spawn(const char *arg)
{
	char name[] = "/bin/true", *argv[] = { name, NULL }, *envp[] = { NULL };
	pid_t pid = -1;
	int err = posix_spawn(&pid, name, NULL, NULL, argv, envp);

	(void)arg;
	errno = err;
	return err != 0 ? -1 : reap(pid);
}

static int
try_kill(const char *arg)
{
	(void)arg;
	return kill(getppid(), 0);
}

static int
try_limit(const char *arg)
{
	struct rlimit rl;

	(void)arg;
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return -1;
	return setrlimit(RLIMIT_NOFILE, &rl);
}

static int
try_code(const char *arg)
{
	int prot = PROT_READ | PROT_WRITE, r;
	void *p =
	    mmap(NULL, 4096, prot | (strcmp(arg, "map") == 0 ? PROT_EXEC : 0),
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	r = mprotect(p, 4096, PROT_READ | PROT_EXEC);
	(void)munmap(p, 4096);
	return r;
}

static int
try_dumpable(const char *arg)
{
	(void)arg;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int
try_ioctl(const char *arg)
{
	char c = 'x';

	(void)arg;
	return ioctl(STDIN_FILENO, TIOCSTI, &c);
}

static int
try_call(const char *number)
{
	return syscall(strtol(number, NULL, 0)) == -1 ? -1 : 0;
}

static int
try_ptrace(const char *arg)
{
	(void)arg;
	return syscall(SYS_ptrace, 0L, 0L, 0L, 0L) == -1 ? -1 : 0;
}

static const struct {
	const char *name;
	int (*func)(const char *);
} table[] = {
	{ "open", try_open },
	{ "write", try_write },
	{ "list", try_list },
	{ "remove", try_remove },
	{ "spool", try_spool },
	{ "socket", try_socket },
	{ "connect", try_connect },
	{ "kind", try_kind },
	{ "fastopen", try_fastopen },
	{ "listen", try_listen },
	{ "exec", try_exec },
	{ "fork", try_fork },
	{ "clone", try_clone },
	{ "spawn", try_spawn },
	{ "kill", try_kill },
	{ "limit", try_limit },
	{ "code", try_code },
	{ "dumpable", try_dumpable },
	{ "ioctl", try_ioctl },
	{ "call", try_call },
	{ "ptrace", try_ptrace },
};

/* One line: [worker|blocked] NAME [ARGUMENT]. */
static int
try_line(const char *line)
{
	const char *arg = strchr(line, ' ');
	size_t n = arg == NULL ? strlen(line) : (size_t)(arg - line);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (strlen(table[i].name) == n &&
		    memcmp(table[i].name, line, n) == 0)
			return table[i].func(arg == NULL ? "" : arg + 1);
	errno = EDOM; /* no such try */
	return -1;
}

static void *
in_thread(void *line)
{
	static int err;

	err = try_line(line) == -1 ? errno : 0;
	return &err;
}

/* In a thread that blocks all signals, but those that worker threads take. */
static int
try_thread(char *line, bool worker)
{
	sigset_t all, old;
	pthread_t thread;
	void *err;

	(void)sigfillset(&all);
	if (worker)
		(void)sigdelset(&all, SIGSYS);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&thread, NULL, in_thread, line);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno != 0 || pthread_join(thread, &err) != 0)
		return -1;
	errno = *(int *)err;
	return errno == 0 ? 0 : -1;
}

static void
try_all(void)
{
	char *line, *next, text[TEXT_MAX];
	int n, r;

	for (line = tries; *line != '\0'; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		if (strncmp(line, "blocked ", 8) == 0)
			r = try_thread(line + 8, false);
		else if (strncmp(line, "worker ", 7) == 0)
			r = try_thread(line + 7, true);
		else
			r = try_line(line);
		n = snprintf(
		    text, sizeof(text), "%s\t%d\n", line, r == -1 ? errno : 0);
		if (write(results, text, (size_t)n) != n)
			return;
	}
}

__attribute__((__constructor__)) static void
start(void)
{
	const char *what = getenv("SANDBOX_TRY");
	const char *to = getenv("SANDBOX_RESULTS");

	if (what == NULL || to == NULL)
		return;
	(void)snprintf(tries, sizeof(tries), "%s", what);
	results = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

ssize_t
read(int fd, void *to, size_t n)
{
	static ssize_t (*next)(int, void *, size_t);
	static int done;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "read");
	if (fd == STDIN_FILENO && results != -1 && !done) {
		done = 1;
		try_all();
	}
	return next(fd, to, n);
}
