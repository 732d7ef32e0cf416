#include "common/message/fold.h"
#include "filter-rspamd/apply.h"
#include "filter-rspamd/apply_score.h"

#define WORD_MAX 500 /* bytes of a symbol with its score */

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
	return s.n > 0 && s.n <= FOLD_COLUMNS && str_printable(s, '!') == s.n;
}

/* Ends the line it is in and adds "tests=[...]"; word is for scratch. */
static void
add_symbols(const struct verdict *v, struct fold *f, struct buf *word)
{
	size_t start = f->out->n;
	bool first = true;

	fold_line(f, STR("tests=["));
	for (size_t i = 0; i < v->nsymbols; i++) {
		const struct verdict_symbol *s = &v->symbols[i];
		if (!is_word(s->name))
			continue;
		if (f->out->n - start + s->name.n > APPLY_TESTS_MAX)
			break;
		buf_reset(word);
		buf_str(word, s->name);
		buf_fmt(word, "=%.3f", s->score);
		if (!first)
			fold_glue(f, STR(","));
		if (first)
			fold_glue(f, buf_view(word));
		else
			fold_word(f, buf_view(word));
		first = false;
	}
	fold_glue(f, STR("]"));
}

static void
add_word(struct fold *f, struct buf *word)
{
	fold_word(f, buf_view(word));
	buf_reset(word);
}

void
apply_score_status(const struct verdict *v, bool spam, struct buf *out)
{
	struct buf word;
	struct fold f;

	buf_init(&word, WORD_MAX);
	fold_init(&f, out, STR("X-Spam-Status"));
	fold_word(&f, spam ? STR("Yes,") : STR("No,"));
	buf_fmt(&word, "score=%.3f", v->score);
	add_word(&f, &word);
	if (v->has_required) {
		buf_fmt(&word, "required=%.3f", v->required);
		add_word(&f, &word);
	}
	if (v->nsymbols > 0)
		add_symbols(v, &f, &word);
	fold_end(&f);
	out->failed = out->failed || buf_failed(&word);
	buf_clear(&word);
}
