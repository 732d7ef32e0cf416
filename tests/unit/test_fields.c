/* common/dkim/fields */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/dkim/fields.h"
#include "common/message/header.h"
#include "tests/unit/guard.h"

static const char header[] = "DKIM-Signature: 1\n"
			     "From: a\n"
			     "X: 1\n"
			     "Topic: t\n"
			     "x :2\n"
			     "no field\n"
			     "DKIM-Signature: 2\n"
			     "To: c\n"
			     "X:\n 3\n";

static void
collect(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
}

static const struct {
	const char *h, *hashed;
} lists[] = {
	{ "from", "from:a\r\n" },
	{ "FROM : to", "from:a\r\nto:c\r\n" },
	{ "to:from", "to:c\r\nfrom:a\r\n" },
	/* from the bottom up, and then nothing */
	{ "x", "x:3\r\n" },
	{ "x:x", "x:3\r\nx:2\r\n" },
	{ "x:from:X:x:x:x", "x:3\r\nfrom:a\r\nx:2\r\nx:1\r\n" },
	{ "from:from", "from:a\r\n" },
	{ "subject", "" },
	/* whole names */
	{ "t:top:topics:topic", "topic:t\r\n" },
	{ "no field", "" },
	{ "", "" },
	{ ":", "" },
	{ "dkim-signature:dkim-signature:dkim-signature",
	    "dkim-signature:2\r\ndkim-signature:1\r\n" },
};

static void
hashes_from_the_bottom(void **state)
{
	struct str block = guard_copy(str_c(header));
	struct fields *f = fields_new(block);

	(void)state;
	assert_non_null(f);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct str h = guard_copy(str_c(lists[i].h));
		struct buf b;

		buf_init(&b, 1000);
		fields_hash(f, h, NULL, CANON_RELAXED,
		    (struct canon_sink){ collect, &b });
		if (!str_eq(buf_view(&b), str_c(lists[i].hashed)))
			fail_msg("%s: %.*s", lists[i].h, (int)b.n, b.p);
		buf_clear(&b);
		guard_free(h);
	}
	fields_free(f);
	fields_free(NULL);
	guard_free(block);
}

/* A signature never covers itself, wherever it stands. */
static void
leaves_out_its_own(void **state)
{
	static const struct str h = STR("dkim-signature:dkim-signature:from");
	struct str block = str_c(header);
	struct fields *f = fields_new(block);
	struct field field;
	struct buf b;
	struct canon_sink sink = { collect, &b };

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(header_find(&block, STR("dkim-signature"), &field), 1);
	fields_hash(f, h, field.raw.p, CANON_RELAXED, sink);
	assert_true(
	    str_eq(buf_view(&b), STR("dkim-signature:2\r\nfrom:a\r\n")));
	buf_reset(&b);
	assert_int_equal(header_find(&block, STR("dkim-signature"), &field), 1);
	fields_hash(f, h, field.raw.p, CANON_RELAXED, sink);
	assert_true(
	    str_eq(buf_view(&b), STR("dkim-signature:1\r\nfrom:a\r\n")));
	buf_clear(&b);
	fields_free(f);
}

static void
counts(void **state)
{
	struct fields *f = fields_new(str_c(header));

	(void)state;
	assert_int_equal(fields_count(f, STR("x")), 3);
	assert_int_equal(fields_count(f, STR("FROM")), 1);
	assert_int_equal(fields_count(f, STR("t")), 0);
	assert_int_equal(fields_count(f, STR("")), 0);
	fields_free(f);
	f = fields_new(STR_NULL);
	assert_int_equal(fields_count(f, STR("x")), 0);
	fields_free(f);
}

/* Names that begin alike, and some as long as others but for 256 bytes. */
static void
tells_names_apart(void **state)
{
	enum {
		NAMES = 40,
		LONG = 1200
	};
	static char names[NAMES][LONG];
	struct fields *f;
	struct str name;
	struct buf b;

	(void)state;
	buf_init(&b, (size_t)NAMES * NAMES * LONG);
	for (size_t i = 0; i < NAMES; i++) {
		memset(names[i], 'x', i / 4 % 5 * 256 + i / 20 * 4 + 5);
		names[i][strlen(names[i]) - 1] = "xabc"[i % 4];
	}
	for (size_t n = 0; n < NAMES; n++)
		for (size_t i = n; i < NAMES; i++) {
			buf_str(&b, str_c(names[i]));
			buf_str(&b, STR(":\n"));
		}
	assert_false(buf_failed(&b));
	f = fields_new(buf_view(&b));
	assert_non_null(f);
	for (size_t i = 0; i < NAMES; i++) {
		name = str_c(names[i]);
		assert_int_equal(fields_count(f, name), i + 1);
		assert_int_equal(
		    fields_count(f, str_head(name, name.n - 1)), 0);
	}
	fields_free(f);
	buf_clear(&b);
}

/* Both sides of FIELDS_MAX. */
static void
keeps_limits(void **state)
{
	struct buf b;
	struct fields *f;

	(void)state;
	buf_init(&b, 100000);
	for (int i = 0; i < FIELDS_MAX; i++)
		buf_fmt(&b, "X-%d: y\n", i % 7);
	f = fields_new(buf_view(&b));
	assert_false(fields_overflowed(f));
	assert_int_equal(fields_count(f, STR("x-0")), FIELDS_MAX / 7 + 1);
	fields_free(f);
	buf_str(&b, STR("From: x\n"));
	f = fields_new(buf_view(&b));
	assert_true(fields_overflowed(f));
	fields_free(f);
	buf_clear(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_from_the_bottom),
		cmocka_unit_test(leaves_out_its_own),
		cmocka_unit_test(counts),
		cmocka_unit_test(tells_names_apart),
		cmocka_unit_test(keeps_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
