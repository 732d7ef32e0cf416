/* filter-dkimsign/keytable, words, report */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-dkimsign/keytable.h"
#include "filter-dkimsign/words.h"
#include "tests/unit/folder.h"
#include "tests/unit/nomem.h"

static const struct keytable_defaults defaults = { CANON_RELAXED, CANON_SIMPLE,
	77 };
static struct keytable *table;
static struct report report;

static void
load(const char *text)
{
	table = keytable_new(&defaults);
	assert_non_null(table);
	report_init(&report);
	keytable_load(table, folder_write("table", text, 0644), &report);
}

static void
unload(void)
{
	keytable_free(table);
	report_clear(&report);
}

/* "sel,sel" of the keys for a domain, "-" without. */
static const char *
selectors(const struct keydomain *d)
{
	static char text[200];

	text[0] = '\0';
	for (size_t i = 0; d != NULL && i < d->n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s", i > 0 ? "," : "", d->v[i].selector);
	return d == NULL ? "-" : text;
}

static void
finds_the_closest(void **state)
{
	static const struct {
		const char *domain, *want;
	} cases[] = {
		{ "example.org", "r1,r2,e1,e2" },
		{ "mail.example.org", "r1,r2,e1,e2" },
		{ "sub.example.org", "sub" },
		{ "a.b.sub.example.org", "sub" },
		{ "xexample.org", "-" },
		{ "org", "-" },
		{ "exact.example", "x" },
		{ "www.exact.example", "-" },
		{ "xn--bcher-kva.example", "idn" },
		{ "other.example", "-" },
	};

	(void)state;
	load("# a comment\n\n"
	     "Example.ORG e1 ed.key\n"
	     "example.org r1 rsa.key # and one\r\n"
	     "example.org e2 ed.key\n"
	     "\texample.org \t r2  rsa.key c=simple/relaxed x=5\n"
	     "sub.example.org. sub ed.key d=example.org.\n"
	     "exact.example x rsa.key exact\n"
	     "b\303\274cher.example idn rsa.key\n");
	assert_int_equal(report.errors, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(
		    selectors(keytable_find(table, cases[i].domain)),
		    cases[i].want);
	assert_string_equal(
	    keytable_find(table, "sub.example.org")->v[0].d, "example.org");
	assert_null(keytable_fallback(table));
	assert_int_equal(keytable_count(table), 4);
	unload();
}

static void
reads_options(void **state)
{
	const struct keydomain *d;

	(void)state;
	load("* all rsa.key\n"
	     "example.org one rsa.key\n"
	     "example.org two rsa.key c=simple x=0 "
	     "i=u@Sub.parent.example d=Parent.example\n"
	     "example.org three rsa.key i=@Example.org.\n"
	     "example.org four rsa.key i=a.b+\xc3\xb6@example.org\n");
	assert_int_equal(report.errors, 0);
	d = keytable_fallback(table);
	assert_string_equal(selectors(d), "all");
	assert_null(d->v[0].d);
	d = keytable_find(table, "example.org");
	assert_int_equal(d->v[0].header, CANON_RELAXED);
	assert_int_equal(d->v[0].body, CANON_SIMPLE);
	assert_int_equal(d->v[0].lifetime, 77);
	assert_null(d->v[0].d);
	assert_int_equal(d->v[1].header, CANON_SIMPLE);
	assert_int_equal(d->v[1].lifetime, 0);
	assert_string_equal(d->v[1].d, "parent.example");
	assert_null(d->v[0].identity);
	assert_string_equal(d->v[1].identity, "u@sub.parent.example");
	assert_string_equal(d->v[2].identity, "@example.org");
	assert_string_equal(d->v[3].identity, "a.b+\xc3\xb6@example.org");
	assert_null(keytable_find(table, "any.example"));
	unload();
}

/* The same selector of two domains has two records. */
static void
takes_a_selector_of_two_domains(void **state)
{
	(void)state;
	load("example.org s rsa.key\nexample.org s ed.key d=org\n"
	     "* s rsa.key\n* s ed.key d=org\n");
	assert_int_equal(report.errors, 0);
	assert_string_equal(
	    selectors(keytable_find(table, "example.org")), "s,s");
	assert_string_equal(selectors(keytable_fallback(table)), "s,s");
	unload();
}

/* Every bad line is told with its number, and good ones beside it are not. */
static void
tells_errors(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "example.org sel", "needs domain" },
		{ "ex..ample sel rsa.key", "no domain name" },
		{ "example.org s_-.- rsa.key x=1 y", "unknown option" },
		{ "example.org . rsa.key", "selector is no" },
		{ "example.org s rsa.key d=", "d= is no" },
		{ "example.org s rsa.key d=a..b", "d= is no" },
		{ "example.org s rsa.key c=simple/strict", "c= is no" },
		{ "example.org s rsa.key x=-1", "x= is no" },
		{ "example.org s rsa.key i=", "i= is no" },
		{ "example.org s rsa.key i=example.org", "i= is no" },
		{ "example.org s rsa.key i=@other.example", "i= is no" },
		{ "example.org s rsa.key d=a.b i=@example.org", "i= is no" },
		{ "* s rsa.key i=@example.org", "i= is no" },
		{ "example.org s rsa.key i=a@b@example.org", "i= is no" },
		{ "example.org s rsa.key i=.a@example.org", "i= is no" },
		{ "example.org s rsa.key i=a..b@example.org", "i= is no" },
		{ "example.org s rsa.key i=a.@example.org", "i= is no" },
		{ "example.org s rsa.key i=\"a\"@example.org", "i= is no" },
		{ "example.org s rsa.key x=9999999999", "x= is no" },
		{ "example.org s rsa.key exact=1", "unknown option" },
		{ "example.org s none.key", "No such file" },
		{ "example.org s table", "can be read by others" },
		{ "example.org s text", "no" },
		{ "example.org good rsa.key", "given twice" },
		{ "example.org good rsa.key d=example.org", "given twice" },
	};
	char text[500], want[500];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		(void)snprintf(text, sizeof(text),
		    "example.org good rsa.key\n# %s\n%s\n", cases[i].line,
		    cases[i].line);
		load(text);
		(void)snprintf(
		    want, sizeof(want), "%s:3: ", folder_path("table"));
		assert_int_equal(report.errors, 1);
		buf_chr(&report.lines, '\0');
		assert_non_null(strstr(report.lines.p, want));
		assert_non_null(strstr(report.lines.p, cases[i].want));
		unload();
	}
}

static void
tells_all_errors(void **state)
{
	(void)state;
	load("a b\n\nc d\nexample.org s rsa.key\ne f\n");
	assert_int_equal(report.errors, 3);
	unload();
	/* a file without lines is cut off, whatever others have */
	load("# nothing\n");
	assert_int_equal(report.errors, 1);
	keytable_load(table,
	    folder_write("more", "example.org s rsa.key\n", 0644), &report);
	assert_int_equal(report.errors, 1);
	keytable_load(table, folder_write("more", "", 0644), &report);
	assert_int_equal(report.errors, 2);
	unload();
	load("a..b c..d none.key d=e..f c=no x=y what\n");
	assert_int_equal(report.errors, 7);
	unload();
	/* a bad key file is told for each line, though read once */
	load("a.example s text\nb.example s rsa.key\nc.example s text\n");
	assert_int_equal(report.errors, 2);
	buf_chr(&report.lines, '\0');
	assert_non_null(strstr(report.lines.p, "table:3: key "));
	unload();
}

static void
limits_keys(void **state)
{
	char text[2000] = "";

	(void)state;
	for (int i = 0; i < KEYTABLE_DOMAIN_KEYS; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "example.org s%d rsa.key\n", i);
	load(text);
	assert_int_equal(report.errors, 0);
	unload();
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
	    "example.org more rsa.key\n");
	load(text);
	assert_int_equal(report.errors, 1);
	unload();
}

static void
limits_words(void **state)
{
	char text[2000] = "example.org s rsa.key";

	(void)state;
	for (int i = 3; i < WORDS_MAX; i++)
		(void)snprintf(
		    text + strlen(text), sizeof(text) - strlen(text), " x=1");
	load(text);
	assert_int_equal(report.errors, 0);
	unload();
	(void)snprintf(
	    text + strlen(text), sizeof(text) - strlen(text), " # x=1");
	load(text);
	assert_int_equal(report.errors, 0);
	unload();
	*strchr(text, '#') = ' ';
	load(text);
	assert_int_equal(report.errors, 1);
	unload();
}

/* Name and selector fit into a DNS name together, or are refused. */
static void
limits_names(void **state)
{
	char label[64], domain[300], text[600];

	(void)state;
	memset(label, 'a', 63);
	label[63] = '\0';
	for (size_t n = 45; n <= 50; n++) {
		/* 63 . 63 . 63 . n, with "s._domainkey." before */
		(void)snprintf(domain, sizeof(domain), "%s.%s.%s.%.*s", label,
		    label, label, (int)n, label);
		(void)snprintf(text, sizeof(text), "%s s rsa.key\n", domain);
		load(text);
		assert_int_equal(
		    report.errors, strlen(domain) + 13 > 253 ? 1 : 0);
		unload();
	}
}

static void
warns_of_weak_keys(void **state)
{
	(void)state;
	(void)folder_key("weak.key", KEY_RSA, 1024);
	load("example.org s weak.key\n");
	assert_int_equal(report.errors, 0);
	assert_true(report.lines.n > 0);
	unload();
}

/* Each allocation fails once: an error is told, or all is there. */
static void
no_memory(void **state)
{
	(void)state;
#ifdef NOMEM_WHY
	print_message("%s\n", NOMEM_WHY);
	skip();
#else
	const char *path = folder_write("table",
	    "example.org e ed.key\n* f ed.key d=a.b\nx.y g ed.key\n", 0644);
	unsigned errors = 1;

	for (long left = 0; errors > 0; left++) {
		report_init(&report);
		nomem_left = left;
		table = keytable_new(&defaults);
		if (table != NULL)
			keytable_load(table, path, &report);
		nomem_left = -1;
		errors = table == NULL ? 1 : report.errors;
		if (errors == 0)
			assert_int_equal(keytable_count(table), 3);
		unload();
	}
#endif
}

static int
set_up(void **state)
{
	if (folder_make(state) == -1)
		return -1;
	(void)folder_key("rsa.key", KEY_RSA, 2048);
	(void)folder_key("ed.key", KEY_ED25519, 0);
	(void)folder_write("text", "no key\n", 0600);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_closest),
		cmocka_unit_test(reads_options),
		cmocka_unit_test(tells_errors),
		cmocka_unit_test(tells_all_errors),
		cmocka_unit_test(limits_keys),
		cmocka_unit_test(limits_words),
		cmocka_unit_test(limits_names),
		cmocka_unit_test(takes_a_selector_of_two_domains),
		cmocka_unit_test(warns_of_weak_keys),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, set_up, folder_remove);
}
