/*
 * Reading files that decide what is signed, if nobody else can have changed
 * (or, for keys, read) them.
 */
#ifndef FILTER_DKIMSIGN_SAFEFILE_H
#define FILTER_DKIMSIGN_SAFEFILE_H

#include <stdbool.h>

#include "common/base/buf.h"

enum {
	SAFEFILE_WHY_MAX = 320 /* bytes of a reason */
};

/*
 * Appends the file to out, at most up to its limit.  Refused is a file
 *  - that is no regular file, or belongs to somebody other than root and the
 *    user of this process (for root: than root and its own owner; if that is
 *    root, than root and the only other owner of directories above it);
 *  - that its group or others may write, or, if it is secret, read; a group
 *    that is this process's own (and the process not root) may read;
 *  - below a directory, up to the root, that belongs to somebody else, or that
 *    its group (other than our own) or others may write, without sticky bit;
 *  - that a symbolic link leads to which belongs to somebody else, or is in
 *    such a directory; links on the way to it count too.
 * Returns 0, or -1 with one line in why.
 */
int safefile_read(const char *path, bool secret, struct buf *out,
    char why[SAFEFILE_WHY_MAX]) __attribute__((__warn_unused_result__));

#endif
