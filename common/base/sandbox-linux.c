#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <seccomp.h>

#include "common/base/sandbox.h"

/* Newer than the oldest headers that we build with. */
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define RULE_NET_PORT 2
#define ABI_NET 4 /* Linux 6.7 */

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_ALL (READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define SPOOL \
	(READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
/* All that Landlock's first version knows. */
#define HANDLED ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

struct ruleset {
	uint64_t fs;
	uint64_t net;
};

struct port_rule {
	uint64_t access;
	uint64_t port;
};

static int
allow_path(int rules, const char *path, enum sandbox_access access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = SPOOL };
	struct stat st;
	int r = 0;

	if (access == SANDBOX_SOCKET)
		return 0; /* Landlock does not restrict connections to it */
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd == -1)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	if (access == SANDBOX_READ) {
		if (fstat(rule.parent_fd, &st) == -1)
			r = -1;
		rule.allowed_access =
		    S_ISDIR(st.st_mode) ? READ_ALL : READ_FILE;
	}
	if (r == 0)
		r = (int)syscall(SYS_landlock_add_rule, rules,
		    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	(void)close(rule.parent_fd);
	return r;
}

static int
allow_all(int rules, const struct sandbox *sb, bool net)
{
	for (size_t i = 0; i < sb->npaths; i++)
		if (allow_path(rules, sb->paths[i].path, sb->paths[i].access) ==
		    -1)
			return -1;
	for (size_t i = 0; net && i < sb->nports; i++) {
		struct port_rule rule = { NET_CONNECT_TCP, sb->ports[i] };
		if (syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule,
			0) == -1)
			return -1;
	}
	return 0;
}

static int
restrict_files(const struct sandbox *sb, struct buf *said)
{
	struct ruleset set = { .fs = HANDLED };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	int rules, r;

	if (abi < 1) {
		buf_str(said,
		    STR("this kernel has no Landlock: files and "
			"ports are not restricted\n"));
		return 0;
	}
	if (abi >= ABI_NET)
		set.net = NET_BIND_TCP | NET_CONNECT_TCP;
	else
		buf_str(said,
		    STR("Landlock of this kernel does not restrict "
			"ports\n"));
	rules = (int)syscall(SYS_landlock_create_ruleset, &set,
	    abi >= ABI_NET ? sizeof(set) : sizeof(set.fs), 0);
	if (rules == -1)
		return -1;
	r = allow_all(rules, sb, abi >= ABI_NET);
	if (r == 0)
		r = (int)syscall(SYS_landlock_restrict_self, rules, 0);
	(void)close(rules);
	return r;
}

/* What a C library, libevent, libcurl, libunbound and threads ask for. */
static const int calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(close),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64),
	SCMP_SYS(statx),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(stat64),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(getdents64),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64),
	SCMP_SYS(ioctl),
	SCMP_SYS(dup),
	SCMP_SYS(umask),
	SCMP_SYS(mmap),
	SCMP_SYS(mmap2),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(mlock),
	SCMP_SYS(munlock),
	SCMP_SYS(membarrier),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(select),
	SCMP_SYS(_newselect),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(set_tid_address),
	SCMP_SYS(arch_prctl),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrandom),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrlimit),
	SCMP_SYS(prlimit64),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(tgkill),
	SCMP_SYS(prctl),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static const int network_calls[] = {
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(send),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(shutdown),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(socketcall),
};

/* smtpd's end of 0 and 1 is a socket too. */
static const int socket_calls[] = {
	SCMP_SYS(getsockopt),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recv),
	SCMP_SYS(recvmsg),
};

static int
allow_calls(scmp_filter_ctx ctx, const int *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, list[i], 0) < 0)
			return -1;
	return 0;
}

/* New threads, but no processes. */
static int
allow_threads(scmp_filter_ctx ctx)
{
	if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) < 0)
		return -1;
	/* Its flags cannot be seen; with ENOSYS libc falls back to clone. */
	return seccomp_rule_add(
		   ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) < 0
	    ? -1
	    : 0;
}

static int
restrict_calls(const struct sandbox *sb, struct buf *said)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = -1;

	if (ctx == NULL)
		return -1;
	/* Denials are in the kernel's audit log. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	if (allow_calls(ctx, calls, sizeof(calls) / sizeof(*calls)) == -1 ||
	    allow_calls(ctx, socket_calls,
		sizeof(socket_calls) / sizeof(*socket_calls)) == -1 ||
	    (sb->network &&
		allow_calls(ctx, network_calls,
		    sizeof(network_calls) / sizeof(*network_calls)) == -1) ||
	    allow_threads(ctx) == -1)
		goto out;
	r = seccomp_load(ctx) < 0 ? -1 : 0;
	if (r == -1 && (errno == ENOSYS || errno == EINVAL)) {
		buf_str(said,
		    STR("this kernel has no seccomp filters: system "
			"calls are not restricted\n"));
		r = 0;
	}
out:
	seccomp_release(ctx);
	return r;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER 1
#endif
#ifndef SANITIZER
#define SANITIZER 0
#endif

int
sandbox_enter(const struct sandbox *sb, struct buf *said)
{
	if (SANITIZER) {
		/* Its leak checker is a process of its own. */
		buf_str(said, STR("built with a sanitizer: no sandbox\n"));
		return 0;
	}
	if (sb->full) {
		errno = E2BIG;
		return -1;
	}
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	if (restrict_files(sb, said) == -1)
		return -1;
	return restrict_calls(sb, said);
}

#endif
