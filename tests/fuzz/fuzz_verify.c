/*
 * A whole message with its key records: every signature gets a result.  The
 * Authentication-Results of it is one field that the reader of such fields
 * takes for ours.
 */
#include "common/dkim/verify.h"
#include "common/message/header.h"
#include "filter-dkimverify/authres.h"
#include "filter-dkimverify/forged.h"
#include "tests/fuzz/fuzz.h"

static void
give_keys(struct verify *v, struct str records)
{
	struct record_set *set;
	struct str txt;

	for (size_t i = 0; i < verify_count(v); i++) {
		const struct verify_sig *s = verify_get(v, i);
		if (s->query == NULL)
			continue;
		MUST(strlen(s->query) <= SIG_NAME_MAX);
		(void)str_cut(&records, '\n', &txt);
		set = record_set_new(&txt, 1);
		if (set == NULL || txt.n % 7 == 6)
			verify_dns(v, i, VERIFY_DNS_FAILED);
		else
			verify_key(v, i, set);
		record_set_free(set);
	}
}

static void
check_field(const struct verify *v)
{
	static const struct forged_ids none;
	static const struct forged_rule rule = { FORGED_OWN, &none,
		"mx.example.org" };
	struct str rest, line;
	struct field f;
	struct buf b;

	buf_init(&b, AUTHRES_MAX);
	authres_format(STR("mx.example.org"), v, &b);
	MUST(!buf_failed(&b));
	rest = buf_view(&b);
	MUST(header_next(&rest, &f) == 1 && rest.n == 0);
	MUST(str_eq(f.name, STR("Authentication-Results")));
	MUST(forged_is(&rule, f.raw));
	for (rest = f.raw; rest.n > 0;) {
		(void)str_cut(&rest, '\n', &line);
		MUST(str_trim(line).n > 0 && line.n <= 998);
		MUST(!str_has(line, '\r') && !str_has(line, '\0'));
	}
	buf_clear(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_text(data, n), header, body, line, rest;
	struct verify_options o = { .checked = fuzz_byte(&in) % 10,
		.allow_l = n % 2 == 0 };
	size_t records = fuzz_byte(&in) * 4, head;
	struct verify *v;

	rest = str_head(in, records);
	in = str_from(in, records);
	for (head = 0; head + 1 < in.n; head++)
		if (in.p[head] == '\n' && in.p[head + 1] == '\n')
			break;
	header = str_head(in, head + 1);
	body = str_from(in, head + 2);
	v = verify_new(
	    header, n % 11 == 10, STR("example.org"), &o, 1795341962);
	if (v == NULL)
		return 0;
	MUST(verify_count(v) <= VERIFY_LISTED_MAX);
	if (n % 3 == 0)
		give_keys(v, rest);
	(void)str_cut(&body, '\n', &line);
	verify_body(v, str_n(line.p, line.n + (body.n > 0)));
	verify_body(v, body);
	if (n % 3 == 1)
		give_keys(v, rest);
	verify_finish(v);
	MUST(verify_is_decided(v));
	for (size_t i = 0; i < verify_count(v); i++)
		MUST(verify_get(v, i)->error != DKIM_UNCHECKED);
	check_field(v);
	verify_free(v);
	return 0;
}
