#ifdef __OpenBSD__

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/sandbox.h"

int
sandbox_enter(const struct sandbox *sb, struct buf *said)
{
	static const char *const rights[] = { [SANDBOX_READ] = "r",
		[SANDBOX_SPOOL] = "rwc",
		[SANDBOX_SOCKET] = "rw" };
	/* With "error" a denied call fails, where it would end the process. */
	char promises[64] = "stdio error rpath wpath cpath";
	bool local = false;

	if (sb->full) {
		errno = E2BIG;
		return -1;
	}
	for (size_t i = 0; i < sb->npaths; i++) {
		enum sandbox_access access = sb->paths[i].access;
		local = local || access == SANDBOX_SOCKET;
		if (unveil(sb->paths[i].path, rights[access]) == 0)
			continue;
		if (errno != ENOENT && errno != EACCES && errno != E2BIG)
			return -1;
		/* It takes 128 folders; what is missing may come later. */
		if (errno == E2BIG || access == SANDBOX_SOCKET)
			buf_fmt(said, "%s cannot be used: %s\n",
			    sb->paths[i].path, strerror(errno));
	}
	if (sb->network)
		(void)strlcat(promises, " inet dns", sizeof(promises));
	if (local)
		(void)strlcat(promises, " unix", sizeof(promises));
	return pledge(promises, NULL);
}

#endif
