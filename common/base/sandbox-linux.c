#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "common/base/sandbox-linux.h"
#include "common/base/sanitizer.h"

/* Newer than the oldest headers that we build with. */
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define RULE_NET_PORT 2
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
#define ABI_NET 4 /* Linux 6.7 */
#define ABI_SCOPE 6 /* Linux 6.12 */

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
	uint64_t scoped;
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
	int r;

	if (access == SANDBOX_SOCKET)
		return 0; /* Landlock does not restrict connections to it */
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd == -1)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	r = fstat(rule.parent_fd, &st);
	if (r == 0 && access == SANDBOX_READ)
		rule.allowed_access =
		    S_ISDIR(st.st_mode) ? READ_ALL : READ_FILE;
	if (r == 0)
		r = (int)syscall(SYS_landlock_add_rule, rules,
		    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	/* A pipe that /dev/fd leads to needs no rule, and can have none. */
	if (r == -1 && errno == EBADFD)
		r = 0;
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
	size_t size = sizeof(set.fs);
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	int rules, r;

	if (abi < 1) {
		buf_str(said,
		    STR("this kernel has no Landlock: files and "
			"ports are not restricted\n"));
		return 0;
	}
	if (abi >= ABI_NET) {
		set.net = NET_BIND_TCP | NET_CONNECT_TCP;
		size = offsetof(struct ruleset, scoped);
	} else {
		buf_str(said,
		    STR("Landlock of this kernel does not restrict "
			"ports\n"));
	}
	if (abi >= ABI_SCOPE) {
		set.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		size = sizeof(set);
	}
	rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
	if (rules == -1)
		return -1;
	r = allow_all(rules, sb, abi >= ABI_NET);
	if (r == 0)
		r = (int)syscall(SYS_landlock_restrict_self, rules, 0);
	(void)close(rules);
	return r;
}

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
	return sandbox_calls(sb, said);
}

#endif
