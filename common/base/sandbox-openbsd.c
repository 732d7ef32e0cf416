#ifdef __OpenBSD__

#include <errno.h>
#include <unistd.h>

#include "common/base/sandbox.h"

int
sandbox_enter(const struct sandbox *sb, struct buf *said)
{
	bool spool = false;

	(void)said;
	for (size_t i = 0; i < sb->npaths; i++) {
		bool rw = sb->paths[i].access == SANDBOX_SPOOL;
		spool = spool || rw;
		if (unveil(sb->paths[i].path, rw ? "rwc" : "r") == -1 &&
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
