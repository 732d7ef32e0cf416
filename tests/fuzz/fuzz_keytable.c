/*
 * Key tables and user maps: files of words.  Every domain of a table that was
 * loaded without an error is found, with the keys of its lines.  "key" is the
 * key of RFC 8463 appendix A.2, all other files have the input.
 */
#include <stdio.h>

#include "filter-dkimsign/keytable.h"
#include "filter-dkimsign/safefile.h"
#include "filter-dkimsign/usermap.h"
#include "filter-dkimsign/words.h"
#include "tests/fuzz/fuzz.h"

static struct str input;

/* Instead of that of filter-dkimsign. */
int
safefile_read(
    const char *path, bool secret, struct buf *out, char why[SAFEFILE_WHY_MAX])
{
	(void)snprintf(why, SAFEFILE_WHY_MAX, "no such file");
	if (strcmp(path, "key") == 0)
		buf_str(
		    out, STR("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="));
	else if (secret && strcmp(path, "input") != 0)
		return -1;
	else
		buf_str(out, input);
	return buf_failed(out) ? -1 : 0;
}

static void
check_words(struct str text)
{
	struct words w;
	unsigned line = 0;
	int r;

	words_init(&w, text);
	while ((r = words_next(&w)) != 0) {
		MUST(w.line > line);
		line = w.line;
		if (r == -1)
			continue;
		MUST(w.n > 0 && w.n <= WORDS_MAX);
		for (size_t i = 0; i < w.n; i++)
			MUST(w.v[i].n > 0 && fuzz_within(w.v[i], text));
	}
}

static void
check_domain(const struct keytable *t, const struct keydomain *d)
{
	bool rsa = true;

	MUST(keytable_find(t, d->name) == d || strcmp(d->name, "*") == 0);
	MUST(strcmp(d->name, "*") != 0 || keytable_fallback(t) == d);
	MUST(d->n > 0 && d->n <= KEYTABLE_DOMAIN_KEYS);
	for (size_t i = 0; i < d->n; i++) {
		MUST(d->v[i].key != NULL && d->v[i].selector[0] != '\0');
		MUST(d->v[i].lifetime <= KEYTABLE_LIFETIME_MAX);
		MUST(rsa || key_type(d->v[i].key) != KEY_RSA);
		rsa = key_type(d->v[i].key) == KEY_RSA;
	}
}

static void
check_table(struct report *report)
{
	struct keytable_defaults defaults = { CANON_RELAXED, CANON_RELAXED, 0 };
	struct keytable *t = keytable_new(&defaults);
	const struct keydomain *d = NULL;
	size_t count = 0;

	MUST(t != NULL);
	keytable_load(t, "table", report);
	while (report->errors == 0 && (d = keytable_each(t, d)) != NULL) {
		check_domain(t, d);
		count++;
	}
	MUST(report->errors > 0 || (count > 0 && count == keytable_count(t)));
	keytable_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct usermap *map = usermap_new();
	struct report report;

	input = fuzz_text(data, n);
	check_words(input);
	report_init(&report);
	check_table(&report);
	MUST(map != NULL);
	usermap_load(map, "map", &report);
	MUST(report.errors == 0 || report.lines.n > 0 ||
	    buf_failed(&report.lines));
	(void)usermap_allows(map, "alice", "example.org");
	usermap_free(map);
	report_clear(&report);
	return 0;
}
