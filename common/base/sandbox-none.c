#if !defined(__linux__) && !defined(__OpenBSD__)

#include "common/base/sandbox.h"

int
sandbox_enter(const struct sandbox *sb, struct buf *said)
{
	(void)sb;
	buf_str(said, STR("no sandbox on this system\n"));
	return 0;
}

#endif
