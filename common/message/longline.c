#include "common/message/longline.h"

#define UTF8_TAIL_MAX 3 /* bytes of a sequence after its first */

/*
 * Where a header line is folded: before white space, never at its start, and in
 * the first line of a field never before its colon, where smtpd looks for it.
 */
static size_t
fold_at(struct str line, size_t max, bool first)
{
	bool text = false, name = first && str_has(line, ':');
	size_t at = 0;

	for (size_t i = 0; i <= max && i < line.n; i++) {
		if (text && !name && is_wsp(line.p[i]))
			at = i;
		text = text || !is_wsp(line.p[i]);
		name = name && line.p[i] != ':';
	}
	return at;
}

static size_t
split_at(struct str line, size_t max)
{
	size_t at = max;

	while (at > max - UTF8_TAIL_MAX &&
	    ((unsigned char)line.p[at] & 0xc0) == 0x80)
		at--;
	return ((unsigned char)line.p[at] & 0xc0) == 0x80 ? max : at;
}

struct str
longline_next(struct str *rest, size_t max, bool in_header, bool *tab)
{
	bool first = !*tab && rest->n > 0 && !is_wsp(rest->p[0]);
	struct str piece = *rest;
	size_t at;

	if (*tab)
		max--;
	*tab = false;
	if (rest->n > 0 && rest->p[0] == '.')
		max--;
	if (rest->n <= max) {
		*rest = str_from(*rest, rest->n);
		return piece;
	}
	at = in_header ? fold_at(*rest, max, first) : split_at(*rest, max);
	if (at == 0) {
		at = max;
		*tab = !is_wsp(rest->p[at]);
	}
	*rest = str_from(*rest, at);
	return str_head(piece, at);
}
