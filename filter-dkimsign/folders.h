/*
 * The folders of the files that are read again at SIGHUP.  A sandbox must know
 * folders, not files: a file is replaced by another one of the same name.
 */
#ifndef FILTER_DKIMSIGN_FOLDERS_H
#define FILTER_DKIMSIGN_FOLDERS_H

#include "common/base/sandbox.h"
#include "filter-dkimsign/config.h"

enum {
	FOLDERS_MAX = 200, /* key files of more are not read again */
	FOLDERS_NAME_MAX = 1024 /* bytes of a name */
};

/* Lets the sandbox read them. */
void
folders_allow(struct sandbox *, const struct options *, const struct config *);

#endif
