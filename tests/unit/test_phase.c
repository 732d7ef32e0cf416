/* common/protocol/phase */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/protocol/phase.h"
#include "tests/unit/guard.h"

/* What smtpd survives: p proceed, j junk, w rewrite, r reject, d disconnect. */
static const struct {
	const char *name;
	enum phase phase;
	const char *allowed;
} phases[] = {
	{ "connect", PHASE_CONNECT, "pjrd" },
	{ "helo", PHASE_HELO, "pjwrd" },
	{ "ehlo", PHASE_EHLO, "pjwrd" },
	{ "starttls", PHASE_STARTTLS, "prd" },
	{ "auth", PHASE_AUTH, "pjwrd" },
	{ "mail-from", PHASE_MAIL_FROM, "pjwrd" },
	{ "rcpt-to", PHASE_RCPT_TO, "pjwrd" },
	{ "data", PHASE_DATA, "pjrd" },
	{ "data-line", PHASE_DATA_LINE, "" },
	{ "rset", PHASE_RSET, "prd" },
	{ "noop", PHASE_NOOP, "prd" },
	{ "quit", PHASE_QUIT, "prd" },
	{ "commit", PHASE_COMMIT, "prd" },
	{ "", PHASE_UNKNOWN, "p" },
};

static void
test_phases(void **state)
{
	static const char letters[] = {
		[ANSWER_PROCEED] = 'p',
		[ANSWER_JUNK] = 'j',
		[ANSWER_REWRITE] = 'w',
		[ANSWER_REJECT] = 'r',
		[ANSWER_DISCONNECT] = 'd',
	};

	(void)state;
	assert_int_equal(sizeof(phases) / sizeof(phases[0]), PHASE_UNKNOWN + 1);
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		assert_string_equal(
		    phase_name(phases[i].phase), phases[i].name);
		assert_int_equal(
		    phase_parse(str_c(phases[i].name)), phases[i].phase);
		for (size_t a = 0; a < sizeof(letters); a++)
			assert_int_equal(
			    phase_allows(phases[i].phase, (enum answer)a),
			    strchr(phases[i].allowed, letters[a]) != NULL);
	}
}

static const struct {
	const char *name;
	enum event event;
	unsigned fields;
} events[] = {
	{ "link-connect", EVENT_LINK_CONNECT, 4 },
	{ "link-disconnect", EVENT_LINK_DISCONNECT, 0 },
	{ "link-greeting", EVENT_LINK_GREETING, 1 },
	{ "link-identify", EVENT_LINK_IDENTIFY, 2 },
	{ "link-tls", EVENT_LINK_TLS, 1 },
	{ "link-auth", EVENT_LINK_AUTH, 2 },
	{ "tx-reset", EVENT_TX_RESET, 1 },
	{ "tx-begin", EVENT_TX_BEGIN, 1 },
	{ "tx-mail", EVENT_TX_MAIL, 3 },
	{ "tx-rcpt", EVENT_TX_RCPT, 3 },
	{ "tx-rollback", EVENT_TX_ROLLBACK, 1 },
	{ "", EVENT_UNKNOWN, 0 },
};

static void
test_events(void **state)
{
	(void)state;
	assert_int_equal(sizeof(events) / sizeof(events[0]), EVENT_UNKNOWN + 1);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		assert_string_equal(
		    event_name(events[i].event), events[i].name);
		assert_int_equal(
		    event_parse(str_c(events[i].name)), events[i].event);
		assert_int_equal(
		    event_fields(events[i].event), events[i].fields);
	}
}

static void
test_unknown(void **state)
{
	static const char *const names[] = { "data-lin", "data-linee", "Commit",
		"help", "wiz", "tx-data", "tx-begi", "tx-begin ",
		"link_connect", "*" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str s = guard_copy(str_c(names[i]));

		assert_int_equal(phase_parse(s), PHASE_UNKNOWN);
		assert_int_equal(event_parse(s), EVENT_UNKNOWN);
		guard_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests_name("phase", tests, NULL, NULL);
}
