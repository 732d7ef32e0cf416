#include "common/base/log.h"
#include "common/base/scratch.h"
#include "filter-dkimverify/report.h"

enum {
	/* Bytes of the log line before it is cut: three texts and words. */
	WHOLE_MAX = 4 * sizeof(struct log_text),
};

/* The signature that stands for the message's result. */
static const struct verify_sig *
deciding(const struct verify *v)
{
	for (size_t i = 0; i < verify_count(v); i++)
		if (verify_get(v, i)->result == verify_result(v))
			return verify_get(v, i);
	return NULL;
}

/* One more pair of the line. */
static void
add(struct buf *b, const char *name, const char *value)
{
	buf_str(b, str_c(name));
	buf_str(b, str_c(value));
}

static void
add_number(struct buf *b, const char *name, uint64_t n)
{
	buf_str(b, str_c(name));
	buf_u64(b, n);
}

static void
add_text(struct buf *b, const char *name, struct str value)
{
	SCRATCH struct log_text t;

	add(b, name, log_text(&t, value));
}

/* One of our own texts, as a word. */
static void
add_word(struct buf *b, const char *name, const char *text)
{
	size_t start;

	add(b, name, text[0] == '\0' ? "-" : "");
	start = b->n;
	buf_str(b, str_c(text));
	for (size_t i = start; i < b->n; i++)
		if (b->p[i] == ' ')
			b->p[i] = '-';
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
	SCRATCH char line[WHOLE_MAX];
	struct buf b = buf_over(line, sizeof(line));
	const struct verify_sig *s;
	enum dkim_error error;

	if (v == NULL)
		msg_info(m, "skipped removed=%zu", removed);
	if (v == NULL || !log_is(LOG_INFO))
		return;
	s = deciding(v);
	error = verify_cut(v) ? DKIM_HEADER_SIZE : DKIM_OK;
	if (s != NULL)
		error = s->error;
	add(&b, "dkim=", error_word(verify_result(v)));
	add_word(&b, " reason=", error_text(error));
	add_text(&b, " d=", s == NULL ? STR_NULL : s->d);
	add_text(&b, " s=", s == NULL ? STR_NULL : s->s);
	add_number(&b, " bits=", s == NULL ? 0 : s->bits);
	add_number(&b, " test=", s != NULL && s->testing);
	add_number(&b, " sigs=", verify_count(v) + verify_dropped(v));
	add_text(&b, " from=", str_c(authors->first));
	add_number(&b, " froms=", authors->fields);
	add_number(&b, " removed=", removed);
	add(&b, " action=", actions[p->action]);
	add(&b, " by=", p->action == ACTION_PASS ? "-" : p->why);
	add_word(&b, " dns=", dns_text);
	add_number(&b, " us=", msg_waited(m));
	msg_info_text(m, buf_view(&b));
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
