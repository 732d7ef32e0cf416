/* filter-dkimsign/prepare */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-dkimsign/prepare.h"
#include "tests/unit/guard.h"

#define MX STR("mx.example.org")
#define NOW 1795348800 /* 22 November 2026, 12:00 UTC */
#define DATE "Date: Sun, 22 Nov 2026 12:00:00 +0000\n"
#define ID "Message-ID: <6b02d940.00000000000000a1.id@mx.example.org>\n"

enum {
	LINE = 65485
};

static int
edit(struct edit *e, struct str host, bool complete, size_t line_max,
    struct prepare *p)
{
	const struct prepare_how how = {
		.qualify = { host, false },
		.complete = complete,
		.now = NOW,
		.session = 0xa1,
		.msgid = "id",
		.line_max = line_max,
	};

	return prepare_edit(e, &how, p);
}

static const struct {
	const char *block;
	bool complete;
	const char *want;
	unsigned qualified;
} cases[] = {
	/* nothing to do */
	{ "From: a@b\nDate: x\nMessage-ID: y\n", true,
	    "From: a@b\nDate: x\nMessage-ID: y\n", 0 },
	{ "From: a@b\n", false, "From: a@b\n", 0 },
	/* what is missing goes to the end */
	{ "From: a@b\n", true, "From: a@b\n" DATE ID, 0 },
	{ "date:x\nFrom: a@b\n", true, "date:x\nFrom: a@b\n" ID, 0 },
	{ "MESSAGE-id: x\nFrom: a@b\n", true, "MESSAGE-id: x\nFrom: a@b\n" DATE,
	    0 },
	{ "Date:\nMessage-Id:\n", true, "Date:\nMessage-Id:\n", 0 },
	/* smtpd does not see a name with a space before its colon */
	{ "Date : x\nMessage-ID\t: y\n", true,
	    "Date : x\nMessage-ID\t: y\n" DATE ID, 0 },
	{ "Dates: x\nX-Date: y\n", true, "Dates: x\nX-Date: y\n" DATE ID, 0 },
	{ "", true, DATE ID, 0 },
	/* addresses without domain */
	{ "From: root\nTo: a, b@c,\n d\nCc: <e>\n", false,
	    "From: root@mx.example.org\nTo: a@mx.example.org, b@c,\n"
	    " d@mx.example.org\nCc: <e@mx.example.org>\n",
	    3 },
	{ "To: a\nTo: b\nBcc: c\nReply-To: d\nSender: e\n", false,
	    "To: a@mx.example.org\nTo: b@mx.example.org\nBcc: c\n"
	    "Reply-To: d\nSender: e\n",
	    2 },
};

static void
edits_as_smtpd_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str block = guard_copy(str_c(cases[i].block));
		struct edit *e = edit_new(block);
		struct prepare p;
		struct buf b;

		buf_init(&b, 10000);
		assert_int_equal(edit(e, MX, cases[i].complete, LINE, &p), 0);
		edit_write(e, &b);
		buf_chr(&b, '\0');
		assert_string_equal(b.p, cases[i].want);
		assert_int_equal(p.qualified, cases[i].qualified);
		assert_true(p.date == (strstr(cases[i].want, DATE) != NULL));
		assert_true(
		    p.message_id == (strstr(cases[i].want, ID) != NULL));
		edit_free(e);
		buf_clear(&b);
		guard_free(block);
	}
}

/* Without a host name nothing is made up. */
static void
no_host(void **state)
{
	struct edit *e = edit_new(STR("From: root\n"));
	struct prepare p;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(edit(e, STR_NULL, true, LINE, &p), 0);
	edit_write(e, &b);
	buf_chr(&b, '\0');
	assert_string_equal(b.p, "From: root\n" DATE);
	edit_free(e);
	buf_clear(&b);
}

/* A line that grows over what smtpd takes is cut before it is signed. */
static void
cuts_lines(void **state)
{
	char block[3000];
	struct edit *e;
	struct prepare p;
	struct buf b;
	struct str rest, line;

	(void)state;
	memcpy(block, "To: ", 4);
	for (size_t i = 4; i < sizeof(block) - 2; i += 3)
		memcpy(block + i, "a, ", 3);
	block[sizeof(block) - 2] = 'z';
	block[sizeof(block) - 1] = '\n';
	e = edit_new(str_n(block, sizeof(block)));
	buf_init(&b, 100000);
	assert_int_equal(edit(e, MX, false, 1997, &p), 0);
	edit_write(e, &b);
	for (rest = buf_view(&b); rest.n > 0;) {
		(void)str_cut(&rest, '\n', &line);
		assert_in_range(line.n, 1, 1997);
	}
	assert_int_equal(edit_count(e), 1);
	assert_true(b.n > 17000);
	edit_free(e);
	buf_clear(&b);
}

/* What would be over smtpd's 64 KiB by that is left as it came. */
static void
leaves_large_fields(void **state)
{
	/* "@mx.example.org" for each; the value and its NUL under 64 KiB */
	const size_t fits = (65534 - 1) / 17, counts[] = { fits, fits + 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf b;
		struct edit *e;
		struct prepare p;

		buf_init(&b, 100000);
		buf_str(&b, STR("To: a"));
		for (size_t n = 1; n < counts[i]; n++)
			buf_str(&b, STR(",a"));
		buf_chr(&b, '\n');
		e = edit_new(buf_view(&b));
		assert_int_equal(edit(e, MX, false, LINE, &p), i == 0 ? 0 : -1);
		if (i == 0)
			assert_null(p.unsigned_why);
		else
			assert_string_equal(p.unsigned_why, "field-too-large");
		edit_free(e);
		buf_clear(&b);
	}
}

static void
knows_the_listener(void **state)
{
	static char local[] = "unix:/run/smtpd.sock";
	static const struct {
		const char *src, *dst;
		bool want;
	} sessions[] = {
		{ local, local, true },
		{ "192.0.2.1:99", "192.0.2.2:587", true },
		{ "192.0.2.1:99", "[2001:db8::1]:587", true },
		{ "127.0.0.1:99", "127.0.0.1:25", true },
		{ "[::1]:99", "[::1]:25", true },
		{ "127.0.0.1:99", "127.0.0.2:25", false },
		{ "192.0.2.1:99", "192.0.2.2:25", false },
		{ "192.0.2.1:99", "192.0.2.2:465", false },
		{ "192.0.2.1:587", "192.0.2.2:25", false },
		{ NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sessions) / sizeof(*sessions); i++) {
		struct session s = { .id = 1 };
		s.src = str_dup(str_c(sessions[i].src));
		s.dst = str_dup(str_c(sessions[i].dst));
		if (sessions[i].src == NULL) {
			free(s.src);
			free(s.dst);
			s.src = s.dst = NULL;
		}
		assert_true(prepare_is_completed(&s) == sessions[i].want);
		free(s.src);
		free(s.dst);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_as_smtpd_does),
		cmocka_unit_test(no_host),
		cmocka_unit_test(cuts_lines),
		cmocka_unit_test(leaves_large_fields),
		cmocka_unit_test(knows_the_listener),
	};

	(void)setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
