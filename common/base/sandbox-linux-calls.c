#ifdef __linux__

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include <seccomp.h>

#include "common/base/log.h"
#include "common/base/sandbox-linux.h"

/* Newer than the oldest headers that we build with. */
#define GET_TERMIOS2 0x802c542aU
#define SET_NAME_OF_MEMORY 0x53564d41U /* PR_SET_VMA */
#define MSEAL 462
#define BY_SECCOMP 1 /* SYS_SECCOMP, which not all C libraries have */

/* An argument that is an int: the upper half of its register is anything. */
#define EQ(arg, value) MASKED(arg, UINT32_MAX, (uint32_t)(value))
#define MASKED(arg, mask, value) SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value)

/* What a C library, libevent, libcurl, libunbound and threads ask for. */
static const int calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
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
	SCMP_SYS(lstat64),
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
	SCMP_SYS(ftruncate64),
	SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64),
	SCMP_SYS(dup),
	SCMP_SYS(umask),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(mlock),
	SCMP_SYS(munlock),
	SCMP_SYS(membarrier),
	SCMP_SYS(map_shadow_stack),
	MSEAL,
	SCMP_SYS(cacheflush),
	SCMP_SYS(riscv_flush_icache),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(select),
	SCMP_SYS(_newselect),
	SCMP_SYS(pselect6),
	SCMP_SYS(pselect6_time64),
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
	SCMP_SYS(timerfd_settime64),
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(futex_waitv),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(set_tid_address),
	SCMP_SYS(set_thread_area),
	SCMP_SYS(set_tls),
	SCMP_SYS(arch_prctl),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(getuid32),
	SCMP_SYS(geteuid),
	SCMP_SYS(geteuid32),
	SCMP_SYS(getgid),
	SCMP_SYS(getgid32),
	SCMP_SYS(getegid),
	SCMP_SYS(getegid32),
	SCMP_SYS(getrandom),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrlimit),
	SCMP_SYS(ugetrlimit),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_getres_time64),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_nanosleep_time64),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(rt_sigtimedwait_time64),
	SCMP_SYS(sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	/* smtpd's end of 0 and 1 is a socket too. */
	SCMP_SYS(getsockopt),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recv),
	SCMP_SYS(recvmsg),
};

static const int network_calls[] = {
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(setsockopt),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmmsg_time64),
	SCMP_SYS(shutdown),
	/* The same, and socket(), on some 32-bit systems. */
	SCMP_SYS(socketcall),
};

/* Requests of isatty(), of sockets, and of addresses with an interface. */
static const unsigned requests[] = { TCGETS, GET_TERMIOS2, TIOCGWINSZ, FIONBIO,
	FIONREAD, FIOCLEX, SIOCGIFINDEX, SIOCGIFNAME };

/*
 * Calls that no part of a filter has a use for: a try is worth a line.  The
 * kernel ends a process whose thread makes one while it blocks SIGSYS.  So
 * nothing may stand here that a C library calls while it blocks all signals
 * (for fork, posix_spawn and threads), or that may be called in a signal
 * handler; worker threads leave SIGSYS open.  What stands nowhere fails too,
 * in silence.
 */
static const struct told {
	int number;
	const char *name;
} told[] = {
#define TOLD(name) \
	{ \
		SCMP_SYS(name), #name \
	}
	TOLD(execve),
	TOLD(execveat),
	TOLD(fork),
	TOLD(vfork),
	TOLD(ptrace),
	TOLD(process_vm_readv),
	TOLD(process_vm_writev),
	TOLD(pidfd_open),
	TOLD(kill),
	TOLD(mount),
	TOLD(umount2),
	TOLD(pivot_root),
	TOLD(chroot),
	TOLD(unshare),
	TOLD(setns),
	TOLD(bpf),
	TOLD(perf_event_open),
	TOLD(userfaultfd),
	TOLD(io_uring_setup),
	TOLD(keyctl),
	TOLD(add_key),
	TOLD(init_module),
	TOLD(finit_module),
	TOLD(setuid),
	TOLD(setresuid),
	TOLD(setgid),
	TOLD(setresgid),
	TOLD(setgroups),
	TOLD(listen),
	TOLD(accept),
	TOLD(accept4),
	TOLD(link),
	TOLD(linkat),
	TOLD(symlink),
	TOLD(symlinkat),
	TOLD(rename),
	TOLD(renameat),
	TOLD(renameat2),
	TOLD(mkdir),
	TOLD(mkdirat),
	TOLD(mknod),
	TOLD(mknodat),
	TOLD(chmod),
	TOLD(fchmodat),
	TOLD(chown),
	TOLD(fchownat),
	TOLD(truncate),
};

static const struct told told_offline[] = { TOLD(socket), TOLD(connect) };

/* ---- telling of a denied call, once ---- */

/* Where a signal handler finds what a system call will return. */
#if defined(__x86_64__) && defined(__LP64__)
#define RESULT(c) ((c)->uc_mcontext.gregs[REG_RAX])
#elif defined(__i386__)
#define RESULT(c) ((c)->uc_mcontext.gregs[REG_EAX])
#elif defined(__aarch64__)
#define RESULT(c) ((c)->uc_mcontext.regs[0])
#elif defined(__arm__)
#define RESULT(c) ((c)->uc_mcontext.arm_r0)
#elif defined(__riscv)
#define RESULT(c) ((c)->uc_mcontext.__gregs[REG_A0])
#endif

static atomic_flag was_told = ATOMIC_FLAG_INIT;

/* Also for signal handlers. */
static void
tell(const char *name)
{
	static const char start[] = "sandbox: denied system call: ";
	char line[sizeof(start) + 32];
	size_t n = strnlen(name, 30);

	if (atomic_flag_test_and_set(&was_told))
		return;
	memcpy(line, start, sizeof(start) - 1);
	memcpy(line + sizeof(start) - 1, name, n);
	n += sizeof(start) - 1;
	line[n++] = '\n';
	log_raw(str_n(line, n));
}

/* fork() of a C library is clone(), maybe with all signals blocked. */
static void
tell_fork(void)
{
	int saved = errno;

	tell("fork");
	errno = saved;
}

#ifdef RESULT
static const char *
find_name(int number)
{
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
		if (told[i].number == number)
			return told[i].name;
	for (size_t i = 0; i < sizeof(told_offline) / sizeof(*told); i++)
		if (told_offline[i].number == number)
			return told_offline[i].name;
	return "unknown";
}

static void
on_denied(int signo, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	int saved = errno;

	(void)signo;
	/* Unlike a denied call, kill() could send this from outside. */
	if (info->si_code == BY_SECCOMP) {
		RESULT(c) = -EPERM;
		tell(find_name(info->si_syscall));
	}
	errno = saved;
}

static int
trap_calls(scmp_filter_ctx ctx, const struct told *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_TRAP, list[i].number, 0) < 0)
			return -1;
	return 0;
}
#endif

static int
tell_calls(scmp_filter_ctx ctx, bool offline)
{
#ifdef RESULT
	struct sigaction sa = { .sa_sigaction = on_denied,
		.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER };
	sigset_t set;

	(void)sigemptyset(&sa.sa_mask);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGSYS);
	if (sigaction(SIGSYS, &sa, NULL) == -1 ||
	    pthread_sigmask(SIG_UNBLOCK, &set, NULL) != 0 ||
	    trap_calls(ctx, told, sizeof(told) / sizeof(*told)) == -1)
		return -1;
	return offline ? trap_calls(ctx, told_offline,
			     sizeof(told_offline) / sizeof(*told))
		       : 0;
#else
	(void)ctx;
	(void)offline;
	return 0;
#endif
}

/* ---- the list ---- */

static int
allow(scmp_filter_ctx ctx, const int *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, list[i], 0) < 0)
			return -1;
	return 0;
}

static int
allow_if(scmp_filter_ctx ctx, int number, struct scmp_arg_cmp arg)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 1, arg) < 0 ? -1
									 : 0;
}

/* New threads, but no processes; no signals to others; no new limits. */
static int
allow_threads(scmp_filter_ctx ctx)
{
	if (allow_if(ctx, SCMP_SYS(clone),
		MASKED(0, CLONE_THREAD, CLONE_THREAD)) == -1 ||
	    allow_if(ctx, SCMP_SYS(tgkill), EQ(0, getpid())) == -1 ||
	    allow_if(ctx, SCMP_SYS(prlimit64), MASKED(2, UINT64_MAX, 0)) ==
		-1 ||
	    allow_if(ctx, SCMP_SYS(prctl), EQ(0, PR_SET_NAME)) == -1 ||
	    allow_if(ctx, SCMP_SYS(prctl), EQ(0, PR_GET_NAME)) == -1 ||
	    allow_if(ctx, SCMP_SYS(prctl), EQ(0, SET_NAME_OF_MEMORY)) == -1)
		return -1;
	/* Its flags cannot be seen; with ENOSYS libc falls back to clone. */
	return seccomp_rule_add(
		   ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) < 0
	    ? -1
	    : 0;
}

/* Memory to run is read from files, never made. */
static int
allow_memory(scmp_filter_ctx ctx)
{
	static const int maps[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2) };

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		if (allow_if(ctx, maps[i], MASKED(2, PROT_EXEC, 0)) == -1 ||
		    allow_if(ctx, maps[i],
			MASKED(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)) == -1)
			return -1;
	return allow_if(ctx, SCMP_SYS(mprotect), MASKED(2, PROT_EXEC, 0));
}

static int
allow_requests(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		if (allow_if(ctx, SCMP_SYS(ioctl), EQ(1, requests[i])) == -1)
			return -1;
	return 0;
}

/* TCP and UDP; Landlock's ports are those of plain TCP only. */
static int
allow_internet(scmp_filter_ctx ctx, int family)
{
	static const unsigned kinds[][2] = { { SOCK_STREAM, 0 },
		{ SOCK_STREAM, IPPROTO_TCP }, { SOCK_DGRAM, 0 },
		{ SOCK_DGRAM, IPPROTO_UDP } };
	const uint32_t type =
	    UINT32_MAX & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
			EQ(0, family), MASKED(1, type, kinds[i][0]),
			EQ(2, kinds[i][1])) < 0)
			return -1;
	return 0;
}

/* MSG_FASTOPEN would connect; libunbound then goes the usual way. */
static int
allow_sending(scmp_filter_ctx ctx)
{
	static const struct {
		int number;
		unsigned flags; /* which argument these are */
	} send[] = { { SCMP_SYS(send), 3 }, { SCMP_SYS(sendto), 3 },
		{ SCMP_SYS(sendmsg), 2 }, { SCMP_SYS(sendmmsg), 3 } };

	for (size_t i = 0; i < sizeof(send) / sizeof(*send); i++)
		if (allow_if(ctx, send[i].number,
			MASKED(send[i].flags, MSG_FASTOPEN, 0)) == -1 ||
		    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EOPNOTSUPP),
			send[i].number, 1,
			MASKED(send[i].flags, MSG_FASTOPEN, MSG_FASTOPEN)) < 0)
			return -1;
	return 0;
}

/* Netlink tells the C library which addresses the system has. */
static int
allow_sockets(scmp_filter_ctx ctx, bool local)
{
	int call = SCMP_SYS(socket);

	if (allow(ctx, network_calls,
		sizeof(network_calls) / sizeof(*network_calls)) == -1 ||
	    allow_sending(ctx) == -1 || allow_internet(ctx, AF_INET) == -1 ||
	    allow_internet(ctx, AF_INET6) == -1 ||
	    seccomp_rule_add(
		ctx, SCMP_ACT_ALLOW, call, 2, EQ(0, AF_NETLINK), EQ(2, 0)) < 0)
		return -1;
	return local ? allow_if(ctx, call, EQ(0, AF_UNIX)) : 0;
}

static int
add_rules(scmp_filter_ctx ctx, const struct sandbox *sb)
{
	/* Denials are in the kernel's log, if it keeps one. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
	/* Not even a call by another binary interface kills. */
	if (seccomp_attr_set(
		ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)) < 0 ||
	    allow(ctx, calls, sizeof(calls) / sizeof(*calls)) == -1 ||
	    allow_threads(ctx) == -1 || allow_memory(ctx) == -1 ||
	    allow_requests(ctx) == -1 ||
	    (sb->network && allow_sockets(ctx, sb->unix_sockets) == -1))
		return -1;
	return tell_calls(ctx, !sb->network);
}

int
sandbox_calls(const struct sandbox *sb, struct buf *said)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (ctx == NULL || add_rules(ctx, sb) == -1) {
		seccomp_release(ctx);
		errno = ENOMEM;
		return -1;
	}
	r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r == -ENOSYS || r == -EINVAL) {
		buf_str(said,
		    STR("this kernel has no seccomp filters: system "
			"calls are not restricted\n"));
		return 0;
	}
	if (r < 0) {
		errno = -r;
		return -1;
	}
	(void)pthread_atfork(NULL, tell_fork, NULL);
	return 0;
}

#endif
