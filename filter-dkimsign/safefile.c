#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter-dkimsign/safefile.h"

struct who {
	uid_t user; /* besides root */
	gid_t group; /* whose members are no others */
	bool has_group;
};

static bool
is_owner(const struct who *w, uid_t uid)
{
	return uid == 0 || uid == w->user;
}

static bool
is_own_group(const struct who *w, gid_t gid)
{
	return w->has_group && gid == w->group;
}

/* May somebody else put another file in place of one in this directory? */
static const char *
directory_fault(const struct who *w, const struct stat *st)
{
	if (!is_owner(w, st->st_uid))
		return "belongs to another user";
	if ((st->st_mode & S_ISVTX) != 0)
		return NULL;
	if ((st->st_mode & S_IWOTH) != 0)
		return "can be written by others";
	if ((st->st_mode & S_IWGRP) != 0 && !is_own_group(w, st->st_gid))
		return "can be written by its group";
	return NULL;
}

/* Looks at each directory above path, which it cuts on the way. */
static int
check_above(const struct who *w, char *path, char why[SAFEFILE_WHY_MAX])
{
	const char *fault, *dir;
	struct stat st;
	char *slash;

	while ((slash = strrchr(path, '/')) != NULL) {
		*slash = '\0';
		dir = path[0] == '\0' ? "/" : path;
		if (stat(dir, &st) == -1) {
			(void)snprintf(why, SAFEFILE_WHY_MAX, "%s: %s", dir,
			    strerror(errno));
			return -1;
		}
		fault = directory_fault(w, &st);
		if (fault != NULL) {
			(void)snprintf(why, SAFEFILE_WHY_MAX,
			    "its directory %s %s", dir, fault);
			return -1;
		}
	}
	return 0;
}

/* The same for the directory of path as it is written. */
static int
check_name(const struct who *w, const char *path, char why[SAFEFILE_WHY_MAX])
{
	char dir[PATH_MAX], real[PATH_MAX + 2];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (n >= sizeof(dir)) {
		(void)snprintf(why, SAFEFILE_WHY_MAX, "its name is too long");
		return -1;
	}
	if (slash == NULL)
		dir[n++] = '.';
	else if (n == 0)
		dir[n++] = '/';
	else
		memcpy(dir, path, n);
	dir[n] = '\0';
	if (realpath(dir, real) == NULL) {
		(void)snprintf(why, SAFEFILE_WHY_MAX, "%s", strerror(errno));
		return -1;
	}
	n = strlen(real);
	if (n > 1)
		real[n++] = '/';
	real[n] = '\0';
	return check_above(w, real, why);
}

static int
check_directories(
    const struct who *w, const char *path, char why[SAFEFILE_WHY_MAX])
{
	char real[PATH_MAX];

	if (realpath(path, real) == NULL) {
		(void)snprintf(why, SAFEFILE_WHY_MAX, "%s", strerror(errno));
		return -1;
	}
	if (check_above(w, real, why) == -1)
		return -1;
	return check_name(w, path, why);
}

static const char *
file_fault(const struct who *w, const struct stat *st, bool secret)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (!is_owner(w, st->st_uid))
		return "belongs to neither root nor the filter's user";
	if ((st->st_mode & S_IWOTH) != 0)
		return "can be written by others";
	if ((st->st_mode & S_IWGRP) != 0)
		return "can be written by its group";
	if (secret && (st->st_mode & S_IROTH) != 0)
		return "can be read by others (chmod 600)";
	if (secret && (st->st_mode & S_IRGRP) != 0 &&
	    !is_own_group(w, st->st_gid))
		return "can be read by its group (chmod 600)";
	return NULL;
}

/* One allocation only, so that no copy of a secret is left behind. */
static int
read_all(
    int fd, const struct stat *st, struct buf *out, char why[SAFEFILE_WHY_MAX])
{
	size_t room = (size_t)st->st_size + 1, used = 0;
	ssize_t n = 1;
	char *p;

	if (st->st_size < 0 || (size_t)st->st_size >= out->max - out->n) {
		(void)snprintf(why, SAFEFILE_WHY_MAX,
		    "is larger than %zu bytes", out->max - 1);
		return -1;
	}
	p = buf_room(out, room);
	while (p != NULL && used < room && n > 0) {
		n = read(fd, p + used, room - used);
		if (n > 0)
			used += (size_t)n;
		else if (n == -1 && errno == EINTR)
			n = 1;
	}
	out->n += used;
	if (p != NULL && n == 0)
		return 0;
	(void)snprintf(why, SAFEFILE_WHY_MAX, "%s",
	    p == NULL          ? "no memory"
		: used == room ? "is being changed"
			       : strerror(errno));
	return -1;
}

static struct who
find_who(const struct stat *st)
{
	uid_t me = geteuid();

	return (struct who){ me == 0 ? st->st_uid : me, getegid(), me != 0 };
}

int
safefile_read(
    const char *path, bool secret, struct buf *out, char why[SAFEFILE_WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = -1;
	const char *fault;
	struct stat st;
	struct who w;

	if (fd == -1 || fstat(fd, &st) == -1) {
		(void)snprintf(why, SAFEFILE_WHY_MAX, "%s", strerror(errno));
		goto out;
	}
	w = find_who(&st);
	fault = file_fault(&w, &st, secret);
	if (fault != NULL) {
		(void)snprintf(why, SAFEFILE_WHY_MAX, "%s", fault);
		goto out;
	}
	if (check_directories(&w, path, why) == 0)
		r = read_all(fd, &st, out, why);
out:
	if (fd != -1)
		(void)close(fd);
	return r;
}
