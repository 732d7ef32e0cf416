#include "common/base/log.h"
#include "common/dns/dns.h"
#include "filter-dkimverify/report.h"

/* The signature that stands for the message's result. */
static const struct verify_sig *
deciding(const struct verify *v)
{
	for (size_t i = 0; i < verify_count(v); i++)
		if (verify_get(v, i)->result == verify_result(v))
			return verify_get(v, i);
	return NULL;
}

/* One of our own texts as a word. */
static const char *
log_word(const char *text, char out[DNS_WHY_MAX])
{
	struct str s = str_head(str_c(text), DNS_WHY_MAX - 1);
	size_t n = s.n;

	if (n > 0)
		memcpy(out, s.p, n);
	for (size_t i = 0; i < n; i++)
		if (out[i] == ' ')
			out[i] = '-';
	out[n] = '\0';
	return n == 0 ? "-" : out;
}

void
report_log(const struct msg *m, const struct verify *v,
    const struct authors *authors, const struct policy *p, size_t removed,
    const char *dns_text)
{
	static const char *const actions[] = { [ACTION_PASS] = "pass",
		[ACTION_JUNK] = "junk",
		[ACTION_TEMPFAIL] = "tempfail",
		[ACTION_REJECT] = "reject" };
	const struct verify_sig *s;
	struct log_text d, sel, from;
	enum dkim_error error;
	char why[DNS_WHY_MAX], dns[DNS_WHY_MAX];

	if (v == NULL)
		msg_info(m, "skipped removed=%zu", removed);
	if (v == NULL || !log_is(LOG_INFO))
		return;
	s = deciding(v);
	error = verify_cut(v) ? DKIM_HEADER_SIZE : DKIM_OK;
	if (s != NULL)
		error = s->error;
	msg_info(m,
	    "dkim=%s reason=%s d=%s s=%s bits=%u test=%d sigs=%zu from=%s "
	    "froms=%zu removed=%zu action=%s by=%s dns=%s us=%llu",
	    error_word(verify_result(v)), log_word(error_text(error), why),
	    log_text(&d, s == NULL ? STR_NULL : s->d),
	    log_text(&sel, s == NULL ? STR_NULL : s->s),
	    s == NULL ? 0 : s->bits, s != NULL && s->testing,
	    verify_count(v) + verify_dropped(v),
	    log_text(&from, str_c(authors->first)), authors->fields, removed,
	    actions[p->action], p->action == ACTION_PASS ? "-" : p->why,
	    log_word(dns_text, dns), (unsigned long long)msg_waited(m));
}

static void
show_one(const struct verify_sig *s, FILE *out)
{
	struct log_text d, sel;
	const char *why = error_text(s->error);

	(void)fprintf(out, "%s d=%s s=%s", error_word(s->result),
	    log_text(&d, s->d), log_text(&sel, s->s));
	if (s->bits > 0)
		(void)fprintf(out, " bits=%u", s->bits);
	if (s->testing)
		(void)fputs(" key in test mode", out);
	if (s->single_label)
		(void)fputs(" domain of one label", out);
	(void)fprintf(out, "%s%s\n", why[0] == '\0' ? "" : ": ", why);
}

void
report_signatures(const struct verify *v, FILE *out)
{
	for (size_t i = 0; i < verify_count(v); i++)
		show_one(verify_get(v, i), out);
}
