/* Key tables and user maps: files of words. */
#include <stdio.h>
#include <unistd.h>

#include "filter-dkimsign/keytable.h"
#include "filter-dkimsign/usermap.h"
#include "filter-dkimsign/words.h"
#include "tests/fuzz/fuzz.h"

static char path[] = "/tmp/fuzz-keytable.XXXXXX";
static int fd = -1;

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
remove_file(void)
{
	(void)unlink(path);
}

/* Key files that are named do not exist: nothing here is one. */
static bool
names_files(struct str text)
{
	return str_has(text, '/');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_text(data, n);
	struct keytable *table;
	struct usermap *map;
	struct report report;
	check_words(text);
	if (fd == -1) {
		fd = mkstemp(path);
		MUST(fd != -1 && atexit(remove_file) == 0);
	}
	if (names_files(text) || ftruncate(fd, 0) == -1)
		return 0;
	MUST(pwrite(fd, text.p, text.n, 0) == (ssize_t)text.n);
	report_init(&report);
	table = keytable_new(
	    &(struct keytable_defaults){ CANON_RELAXED, CANON_RELAXED, 0 });
	map = usermap_new();
	if (table != NULL)
		keytable_load(table, path, &report);
	if (map != NULL) {
		usermap_load(map, path, &report);
		(void)usermap_allows(map, "user", "example.org");
	}
	keytable_free(table);
	usermap_free(map);
	report_clear(&report);
	return 0;
}
