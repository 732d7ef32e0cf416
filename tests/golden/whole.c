#include "tests/golden/whole.h"

static bool
next_line(struct str *rest, struct str *line)
{
	if (rest->n == 0)
		return false;
	(void)str_cut(rest, '\n', line);
	return true;
}

static struct str
undot(struct str line)
{
	return line.n > 0 && line.p[0] == '.' ? str_from(line, 1) : line;
}

/* Takes the pieces of line off *out; false if they are not all there. */
static bool
take_pieces(struct str *out, struct str line)
{
	struct str piece, rest = undot(line);

	while (rest.n > 0) {
		if (!next_line(out, &piece))
			return false;
		piece = undot(piece);
		if (!str_starts(rest, piece) && piece.n > 0 &&
		    piece.p[0] == '\t')
			piece = str_from(piece, 1);
		if (piece.n == 0 || !str_starts(rest, piece))
			return false;
		rest = str_from(rest, piece.n);
	}
	return true;
}

static void
skip_header(struct str *s)
{
	struct str line;

	while (s->n > 0 && s->p[0] != '\n')
		(void)next_line(s, &line);
}

const char *
whole_check(const struct whole_message *w)
{
	struct str in = w->in, out = w->out, want, got;
	bool cut = false;
	int added = 0;

	if (w->body_only) {
		skip_header(&in);
		skip_header(&out);
	}
	while (next_line(&in, &want)) {
		for (;;) {
			struct str here = out;
			if (!next_line(&out, &got))
				return "a line is missing";
			if (str_eq(undot(got), undot(want)))
				break;
			if (want.n > 1900 && take_pieces(&here, want)) {
				out = here;
				cut = true;
				break;
			}
			added++;
		}
	}
	while (next_line(&out, &got))
		added++;
	if (w->added >= 0 && !cut && added != w->added)
		return added > w->added ? "there are more lines"
					: "there are fewer lines";
	return NULL;
}
