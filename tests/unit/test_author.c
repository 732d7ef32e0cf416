/* filter-dkimsign/author, usermap */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "filter-dkimsign/author.h"
#include "tests/unit/folder.h"

static struct config config;
static struct usermap *users;

static const struct qualify mx = { STR("mx.example.org"), false };
static const struct qualify none = { STR_NULL, false };

static const struct {
	const char *from; /* after "From:" */
	enum author_result want;
	const char *domain, *keys;
} cases[] = {
	{ " a@example.org", AUTHOR_SIGN, "example.org", "example.org" },
	{ " A <a@Mail.Example.ORG>", AUTHOR_SIGN, "mail.example.org",
	    "example.org" },
	{ "\n\t\"x@y.example, <\" (c@d.example (nested)) <a@example.org>",
	    AUTHOR_SIGN, "example.org", "example.org" },
	{ " group: a@none.example, b@example.org;", AUTHOR_SIGN, "example.org",
	    "example.org" },
	{ " a@none.example, b@second.example", AUTHOR_SIGN, "second.example",
	    "second.example" },
	{ " caf\351 <a@example.org>", AUTHOR_SIGN, "example.org",
	    "example.org" },
	{ " =?utf-8?q?x?= <a@example.org>", AUTHOR_SIGN, "example.org",
	    "example.org" },
	{ " a@B\303\274cher.example", AUTHOR_SIGN, "xn--bcher-kva.example",
	    "xn--bcher-kva.example" },
	{ " root", AUTHOR_SIGN, "mx.example.org", "example.org" },
	{ " root, b@second.example", AUTHOR_SIGN, "mx.example.org",
	    "example.org" },
	{ " b@second.example, <<<", AUTHOR_SIGN, "second.example",
	    "second.example" },
	{ " a@none.example", AUTHOR_NO_KEY, "none.example", NULL },
	{ " a@[192.0.2.1]", AUTHOR_NO_DOMAIN, "", NULL },
	{ " a@Example.org.", AUTHOR_SIGN, "example.org", "example.org" },
	{ " a@example.org..", AUTHOR_NO_DOMAIN, "", NULL },
	{ " group:;", AUTHOR_NO_DOMAIN, "", NULL },
	{ " <", AUTHOR_NO_DOMAIN, "", NULL },
	{ "", AUTHOR_NO_DOMAIN, "", NULL },
	{ " a@example.org\nfrom: b@example.org", AUTHOR_MANY_FROM, "", NULL },
};

static void
finds_the_author(void **state)
{
	char block[500];
	struct author a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		(void)snprintf(block, sizeof(block), "To: x\nFrom:%s\nCc: y\n",
		    cases[i].from);
		assert_int_equal(
		    author_find(&config, str_c(block), &mx, NULL, &a),
		    cases[i].want);
		assert_string_equal(a.domain, cases[i].domain);
		if (cases[i].keys == NULL)
			assert_null(a.keys);
		else
			assert_string_equal(a.keys->name, cases[i].keys);
	}
	assert_int_equal(author_find(&config, STR("To: x\n"), &mx, NULL, &a),
	    AUTHOR_NO_FROM);
	assert_int_equal(
	    author_find(&config, STR("From: root\n"), &none, NULL, &a),
	    AUTHOR_NO_DOMAIN);
}

static void
asks_the_user_map(void **state)
{
	static const struct {
		const char *login, *from;
		enum author_result want;
	} logins[] = {
		{ NULL, "a@example.org", AUTHOR_SIGN },
		{ "alice", "a@example.org", AUTHOR_SIGN },
		{ "alice", "a@sub.example.org", AUTHOR_SIGN },
		{ "alice", "a@second.example", AUTHOR_SIGN },
		{ "bob", "a@example.org", AUTHOR_NOT_ALLOWED },
		{ "bob", "a@sub.example.org", AUTHOR_SIGN },
		{ "bob", "a@example.org, b@sub.example.org", AUTHOR_SIGN },
		{ "bob", "a@none.example", AUTHOR_NO_KEY },
		{ "carol", "a@second.example", AUTHOR_SIGN },
		{ "ALICE", "a@example.org", AUTHOR_SIGN },
		{ "BOB", "a@example.org", AUTHOR_NOT_ALLOWED },
		{ "Bob", "a@xn--bcher-kva.example", AUTHOR_NOT_ALLOWED },
		{ "ken", "a@second.example", AUTHOR_SIGN },
		{ "KEN", "a@sub.example.org", AUTHOR_SIGN },
		{ "dave", "a@example.org", AUTHOR_NOT_ALLOWED },
		{ "dave", "a@xn--bcher-kva.example", AUTHOR_SIGN },
		{ "", "a@example.org", AUTHOR_NOT_ALLOWED },
	};
	char block[200];
	struct author a;

	(void)state;
	config.users = users;
	for (size_t i = 0; i < sizeof(logins) / sizeof(*logins); i++) {
		(void)snprintf(
		    block, sizeof(block), "From: %s\n", logins[i].from);
		assert_int_equal(author_find(&config, str_c(block), &none,
				     logins[i].login, &a),
		    logins[i].want);
	}
	config.users = NULL;
}

/* --author sender */
static void
prefers_the_sender(void **state)
{
	static const struct {
		const char *block, *login, *domain;
		enum author_result want;
	} senders[] = {
		{ "From: a@example.org, b@x.y\nSender: s@second.example\n",
		    NULL, "second.example", AUTHOR_SIGN },
		/* one mailbox only */
		{ "From: a@example.org\nSender: s@second.example\n", NULL,
		    "example.org", AUTHOR_SIGN },
		/* no Sender to go by */
		{ "From: b@x.y, a@example.org\n", NULL, "example.org",
		    AUTHOR_SIGN },
		{ "From: b@x.y, a@example.org\nSender: s@none.example\n", NULL,
		    "example.org", AUTHOR_SIGN },
		{ "From: b@x.y, a@example.org\nSender: <\n", NULL,
		    "example.org", AUTHOR_SIGN },
		{ "Sender: s@second.example\nFrom: b@x.y, a@example.org\n"
		  "Sender: s@second.example\n",
		    NULL, "example.org", AUTHOR_SIGN },
		/* who may not use it */
		{ "From: b@x.y, a@example.org\nSender: s@second.example\n",
		    "carol", "second.example", AUTHOR_SIGN },
		{ "From: b@x.y, a@sub.example.org\nSender: s@second.example\n",
		    "bob", "sub.example.org", AUTHOR_SIGN },
		{ "From: b@x.y, c@z\nSender: s@none.example\n", NULL, "x.y",
		    AUTHOR_NO_KEY },
	};
	struct author a;

	(void)state;
	config.by_sender = true;
	for (size_t i = 0; i < sizeof(senders) / sizeof(*senders); i++) {
		config.users = senders[i].login != NULL ? users : NULL;
		assert_int_equal(author_find(&config, str_c(senders[i].block),
				     &mx, senders[i].login, &a),
		    senders[i].want);
		assert_string_equal(a.domain, senders[i].domain);
	}
	config.users = NULL;
	config.by_sender = false;
}

static void
falls_back(void **state)
{
	const struct keytable_defaults d = { CANON_SIMPLE, CANON_SIMPLE, 0 };
	struct config all = { 1, keytable_new(&d), NULL, false };
	char label[63], block[400];
	struct report r;
	struct author a;

	(void)state;
	report_init(&r);
	keytable_load(all.keys,
	    folder_write("all", "* s k\nsecond.example s k\n", 0600), &r);
	assert_int_equal(r.errors, 0);
	assert_int_equal(author_find(&all, STR("From: a@x.example, b@y.z\n"),
			     &none, NULL, &a),
	    AUTHOR_SIGN);
	assert_string_equal(a.domain, "x.example");
	assert_string_equal(a.keys->name, "*");
	/* a mailbox with keys of its own goes first */
	assert_int_equal(
	    author_find(&all, STR("From: a@x.example, b@second.example\n"),
		&none, NULL, &a),
	    AUTHOR_SIGN);
	assert_string_equal(a.keys->name, "second.example");
	/* no key can be found at s._domainkey.NAME of more than 253 bytes */
	memset(label, 'a', sizeof(label));
	for (int n = 45; n <= 55; n++) {
		(void)snprintf(block, sizeof(block),
		    "From: a@%.63s.%.63s.%.63s.%.*s\n", label, label, label, n,
		    label);
		assert_int_equal(
		    author_find(&all, str_c(block), &none, NULL, &a),
		    3 * 64 + n > SIG_NAME_MAX - 13 ? AUTHOR_NO_KEY
						   : AUTHOR_SIGN);
	}
	keytable_free(all.keys);
	report_clear(&r);
}

static void
map_errors(void **state)
{
	char line[USERMAP_LOGIN_MAX + 20];
	struct usermap *m = usermap_new();
	struct report r;

	(void)state;
	report_init(&r);
	usermap_load(m, folder_write("bad", "alice\nbob a..b c.d\n", 0600), &r);
	assert_int_equal(r.errors, 2);
	assert_true(usermap_allows(m, "bob", "c.d"));
	assert_false(usermap_allows(m, "alice", "c.d"));
	usermap_load(m, folder_write("bad", "x y.z\n", 0666), &r);
	assert_int_equal(r.errors, 3);
	usermap_load(m, folder_write("empty", "# no lines\n", 0600), &r);
	assert_int_equal(r.errors, 4);
	/* a login that no map can have */
	memset(line, 'a', sizeof(line));
	(void)snprintf(line + USERMAP_LOGIN_MAX, 20, "%s", " x.y\n");
	usermap_load(m, folder_write("long", line, 0600), &r);
	assert_int_equal(r.errors, 4);
	line[USERMAP_LOGIN_MAX] = '\0';
	assert_true(usermap_allows(m, line, "x.y"));
	(void)snprintf(line + USERMAP_LOGIN_MAX, 20, "%s", "a c.d\n");
	usermap_load(m, folder_write("long", line, 0600), &r);
	assert_int_equal(r.errors, 5);
	line[USERMAP_LOGIN_MAX + 1] = '\0';
	assert_false(usermap_allows(m, line, "c.d"));
	usermap_free(m);
	report_clear(&r);
}

static int
set_up(void **state)
{
	const struct keytable_defaults d = { CANON_SIMPLE, CANON_SIMPLE, 0 };
	struct report r;

	if (folder_make(state) == -1)
		return -1;
	(void)folder_key("k", KEY_ED25519, 0);
	report_init(&r);
	config.keys = keytable_new(&d);
	users = usermap_new();
	keytable_load(config.keys,
	    folder_write("t",
		"example.org s k\nsecond.example s k\n"
		"xn--bcher-kva.example s k\n",
		0600),
	    &r);
	usermap_load(users,
	    folder_write("u",
		"# logins\nalice example.org\nalice second.example\n"
		"bob sub.example.org.\ncarol *\n"
		"Ken second.example\nkEN sub.example.org\n* "
		"B\303\274cher.example\n",
		0600),
	    &r);
	return r.errors == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	keytable_free(config.keys);
	usermap_free(users);
	return folder_remove(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_author),
		cmocka_unit_test(asks_the_user_map),
		cmocka_unit_test(prefers_the_sender),
		cmocka_unit_test(falls_back),
		cmocka_unit_test(map_errors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
