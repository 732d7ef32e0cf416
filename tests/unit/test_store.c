/* common/message/store */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/message/store.h"
#include "tests/unit/guard.h"

#define TMP "/tmp"

static struct store_pool
pool_of(size_t spill, size_t budget)
{
	return (
	    struct store_pool){ .dir = TMP, .spill = spill, .budget = budget };
}

/* Reads all of a store in blocks of want bytes. */
static void
assert_content(const struct store *st, size_t want, struct str content)
{
	char *scratch = malloc(want);
	struct str block;
	uint64_t off = 0;

	assert_non_null(scratch);
	assert_int_equal(store_size(st), content.n);
	do {
		assert_int_equal(
		    store_block(st, off, want, scratch, &block), 0);
		assert_true(block.n <= want);
		assert_true(off + block.n <= content.n);
		if (block.n > 0)
			assert_memory_equal(block.p, content.p + off, block.n);
		off += block.n;
	} while (block.n > 0);
	assert_int_equal(off, content.n);
	assert_int_equal(store_block(st, off + 99, want, scratch, &block), 0);
	assert_int_equal(block.n, 0);
	free(scratch);
}

/* All stores are free: nothing is left of the pool. */
static void
assert_empty(struct store_pool *pool)
{
	assert_int_equal(pool->used, 0);
	assert_true(pool->nidle <= STORE_IDLE);
	store_pool_clear(pool);
	assert_int_equal(pool->nidle, 0);
}

/* The same lines under many limits; lines of 0 to 299 bytes, and a long one. */
static void
keeps_lines(void **state)
{
	static const struct {
		size_t spill, budget;
		bool file;
	} cases[] = {
		{ STORE_SPILL, STORE_BUDGET, false },
		{ 0, 0, true },
		{ 1, 1, true },
		{ 100, STORE_BUDGET, true },
		{ STORE_SPILL, 0, true },
		{ STORE_SPILL, 4096, true },
		{ STORE_SPILL, 4095, true },
		{ 20000, STORE_BUDGET, true },
		{ STORE_BLOCK - 1, STORE_BUDGET, true },
		{ STORE_BLOCK, STORE_BUDGET, true },
	};
	static char text[3 * STORE_BLOCK];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store_pool pool =
		    pool_of(cases[i].spill, cases[i].budget);
		struct store *st = store_new(&pool);
		struct buf want;
		buf_init(&want, 1024 * 1024);
		assert_content(st, 100, STR_NULL);
		for (size_t n = 0; n < 300; n++) {
			struct str line = guard_copy(
			    str_n(text, n == 150 ? sizeof(text) : n));
			assert_int_equal(store_line(st, line), 0);
			buf_str(&want, line);
			buf_chr(&want, '\n');
			guard_free(line);
		}
		assert_int_equal(store_lines(st), 300);
		assert_int_equal(pool.spilled, cases[i].file);
		assert_content(st, 1, buf_view(&want));
		assert_content(st, 1000, buf_view(&want));
		assert_content(st, 1024 * 1024, buf_view(&want));
		store_free(st);
		assert_empty(&pool);
		buf_clear(&want);
	}
	store_free(NULL);
}

/* Up to the spill size in memory, one byte more and it is in a file. */
static void
spills_at_the_limit(void **state)
{
	static char text[STORE_SPILL];

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct store_pool pool = pool_of(STORE_SPILL, STORE_BUDGET);
		struct store *st = store_new(&pool);
		assert_int_equal(
		    store_line(st, str_n(text, STORE_SPILL - 1 + over)), 0);
		assert_int_equal(pool.spilled, over);
		assert_true(pool.used <= STORE_SPILL);
		store_free(st);
		assert_empty(&pool);
	}
}

static off_t
file_size(int fd)
{
	struct stat sb;

	assert_int_equal(fstat(fd, &sb), 0);
	return sb.st_size;
}

/* A file is used again; nothing of the message before is seen. */
static void
uses_files_again(void **state)
{
	struct store_pool pool = pool_of(0, STORE_BUDGET);
	static char text[STORE_IDLE_MAX];
	struct store *st = store_new(&pool);
	int fd;

	(void)state;
	memset(text, 'z', sizeof(text));
	assert_int_equal(store_line(st, str_n(text, 100000)), 0);
	assert_int_equal(pool.nidle, 0);
	store_free(st);
	assert_int_equal(pool.nidle, 1);
	fd = pool.idle[0];
	assert_true(file_size(fd) >= 100001);
	st = store_new(&pool);
	assert_int_equal(store_line(st, STR("new")), 0);
	assert_int_equal(pool.nidle, 0);
	assert_content(st, 1000, STR("new\n"));
	for (int n = 0; n < 20000; n++)
		assert_int_equal(store_line(st, STR("0123456789")), 0);
	assert_int_equal(store_size(st), 4 + 20000 * 11);
	/* over the limit it gives its blocks back */
	assert_int_equal(store_line(st, str_n(text, sizeof(text))), 0);
	store_free(st);
	assert_int_equal(pool.nidle, 1);
	assert_int_equal(pool.idle[0], fd);
	assert_int_equal(file_size(fd), 0);
	store_pool_clear(&pool);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
keeps_few_files(void **state)
{
	struct store_pool pool = pool_of(0, STORE_BUDGET);
	struct store *st[STORE_IDLE + 3];

	(void)state;
	for (size_t i = 0; i < STORE_IDLE + 3; i++) {
		st[i] = store_new(&pool);
		assert_int_equal(store_line(st[i], STR("x")), 0);
	}
	for (size_t i = 0; i < STORE_IDLE + 3; i++)
		store_free(st[i]);
	assert_int_equal(pool.nidle, STORE_IDLE);
	assert_empty(&pool);
}

/* Few descriptors: most of them are for others. */
static void
keeps_fewer_of_few(void **state)
{
	enum {
		FILES = 40
	};
	struct store_pool pool = pool_of(0, STORE_BUDGET);
	struct store *st[STORE_IDLE];
	struct rlimit old, few;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = FILES;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (size_t i = 0; i < STORE_IDLE; i++) {
		st[i] = store_new(&pool);
		assert_int_equal(store_line(st[i], STR("x")), 0);
	}
	for (size_t i = 0; i < STORE_IDLE; i++)
		store_free(st[i]);
	assert_int_equal(pool.nidle, FILES / STORE_IDLE_SHARE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_empty(&pool);
}

/* Many stores share a budget: who comes late goes to a file. */
static void
shares_the_budget(void **state)
{
	enum {
		STORES = 20,
		LINES = 200,
		BUDGET = 64 * 1024
	};
	struct store_pool pool = pool_of(32 * 1024, BUDGET);
	struct store *st[STORES];
	char line[100];

	(void)state;
	memset(line, 'y', sizeof(line));
	for (size_t i = 0; i < STORES; i++)
		st[i] = store_new(&pool);
	for (size_t n = 0; n < LINES; n++) {
		for (size_t i = 0; i < STORES; i++)
			assert_int_equal(
			    store_line(st[i], str_n(line, sizeof(line))), 0);
	}
	assert_true(pool.spilled > 0);
	/* each file has its block on top of the budget */
	assert_true(pool.used <= BUDGET + pool.spilled * STORE_BLOCK);
	for (size_t i = 0; i < STORES; i++) {
		assert_int_equal(store_size(st[i]), LINES * (sizeof(line) + 1));
		store_free(st[i]);
	}
	assert_empty(&pool);
}

static void
assert_failed(struct store *st, int err)
{
	char scratch[10];
	struct str block;

	errno = 0;
	assert_int_equal(store_line(st, STR("more")), -1);
	assert_int_equal(errno, err);
	errno = 0;
	assert_int_equal(
	    store_block(st, 0, sizeof(scratch), scratch, &block), -1);
	assert_int_equal(errno, err);
	assert_int_equal(store_size(st), 0);
}

/* What is kept is not in the budget, so it is not much. */
static void
keeps_no_large_buffer(void **state)
{
	static const char line[20000];
	size_t spill[] = { STORE_SPILL, STORE_SPILL + 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct store_pool pool = pool_of(spill[i], STORE_BUDGET);
		struct store *st = store_new(&pool);

		assert_int_equal(store_line(st, str_n(line, sizeof(line))), 0);
		store_free(st);
		assert_int_equal(pool.nspare, i == 0);
		store_pool_clear(&pool);
	}
}

static void
fails_without_folder(void **state)
{
	static char longname[2000];
	static const struct {
		const char *dir;
		int err;
	} cases[] = {
		{ "/nonexistent/folder", ENOENT },
		{ "/dev/null", ENOTDIR },
		{ longname, ENAMETOOLONG },
	};

	(void)state;
	memset(longname, 'd', sizeof(longname) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store_pool pool = pool_of(100, STORE_BUDGET);
		struct store *st, *other;
		pool.dir = cases[i].dir;
		st = store_new(&pool);
		other = store_new(&pool);
		assert_int_equal(store_line(st, STR("in memory")), 0);
		assert_int_equal(store_line(other, STR("in memory")), 0);
		for (int n = 0;
		     n < 20 && store_line(st, STR("0123456789")) == 0; n++)
			;
		assert_failed(st, cases[i].err);
		assert_content(other, 10, STR("in memory\n"));
		store_free(st);
		store_free(other);
		assert_empty(&pool);
		assert_int_equal(pool.spilled, 0);
	}
}

/* A limit on the size of files stands in for a full disk. */
static void
fails_when_the_disk_is_full(void **state)
{
	struct store_pool pool = pool_of(100, STORE_BUDGET);
	struct store *st = store_new(&pool);
	struct rlimit old, small;
	int n;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 40000;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (n = 0; n < 10000; n++)
		if (store_line(st, STR("0123456789")) == -1)
			break;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_in_range(n, 40000 / 11 - 1, 60000 / 11);
	assert_failed(st, EFBIG);
	store_free(st);
	assert_empty(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_lines),
		cmocka_unit_test(spills_at_the_limit),
		cmocka_unit_test(uses_files_again),
		cmocka_unit_test(keeps_few_files),
		cmocka_unit_test(keeps_fewer_of_few),
		cmocka_unit_test(shares_the_budget),
		cmocka_unit_test(keeps_no_large_buffer),
		cmocka_unit_test(fails_without_folder),
		cmocka_unit_test(fails_when_the_disk_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
