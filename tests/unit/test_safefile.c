/* filter-dkimsign/safefile */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-dkimsign/safefile.h"
#include "tests/unit/folder.h"

enum {
	LIMIT = 100
};

/* Reads it; returns why not, or NULL. */
static const char *
read_it(const char *path, bool secret, const char *want)
{
	static char why[SAFEFILE_WHY_MAX];
	struct buf b;
	int r;

	buf_init(&b, LIMIT);
	r = safefile_read(path, secret, &b, why);
	if (r == 0)
		assert_true(str_eq(buf_view(&b), str_c(want)));
	else
		assert_true(why[0] != '\0');
	buf_clear(&b);
	return r == 0 ? NULL : why;
}

static void
modes(void **state)
{
	static const struct {
		mode_t mode;
		bool secret, trusted; /* taken as such */
	} cases[] = {
		{ 0600, true, true },
		{ 0400, true, true },
		{ 0700, true, true },
		{ 0604, false, true },
		{ 0644, false, true },
		{ 0602, false, false },
		{ 0666, false, false },
		{ 0620, false, false },
		{ 0660, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *p = folder_write("f", "text", cases[i].mode);
		assert_true(
		    (read_it(p, true, "text") == NULL) == cases[i].secret);
		assert_true(
		    (read_it(p, false, "text") == NULL) == cases[i].trusted);
	}
}

/* A group may read a key if it is the filter's own, and that is not root. */
static void
groups(void **state)
{
	const char *p = folder_write("g", "text", 0640);
	const char *why = read_it(p, true, "text");

	(void)state;
	assert_true((why == NULL) == (geteuid() != 0));
	if (why != NULL)
		assert_non_null(strstr(why, "root cannot tell"));
	assert_null(read_it(p, false, "text"));
}

static void
directories(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} cases[] = {
		{ 0700, true },
		{ 0755, true },
		{ 0757, false },
		{ 0777, false },
		{ 01777, true }, /* sticky: as /tmp */
		{ 01757, true },
	};
	const char *dir = folder_path("dir"), *sub = folder_path("dir/sub");

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(chmod(folder_path("dir"), cases[i].mode), 0);
		assert_true((read_it(folder_write("dir/f", "a", 0600), true,
				 "a") == NULL) == cases[i].good);
		/* any directory on the way counts */
		assert_true((read_it(folder_write("dir/sub/f", "b", 0600), true,
				 "b") == NULL) == cases[i].good);
	}
}

static void
links(void **state)
{
	(void)state;
	(void)folder_write("real", "text", 0600);
	assert_int_equal(mkdir(folder_path("open"), 0700), 0);
	assert_int_equal(
	    symlink(folder_path("real"), folder_path("open/link")), 0);
	assert_null(read_it(folder_path("open/link"), true, "text"));
	assert_int_equal(chmod(folder_path("open"), 0777), 0);
	assert_non_null(read_it(folder_path("open/link"), true, "text"));
	/* the other way: a good link to a bad place */
	assert_int_equal(
	    rename(folder_path("real"), folder_path("open/real")), 0);
	assert_int_equal(
	    symlink(folder_path("open/real"), folder_path("link")), 0);
	assert_non_null(read_it(folder_path("link"), true, "text"));
}

/* Where the way to a file leads through more than one link. */
static void
links_on_the_way(void **state)
{
	static const struct {
		const char *path;
		bool good; /* while "way/open" is open to all */
	} cases[] = {
		{ "way/good", true },
		{ "way/safe/../good", true },
		{ "way/dir/f", false }, /* "dir" leads through "open" */
		{ "way/file", false }, /* a link to a link in "open" */
		{ "way/up/way/good", true },
		{ "way/loop", false },
	};

	(void)state;
	assert_int_equal(mkdir(folder_path("way"), 0700), 0);
	assert_int_equal(mkdir(folder_path("way/open"), 0700), 0);
	assert_int_equal(mkdir(folder_path("way/safe"), 0700), 0);
	(void)folder_write("way/safe/f", "text", 0600);
	assert_int_equal(symlink("safe/./f", folder_path("way/good")), 0);
	assert_int_equal(symlink("open/dir", folder_path("way/dir")), 0);
	assert_int_equal(symlink("../safe", folder_path("way/open/dir")), 0);
	assert_int_equal(symlink("open/file", folder_path("way/file")), 0);
	assert_int_equal(
	    symlink(folder_path("way/safe/f"), folder_path("way/open/file")),
	    0);
	assert_int_equal(symlink("..", folder_path("way/up")), 0);
	assert_int_equal(symlink("loop", folder_path("way/loop")), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *p = folder_path(cases[i].path);
		assert_int_equal(chmod(folder_path("way/open"), 0700), 0);
		if (i + 1 < sizeof(cases) / sizeof(*cases))
			assert_null(read_it(p, true, "text"));
		assert_int_equal(chmod(folder_path("way/open"), 0777), 0);
		assert_true(
		    (read_it(p, true, "text") == NULL) == cases[i].good);
	}
}

/* In a directory as /tmp, others cannot replace a link, but may make one. */
static void
link_owners(void **state)
{
	const char *link = folder_path("sticky/link");

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(folder_path("sticky"), 0700), 0);
	assert_int_equal(chmod(folder_path("sticky"), 01777), 0);
	assert_int_equal(symlink(folder_write("own", "text", 0600), link), 0);
	assert_null(read_it(link, true, "text"));
	assert_int_equal(lchown(link, 65533, 65533), 0);
	assert_non_null(read_it(link, true, "text"));
}

static void
relative_names(void **state)
{
	char before[FOLDER_NAME];

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	(void)folder_write("here", "text", 0600);
	assert_int_equal(chdir(folder), 0);
	assert_null(read_it("here", true, "text"));
	assert_null(read_it("./here", true, "text"));
	assert_int_equal(chmod(".", 0777), 0);
	assert_non_null(read_it("here", true, "text"));
	assert_int_equal(chmod(".", 0700), 0);
	assert_int_equal(chdir(before), 0);
}

static void
owners(void **state)
{
	const char *p = folder_write("o", "text", 0600);

	(void)state;
	if (geteuid() != 0)
		skip();
	/* for root the owner of the file stands for the filter's user */
	assert_int_equal(chown(p, 65534, 65534), 0);
	assert_null(read_it(p, true, "text"));
	/* or, where it is root's, that of a directory */
	assert_int_equal(mkdir(folder_path("theirs"), 0700), 0);
	assert_int_equal(mkdir(folder_path("theirs/sub"), 0700), 0);
	assert_int_equal(chown(folder_path("theirs"), 65534, 65534), 0);
	p = folder_write("theirs/sub/o", "text", 0600);
	assert_null(read_it(p, true, "text"));
	assert_int_equal(chown(folder_path("theirs/sub"), 65534, 65534), 0);
	assert_null(read_it(p, true, "text"));
	/* but not two of them */
	assert_int_equal(chown(p, 65533, 65533), 0);
	assert_non_null(read_it(p, true, "text"));
	assert_int_equal(chown(p, 0, 0), 0);
	assert_int_equal(chown(folder_path("theirs/sub"), 65533, 65533), 0);
	assert_non_null(read_it(p, true, "text"));
	/* an unprivileged filter reads its own and root's */
	p = folder_path("o");
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(seteuid(65533), 0);
	assert_non_null(read_it(p, true, "text"));
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0700), 0);
}

static void
kinds_and_sizes(void **state)
{
	char text[LIMIT + 2];

	(void)state;
	assert_non_null(read_it(folder, false, ""));
	assert_non_null(read_it(folder_path("none"), false, ""));
	assert_non_null(read_it("/dev/null", false, ""));
	assert_int_equal(mkfifo(folder_path("fifo"), 0600), 0);
	assert_non_null(read_it(folder_path("fifo"), false, ""));
	assert_null(read_it(folder_write("e", "", 0600), true, ""));
	memset(text, 'x', sizeof(text));
	text[LIMIT + 1] = '\0';
	assert_non_null(read_it(folder_write("l", text, 0600), true, text));
	text[LIMIT] = '\0';
	assert_null(read_it(folder_write("l", text, 0600), true, text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(groups),
		cmocka_unit_test(directories),
		cmocka_unit_test(links),
		cmocka_unit_test(links_on_the_way),
		cmocka_unit_test(link_owners),
		cmocka_unit_test(relative_names),
		cmocka_unit_test(owners),
		cmocka_unit_test(kinds_and_sizes),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
