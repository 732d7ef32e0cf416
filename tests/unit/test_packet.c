/* common/dns/packet */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/dns/packet.h"
#include "tests/unit/guard.h"

/* \200\000: answer; \201\203: answer, NXDOMAIN; \202\000: cut */
#define HEAD(flags, questions, answers) \
	"\1\2" flags "\0" questions "\0" answers "\0\0\0\0"
#define QUESTION "\1a\7example\0\0\20\0\1"
#define NAME "\300\14" /* points to the question */
#define TXT(ttl, size) NAME "\0\20\0\1" ttl "\0" size
#define CNAME(ttl, size) NAME "\0\5\0\1" ttl "\0" size

#define LITERAL(s) \
	{ \
		"" s, sizeof(s) - 1 \
	}

static const struct {
	struct str message;
	int want;
	unsigned rcode, aliases;
	size_t n;
	uint32_t ttl;
	const char *text; /* all records, one after the other */
} cases[] = {
	{ LITERAL(HEAD("\200\0", "\1", "\1")
		  QUESTION TXT("\0\0\0\74", "\6") "\5hello"),
	    0, 0, 0, 1, 60, "hello" },
	/* strings are joined without anything between */
	{ LITERAL(HEAD("\200\0", "\1", "\1")
		  QUESTION TXT("\0\0\0\74", "\7") "\2ab\0\2cd"),
	    0, 0, 0, 1, 60, "abcd" },
	{ LITERAL(HEAD("\200\0", "\1", "\2") QUESTION TXT(
	      "\0\0\0\74", "\2") "\1a" TXT("\0\0\0\5", "\2") "\1b"),
	    0, 0, 0, 2, 5, "ab" },
	{ LITERAL(HEAD("\200\0", "\1", "\2") QUESTION CNAME("\0\0\0\3", "\2")
		  NAME TXT("\0\0\0\74", "\2") "\1a"),
	    0, 0, 1, 1, 3, "a" },
	/* a record without any string, and none at all */
	{ LITERAL(HEAD("\200\0", "\1", "\1") QUESTION TXT("\0\0\0\74", "\0")),
	    0, 0, 0, 1, 60, "" },
	{ LITERAL(HEAD("\200\0", "\1", "\0") QUESTION), 0, 0, 0, 0, 0, "" },
	{ LITERAL(HEAD("\200\3", "\1", "\0") QUESTION), 0, 3, 0, 0, 0, "" },
	{ LITERAL(HEAD("\200\2", "\0", "\0")), 0, 2, 0, 0, 0, "" },
	/* a TTL with its high bit is zero */
	{ LITERAL(HEAD("\200\0", "\1", "\1")
		  QUESTION TXT("\200\0\0\0", "\2") "\1a"),
	    0, 0, 0, 1, 0, "a" },
	/* another class is passed over */
	{ LITERAL(HEAD("\200\0", "\1", "\1") QUESTION NAME
	      "\0\20\0\3\0\0\0\74\0\2\1a"),
	    0, 0, 0, 0, 0, "" },
	/* a question, a cut one, nothing */
	{ LITERAL(HEAD("\0\0", "\1", "\0") QUESTION), -1, 0, 0, 0, 0, "" },
	{ LITERAL(HEAD("\202\0", "\1", "\0") QUESTION), -1, 0, 0, 0, 0, "" },
	{ LITERAL(""), -1, 0, 0, 0, 0, "" },
	/* a string longer than its record, a label of 64 bytes */
	{ LITERAL(
	      HEAD("\200\0", "\1", "\1") QUESTION TXT("\0\0\0\74", "\2") "\2a"),
	    -1, 0, 0, 0, 0, "" },
	{ LITERAL(HEAD("\200\0", "\1", "\0") "\100a\0\0\20\0\1"), -1, 0, 0, 0,
	    0, "" },
	/* fewer records than the header says */
	{ LITERAL(
	      HEAD("\200\0", "\1", "\2") QUESTION TXT("\0\0\0\74", "\2") "\1a"),
	    -1, 0, 0, 0, 0, "" },
};

static void
messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str m = guard_copy(cases[i].message);
		struct packet p = { .n = 77 };
		struct buf text;
		int r;

		buf_init(&text, PACKET_MAX);
		r = packet_parse(m.p, m.n, &p, &text);
		if (r != cases[i].want)
			fail_msg("case %zu: %d", i, r);
		if (r == -1) {
			assert_int_equal(p.n, 77);
		} else {
			assert_int_equal(p.rcode, cases[i].rcode);
			assert_int_equal(p.aliases, cases[i].aliases);
			assert_int_equal(p.n, cases[i].n);
			assert_int_equal(p.ttl, cases[i].ttl);
			assert_true(
			    str_eq(buf_view(&text), str_c(cases[i].text)));
		}
		buf_clear(&text);
		guard_free(m);
	}
}

/* Each message cut at each byte: never more than it has is read. */
static void
cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t n = 0; n < cases[i].message.n; n++) {
			struct str m =
			    guard_copy(str_head(cases[i].message, n));
			struct packet p;
			struct buf text;

			buf_init(&text, PACKET_MAX);
			assert_int_equal(packet_parse(m.p, m.n, &p, &text), -1);
			buf_clear(&text);
			guard_free(m);
		}
	}
}

/* One more TXT record than is kept, and a text that does not fit. */
static void
limits(void **state)
{
	static const char head[] = "\1\2\200\0\0\0\0\21\0\0\0\0";
	static const char one[] = "\0\0\20\0\1\0\0\0\74\0\2\1a";
	struct packet p;
	struct buf m, text;

	(void)state;
	buf_init(&m, PACKET_MAX);
	buf_add(&m, head, sizeof(head) - 1);
	for (size_t i = 0; i < PACKET_TXT_MAX + 1; i++)
		buf_add(&m, one, sizeof(one) - 1);
	buf_init(&text, PACKET_MAX);
	assert_int_equal(packet_parse(m.p, m.n, &p, &text), 0);
	assert_int_equal(p.n, PACKET_TXT_MAX);
	buf_clear(&text);
	buf_init(&text, 3);
	assert_int_equal(packet_parse(m.p, m.n, &p, &text), -1);
	buf_clear(&text);
	buf_clear(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
