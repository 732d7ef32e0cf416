/* common/dkim/sig */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/dkim/sig.h"
#include "tests/unit/guard.h"

#define BH "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"
#define REST "v=1; a=rsa-sha256; d=a.example; s=sel; h=from; b=AAAA;" BH
/* Everything but one or two tags. */
#define NO_V "a=rsa-sha256; d=a.example; s=sel; h=from; b=AAAA;" BH
#define NO_A "v=1; d=a.example; s=sel; h=from; b=AAAA;" BH
#define NO_D "v=1; a=rsa-sha256; s=sel; h=from; b=AAAA;" BH
#define NO_S "v=1; a=rsa-sha256; d=a.example; h=from; b=AAAA;" BH
#define NO_H "v=1; a=rsa-sha256; d=a.example; s=sel; b=AAAA;" BH
#define NO_B "v=1; a=rsa-sha256; d=a.example; s=sel; h=from;" BH
#define NO_BH "v=1; a=rsa-sha256; d=a.example; s=sel; h=from; b=AAAA;"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
/* 64 octets each with the dot; 253 octets with the last label. */
#define D192 L63 "." L63 "." L63 "."
#define D253 \
	D192 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
/* With "sel._domainkey." before it 253 octets. */
#define D238 D192 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SIG64 \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AA" \
	"AAAAAAAAAAAAAAAA=="

/* The tag list, and what becomes of it. */
static const struct {
	const char *tags;
	enum dkim_error error;
} cases[] = {
	{ REST, DKIM_OK },
	{ "\n " REST " \n ", DKIM_OK },
	{ NO_V, DKIM_SIG_MISSING },
	{ NO_A, DKIM_SIG_MISSING },
	{ NO_D, DKIM_SIG_MISSING },
	{ NO_S, DKIM_SIG_MISSING },
	{ NO_H, DKIM_SIG_MISSING },
	{ NO_B, DKIM_SIG_MISSING },
	{ NO_BH, DKIM_SIG_MISSING },
	{ "", DKIM_SIG_MISSING },
	{ "garbage", DKIM_SIG_SYNTAX },
	{ REST "v=1", DKIM_SIG_SYNTAX },
	{ REST "u=1;u=2", DKIM_SIG_SYNTAX },
	{ NO_V "v=2", DKIM_SIG_VERSION },
	{ NO_V "v=", DKIM_SIG_VERSION },
	{ NO_V "v=1.0", DKIM_SIG_VERSION },
	{ NO_V "v=01", DKIM_SIG_VERSION },
	{ NO_A "a=rsa-sha512", DKIM_SIG_ALGORITHM },
	{ NO_A "a=RSA-SHA256", DKIM_SIG_ALGORITHM },
	{ NO_A "a=rsa", DKIM_SIG_ALGORITHM },
	{ NO_A "a=", DKIM_SIG_ALGORITHM },
	{ NO_A "a=rsa-sha1", DKIM_SIG_SHA1 },
	{ NO_V "v=2; q=x; c=x", DKIM_SIG_VERSION }, /* in this order */
	{ REST "c=simple", DKIM_OK },
	{ REST "c=relaxed/simple", DKIM_OK },
	{ REST "c=", DKIM_SIG_CANON },
	{ REST "c=relaxed/", DKIM_SIG_CANON },
	{ REST "c=/simple", DKIM_SIG_CANON },
	{ REST "c=Relaxed", DKIM_SIG_CANON },
	{ REST "c=nowsp", DKIM_SIG_CANON },
	{ REST "c=simple/simple/simple", DKIM_SIG_CANON },
	{ REST "q=dns/txt", DKIM_OK },
	{ REST "q=x : dns/txt", DKIM_OK },
	{ REST "q=", DKIM_SIG_QUERY },
	{ REST "q=dns/txtx", DKIM_SIG_QUERY },
	{ NO_D "d=", DKIM_SIG_DOMAIN },
	{ NO_D "d=.a.example", DKIM_SIG_DOMAIN },
	{ NO_D "d=a..example", DKIM_SIG_DOMAIN },
	{ NO_D "d=a.example.", DKIM_SIG_DOMAIN },
	{ NO_D "d=a b.example", DKIM_SIG_DOMAIN },
	{ NO_D "d=a/b.example", DKIM_SIG_DOMAIN },
	{ NO_D "d=[192.0.2.1]", DKIM_SIG_DOMAIN },
	{ NO_D "d=" L63 ".example", DKIM_OK },
	{ NO_D "d=" L63 "a.example", DKIM_SIG_DOMAIN },
	{ NO_D "d=" D253 "a", DKIM_SIG_DOMAIN },
	{ NO_D "d=" D253, DKIM_SIG_SELECTOR },
	{ NO_D "d=" D238, DKIM_OK },
	{ NO_D "d=" D238 "a", DKIM_SIG_SELECTOR },
	{ NO_D "d=b\xc3\xbc"
	       "cher.example",
	    DKIM_OK },
	{ NO_D "d=b\xfc"
	       "cher.example",
	    DKIM_SIG_DOMAIN },
	{ NO_D "d=\xe2\x80\x8b.example", DKIM_SIG_DOMAIN },
	{ NO_S "s=", DKIM_SIG_SELECTOR },
	{ NO_S "s=a..b", DKIM_SIG_SELECTOR },
	{ NO_S "s=a.b_c-d", DKIM_OK },
	{ NO_S "s=b\xc3\xbc"
	       "cher",
	    DKIM_OK },
	{ NO_H "h=", DKIM_SIG_FIELDS },
	{ NO_H "h=from:", DKIM_SIG_FIELDS },
	{ NO_H "h=from::to", DKIM_SIG_FIELDS },
	{ NO_H "h=from:a b", DKIM_SIG_FIELDS },
	{ NO_H "h=to", DKIM_SIG_FROM },
	{ NO_H "h=fromage", DKIM_SIG_FROM },
	{ NO_H "h=To : FROM", DKIM_OK },
	{ NO_BH "bh=", DKIM_SIG_HASH },
	{ NO_BH "bh=AAAA", DKIM_SIG_HASH },
	{ NO_BH "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA",
	    DKIM_SIG_HASH },
	{ NO_BH "bh=47DEQpj8HBSa\n +/TImW+5JCeuQeRk m5NMpJWZG3hSuFU=",
	    DKIM_OK },
	{ NO_B "b=", DKIM_SIG_VALUE },
	{ NO_B "b=A", DKIM_SIG_VALUE },
	{ NO_B "b=AA*A", DKIM_SIG_VALUE },
	{ NO_A "a=ed25519-sha256", DKIM_SIG_VALUE },
	{ "v=1; a=ed25519-sha256; d=a.example; s=s; h=from; b=" SIG64 ";" BH,
	    DKIM_OK },
	{ REST "i=@a.example", DKIM_OK },
	{ REST "i=u@A.EXAMPLE", DKIM_OK },
	{ REST "i=u@b.a.example", DKIM_OK },
	{ REST "i=u=40x@a.example", DKIM_OK },
	{ REST "i=x@evil.example@a.example", DKIM_OK },
	{ REST "i=@a=2Eexample", DKIM_OK },
	{ REST "i=u=40a.example", DKIM_OK },
	{ REST "i=u=40ba.example", DKIM_SIG_IDENTITY },
	{ REST "i=u=4@a.example", DKIM_SIG_SYNTAX },
	{ REST "i==zz@a.example", DKIM_SIG_SYNTAX },
	{ REST "i=u@ba.example", DKIM_SIG_IDENTITY },
	{ REST "i=u@example", DKIM_SIG_IDENTITY },
	{ REST "i=u@a.example@evil.example", DKIM_SIG_IDENTITY },
	{ REST "i=a.example", DKIM_SIG_IDENTITY },
	{ REST "i=", DKIM_SIG_IDENTITY },
	{ REST "i=@", DKIM_SIG_IDENTITY },
	{ REST "i=@a.example=", DKIM_SIG_SYNTAX },
	{ REST "i=@a.example=zz", DKIM_SIG_SYNTAX },
	{ NO_D "d=xn--bcher-kva.example; i=@b\xc3\xbc"
	       "cher.example",
	    DKIM_OK },
	{ REST "t=0", DKIM_OK },
	{ REST "t=999999999999", DKIM_OK },
	{ REST "t=1000000000000", DKIM_SIG_TIME },
	{ REST "t=", DKIM_SIG_TIME },
	{ REST "t=1a", DKIM_SIG_TIME },
	{ REST "t=-1", DKIM_SIG_TIME },
	{ REST "x=5", DKIM_OK },
	{ REST "t=5;x=6", DKIM_OK },
	{ REST "t=5;x=5", DKIM_SIG_TIME },
	{ REST "t=6;x=5", DKIM_SIG_TIME },
	{ REST "x=1000000000000", DKIM_SIG_TIME },
	{ REST "l=0", DKIM_OK },
	{ REST "l=99999999999999999999999999", DKIM_OK },
	{ REST "l=", DKIM_SIG_LENGTH },
	{ REST "l=1k", DKIM_SIG_LENGTH },
};

/* Parses a field with these tags, against an unreadable page. */
static enum dkim_error
parse(const char *tags, struct str *raw, struct sig *s)
{
	struct buf b;
	enum dkim_error e;

	buf_init(&b, 100000);
	buf_str(&b, STR("DKIM-Signature: "));
	buf_str(&b, str_c(tags));
	buf_str(&b, STR("\n"));
	*raw = guard_copy(buf_view(&b));
	buf_clear(&b);
	e = sig_parse(*raw, s);
	return e;
}

static void
checks_fields(void **state)
{
	struct sig s;
	struct str raw;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum dkim_error e = parse(cases[i].tags, &raw, &s);

		if (e != cases[i].error)
			fail_msg("%s: %s (%d)", cases[i].tags, error_text(e),
			    (int)e);
		guard_free(raw);
	}
}

static void
tells_values(void **state)
{
	struct sig s;
	struct str raw;

	(void)state;
	assert_int_equal(parse("a=rsa-sha256; v=1; c=relaxed; d=B.Example;"
			       "s=S1; i=u@x.b.example; t=10; x=20; l=30;"
			       "h=To : from; b= AA\n AA ; " BH,
			     &raw, &s),
	    DKIM_OK);
	assert_string_equal(s.domain, "b.example");
	assert_string_equal(s.identity, "x.b.example");
	assert_string_equal(s.query, "s1._domainkey.b.example");
	assert_true(str_eq(s.d, STR("B.Example")));
	assert_true(str_eq(s.s, STR("S1")));
	assert_true(str_eq(s.i, STR("u@x.b.example")));
	assert_true(str_eq(s.a, STR("rsa-sha256")));
	assert_true(str_eq(s.h, STR("To : from")));
	assert_true(str_eq(s.b_raw, STR(" AA\n AA ")));
	assert_int_equal(s.b_size, 3);
	assert_int_equal(s.header, CANON_RELAXED);
	assert_int_equal(s.body, CANON_SIMPLE);
	assert_true(s.has_t && s.has_x && s.has_l && s.has_i);
	assert_int_equal(s.t, 10);
	assert_int_equal(s.x, 20);
	assert_int_equal(s.l, 30);
	guard_free(raw);
	assert_int_equal(parse(REST, &raw, &s), DKIM_OK);
	assert_string_equal(s.identity, "a.example");
	assert_int_equal(s.header, CANON_SIMPLE);
	assert_false(s.has_t || s.has_x || s.has_l || s.has_i);
	guard_free(raw);
	/* what can be found is told even if the signature is no good */
	assert_int_equal(parse(NO_V "v=9", &raw, &s), DKIM_SIG_VERSION);
	assert_true(str_eq(s.d, STR("a.example")));
	assert_string_equal(s.domain, "");
	guard_free(raw);
	assert_int_equal(
	    parse(REST "l=99999999999999999999999999", &raw, &s), DKIM_OK);
	assert_true(s.l == UINT64_MAX - 1);
	guard_free(raw);
}

/* Both sides of SIG_FIELD_MAX and SIG_FIELDS_MAX. */
static void
keeps_limits(void **state)
{
	struct sig s;
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	buf_str(&b, STR("DKIM-Signature: " NO_H "h=from"));
	for (int i = 1; i < SIG_FIELDS_MAX; i++)
		buf_str(&b, STR(":x"));
	assert_int_equal(sig_parse(buf_view(&b), &s), DKIM_OK);
	buf_str(&b, STR(":x"));
	assert_int_equal(sig_parse(buf_view(&b), &s), DKIM_SIG_FIELDS);
	buf_reset(&b);
	buf_str(&b, STR("DKIM-Signature: " REST "z="));
	while (b.n < SIG_FIELD_MAX)
		buf_chr(&b, 'x');
	assert_int_equal(sig_parse(buf_view(&b), &s), DKIM_OK);
	buf_chr(&b, 'x');
	assert_int_equal(sig_parse(buf_view(&b), &s), DKIM_SIG_SIZE);
	buf_reset(&b);
	/* b= of the largest key, and one octet more */
	buf_str(&b, STR("DKIM-Signature: " NO_B "b="));
	for (size_t i = 0; i < SIG_VALUE_MAX / 3 * 4; i++)
		buf_chr(&b, 'A');
	buf_str(&b, STR("AA=="));
	assert_int_equal(sig_parse(buf_view(&b), &s), DKIM_OK);
	assert_int_equal(s.b_size, SIG_VALUE_MAX);
	b.n -= 2;
	buf_str(&b, STR("A="));
	assert_int_equal(sig_parse(buf_view(&b), &s), DKIM_SIG_VALUE);
	buf_clear(&b);
}

static void
checks_times(void **state)
{
	struct sig s = { .has_t = true, .t = 1000, .has_x = true, .x = 2000 };

	(void)state;
	assert_int_equal(sig_check(&s, 1500, false), DKIM_OK);
	assert_int_equal(sig_check(&s, 1000 - SIG_SKEW, false), DKIM_OK);
	assert_int_equal(sig_check(&s, 999 - SIG_SKEW, false), DKIM_SIG_FUTURE);
	assert_int_equal(sig_check(&s, 2000 + SIG_SKEW, false), DKIM_OK);
	assert_int_equal(
	    sig_check(&s, 2001 + SIG_SKEW, false), DKIM_SIG_EXPIRED);
	s.has_l = true;
	assert_int_equal(sig_check(&s, 1500, false), DKIM_SIG_PARTIAL);
	assert_int_equal(sig_check(&s, 1500, true), DKIM_OK);
}

static void
converts_names(void **state)
{
	static const struct {
		const char *text, *name;
	} names[] = {
		{ "a", "a" },
		{ "Example.ORG", "example.org" },
		{ "_x.a-b.example", "_x.a-b.example" },
		{ "XN--bcher-KVA.example", "xn--bcher-kva.example" },
		{ "B\xc3\x9c"
		  "CHER.example",
		    "xn--bcher-kva.example" },
		/* composed (NFC) first */
		{ "bu\xcc\x88"
		  "cher.example",
		    "xn--bcher-kva.example" },
		{ "fa\xc3\x9f.example", "xn--fa-hia.example" },
		{ "", NULL },
		{ ".", NULL },
		{ "a.", NULL },
		{ "a b", NULL },
		{ "a\nb", NULL },
		{ "\xc3", NULL },
		{ "\xed\xa0\x80.example", NULL },
		{ "\xc3\xbc"
		  "\xe2\x80\xae.example",
		    NULL },
	};
	char out[SIG_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str text = guard_copy(str_c(names[i].text));
		int r = sig_domain(text, out);

		assert_int_equal(r, names[i].name == NULL ? -1 : 0);
		if (r == 0)
			assert_string_equal(out, names[i].name);
		guard_free(text);
	}
	assert_int_equal(sig_domain(str_n("\xc3\xbc\0.a", 5), out), -1);
}

static void
knows_subdomains(void **state)
{
	(void)state;
	assert_true(sig_is_below("a.example", "a.example"));
	assert_true(sig_is_below("b.a.example", "a.example"));
	assert_false(sig_is_below("ba.example", "a.example"));
	assert_false(sig_is_below("example", "a.example"));
	assert_false(sig_is_below("", "a.example"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_fields),
		cmocka_unit_test(tells_values),
		cmocka_unit_test(keeps_limits),
		cmocka_unit_test(checks_times),
		cmocka_unit_test(converts_names),
		cmocka_unit_test(knows_subdomains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
