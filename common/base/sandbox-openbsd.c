#ifdef __OpenBSD__

#include <errno.h>
#include <unistd.h>

#include "common/base/sandbox.h"

int
sandbox_enter(const struct sandbox *sb, struct buf *said)
{
	static const char *const rights[] = { [SANDBOX_READ] = "r",
		[SANDBOX_SPOOL] = "rwc",
		[SANDBOX_SOCKET] = "rw" };
	bool spool = false;

	(void)said;
	for (size_t i = 0; i < sb->npaths; i++) {
		enum sandbox_access access = sb->paths[i].access;
		spool = spool || access == SANDBOX_SPOOL;
		if (unveil(sb->paths[i].path, rights[access]) == -1 &&
		    errno != ENOENT)
			return -1;
	}
	if (sb->network)
		return pledge(spool ? "stdio rpath wpath cpath inet unix dns"
				    : "stdio rpath inet unix dns",
		    NULL);
	return pledge(spool ? "stdio rpath wpath cpath" : "stdio rpath", NULL);
}

#endif
