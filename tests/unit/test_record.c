/* common/dkim/record */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/dkim/record.h"
#include "tests/unit/guard.h"
#include "tests/unit/vectors.h"

/* RFC 8463 appendix A.2 */
#define ED "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
/* 512 bits */
#define SHORT \
	"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK8RPnXEW1PkRSHXT2hHXcNxBXmSzi7H" \
	"Wf5TyXwqJtDCRDpMXcmtGYX9QC8Bi29DDQBxKzQqUwbHKFGmKZEJZU0CAwEAAQ=="

#define NOT_ONE DKIM_ERRORS /* no key record at all */

static const struct {
	const char *txt;
	enum dkim_error error;
} cases[] = {
	{ "v=DKIM1; k=ed25519; p=" ED, DKIM_OK },
	{ "k=ed25519; p=" ED, DKIM_OK },
	{ " v = DKIM1 ; k =\ted25519 ; p = " ED " ; ", DKIM_OK },
	{ "p=" ED ";k=ed25519", DKIM_OK },
	{ "v=DKIM1; k=ed25519; n=note; g=; x=y; p=" ED, DKIM_OK },
	/* v= */
	{ "k=ed25519; v=DKIM1; p=" ED, DKIM_KEY_VERSION },
	{ "v=DKIM2; k=ed25519; p=" ED, DKIM_KEY_VERSION },
	{ "v=dkim1; k=ed25519; p=" ED, DKIM_KEY_VERSION },
	{ "v=; k=ed25519; p=" ED, DKIM_KEY_VERSION },
	{ "v=DKIM1 x; k=ed25519; p=" ED, DKIM_KEY_VERSION },
	/* k= */
	{ "v=DKIM1; p=" ED, DKIM_KEY_SYNTAX },
	{ "v=DKIM1; k=; p=" ED, DKIM_KEY_TYPE },
	{ "v=DKIM1; k=ed; p=" ED, DKIM_KEY_TYPE },
	{ "v=DKIM1; k=RSA; p=" ED, DKIM_KEY_TYPE },
	{ "v=DKIM1; k=rsax; p=" ED, DKIM_KEY_TYPE },
	/* p= */
	{ "v=DKIM1; k=ed25519", DKIM_KEY_SYNTAX },
	{ "v=DKIM1; k=ed25519; p=", DKIM_KEY_REVOKED },
	{ "v=DKIM1; k=ed25519; p= \t ", DKIM_KEY_REVOKED },
	{ "p=", DKIM_KEY_REVOKED },
	{ "v=DKIM1; k=ed25519; p=AAAA", DKIM_KEY_SYNTAX },
	{ "v=DKIM1; k=ed25519; p=*", DKIM_KEY_SYNTAX },
	{ "v=DKIM1; p=" SHORT, DKIM_KEY_SHORT },
	/* h= and s= */
	{ "k=ed25519; h=sha256; p=" ED, DKIM_OK },
	{ "k=ed25519; h=sha1 : x : sha256; p=" ED, DKIM_OK },
	{ "k=ed25519; h=sha1; p=" ED, DKIM_KEY_HASH },
	{ "k=ed25519; h=sha2567; p=" ED, DKIM_KEY_HASH },
	{ "k=ed25519; h=; p=" ED, DKIM_KEY_HASH },
	{ "k=ed25519; s=*; p=" ED, DKIM_OK },
	{ "k=ed25519; s=x:email; p=" ED, DKIM_OK },
	{ "k=ed25519; s=x; p=" ED, DKIM_KEY_SERVICE },
	{ "k=ed25519; s=; p=" ED, DKIM_KEY_SERVICE },
	/* broken, but meant as one */
	{ "v=DKIM1; k=ed25519; p=" ED "; p=" ED, DKIM_KEY_SYNTAX },
	{ "v=DKIM1; p", DKIM_KEY_SYNTAX },
	{ "v=DKIM1", DKIM_KEY_SYNTAX },
	/* something else */
	{ "", NOT_ONE },
	{ ";", NOT_ONE },
	{ "v=spf1 include:example.com ~all", NOT_ONE },
	{ "v=DMARC1; sp=none", NOT_ONE },
	{ "any text", NOT_ONE },
	{ "a=b; a=c", NOT_ONE },
};

static void
reads_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str txt = guard_copy(str_c(cases[i].txt));
		struct record_set *set = record_set_new(&txt, 1);
		enum dkim_error e;

		assert_non_null(set);
		e = set->n > 0 ? set->v[0].error : set->error;
		if (e == DKIM_KEY_NONE)
			e = NOT_ONE;
		if (e != cases[i].error)
			fail_msg("%s: %d", cases[i].txt, (int)e);
		if (set->n > 0)
			assert_int_equal(set->v[0].key != NULL, e == DKIM_OK);
		record_set_free(set);
		guard_free(txt);
	}
}

static void
reads_flags(void **state)
{
	static const struct {
		const char *txt;
		bool testing, strict;
	} flags[] = {
		{ "k=ed25519; p=" ED, false, false },
		{ "k=ed25519; t=y; p=" ED, true, false },
		{ "k=ed25519; t=s; p=" ED, false, true },
		{ "k=ed25519; t= x : s : y; p=" ED, true, true },
		{ "k=ed25519; t=ys; p=" ED, false, false },
		{ "k=ed25519; t=; p=" ED, false, false },
		{ "k=ed25519; t=y; p=", true, false },
		{ "k=ed25519; t=y; h=sha1; p=" ED, true, false },
		{ "k=ed25519; t=y; s=other; p=" ED, true, false },
		{ "k=x; t=y; p=" ED, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct str txt = str_c(flags[i].txt);
		struct record_set *set = record_set_new(&txt, 1);

		assert_int_equal(set->v[0].testing, flags[i].testing);
		assert_int_equal(set->v[0].strict, flags[i].strict);
		record_set_free(set);
	}
}

/* Of several records the first key records count; a foreign v= none at all. */
static void
chooses_among_several(void **state)
{
	struct str txt[] = {
		STR("v=spf1 -all"),
		STR("v=DKIM2; p=AAAA"),
		STR("k=ed25519; p=" ED),
		STR("v=DKIM1; p="),
		STR("v=DKIM1; k=x; p=AAAA"),
	};
	struct str many[RECORD_TXT_MAX + 1];
	struct record_set *set = record_set_new(txt, 5);

	(void)state;
	assert_int_equal(set->n, RECORD_KEYS_MAX);
	assert_int_equal(set->v[0].error, DKIM_OK);
	assert_int_equal(set->v[1].error, DKIM_KEY_REVOKED);
	record_set_free(set);
	set = record_set_new(txt, 2);
	assert_int_equal(set->n, 0);
	assert_int_equal(set->error, DKIM_KEY_VERSION);
	record_set_free(set);
	set = record_set_new(txt, 1);
	assert_int_equal(set->error, DKIM_KEY_NONE);
	record_set_free(set);
	for (size_t i = 0; i < RECORD_TXT_MAX; i++)
		many[i] = txt[0];
	many[RECORD_TXT_MAX] = txt[2];
	set = record_set_new(many, RECORD_TXT_MAX + 1);
	assert_int_equal(set->n, 0);
	record_set_free(set);
	set = record_set_new(many + 1, RECORD_TXT_MAX);
	assert_int_equal(set->n, 1);
	assert_ptr_equal(record_set_ref(set), set);
	record_set_free(set);
	assert_int_equal(set->v[0].error, DKIM_OK);
	record_set_free(set);
	record_set_free(NULL);
}

static void
keeps_limits(void **state)
{
	struct buf b;
	struct str txt;
	struct record_set *set;

	(void)state;
	buf_init(&b, 100000);
	buf_str(&b, STR("k=ed25519; p=" ED "; n="));
	while (b.n < RECORD_MAX)
		buf_chr(&b, 'x');
	txt = buf_view(&b);
	set = record_set_new(&txt, 1);
	assert_int_equal(set->v[0].error, DKIM_OK);
	record_set_free(set);
	buf_chr(&b, 'x');
	txt = buf_view(&b);
	set = record_set_new(&txt, 1);
	assert_int_equal(set->v[0].error, DKIM_KEY_SIZE);
	record_set_free(set);
	buf_clear(&b);
}

/* What is published for a key is what record_match() finds again. */
static void
matches_what_it_writes(void **state)
{
	struct key *rsa = key_generate(KEY_RSA, 1024);
	struct key *ed = key_generate(KEY_ED25519, 0);
	struct str txt[2], revoked = STR("v=DKIM1; p=");
	struct str other = STR("v=spf1"), bad = STR("v=DKIM1; p=AAAA");
	struct buf a, b;
	struct record_set *set;

	(void)state;
	buf_init(&a, RECORD_MAX);
	buf_init(&b, RECORD_MAX);
	record_format(rsa, &a);
	record_format(ed, &b);
	assert_true(str_starts(buf_view(&a), STR("v=DKIM1; k=rsa; p=MI")));
	assert_true(str_starts(buf_view(&b), STR("v=DKIM1; k=ed25519; p=")));
	txt[0] = buf_view(&a);
	txt[1] = buf_view(&b);
	set = record_set_new(txt, 2);
	assert_int_equal(record_match(set, rsa), RECORD_SAME);
	assert_int_equal(record_match(set, ed), RECORD_SAME);
	record_set_free(set);
	set = record_set_new(txt, 1);
	assert_int_equal(record_match(set, ed), RECORD_DIFFERENT);
	record_set_free(set);
	set = record_set_new(&revoked, 1);
	assert_int_equal(record_match(set, rsa), RECORD_REVOKED);
	record_set_free(set);
	set = record_set_new(&bad, 1);
	assert_int_equal(record_match(set, rsa), RECORD_UNUSABLE);
	record_set_free(set);
	set = record_set_new(&other, 1);
	assert_int_equal(record_match(set, rsa), RECORD_MISSING);
	record_set_free(set);
	set = record_set_new(NULL, 0);
	assert_int_equal(record_match(set, rsa), RECORD_MISSING);
	record_set_free(set);
	buf_clear(&a);
	buf_clear(&b);
	key_free(rsa);
	key_free(ed);
}

/* The well-known public keys are what the private ones give. */
static void
agrees_with_the_zone(void **state)
{
	static const struct {
		const char *path, *name;
	} keys[] = {
		{ VECTORS "keys/rfc6376-rsa1024.pem",
		    "brisbane._domainkey.example.com" },
		{ VECTORS "keys/rfc8463-ed25519.pem",
		    "brisbane._domainkey.football.example.com" },
		{ VECTORS "keys/test-rsa2048.pem",
		    "r2048._domainkey.dkim.example" },
		{ VECTORS "keys/test-rsa2048.pem",
		    "pkcs1._domainkey.dkim.example" },
		{ VECTORS "keys/test-rsa4096.pem",
		    "r4096._domainkey.dkim.example" },
	};
	struct buf zone = vectors_read(VECTORS "zone.tsv");

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct buf file = vectors_read(keys[i].path), txt;
		struct record_set *set;
		struct str view;
		struct key *k;
		size_t n;

		assert_int_equal(
		    vectors_resolve(buf_view(&zone), keys[i].name, &txt, 1, &n),
		    VECTORS_TXT);
		view = guard_copy(buf_view(&txt));
		set = record_set_new(&view, 1);
		assert_int_equal(key_parse(buf_view(&file), &k), KEY_GOOD);
		assert_int_equal(record_match(set, k), RECORD_SAME);
		key_free(k);
		record_set_free(set);
		guard_free(view);
		buf_clear(&txt);
		buf_clear(&file);
	}
	buf_clear(&zone);
}

static void
writes_zones(void **state)
{
	struct buf text, expected, b;

	(void)state;
	buf_init(&text, 1000);
	buf_init(&expected, 2000);
	buf_init(&b, 2000);
	record_format_zone(
	    STR("s"), STR("a.example"), STR("v=DKIM1; p=\"\\"), &b);
	assert_true(str_eq(buf_view(&b),
	    STR("s._domainkey.a.example. IN TXT ( \"v=DKIM1; p=\\\"\\\\\" "
		")\n")));
	buf_reset(&b);
	while (text.n < RECORD_STRING_MAX)
		buf_chr(&text, 'x');
	buf_fmt(&expected, "s._domainkey.d. IN TXT ( \"%.*s\"", (int)text.n,
	    text.p);
	record_format_zone(STR("s"), STR("d"), buf_view(&text), &b);
	assert_true(str_starts(buf_view(&b), buf_view(&expected)));
	assert_int_equal(b.n, expected.n + 3);
	buf_reset(&b);
	buf_chr(&text, 'y');
	buf_str(&expected, STR(" \"y\" )\n"));
	record_format_zone(STR("s"), STR("d"), buf_view(&text), &b);
	assert_true(str_eq(buf_view(&b), buf_view(&expected)));
	buf_clear(&text);
	buf_clear(&expected);
	buf_clear(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_records),
		cmocka_unit_test(reads_flags),
		cmocka_unit_test(chooses_among_several),
		cmocka_unit_test(keeps_limits),
		cmocka_unit_test(matches_what_it_writes),
		cmocka_unit_test(agrees_with_the_zone),
		cmocka_unit_test(writes_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
