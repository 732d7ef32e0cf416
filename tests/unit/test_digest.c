/* common/dkim/digest */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/dkim/digest.h"
#include "tests/unit/guard.h"
#include "tests/unit/vectors.h"

/* FIPS 180-2 appendix B.1, and nothing. */
#define SHA256_ABC "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
#define SHA256_EMPTY "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define SHA256_CRLF "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="

static void
assert_hash(const unsigned char *hash, struct str expected)
{
	struct buf b;

	buf_init(&b, 100);
	digest_to_base64(hash, DIGEST_SIZE, &b);
	if (!str_eq(buf_view(&b), expected))
		fail_msg("got %.*s", (int)b.n, b.p);
	buf_clear(&b);
}

static void
hashes(void **state)
{
	struct digest *d = digest_new();
	unsigned char hash[DIGEST_SIZE];

	(void)state;
	assert_non_null(d);
	digest_add(d, "a", 1);
	digest_add(d, "", 0);
	digest_add(d, "bc", 2);
	assert_int_equal(digest_final(d, hash), 0);
	assert_hash(hash, STR(SHA256_ABC));
	/* and once more, from the start */
	assert_int_equal(digest_final(d, hash), 0);
	assert_hash(hash, STR(SHA256_EMPTY));
	digest_free(d);
	digest_free(NULL);
}

/* Hashes a body and checks the result, twice. */
static void
check_body(struct str text, enum canon how, struct str expected)
{
	struct digest_body *b = digest_body_new(how, CANON_NO_LIMIT);
	unsigned char hash[DIGEST_SIZE];
	uint64_t n, again;

	assert_non_null(b);
	digest_body_text(b, text);
	assert_int_equal(digest_body_final(b, hash, &n), 0);
	assert_hash(hash, expected);
	assert_int_equal(digest_body_final(b, hash, &again), 0);
	assert_hash(hash, expected);
	assert_int_equal(n, again);
	digest_body_free(b);
}

static void
hashes_empty_bodies(void **state)
{
	(void)state;
	check_body(STR(""), CANON_SIMPLE, STR(SHA256_CRLF));
	check_body(STR("\n\n"), CANON_SIMPLE, STR(SHA256_CRLF));
	check_body(STR(""), CANON_RELAXED, STR(SHA256_EMPTY));
	check_body(STR(" \n\t\n\n"), CANON_RELAXED, STR(SHA256_EMPTY));
	digest_body_free(NULL);
}

/* Every distinct body of the vectors. */
static void
hashes_all_bodies(void **state)
{
	struct buf rows = vectors_read(VECTORS "bodyhash.tsv");
	struct str rest = buf_view(&rows), line, name, simple;
	size_t n = 0;

	(void)state;
	while (rest.n > 0) {
		struct buf message;
		struct str body;

		(void)str_cut(&rest, '\n', &line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		(void)str_cut(&line, '\t', &name);
		(void)str_cut(&line, '\t', &simple);
		message = vectors_message(name);
		body = buf_view(&message);
		(void)vectors_header(&body);
		check_body(body, CANON_SIMPLE, simple);
		check_body(body, CANON_RELAXED, line);
		buf_clear(&message);
		n++;
	}
	assert_true(n > 10);
	buf_clear(&rows);
}

static void
stops_at_the_limit(void **state)
{
	struct digest_body *b = digest_body_new(CANON_SIMPLE, 3);
	unsigned char hash[DIGEST_SIZE];
	uint64_t n;

	(void)state;
	assert_true(digest_body_is(b, CANON_SIMPLE, 3));
	assert_false(digest_body_is(b, CANON_SIMPLE, CANON_NO_LIMIT));
	assert_false(digest_body_is(b, CANON_RELAXED, 3));
	digest_body_text(b, STR("abcdef"));
	assert_true(digest_body_is(b, CANON_SIMPLE, 3));
	assert_int_equal(digest_body_final(b, hash, &n), 0);
	assert_hash(hash, STR(SHA256_ABC));
	assert_int_equal(n, 8);
	digest_body_free(b);
}

static void
decodes_base64(void **state)
{
	/* n is -1 for what is refused */
	static const struct {
		const char *text, *octets;
		int n;
	} cases[] = {
		{ "", "", 0 },
		{ "Zg==", "f", 1 },
		{ "Zm8=", "fo", 2 },
		{ "Zm9v", "foo", 3 },
		{ "Zm9vYg==", "foob", 4 },
		{ " Z\tm\n 9\r\n v ", "foo", 3 },
		{ "Zg\n =\n =", "f", 1 },
		{ "AAAA", "\0\0\0", 3 },
		{ "+/+/", "\xfb\xff\xbf", 3 },
		{ "Zm9vYmFy", "foobar", 6 },
		/* too much */
		{ "Zm9vYmFyIQ==", NULL, -1 },
		/* padding */
		{ "Zg=", NULL, -1 },
		{ "Zg", NULL, -1 },
		{ "Zm9", NULL, -1 },
		{ "Z", NULL, -1 },
		{ "Z===", NULL, -1 },
		{ "====", NULL, -1 },
		{ "=", NULL, -1 },
		{ "Zg==Zg==", NULL, -1 },
		{ "Zm9v=", NULL, -1 },
		{ "Z=g=", NULL, -1 },
		/* other bytes */
		{ "Zm9-", NULL, -1 },
		{ "Zm9_", NULL, -1 },
		{ "Zm9\v", NULL, -1 },
		{ "Zm9\xc3", NULL, -1 },
		{ "-----BEGIN", NULL, -1 },
	};
	unsigned char out[6];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str text = guard_copy(str_c(cases[i].text));
		int n = digest_from_base64(text, out, sizeof(out));

		if (n != cases[i].n)
			fail_msg("%s: %d", cases[i].text, n);
		if (n > 0)
			assert_memory_equal(out, cases[i].octets, (size_t)n);
		guard_free(text);
	}
	assert_int_equal(digest_from_base64(str_n("Zm\0v", 4), out, 6), -1);
}

static void
encodes_base64(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 9);
	digest_to_base64((const unsigned char *)"foob", 4, &b);
	assert_true(str_eq(buf_view(&b), STR("Zm9vYg==")));
	assert_false(buf_failed(&b));
	digest_to_base64((const unsigned char *)"f", 1, &b);
	assert_true(buf_failed(&b));
	buf_clear(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(hashes_empty_bodies),
		cmocka_unit_test(hashes_all_bodies),
		cmocka_unit_test(stops_at_the_limit),
		cmocka_unit_test(decodes_base64),
		cmocka_unit_test(encodes_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
