/* filter-dkimverify/authres */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/message/fold.h"
#include "filter-dkimverify/authres.h"
#include "tests/unit/vectors.h"

enum {
	NOW = 1767225600,
};

static const struct verify_options defaults;

/* The field for a header block; DNS says nothing. */
static struct buf
field_of(struct str block, struct str id)
{
	struct verify *v = verify_new(block, false, STR_NULL, &defaults, NOW);
	struct buf out;

	buf_init(&out, AUTHRES_MAX);
	assert_non_null(v);
	verify_finish(v);
	authres_format(id, v, &out);
	assert_false(buf_failed(&out));
	verify_free(v);
	return out;
}

static const struct {
	const char *block, *id, *want;
} cases[] = {
	{ "From: a@b.example\n", "mx.example.net",
	    "Authentication-Results: mx.example.net;\n\tdkim=none\n" },
	{ "", "a@b", "Authentication-Results: \"a@b\";\n\tdkim=none\n" },
	{ "", "two words",
	    "Authentication-Results: \"two words\";\n"
	    "\tdkim=none\n" },
	{ "DKIM-Signature: v=1; d=a.example; s=b; a=c; b=0123456789\n", "mx",
	    "Authentication-Results: mx;\n"
	    "\tdkim=neutral reason=\"signature lacks a tag\" "
	    "header.d=a.example\n"
	    "\theader.s=b header.a=c header.b=01234567\n" },
	/* not a tag list: nothing of it is shown */
	{ "DKIM-Signature: x\nDKIM-Signature: d=\n", "mx",
	    "Authentication-Results: mx;\n"
	    "\tdkim=neutral reason=\"signature syntax error\";\n"
	    "\tdkim=neutral reason=\"signature lacks a tag\"\n" },
	/* quotes, comments, separators, a fold and 8 bit in each property */
	{ "DKIM-Signature: v=1; d=a\"b(c),e@f=\n g\xc3\xbc\xff\n\t; "
	  "s=x\\y:z; a=<p>/q; b=\"+/=\n  )(/\"; i=\xc3\xbc\"@\\ x\n",
	    "mx", NULL },
};

/*
 * What a reader sees of a field: no line that could be another field, quotes
 * that are closed, nothing outside of them but tokens.
 */
static void
assert_harmless(struct str field)
{
	struct str line;
	bool quoted = false, first = true;

	while (str_cut(&field, '\n', &line)) {
		assert_true(line.n <= FOLD_LINE_MAX);
		assert_true(first || line.p[0] == '\t');
		for (size_t i = 0; i < line.n; i++) {
			unsigned char c = (unsigned char)line.p[i];
			assert_true(c == '\t' || (c >= ' ' && c != 0x7f));
			if (quoted && c == '\\')
				i++;
			else if (c == '"')
				quoted = !quoted;
			else if (!quoted)
				assert_null(strchr("()<>,\\[]", c));
		}
		first = false;
	}
	assert_int_equal(field.n, 0);
	assert_false(quoted);
}

static void
fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf got =
		    field_of(str_c(cases[i].block), str_c(cases[i].id));
		assert_harmless(buf_view(&got));
		buf_chr(&got, '\0');
		if (cases[i].want != NULL)
			assert_string_equal(got.p, cases[i].want);
		buf_clear(&got);
	}
}

/* Every byte in every property. */
static void
any_byte(void **state)
{
	static const char tags[] = "dsaib";

	(void)state;
	for (size_t t = 0; t < sizeof(tags) - 1; t++) {
		for (unsigned c = 1; c < 256; c++) {
			struct buf block, got;

			if (c == '\n')
				continue;
			buf_init(&block, 1000);
			buf_fmt(&block, "DKIM-Signature: v=1; %c=x", tags[t]);
			buf_chr(&block, (char)c);
			buf_fmt(&block, "\"y;\n z=1\n");
			got = field_of(buf_view(&block), STR("mx"));
			assert_harmless(buf_view(&got));
			buf_clear(&got);
			buf_clear(&block);
		}
	}
}

/* The largest that all limits together allow. */
static void
largest(void **state)
{
	struct buf block, got;

	(void)state;
	buf_init(&block, 4 * 1024 * 1024);
	for (unsigned i = 0; i < VERIFY_LISTED_MAX + 5; i++) {
		buf_fmt(&block, "DKIM-Signature: v=1; b=%u", i);
		for (const char *tag = "dsai"; *tag != '\0'; tag++) {
			buf_fmt(&block, ";\n %c=", *tag);
			for (unsigned k = 0; k < 300; k++)
				buf_chr(&block, '"');
		}
		buf_chr(&block, '\n');
	}
	assert_false(buf_failed(&block));
	got = field_of(buf_view(&block), STR("mx"));
	assert_harmless(buf_view(&got));
	buf_clear(&got);
	buf_clear(&block);
}

/* What does not fit is a failure, not a part of a field. */
static void
no_room(void **state)
{
	struct verify *v =
	    verify_new(STR("From: x\n"), false, STR_NULL, &defaults, NOW);
	struct buf out;

	(void)state;
	assert_non_null(v);
	buf_init(&out, 40);
	authres_format(STR("mx.example.net"), v, &out);
	assert_true(buf_failed(&out));
	buf_clear(&out);
	verify_free(v);
}

static void
passing(void **state)
{
	struct buf zone = vectors_read(VECTORS "zone.tsv");
	struct buf message = vectors_message(STR("87-i-qp")), out;
	struct verify *v = vectors_verify(
	    buf_view(&message), buf_view(&zone), &defaults, VECTORS_NOW);

	(void)state;
	buf_init(&out, AUTHRES_MAX);
	authres_format(STR("mx.example.net"), v, &out);
	buf_chr(&out, '\0');
	assert_non_null(strstr(out.p, "\n\tdkim=pass header.d=dkim.example"));
	assert_non_null(strstr(out.p, "header.i=\"jo;e x@"));
	verify_free(v);
	buf_clear(&out);
	buf_clear(&message);
	buf_clear(&zone);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(any_byte),
		cmocka_unit_test(largest),
		cmocka_unit_test(no_room),
		cmocka_unit_test(passing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
