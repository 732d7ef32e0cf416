#include "common/engine/replay.h"
#include "common/message/longline.h"

void
replay_init(struct replay *r, const struct reply_to *to, struct str header,
    const struct store *st)
{
	*r = (struct replay){ .header = header, .store = st };
	r->nprefix = reply_prefix(to, r->prefix);
	r->line_max = reply_line_max(to->version);
}

/* One output line: prefix, HTAB of a forced fold, doubled dot, content. */
static void
emit(const struct replay *r, struct buf *out, struct str line, bool tab)
{
	char *to = buf_room(out, r->nprefix + line.n + 3);
	size_t n = r->nprefix;

	if (to == NULL)
		return;
	memcpy(to, r->prefix, n);
	if (tab)
		to[n++] = '\t';
	else if (line.n > 0 && line.p[0] == '.')
		to[n++] = '.';
	if (line.n > 0)
		memcpy(to + n, line.p, line.n);
	n += line.n;
	to[n++] = '\n';
	out->n += n;
}

/*
 * Emits what is at the start of *text, a line or a piece of one, and takes it
 * off.  False if more of the line has to be seen first.
 */
static bool
emit_next(struct replay *r, struct buf *out, struct str *text, bool in_header)
{
	const char *lf = memchr(text->p, '\n', text->n);
	struct str line = *text, piece;
	bool tab = r->tab;

	if (lf != NULL)
		line.n = (size_t)(lf - text->p);
	else if (line.n <= r->line_max)
		return false;
	if (!tab && !longline_is(line, r->line_max)) {
		emit(r, out, line, false);
		*text = str_from(*text, line.n + 1);
		return true;
	}
	piece = longline_next(&line, r->line_max, in_header, &r->tab);
	emit(r, out, piece, tab);
	*text = str_from(*text, piece.n + (lf != NULL && line.n == 0));
	return true;
}

/*
 * Emits the lines at the start of text that are whole and of a length that
 * smtpd takes, until out holds limit bytes.  Returns how many bytes they had:
 * this is the inner loop of the programs.
 */
static size_t
emit_plain(
    const struct replay *r, struct buf *out, struct str text, size_t limit)
{
	const char *p = text.p, *end = text.p + text.n, *lf;

	while (out->n < limit && p < end) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			break;
		size_t n = (size_t)(lf - p) + 1;
		bool dot = *p == '.';
		if (n - 1 + dot > r->line_max)
			break;
		char *to = buf_room(out, REPLY_PREFIX_MAX + 1 + n);
		if (to == NULL)
			break;
		/* All of it: a copy of known length is quicker. */
		memcpy(to, r->prefix, REPLY_PREFIX_MAX);
		to += r->nprefix;
		if (dot)
			*to++ = '.';
		memcpy(to, p, n);
		out->n += r->nprefix + dot + n;
		p = lf + 1;
	}
	return (size_t)(p - text.p);
}

/* What is at the start of text, as far as limit; false: no more now. */
static bool
emit_some(struct replay *r, struct buf *out, struct str *text, bool in_header,
    size_t limit)
{
	size_t n = r->tab ? 0 : emit_plain(r, out, *text, limit);

	*text = str_from(*text, n);
	if (text->n == 0 || out->n >= limit)
		return n > 0;
	return emit_next(r, out, text, in_header);
}

int
replay_fill(struct replay *r, struct buf *out, size_t limit, char *scratch)
{
	struct str block, rest;

	while (r->header.n > 0 && out->n < limit)
		if (!emit_some(r, out, &r->header, true, limit))
			return -1;
	while (out->n < limit) {
		block = STR_NULL;
		if (r->store != NULL &&
		    store_block(r->store, r->off, REPLAY_SCRATCH, scratch,
			&block) == -1)
			return -1;
		if (block.n == 0) {
			emit(r, out, STR_NULL, false);
			out->p[out->n - 1] = '.';
			buf_chr(out, '\n');
			return buf_failed(out) ? -1 : 1;
		}
		rest = block;
		while (rest.n > 0 && out->n < limit)
			if (!emit_some(r, out, &rest, false, limit))
				break;
		if (rest.n == block.n)
			return -1; /* not lines: cannot happen */
		r->off += block.n - rest.n;
	}
	return 0;
}
