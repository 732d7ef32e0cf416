/*
 * Gives up what the process does not need: after sandbox_enter() it opens
 * only the named files, connects only to the named ports, and starts no other
 * program.  What the system cannot do is left out and said.
 *
 * Linux: no_new_privs, Landlock, seccomp; OpenBSD: unveil, pledge.
 */
#ifndef COMMON_BASE_SANDBOX_H
#define COMMON_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"

enum {
	SANDBOX_PATHS_MAX = 256,
	SANDBOX_PORTS_MAX = 64
};

enum sandbox_access {
	SANDBOX_READ, /* a file, or all below a folder */
	SANDBOX_SPOOL, /* a folder to make and remove files in */
	SANDBOX_SOCKET /* a unix socket to connect to */
};

struct sandbox {
	struct {
		const char *path; /* borrowed */
		enum sandbox_access access;
	} paths[SANDBOX_PATHS_MAX];
	size_t npaths;
	unsigned ports[SANDBOX_PORTS_MAX]; /* TCP */
	size_t nports;
	bool network; /* sockets at all */
	bool unix_sockets; /* of those, local ones too */
	bool full; /* something did not fit: E2BIG */
};

/* Adds a path (copied by nobody), a TCP port, or the use of sockets. */
void sandbox_path(struct sandbox *, const char *path, enum sandbox_access);
void sandbox_port(struct sandbox *, unsigned port);
void sandbox_network(struct sandbox *);
/*
 * Lets all of a file's folder be read, if that is not "/": one that replaces
 * the file later would be another file to the kernel.  *owned, NULL or from an
 * earlier call, becomes memory that has to live as long as the sandbox, for
 * free().
 */
void sandbox_folder_of(struct sandbox *, const char *file, char **owned);
/* Files that libraries read to resolve names and to check certificates. */
void sandbox_resolver(struct sandbox *);
void sandbox_certificates(struct sandbox *);

/*
 * Enters; to be called before the process has threads.  Adds to said what
 * this system cannot do, as lines.  Returns 0, or -1 with errno set if
 * something that should work did not.
 */
int sandbox_enter(const struct sandbox *, struct buf *said);

#endif
