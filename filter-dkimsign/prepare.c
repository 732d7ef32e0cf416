#include <stdio.h>

#include "common/message/header.h"
#include "common/message/longline.h"
#include "filter-dkimsign/prepare.h"

#define SUBMISSION_PORT 587

bool
prepare_is_completed(const struct session *s)
{
	struct str dst = str_c(s->dst);

	/* The listener is local, which smtpd knows by exactly these. */
	return session_is_local(s) || session_port(s) == SUBMISSION_PORT ||
	    str_starts(dst, STR("127.0.0.1:")) ||
	    str_istarts(dst, STR("[::1]:"));
}

/* smtpd finds a field only if nothing is between its name and the colon. */
static bool
has_field(const struct edit *e, struct str name)
{
	for (size_t i = 0; i < edit_count(e); i++) {
		struct str raw = edit_raw(e, i);
		if (str_istarts(raw, name) && raw.n > name.n &&
		    raw.p[name.n] == ':')
			return true;
	}
	return false;
}

/* The field with its long lines cut, as they would be on their way out. */
static void
cut_lines(struct str raw, size_t line_max, struct buf *out)
{
	struct str line, piece;
	bool tab;

	while (raw.n > 0) {
		(void)str_cut(&raw, '\n', &line);
		tab = false;
		do {
			if (tab)
				buf_chr(out, '\t');
			piece = longline_next(&line, line_max, true, &tab);
			buf_str(out, piece);
			buf_chr(out, '\n');
		} while (line.n > 0);
	}
}

/* Replaces the field at pos by one with complete addresses. */
static int
qualify_at(struct edit *e, size_t pos, const struct prepare_how *how,
    struct prepare *p)
{
	struct str raw = edit_raw(e, pos);
	struct field f;
	struct buf b, cut;
	int r = -1;

	if (!qualify_is_name(edit_name(e, pos)) || header_next(&raw, &f) != 1)
		return 0;
	buf_init(&b, PREPARE_FIELD_MAX);
	buf_init(&cut, PREPARE_FIELD_MAX);
	if (qualify_field(&f, &how->qualify, &b) == 0) {
		r = 0;
		goto out;
	}
	if (p->qualified == PREPARE_QUALIFIED_MAX) {
		p->unsigned_why = "too-many-fields";
		goto out;
	}
	cut_lines(buf_view(&b), how->line_max, &cut);
	if (buf_failed(&b) || buf_failed(&cut))
		goto out;
	/* smtpd takes it as it came, but would refuse this. */
	if (cut.n - f.name.n - STR(":\n").n > QUALIFY_MAX - 2) {
		p->unsigned_why = "field-too-large";
		goto out;
	}
	if (edit_insert_raw(e, pos, buf_view(&cut)) == -1)
		goto out;
	edit_remove(e, pos + 1);
	p->qualified++;
	r = 0;
out:
	buf_clear(&b);
	buf_clear(&cut);
	return r;
}

static int
add_date(struct edit *e, time_t now)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	char zone[8], text[64];
	struct tm tm;

	/* RFC 5322 section 3.3 */
	if (localtime_r(&now, &tm) == NULL ||
	    strftime(zone, sizeof(zone), "%z", &tm) == 0)
		return -1;
	(void)snprintf(text, sizeof(text), "%s, %d %s %d %02d:%02d:%02d %s",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec, zone);
	return edit_insert(e, SIZE_MAX, STR("Date"), str_c(text));
}

static int
add_message_id(struct edit *e, const struct prepare_how *how)
{
	struct str host = how->qualify.host;
	struct buf b;
	int r = -1;

	/* RFC 5322 section 3.6.4 */
	buf_init(&b, EDIT_LINE_MAX);
	buf_fmt(&b, "<%llx.%016llx.%.16s@%.*s>", (unsigned long long)how->now,
	    (unsigned long long)how->session, how->msgid, (int)host.n, host.p);
	if (!buf_failed(&b))
		r = edit_insert(e, SIZE_MAX, STR("Message-ID"), buf_view(&b));
	buf_clear(&b);
	return r;
}

int
prepare_edit(struct edit *e, const struct prepare_how *how, struct prepare *out)
{
	bool named = how->qualify.host.n > 0;

	*out = (struct prepare){ false, false, 0, NULL };
	for (size_t i = 0; named && i < edit_count(e); i++)
		if (qualify_at(e, i, how, out) == -1)
			return -1;
	if (!how->complete)
		return 0;
	if (!has_field(e, STR("date"))) {
		if (add_date(e, how->now) == -1)
			return -1;
		out->date = true;
	}
	if (named && !has_field(e, STR("message-id"))) {
		if (add_message_id(e, how) == -1)
			return -1;
		out->message_id = true;
	}
	return 0;
}
