#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "tests/golden/script.h"

static const struct {
	const char *name;
	enum verb verb;
} verbs[] = {
	{ ">", VERB_IN },
	{ "<", VERB_OUT },
	{ "tick", VERB_TICK },
	{ "http", VERB_HTTP },
	{ "dns", VERB_DNS },
	{ "disk", VERB_DISK },
	{ "memory", VERB_MEMORY },
};

static char *
read_file(const char *path, size_t *n)
{
	FILE *fp = fopen(path, "r");
	struct buf b;

	if (fp == NULL)
		return NULL;
	buf_init(&b, (size_t)64 << 20);
	for (;;) {
		char *to = buf_room(&b, 65536);
		size_t got = to == NULL ? 0 : fread(to, 1, 65536, fp);
		b.n += got;
		if (got == 0)
			break;
	}
	(void)fclose(fp);
	buf_chr(&b, '\0');
	*n = b.n - 1;
	return b.p;
}

/* "{TEXT*N}" at the start of s: its length, or 0 if it is none. */
static size_t
read_run(struct str s, struct str *text, uint64_t *times)
{
	struct str inside = str_from(s, 1), run;
	size_t len;

	if (s.n == 0 || s.p[0] != '{' || !str_cut(&inside, '}', &run))
		return 0;
	len = run.n + 2;
	inside = run;
	if (!str_rcut(&inside, '*', &run) || inside.n == 0 ||
	    str_u64(run, (uint64_t)1 << 26, times) == -1)
		return 0;
	*text = inside;
	return len;
}

/* Expands runs; NULL if there is none. */
static char *
expand(struct str s, size_t *n)
{
	struct buf b;
	struct str text;
	uint64_t times;
	size_t len;

	if (!str_has(s, '{'))
		return NULL;
	buf_init(&b, (size_t)256 << 20);
	while (s.n > 0) {
		len = read_run(s, &text, &times);
		if (len == 0)
			buf_chr(&b, s.p[0]);
		for (uint64_t i = 0; len > 0 && i < times; i++)
			buf_str(&b, text);
		s = str_from(s, len == 0 ? 1 : len);
	}
	buf_chr(&b, '\0');
	*n = b.n - 1;
	return b.p;
}

static int
add_step(struct script *sc, struct str word, struct str text, unsigned line)
{
	struct step *st = &sc->steps[sc->n];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!str_eq(word, str_c(verbs[i].name)))
			continue;
		if (sc->n == SCRIPT_STEPS)
			return -1;
		sc->n++;
		*st = (struct step){ verbs[i].verb, text, NULL, line };
		st->owned = expand(text, &n);
		if (st->owned != NULL)
			st->text = str_n(st->owned, n);
		return 0;
	}
	return -1;
}

static void
add_args(struct script *sc, struct str text)
{
	struct str word;

	while (text.n > 0) {
		(void)str_cut(&text, ' ', &word);
		if (word.n > 0 && sc->nargs < SCRIPT_ARGS - 1)
			sc->args[sc->nargs++] = str_dup(word);
	}
}

int
script_read(struct script *sc, const char *path)
{
	struct str rest, line, word;
	unsigned number = 0;
	size_t n = 0;

	*sc = (struct script){ .file = read_file(path, &n) };
	if (sc->file == NULL) {
		fprintf(stderr, "%s: cannot read\n", path);
		return -1;
	}
	sc->args[sc->nargs++] = str_dup(STR("filter"));
	rest = str_n(sc->file, n);
	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		number++;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		(void)str_cut(&line, ' ', &word);
		if (str_eq(word, STR("args")))
			add_args(sc, line);
		else if (str_eq(word, STR("once")))
			sc->once = true;
		else if (str_eq(word, STR("changes")))
			sc->changes = true;
		else if (add_step(sc, word, line, number) == -1) {
			fprintf(stderr, "%s:%u: no step\n", path, number);
			return -1;
		}
	}
	return 0;
}

void
script_clear(struct script *sc)
{
	for (size_t i = 0; i < sc->n; i++)
		free(sc->steps[i].owned);
	for (int i = 0; i < sc->nargs; i++)
		free(sc->args[i]);
	free(sc->file);
	*sc = (struct script){ .n = 0 };
}
