#include "common/engine/heads.h"

static const char kind[] = "|smtp-in|data-line|";

#define SID_AT (sizeof(kind) - 1) /* where the session id begins in a head */

/* The slot of a session id as text. */
static size_t
slot_of(const char *sid)
{
	uint64_t a, b;

	memcpy(&a, sid, sizeof(a));
	memcpy(&b, sid + sizeof(a), sizeof(b));
	return (size_t)(((a * 31 + b) * 0x9e3779b97f4a7c15u) >> 40) &
	    (HEADS_SLOTS - 1);
}

/* From the bar after the time on: "filter|VERSION|TIME|smtp-in|...". */
static const char *
find_head(struct str line)
{
	const char *end = line.p + line.n, *bar;

	if (line.n < HEADS_LENGTH + 12 || memcmp(line.p, "filter|", 7) != 0)
		return NULL;
	bar = memchr(line.p + 7, '|', line.n - 7);
	if (bar != NULL)
		bar = memchr(bar + 1, '|', (size_t)(end - bar) - 1);
	return bar == NULL || end - bar < HEADS_LENGTH ? NULL : bar;
}

static struct msg *
find_at(const struct heads *h, struct str line, size_t at)
{
	size_t i = slot_of(line.p + at + SID_AT);

	if (h->slot[i].msg == NULL ||
	    memcmp(line.p + at, h->slot[i].head, HEADS_LENGTH) != 0)
		return NULL;
	return h->slot[i].msg;
}

struct msg *
heads_find(const struct heads *h, struct str line, struct str *text)
{
	size_t at = h->at;
	struct msg *m = NULL;
	const char *head;

	/* Where it was in the last line it is in most lines. */
	if (at > 0 && line.n >= at + HEADS_LENGTH &&
	    memcmp(line.p, "filter|", 7) == 0)
		m = find_at(h, line, at);
	if (m == NULL) {
		head = find_head(line);
		if (head == NULL)
			return NULL;
		at = (size_t)(head - line.p);
		m = find_at(h, line, at);
	}
	if (m != NULL)
		*text = str_from(line, at + HEADS_LENGTH);
	return m;
}

void
heads_put(struct heads *h, struct str line, struct str text, struct msg *m)
{
	const char *head = find_head(line);
	size_t i;

	if (head == NULL || head + HEADS_LENGTH != text.p ||
	    text.p[-1] != '|' || memcmp(head, kind, SID_AT) != 0 ||
	    head[SID_AT + STR_HEX64] != '|')
		return;
	/* heads_drop() looks for ids where and as smtpd writes them. */
	for (i = 0; i < STR_HEX64; i++)
		if (head[SID_AT + i] >= 'A' && head[SID_AT + i] <= 'F')
			return;
	i = slot_of(head + SID_AT);
	h->slot[i].msg = m;
	h->at = (size_t)(head - line.p);
	memcpy(h->slot[i].head, head, HEADS_LENGTH);
}

void
heads_drop(struct heads *h, uint64_t sid, const struct msg *m)
{
	char text[STR_HEX64];
	size_t i;

	str_format_hex64(sid, text);
	i = slot_of(text);
	if (h->slot[i].msg == m)
		h->slot[i].msg = NULL;
}
