#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter-dkimsign/safefile.h"

enum {
	LINKS_MAX = 40 /* on the way to a file, as Linux has it */
};

struct who {
	uid_t user; /* besides root, which it is while that is not known */
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
		return w->has_group
		    ? "can be written by its group"
		    : "can be written by a group, and root cannot tell whether "
		      "that is the filter's own: try as its user";
	return NULL;
}

/* A way to a file, gone one name at a time, through symbolic links too. */
struct walk {
	struct who who;
	char *why; /* SAFEFILE_WHY_MAX bytes */
	char at[PATH_MAX]; /* what was passed, free of links; "" is the root */
	char rest[PATH_MAX]; /* what is to come */
	char next[PATH_MAX]; /* the next of at */
	unsigned links;
	struct stat st; /* of the last one */
};

static int
walk_error(const struct walk *k, const char *path, int error)
{
	(void)snprintf(
	    k->why, SAFEFILE_WHY_MAX, "%.180s: %s", path, strerror(error));
	return -1;
}

static int
pass_directory(struct walk *k)
{
	const char *name = k->at[0] == '\0' ? "/" : k->at;
	const char *fault;

	if (k->who.user == 0)
		k->who.user = k->st.st_uid;
	fault = directory_fault(&k->who, &k->st);
	if (fault == NULL)
		return 0;
	(void)snprintf(
	    k->why, SAFEFILE_WHY_MAX, "its directory %.180s %s", name, fault);
	return -1;
}

/* Puts what a link says before the rest. */
static int
follow(struct walk *k)
{
	char to[PATH_MAX];
	ssize_t n;

	if (!is_owner(&k->who, k->st.st_uid)) {
		(void)snprintf(k->why, SAFEFILE_WHY_MAX,
		    "the link %.180s belongs to another user", k->next);
		return -1;
	}
	if (++k->links > LINKS_MAX)
		return walk_error(k, k->next, ELOOP);
	n = readlink(k->next, to, sizeof(to));
	if (n == -1)
		return walk_error(k, k->next, errno);
	if ((size_t)n + 1 + strlen(k->rest) >= sizeof(k->rest))
		return walk_error(k, k->next, ENAMETOOLONG);
	memmove(k->rest + n + 1, k->rest, strlen(k->rest) + 1);
	memcpy(k->rest, to, (size_t)n);
	k->rest[n] = '/';
	if (to[0] == '/')
		k->at[0] = '\0';
	return 0;
}

static void
cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash != NULL)
		*slash = '\0';
}

/*
 * unveil(2) hides what is above the folders that it shows: these were looked
 * at before it was called, and it shows no others in their place.
 */
static bool
is_hidden(int error)
{
#ifdef __OpenBSD__
	return error == ENOENT;
#else
	(void)error;
	return false;
#endif
}

/* Goes on by one name of n bytes. */
static int
pass_name(struct walk *k, const char *name, size_t n)
{
	size_t at;

	if (n == 0 || (n == 1 && name[0] == '.'))
		return 0;
	if (n == 2 && name[0] == '.' && name[1] == '.') {
		cut_last(k->at);
		return 0;
	}
	at = strlen(k->at);
	if (at + 1 + n >= sizeof(k->next))
		return walk_error(k, k->at, ENAMETOOLONG);
	memcpy(k->next, k->at, at);
	k->next[at] = '/';
	memcpy(k->next + at + 1, name, n);
	k->next[at + 1 + n] = '\0';
	if (lstat(k->next, &k->st) == -1) {
		if (!is_hidden(errno))
			return walk_error(k, k->next, errno);
		memcpy(k->at, k->next, sizeof(k->at));
		return 0;
	}
	if (S_ISLNK(k->st.st_mode))
		return follow(k);
	memcpy(k->at, k->next, sizeof(k->at));
	return S_ISDIR(k->st.st_mode) ? pass_directory(k) : 0;
}

/* From the root to the end of rest. */
static int
walk_all(struct walk *k)
{
	char name[PATH_MAX];
	size_t n, skip;

	if (lstat("/", &k->st) == -1) {
		if (!is_hidden(errno))
			return walk_error(k, "/", errno);
	} else if (pass_directory(k) == -1)
		return -1;
	while (k->rest[0] != '\0') {
		n = strcspn(k->rest, "/");
		skip = n + (k->rest[n] == '/');
		memcpy(name, k->rest, n);
		memmove(k->rest, k->rest + skip, strlen(k->rest + skip) + 1);
		if (pass_name(k, name, n) == -1)
			return -1;
	}
	return 0;
}

/* Can nobody else have put another file in the place of path? */
static int
check_way(const struct who *w, const char *path, char why[SAFEFILE_WHY_MAX])
{
	struct walk k = { .who = *w, .why = why };
	size_t n = 0;

	if (path[0] != '/') {
		if (getcwd(k.rest, sizeof(k.rest) - 1) == NULL)
			return walk_error(&k, ".", errno);
		n = strlen(k.rest);
		k.rest[n++] = '/';
	}
	if (n + strlen(path) >= sizeof(k.rest))
		return walk_error(&k, path, ENAMETOOLONG);
	(void)snprintf(k.rest + n, sizeof(k.rest) - n, "%s", path);
	return walk_all(&k);
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
		return w->has_group
		    ? "can be read by its group (chmod 600)"
		    : "can be read by a group, and root cannot tell whether "
		      "that is the filter's own: try as its user";
	return NULL;
}

static ssize_t
read_some(int fd, char *to, size_t n)
{
	ssize_t r;

	do
		r = read(fd, to, n);
	while (r == -1 && errno == EINTR);
	return r;
}

/* One allocation only, so that no copy of a secret is left behind. */
static int
read_all(
    int fd, const struct stat *st, struct buf *out, char why[SAFEFILE_WHY_MAX])
{
	size_t size = (size_t)st->st_size, used = 0;
	ssize_t n = 1;
	char *p, more;

	if (st->st_size < 0 || size > out->max - out->n) {
		(void)snprintf(why, SAFEFILE_WHY_MAX,
		    "is larger than %zu bytes", out->max);
		return -1;
	}
	p = size == 0 ? NULL : buf_room(out, size);
	if (p == NULL && size > 0) {
		(void)snprintf(why, SAFEFILE_WHY_MAX, "no memory");
		return -1;
	}
	while (used < size && n > 0) {
		n = read_some(fd, p + used, size - used);
		used += n > 0 ? (size_t)n : 0;
	}
	out->n += used;
	if (n > 0)
		n = read_some(fd, &more, 1);
	if (n == 0)
		return 0;
	(void)snprintf(why, SAFEFILE_WHY_MAX, "%s",
	    n > 0 ? "is being changed" : strerror(errno));
	return -1;
}

/*
 * Root looks at files for the filter's user, which is who owns the file or, if
 * that is root's, the directories above it that are not.
 */
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
	if (check_way(&w, path, why) == 0)
		r = read_all(fd, &st, out, why);
out:
	if (fd != -1)
		(void)close(fd);
	return r;
}
