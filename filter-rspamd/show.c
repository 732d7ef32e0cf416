#include "common/base/log.h"
#include "common/message/header.h"
#include "filter-rspamd/show.h"

/* Names of actions as one word. */
static const char *const actions[] = {
	[VERDICT_NO_ACTION] = "no-action",
	[VERDICT_GREYLIST] = "greylist",
	[VERDICT_ADD_HEADER] = "add-header",
	[VERDICT_REWRITE_SUBJECT] = "rewrite-subject",
	[VERDICT_SOFT_REJECT] = "soft-reject",
	[VERDICT_REJECT] = "reject",
	[VERDICT_QUARANTINE] = "quarantine",
	[VERDICT_DISCARD] = "discard",
	[VERDICT_CUSTOM] = "custom",
};

/* "12.50/15.00", or "-" for what is not there. */
struct score {
	char s[80];
};

static const char *
score_text(struct score *t, const struct verdict *v)
{
	char required[40] = "-";

	if (v->has_required)
		(void)snprintf(required, sizeof(required), "%.2f", v->required);
	if (v->has_score)
		(void)snprintf(
		    t->s, sizeof(t->s), "%.2f/%s", v->score, required);
	else
		(void)snprintf(t->s, sizeof(t->s), "-/%s", required);
	return t->s;
}

/* The notes as one word, as all values of the line are. */
static const char *
notes_text(struct log_text *t, struct str notes)
{
	char word[VERDICT_NOTES_MAX];

	notes = str_head(notes, sizeof(word));
	for (size_t i = 0; i < notes.n; i++)
		word[i] = notes.p[i] == ' ' ? '-' : notes.p[i];
	return log_text(t, str_n(word, notes.n));
}

void
show_line(const struct msg *m, const struct show_line *l)
{
	const char *action = "none", *score = "-", *notes = "";
	const struct verdict *v = l->verdict;
	struct log_text name, note;
	struct score text;

	if (!log_is(LOG_INFO))
		return;
	if (v != NULL) {
		action = v->action == VERDICT_CUSTOM
		    ? log_text(&name, v->action_name)
		    : actions[v->action];
		score = score_text(&text, v);
		if (v->notes.n > 0)
			notes = notes_text(&note, v->notes);
	}
	msg_info(m,
	    "action=%s score=%s host=%s time=%llums size=%llu "
	    "result=%s%s%s%s%s",
	    action, score, l->host == NULL ? "-" : l->host,
	    (unsigned long long)(msg_waited(m) / 1000),
	    (unsigned long long)msg_size(m), l->result,
	    l->reason == NULL ? "" : " reason=",
	    l->reason == NULL ? "" : l->reason,
	    notes[0] == '\0' ? "" : " notes=", notes);
}

void
show_counters(const struct show_counters *c, const struct hosts *h,
    const struct config *conf, size_t waiting)
{
	const uint64_t *u = c->unscanned;

	log_info(
	    "counters messages=%llu skipped=%llu unreachable=%llu timeout=%llu "
	    "error=%llu too-large=%llu memory=%llu scanning=%u waiting=%zu",
	    (unsigned long long)c->messages, (unsigned long long)c->skipped,
	    (unsigned long long)u[CONFIG_UNREACHABLE],
	    (unsigned long long)u[CONFIG_TIMEOUT],
	    (unsigned long long)u[CONFIG_ERROR],
	    (unsigned long long)u[CONFIG_TOO_LARGE],
	    (unsigned long long)c->memory, h->busy, waiting);
	for (size_t i = 0; i <= VERDICT_CUSTOM; i++)
		if (c->action[i] > 0)
			log_info("counters action=%s messages=%llu", actions[i],
			    (unsigned long long)c->action[i]);
	for (size_t i = 0; i < h->n; i++)
		log_info("counters host=%s tries=%llu failed=%llu outages=%llu "
			 "scanning=%u state=%s",
		    conf->target[i].name, (unsigned long long)h->host[i].tries,
		    (unsigned long long)h->host[i].failed,
		    (unsigned long long)h->host[i].outages, h->host[i].busy,
		    h->host[i].down ? "down" : "up");
}

/* Text for a terminal: control bytes but LF and HTAB become '?'. */
static void
print_text(FILE *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool ok = c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f);
		(void)putc(ok ? c : '?', out);
	}
}

static void
add_field(struct buf *b, char sign, struct str raw)
{
	buf_fmt(b, "  %c ", sign);
	buf_str(b, raw);
}

void
show_changes(struct buf *b, struct str header, const struct edit *e)
{
	uintptr_t start = (uintptr_t)header.p;
	struct str rest = header;
	struct field f;

	buf_str(b, STR("header:\n"));
	for (size_t i = 0; i < edit_count(e); i++) {
		struct str raw = edit_raw(e, i);
		if ((uintptr_t)raw.p - start >= header.n) {
			add_field(b, '+', raw);
			continue;
		}
		while (header_next(&rest, &f) == 1 && f.raw.p != raw.p)
			add_field(b, '-', f.raw);
	}
	while (header_next(&rest, &f) == 1)
		add_field(b, '-', f.raw);
}

static void
print_verdict(FILE *out, const struct verdict *v)
{
	struct score text;

	(void)fputs("action: ", out);
	print_text(out, v->action_name);
	(void)fprintf(out, "\nscore: %s\n", score_text(&text, v));
	if (v->nsymbols > 0)
		(void)fputs("symbols:\n", out);
	for (size_t i = 0; i < v->nsymbols; i++) {
		(void)fprintf(out, "  %7.2f ", v->symbols[i].score);
		print_text(out, v->symbols[i].name);
		(void)putc('\n', out);
	}
	if (v->notes.n > 0) {
		(void)fputs("notes: ", out);
		print_text(out, v->notes);
		(void)putc('\n', out);
	}
}

void
show_check(const struct verdict *v, struct str changes, const char *host,
    struct str refused, FILE *out)
{
	if (host != NULL)
		(void)fprintf(out, "host: %s\n", host);
	if (v != NULL)
		print_verdict(out, v);
	print_text(out, changes);
	if (refused.n == 0)
		return;
	(void)fputs("refused: ", out);
	print_text(out, refused);
	(void)putc('\n', out);
}
