#include "filter-rspamd/apply.h"
#include "filter-rspamd/apply_score.h"

#define TAB 8 /* columns of the HTAB that starts a line */

void
apply_score_value(const struct verdict *v, struct buf *out)
{
	buf_fmt(out, "%g", v->score);
	if (v->has_required)
		buf_fmt(out, " / %g", v->required);
}

/* Can it stand in a list in a header? */
static bool
is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 33 || s.p[i] > 126)
			return false;
	return s.n > 0 && s.n <= APPLY_SCORE_COLUMNS;
}

static void
add_symbols(const struct verdict *v, struct buf *out)
{
	size_t start = out->n, column = TAB, line, before;
	bool first = true;

	buf_str(out, STR("\n\ttests=["));
	line = out->n;
	column += line - start - 2;
	for (size_t i = 0; i < v->nsymbols; i++) {
		const struct verdict_symbol *s = &v->symbols[i];
		if (!is_word(s->name))
			continue;
		if (out->n - start + s->name.n > APPLY_TESTS_MAX)
			break;
		if (!first)
			buf_chr(out, ',');
		before = out->n;
		if (!first && column + s->name.n + 10 > APPLY_SCORE_COLUMNS) {
			buf_str(out, STR("\n\t"));
			column = TAB;
		} else if (!first) {
			buf_chr(out, ' ');
		}
		buf_str(out, s->name);
		buf_fmt(out, "=%.3f", s->score);
		column += out->n - before;
		first = false;
	}
	buf_chr(out, ']');
}

void
apply_score_status(const struct verdict *v, bool spam, struct buf *out)
{
	buf_fmt(out, "%s, score=%.3f", spam ? "Yes" : "No", v->score);
	if (v->has_required)
		buf_fmt(out, " required=%.3f", v->required);
	if (v->nsymbols > 0)
		add_symbols(v, out);
}
