/* common/dkim/der */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/dkim/der.h"
#include "tests/unit/guard.h"

#define OCTETS(s) (s), sizeof(s) - 1

/* AlgorithmIdentifier of RSA and of Ed25519 */
#define RSA "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"
#define ED25519 "\x30\x05\x06\x03\x2b\x65\x70"
/* RSAPublicKey: 0xc5, 3 */
#define KEY "\x30\x07\x02\x02\x00\xc5\x02\x01\x03"

static const struct {
	const char *name, *p;
	size_t size;
	enum dkim_error want;
} cases[] = {
	{ "bare", OCTETS(KEY), DKIM_OK },
	{ "wrapped", OCTETS("\x30\x1b" RSA "\x03\x0a\x00" KEY), DKIM_OK },
	{ "lengths in the long form",
	    OCTETS("\x30\x81\x0a\x02\x82\x00\x02\x00\xc5\x02\x81\x01\x03"),
	    DKIM_OK },
	{ "another algorithm",
	    OCTETS("\x30\x0c" ED25519 "\x03\x03\x00\x01\x02"), DKIM_KEY_TYPE },
	{ "nothing", OCTETS(""), DKIM_KEY_SYNTAX },
	{ "no sequence", OCTETS("\x31\x07\x02\x02\x00\xc5\x02\x01\x03"),
	    DKIM_KEY_SYNTAX },
	{ "more after it", OCTETS(KEY "\x00"), DKIM_KEY_SYNTAX },
	{ "cut", OCTETS("\x30\x07\x02\x02\x00\xc5\x02\x01"), DKIM_KEY_SYNTAX },
	{ "indefinite length", OCTETS("\x30\x80\x02\x01\x05\x02\x01\x03\x00"),
	    DKIM_KEY_SYNTAX },
	{ "length of three octets",
	    OCTETS("\x30\x83\x00\x00\x06\x02\x01\x05\x02\x01\x03"),
	    DKIM_KEY_SYNTAX },
	{ "length cut", OCTETS("\x30\x82\x01"), DKIM_KEY_SYNTAX },
	{ "negative modulus", OCTETS("\x30\x06\x02\x01\xc5\x02\x01\x03"),
	    DKIM_KEY_SYNTAX },
	{ "modulus of zero", OCTETS("\x30\x06\x02\x01\x00\x02\x01\x03"),
	    DKIM_KEY_SYNTAX },
	{ "empty modulus", OCTETS("\x30\x05\x02\x00\x02\x01\x03"),
	    DKIM_KEY_SYNTAX },
	{ "no exponent", OCTETS("\x30\x03\x02\x01\x05"), DKIM_KEY_SYNTAX },
	{ "three numbers",
	    OCTETS("\x30\x09\x02\x01\x05\x02\x01\x03\x02\x01\x01"),
	    DKIM_KEY_SYNTAX },
	{ "bits that are not whole octets",
	    OCTETS("\x30\x1b" RSA "\x03\x0a\x01" KEY), DKIM_KEY_SYNTAX },
	{ "no bits", OCTETS("\x30\x11" RSA "\x03\x00"), DKIM_KEY_SYNTAX },
	{ "more after the bits",
	    OCTETS("\x30\x1d" RSA "\x03\x0a\x00" KEY "\x05\x00"),
	    DKIM_KEY_SYNTAX },
};

static struct der
der(struct str s)
{
	return (struct der){ (const unsigned char *)s.p, s.n };
}

static void
test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str s = guard_copy(str_n(cases[i].p, cases[i].size));
		struct der n = { 0 }, e = { 0 };
		enum dkim_error got = der_rsa(der(s), &n, &e);

		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].name, (int)got);
		if (got == DKIM_OK) {
			assert_int_equal(n.n, 1);
			assert_int_equal(n.p[0], 0xc5);
			assert_int_equal(e.n, 1);
			assert_int_equal(e.p[0], 3);
		}
		guard_free(s);
	}
}

/* Every octet that is missing is missed, and none beyond is read. */
static void
test_cut(void **state)
{
	static const struct str whole = { "\x30\x1b" RSA "\x03\x0a\x00" KEY,
		29 };
	struct der n, e;

	(void)state;
	assert_int_equal(der_rsa(der(whole), &n, &e), DKIM_OK);
	for (size_t k = 0; k < whole.n; k++) {
		struct str s = guard_copy(str_head(whole, k));
		assert_int_not_equal(der_rsa(der(s), &n, &e), DKIM_OK);
		guard_free(s);
	}
}

static void
test_bits(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		unsigned want;
	} numbers[] = {
		{ OCTETS("\x01"), 1 },
		{ OCTETS("\x03"), 2 },
		{ OCTETS("\x7f"), 7 },
		{ OCTETS("\x80"), 8 },
		{ OCTETS("\x01\x00"), 9 },
		{ OCTETS("\xff\xff\xff"), 24 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(
		    der_bits(der(str_n(numbers[i].p, numbers[i].n))),
		    numbers[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bits),
	};

	return cmocka_run_group_tests_name("der", tests, NULL, NULL);
}
