#include <limits.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "filter-dkimsign/folders.h"

/* The sandbox borrows the names, so they live as long as the process. */
static char names[FOLDERS_MAX][FOLDERS_NAME_MAX];
static size_t n;

/* The folder of a file as it is written. */
static void
add_written(const char *file)
{
	struct str dir = str_c(file), tail;
	bool rooted = dir.n > 0 && dir.p[0] == '/';

	if (!str_rcut(&dir, '/', &tail))
		dir = STR(".");
	else if (dir.n == 0 && rooted)
		dir = STR("/");
	for (size_t i = 0; i < n; i++)
		if (str_eq(dir, str_c(names[i])))
			return;
	if (n == FOLDERS_MAX || dir.n >= FOLDERS_NAME_MAX) {
		log_warn("%s: in too many folders to be read at SIGHUP", file);
		return;
	}
	memcpy(names[n], dir.p, dir.n);
	names[n++][dir.n] = '\0';
}

/* A sandbox looks at the file that a symbolic link leads to. */
static void
add(const char *file)
{
	char real[PATH_MAX];

	add_written(file);
	if (realpath(file, real) != NULL)
		add_written(real);
}

void
folders_allow(
    struct sandbox *sb, const struct options *o, const struct config *c)
{
	const struct keyfile *f = NULL;

	for (size_t i = 0; i < o->ndomain_files; i++)
		add(o->domain_files[i]);
	if (o->user_map != NULL)
		add(o->user_map);
	if (o->keytable != NULL)
		add(o->keytable);
	while ((f = keytable_each_file(c->keys, f)) != NULL)
		add(keytable_file_path(f));
	for (size_t i = 0; i < n; i++)
		sandbox_path(sb, names[i], SANDBOX_READ);
}
