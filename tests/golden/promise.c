#include "tests/golden/promise.h"

/* What follows the ids; STR_NULL for other lines. */
static struct str
without_ids(struct str line, struct str *word)
{
	struct str id;

	(void)str_cut(&line, '|', word);
	if (!str_starts(*word, STR("filter-")) || !str_cut(&line, '|', &id) ||
	    !str_cut(&line, '|', &id))
		return STR_NULL;
	return line;
}

bool
promise_line(const struct script *sc, struct str line)
{
	struct str word, other, rest = without_ids(line, &word);

	for (size_t i = 0; i < sc->n; i++) {
		const struct step *st = &sc->steps[i];
		if (st->verb == VERB_OUT &&
		    str_eq(without_ids(st->text, &other), rest) &&
		    str_eq(other, word))
			return true;
	}
	return false;
}

/* Is this the text from step i to the dot? */
static bool
is_text_at(const struct script *sc, size_t i, struct str text)
{
	struct str word, line, want;

	for (; i < sc->n; i++) {
		if (sc->steps[i].verb != VERB_OUT)
			continue;
		want = without_ids(sc->steps[i].text, &word);
		if (!str_eq(word, STR("filter-dataline")))
			continue;
		if (str_eq(want, STR(".")))
			return text.n == 0;
		if (!str_cut(&text, '\n', &line) || !str_eq(line, want))
			return false;
	}
	return false;
}

bool
promise_text(const struct script *sc, struct str text)
{
	struct str word, line;
	bool begins = true;

	for (size_t i = 0; i < sc->n; i++) {
		if (sc->steps[i].verb != VERB_OUT)
			continue;
		line = without_ids(sc->steps[i].text, &word);
		if (begins && is_text_at(sc, i, text))
			return true;
		begins = !str_eq(word, STR("filter-dataline")) ||
		    str_eq(line, STR("."));
	}
	return false;
}
