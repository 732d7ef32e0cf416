/*
 * A part of the sandbox of Linux; for sandbox-linux*.c only.
 */
#ifndef COMMON_BASE_SANDBOX_LINUX_H
#define COMMON_BASE_SANDBOX_LINUX_H

#include "common/base/sandbox.h"

/*
 * Allows the system calls that the filters and their libraries make; all
 * others fail with EPERM from now on, in threads started later too.  Adds to
 * said what the kernel cannot do.  Returns 0, or -1 with errno set.
 */
int sandbox_calls(const struct sandbox *, struct buf *said);

#endif
