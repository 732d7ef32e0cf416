/* common/dkim/verify, and with it everything below it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/dkim/fields.h"
#include "common/dkim/verify.h"
#include "tests/unit/guard.h"
#include "tests/unit/vectors.h"

static const struct verify_options defaults;

static void
append_result(struct buf *out, enum dkim_result r)
{
	if (out->n > 0)
		buf_chr(out, ',');
	buf_str(out, str_c(error_word(r)));
}

/* "pass*limit then policy": eight passes and seventeen refusals. */
static void
expand_many(struct buf *out)
{
	for (size_t i = 0; i < 25; i++)
		append_result(
		    out, i < VERIFY_CHECKED ? DKIM_PASS : DKIM_POLICY);
}

static bool
is_expected(struct str expected, struct str got)
{
	struct str one;
	bool more = true;

	while (more) {
		more = str_cut(&expected, '|', &one);
		if (str_eq(one, got))
			return true;
	}
	return false;
}

/* One row of cases.tsv. */
static void
run_case(struct str name, struct str expected, struct str zone)
{
	struct buf message = vectors_message(name), got, many;
	struct str text = guard_copy(buf_view(&message));
	struct verify *v = vectors_verify(text, zone, &defaults, VECTORS_NOW);

	buf_init(&got, 1000);
	buf_init(&many, 1000);
	assert_non_null(v);
	for (size_t i = 0; i < verify_count(v); i++)
		append_result(&got, verify_get(v, i)->result);
	if (verify_count(v) == 0)
		append_result(&got, verify_result(v));
	if (str_eq(name, STR("r-many"))) {
		expand_many(&many);
		expected = buf_view(&many);
	}
	if (!is_expected(expected, buf_view(&got)))
		fail_msg("%.*s: expected %.*s, got %.*s (%s)", (int)name.n,
		    name.p, (int)expected.n, expected.p, (int)got.n, got.p,
		    error_text(verify_get(v, 0)->error));
	verify_free(v);
	guard_free(text);
	buf_clear(&got);
	buf_clear(&many);
	buf_clear(&message);
}

static void
gives_all_results(void **state)
{
	struct buf cases = vectors_read(VECTORS "cases.tsv");
	struct buf zone = vectors_read(VECTORS "zone.tsv");
	struct str rest = buf_view(&cases), line, name, expected;
	size_t n = 0;

	(void)state;
	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		(void)str_cut(&line, '\t', &name);
		(void)str_cut(&line, '\t', &expected);
		run_case(name, expected, buf_view(&zone));
		n++;
	}
	assert_int_equal(n, 135);
	buf_clear(&cases);
	buf_clear(&zone);
}

/* ---- one good message, handled in unusual ways ---- */

struct message {
	struct buf zone, text;
	struct str header, body;
};

static void
open_message(struct message *m, const char *name)
{
	m->zone = vectors_read(VECTORS "zone.tsv");
	m->text = vectors_message(str_c(name));
	m->body = buf_view(&m->text);
	m->header = vectors_header(&m->body);
}

static void
close_message(struct message *m)
{
	buf_clear(&m->zone);
	buf_clear(&m->text);
}

/* The key may come before, within or after the body, and twice. */
static void
takes_keys_at_any_time(void **state)
{
	struct message m;

	(void)state;
	open_message(&m, "10-relaxed-relaxed");
	for (int i = 0; i < 4; i++) {
		struct verify *v = verify_new(
		    m.header, false, STR_NULL, &defaults, VECTORS_NOW);

		assert_string_equal(
		    verify_get(v, 0)->query, "r2048._domainkey.dkim.example");
		assert_string_equal(verify_get(v, 0)->domain, "dkim.example");
		if (i == 0 || i == 2)
			vectors_answer(v, 0, buf_view(&m.zone));
		verify_body(v, m.body);
		if (i == 1 || i == 2)
			vectors_answer(v, 0, buf_view(&m.zone));
		assert_false(verify_is_decided(v));
		verify_finish(v);
		assert_true(verify_is_decided(v));
		assert_int_equal(
		    verify_result(v), i == 3 ? DKIM_TEMPERROR : DKIM_PASS);
		if (i < 3)
			assert_int_equal(verify_get(v, 0)->bits, 2048);
		verify_free(v);
	}
	close_message(&m);
}

/* Whatever is left out: nothing passes. */
static void
never_passes_unchecked(void **state)
{
	struct message m;
	struct verify *v;

	(void)state;
	open_message(&m, "10-relaxed-relaxed");
	/* not finished */
	v = verify_new(m.header, false, STR_NULL, &defaults, VECTORS_NOW);
	vectors_answer(v, 0, buf_view(&m.zone));
	verify_body(v, m.body);
	assert_int_equal(verify_result(v), DKIM_TEMPERROR);
	assert_int_equal(verify_get(v, 0)->error, DKIM_UNCHECKED);
	verify_free(v);
	/* no body */
	v = verify_new(m.header, false, STR_NULL, &defaults, VECTORS_NOW);
	vectors_answer(v, 0, buf_view(&m.zone));
	verify_finish(v);
	assert_int_equal(verify_get(v, 0)->error, DKIM_BODY_MISMATCH);
	verify_free(v);
	/* a header that is not all there */
	v = verify_new(m.header, true, STR_NULL, &defaults, VECTORS_NOW);
	assert_true(verify_is_decided(v));
	assert_null(verify_get(v, 0)->query);
	verify_body(v, m.body);
	verify_finish(v);
	assert_int_equal(verify_get(v, 0)->error, DKIM_HEADER_SIZE);
	verify_free(v);
	verify_free(NULL);
	close_message(&m);
}

static void
maps_dns(void **state)
{
	static const struct {
		enum verify_dns outcome;
		enum dkim_error error;
	} cases[] = {
		{ VERIFY_NO_RECORD, DKIM_KEY_NONE },
		{ VERIFY_DNS_FAILED, DKIM_KEY_DNS },
		{ VERIFY_CHAIN_TOO_LONG, DKIM_KEY_CHAIN },
	};
	struct message m;

	(void)state;
	open_message(&m, "10-relaxed-relaxed");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verify *v = verify_new(
		    m.header, false, STR_NULL, &defaults, VECTORS_NOW);

		verify_dns(v, 0, cases[i].outcome);
		verify_body(v, m.body);
		verify_finish(v);
		assert_int_equal(verify_get(v, 0)->error, cases[i].error);
		verify_free(v);
	}
	close_message(&m);
}

/* The results of the l= messages once l= is taken. */
static void
takes_partial_bodies(void **state)
{
	static const struct verify_options allow = { .allow_l = true };
	static const struct {
		const char *name;
		enum dkim_error error;
	} cases[] = {
		{ "l-exact", DKIM_OK },
		{ "l-appended", DKIM_OK },
		{ "l-zero", DKIM_OK },
		{ "l-mid-line", DKIM_OK },
		{ "l-too-big", DKIM_SIG_TOO_LONG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message m;
		struct verify *v;

		open_message(&m, cases[i].name);
		v = vectors_verify(
		    buf_view(&m.text), buf_view(&m.zone), &allow, VECTORS_NOW);
		assert_int_equal(verify_get(v, 0)->error, cases[i].error);
		verify_free(v);
		close_message(&m);
	}
}

/* Times, on both sides of each limit: 10-* has t=1735689600. */
static void
reads_the_clock_it_is_given(void **state)
{
	struct message m;
	struct verify *v;

	(void)state;
	open_message(&m, "10-relaxed-relaxed");
	v = verify_new(
	    m.header, false, STR_NULL, &defaults, 1735689600 - SIG_SKEW);
	assert_int_equal(verify_get(v, 0)->error, DKIM_UNCHECKED);
	verify_free(v);
	v = verify_new(
	    m.header, false, STR_NULL, &defaults, 1735689599 - SIG_SKEW);
	assert_int_equal(verify_get(v, 0)->error, DKIM_SIG_FUTURE);
	verify_free(v);
	close_message(&m);
}

/* ---- many signatures ---- */

#define SIGNATURE(d, b) \
	"DKIM-Signature: v=1; a=rsa-sha256; d=" d "; s=s; h=from;\n" \
	"\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" b "\n"

/* The author's own signatures come first, then the order of the header. */
static void
prefers_the_author(void **state)
{
	static const char header[] = SIGNATURE("x.example", "AAAA")
	    SIGNATURE("sub.a.example", "AAAA") SIGNATURE("y.example", "AAAA")
		SIGNATURE("xa.example", "AAAA") SIGNATURE("example", "AAAA");
	static const bool chosen[][5] = {
		{ false, true, false, false, false },
		{ false, true, false, false, true },
		{ true, true, false, false, true },
		{ true, true, true, false, true },
		{ true, true, true, true, true },
	};

	(void)state;
	for (size_t n = 1; n <= 5; n++) {
		struct verify_options o = { .checked = n };
		struct verify *v = verify_new(
		    str_c(header), false, STR("A.Example"), &o, VECTORS_NOW);

		for (size_t i = 0; i < 5; i++) {
			const struct verify_sig *s = verify_get(v, i);

			assert_int_equal(s->query != NULL, chosen[n - 1][i]);
			assert_int_equal(s->error,
			    chosen[n - 1][i] ? DKIM_UNCHECKED : DKIM_TOO_MANY);
			assert_int_equal(s->single_label, i == 4);
		}
		verify_free(v);
	}
}

/* Signatures that are broken take no place of good ones. */
static void
counts_only_what_it_checks(void **state)
{
	static const struct verify_options one = { .checked = 1 };
	static const char header[] = "DKIM-Signature: broken\n" SIGNATURE(
	    "a_b..c", "AAAA") SIGNATURE("a.example", "AAAA");
	struct verify *v =
	    verify_new(str_c(header), false, STR_NULL, &one, VECTORS_NOW);

	(void)state;
	assert_int_equal(verify_count(v), 3);
	assert_int_equal(verify_get(v, 0)->error, DKIM_SIG_SYNTAX);
	assert_string_equal(verify_get(v, 0)->domain, "");
	assert_int_equal(verify_get(v, 1)->error, DKIM_SIG_DOMAIN);
	assert_true(str_eq(verify_get(v, 1)->d, STR("a_b..c")));
	assert_int_equal(verify_get(v, 2)->error, DKIM_UNCHECKED);
	verify_free(v);
}

static void
keeps_limits(void **state)
{
	struct verify_options o = { .checked = 1000 };
	struct buf b;
	struct verify *v;
	size_t open = 0;

	(void)state;
	buf_init(&b, 1000000);
	for (int i = 0; i < VERIFY_LISTED_MAX + 3; i++)
		buf_str(&b, STR(SIGNATURE("a.example", "AAAA")));
	v = verify_new(buf_view(&b), false, STR_NULL, &o, VECTORS_NOW);
	assert_int_equal(verify_count(v), VERIFY_LISTED_MAX);
	assert_int_equal(verify_dropped(v), 3);
	for (size_t i = 0; i < verify_count(v); i++)
		open += verify_get(v, i)->query != NULL;
	assert_int_equal(open, VERIFY_CHECKED_MAX);
	verify_finish(v);
	assert_true(verify_is_decided(v));
	assert_int_equal(verify_result(v), DKIM_FAIL);
	verify_free(v);
	/* too many fields to know what is covered */
	buf_reset(&b);
	buf_str(&b, STR(SIGNATURE("a.example", "AAAA")));
	for (int i = 0; i < FIELDS_MAX; i++)
		buf_str(&b, STR("X: y\n"));
	v = verify_new(buf_view(&b), false, STR_NULL, &o, VECTORS_NOW);
	assert_int_equal(verify_get(v, 0)->error, DKIM_HEADER_SIZE);
	verify_free(v);
	/* a field too long to read */
	buf_reset(&b);
	buf_str(&b, STR(SIGNATURE("a.example", "AAAA")));
	b.n--;
	while (b.n <= SIG_FIELD_MAX)
		buf_str(&b, STR("AAAA"));
	buf_chr(&b, '\n');
	v = verify_new(buf_view(&b), false, STR_NULL, &o, VECTORS_NOW);
	assert_int_equal(verify_get(v, 0)->error, DKIM_SIG_SIZE);
	verify_free(v);
	buf_clear(&b);
}

/* RFC 6008: as many characters as it takes, eight at least. */
static void
tells_values_apart(void **state)
{
	static const char header[] = SIGNATURE("a.example", "ABCD\n EFGHIJ==")
	    SIGNATURE("a.example", "ABCDEFGHIKLM")
		SIGNATURE("a.example", "ZZZZ")
		    SIGNATURE("a.example", "XXXX AAAA BBBB");
	struct verify *v =
	    verify_new(str_c(header), false, STR_NULL, &defaults, VECTORS_NOW);

	(void)state;
	assert_true(str_eq(verify_get(v, 0)->b, STR("ABCDEFGHIJ")));
	assert_true(str_eq(verify_get(v, 1)->b, STR("ABCDEFGHIK")));
	assert_true(str_eq(verify_get(v, 2)->b, STR("ZZZZ")));
	assert_true(str_eq(verify_get(v, 3)->b, STR("XXXXAAAA")));
	verify_free(v);
}

static void
passes_over_unsigned_mail(void **state)
{
	struct verify *v = verify_new(
	    STR("From: a\n"), false, STR_NULL, &defaults, VECTORS_NOW);

	(void)state;
	assert_int_equal(verify_count(v), 0);
	assert_true(verify_is_decided(v));
	verify_body(v, STR("x"));
	verify_finish(v);
	assert_int_equal(verify_result(v), DKIM_NONE);
	verify_free(v);
	v = verify_new(STR_NULL, false, STR_NULL, &defaults, VECTORS_NOW);
	assert_int_equal(verify_result(v), DKIM_NONE);
	verify_free(v);
}

/*
 * Cuts a good message's header after every byte: no crash, and no pass without
 * a body.
 */
static void
survives_cuts(void **state)
{
	struct message m;

	(void)state;
	open_message(&m, "02-rfc8463-a3");
	for (size_t n = 0; n <= m.header.n; n++) {
		struct str cut = guard_copy(str_head(m.header, n));
		struct verify *v =
		    verify_new(cut, false, STR_NULL, &defaults, VECTORS_NOW);

		assert_non_null(v);
		verify_finish(v);
		assert_int_not_equal(verify_result(v), DKIM_PASS);
		verify_free(v);
		guard_free(cut);
	}
	close_message(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_all_results),
		cmocka_unit_test(takes_keys_at_any_time),
		cmocka_unit_test(never_passes_unchecked),
		cmocka_unit_test(maps_dns),
		cmocka_unit_test(takes_partial_bodies),
		cmocka_unit_test(reads_the_clock_it_is_given),
		cmocka_unit_test(prefers_the_author),
		cmocka_unit_test(counts_only_what_it_checks),
		cmocka_unit_test(keeps_limits),
		cmocka_unit_test(tells_values_apart),
		cmocka_unit_test(passes_over_unsigned_mail),
		cmocka_unit_test(survives_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
