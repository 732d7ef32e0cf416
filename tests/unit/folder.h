/*
 * A folder of its own for a test, and files in it.
 */
#ifndef TESTS_UNIT_FOLDER_H
#define TESTS_UNIT_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/dkim/key.h"

enum {
	FOLDER_NAME = 512
};

static char folder[FOLDER_NAME];

/* Makes it, mode 0700; all tests of a program share it. */
static inline int
folder_make(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/unit-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
}

/* The name of a file in it; four names live at a time. */
static inline const char *
folder_path(const char *name)
{
	static char paths[4][FOLDER_NAME * 2];
	static unsigned next;
	char *p = paths[next++ % 4];

	(void)snprintf(p, FOLDER_NAME * 2, "%s/%s", folder, name);
	return p;
}

static inline const char *
folder_write(const char *name, const char *text, mode_t mode)
{
	const char *path = folder_path(name);
	FILE *fp;

	(void)unlink(path);
	fp = fopen(path, "w");
	if (fp == NULL || fputs(text, fp) == EOF || fclose(fp) != 0 ||
	    chmod(path, mode) == -1)
		abort();
	return path;
}

/* A new key in a file. */
static inline const char *
folder_key(const char *name, enum key_type type, unsigned bits)
{
	struct key *k = key_generate(type, bits);
	char *pem = k == NULL ? NULL : key_pem(k);
	const char *path;

	if (pem == NULL)
		abort();
	path = folder_write(name, pem, 0600);
	key_pem_free(pem);
	key_free(k);
	return path;
}

static inline int
folder_remove_one(
    const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline int
folder_remove(void **state)
{
	(void)state;
	return nftw(folder, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
