/* common/message/header */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/message/header.h"
#include "tests/unit/guard.h"

#define FIELDS_MAX 6

struct expected {
	const char *raw, *name, *value;
};

/* A case ends at the first raw that is NULL. */
static const struct {
	const char *block;
	struct expected fields[FIELDS_MAX];
} blocks[] = {
	{ "", { { NULL, NULL, NULL } } },
	{ "A: 1\nB: 2\n",
	    { { "A: 1\n", "A", " 1" }, { "B: 2\n", "B", " 2" } } },
	{ "A: 1\n\tx\n y\nB:\n",
	    { { "A: 1\n\tx\n y\n", "A", " 1\n\tx\n y" },
		{ "B:\n", "B", "" } } },
	/* the last line without LF */
	{ "A: 1", { { "A: 1", "A", " 1" } } },
	{ "A: 1\n b", { { "A: 1\n b", "A", " 1\n b" } } },
	{ "A:", { { "A:", "A", "" } } },
	/* white space before the colon, none after it, a second colon */
	{ "A :x:y\n", { { "A :x:y\n", "A", "x:y" } } },
	{ "A \t :x\n", { { "A \t :x\n", "A", "x" } } },
	{ "A::\n", { { "A::\n", "A", ":" } } },
	/* no fields */
	{ "no colon\nB: 2\n",
	    { { "no colon\n", "", "" }, { "B: 2\n", "B", " 2" } } },
	{ ": x\n", { { ": x\n", "", "" } } },
	{ " : x\n", { { " : x\n", "", "" } } },
	{ "\n", { { "\n", "", "" } } },
	{ "\nA: 1\n", { { "\n", "", "" }, { "A: 1\n", "A", " 1" } } },
	{ " continues nothing: x\nA: 1\n",
	    { { " continues nothing: x\n", "", "" },
		{ "A: 1\n", "A", " 1" } } },
	{ "two words: x\n", { { "two words: x\n", "", "" } } },
	{ "caf\xc3\xa9: x\n", { { "caf\xc3\xa9: x\n", "", "" } } },
	{ "del\x7f: x\n", { { "del\x7f: x\n", "", "" } } },
	{ "no colon\n here: it is\n",
	    { { "no colon\n here: it is\n", "", "" } } },
	/* a line with only white space belongs to the field before it */
	{ "A: 1\n \n\t\nB: 2\n",
	    { { "A: 1\n \n\t\n", "A", " 1\n \n\t" },
		{ "B: 2\n", "B", " 2" } } },
	/* any byte in a value */
	{ "A: \xff\x01\r\n", { { "A: \xff\x01\r\n", "A", " \xff\x01\r" } } },
};

static void
assert_str(struct str got, const char *want)
{
	assert_int_equal(got.n, strlen(want));
	if (got.n > 0)
		assert_memory_equal(got.p, want, got.n);
}

static void
takes_fields_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		struct str block = guard_copy(str_c(blocks[i].block));
		struct str rest = block;
		const struct expected *x = blocks[i].fields;
		struct field f;
		for (; x->raw != NULL; x++) {
			assert_int_equal(header_next(&rest, &f), 1);
			assert_str(f.raw, x->raw);
			assert_str(f.name, x->name);
			assert_str(f.value, x->value);
		}
		assert_int_equal(header_next(&rest, &f), 0);
		assert_int_equal(header_next(&rest, &f), 0);
		guard_free(block);
	}
}

/* Nothing may be lost: the raw texts make the block, wherever it is cut. */
static void
keeps_every_byte(void **state)
{
	static const char text[] =
	    "Received: a\n\tb\nX: 1\n bad\nnone\n: x\nY:\n\n z\nZ: \xff\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct str block = guard_copy(str_n(text, n)), rest = block;
		size_t sum = 0;
		struct field f;
		while (header_next(&rest, &f) == 1) {
			assert_ptr_equal(f.raw.p, block.p + sum);
			assert_true(f.raw.n > 0);
			sum += f.raw.n;
		}
		assert_int_equal(sum, n);
		guard_free(block);
	}
}

static void
finds_by_name(void **state)
{
	struct str block = guard_copy(
	    STR("From: a\nSubject: 1\nno field\nSUBJECT : 2\nSubject-x: 3\n"));
	struct str rest = block;
	struct field f;

	(void)state;
	assert_int_equal(header_find(&rest, STR("subject"), &f), 1);
	assert_str(f.value, " 1");
	assert_int_equal(header_find(&rest, STR("subJECT"), &f), 1);
	assert_str(f.value, " 2");
	assert_str(rest, "Subject-x: 3\n");
	assert_int_equal(header_find(&rest, STR("Subject"), &f), 0);
	assert_int_equal(rest.n, 0);
	rest = block;
	assert_int_equal(header_find(&rest, STR("Subject-X"), &f), 1);
	assert_str(f.value, " 3");
	assert_int_equal(header_find(&rest, STR("From"), &f), 0);
	guard_free(block);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_fields_apart),
		cmocka_unit_test(keeps_every_byte),
		cmocka_unit_test(finds_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
