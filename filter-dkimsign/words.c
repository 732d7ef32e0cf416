#include "common/dkim/key.h"
#include "filter-dkimsign/safefile.h"
#include "filter-dkimsign/words.h"

void
words_init(struct words *w, struct str text)
{
	*w = (struct words){ .rest = text };
}

static bool
is_space(char c)
{
	return is_wsp(c) || c == '\r';
}

/* The next word of a line; empty at its end or at a comment. */
static struct str
next_word(struct str *line)
{
	struct str word;
	size_t n = 0;

	while (line->n > 0 && is_space(line->p[0]))
		*line = str_from(*line, 1);
	while (n < line->n && !is_space(line->p[n]))
		n++;
	word = str_head(*line, n);
	*line = str_from(*line, n);
	return word.n > 0 && word.p[0] == '#' ? STR_NULL : word;
}

int
words_next(struct words *w)
{
	struct str line, word;

	while (w->rest.n > 0) {
		(void)str_cut(&w->rest, '\n', &line);
		w->line++;
		for (w->n = 0; w->n < WORDS_MAX; w->n++) {
			word = next_word(&line);
			if (word.n == 0)
				break;
			w->v[w->n] = word;
		}
		if (w->n == WORDS_MAX && next_word(&line).n > 0)
			return -1;
		if (w->n > 0)
			return 1;
	}
	return 0;
}

/* Given in the wrong place: its words must not be shown in errors. */
static bool
is_key(struct str text)
{
	struct key *k = NULL;
	bool is = key_parse(text, &k) == KEY_GOOD;

	key_free(k);
	return is || str_starts(str_trim(text), STR("-----BEGIN "));
}

void
words_load(const char *path, const char *what,
    void (*take)(void *arg, const struct words *), void *arg, struct report *r)
{
	char why[SAFEFILE_WHY_MAX];
	bool any = false;
	struct words w;
	struct buf text;
	int got;

	buf_init(&text, WORDS_FILE_MAX);
	if (safefile_read(path, false, &text, why) == -1) {
		report_error(r, path, 0, "%s", why);
		buf_clear(&text);
		return;
	}
	if (is_key(buf_view(&text))) {
		report_error(r, path, 0, "is a key, and has no %s", what);
		buf_clear(&text);
		return;
	}
	words_init(&w, buf_view(&text));
	w.path = path;
	w.report = r;
	for (; (got = words_next(&w)) != 0; any = true) {
		if (got == -1)
			report_error(r, path, w.line, "too many words");
		else
			take(arg, &w);
	}
	if (!any)
		report_error(r, path, 0, "has no %s", what);
	buf_clear(&text);
}
