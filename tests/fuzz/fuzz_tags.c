/* Tag lists: strict, and all views lie in the text. */
#include "common/dkim/tags.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_text(data, n), item, rest;
	struct tags tags;
	bool more;

	if (tags_parse(text, &tags) == -1)
		return 0;
	MUST(tags.n <= TAGS_MAX);
	for (size_t i = 0; i < tags.n; i++) {
		const struct tag *t = &tags.v[i];
		size_t items = 0;

		MUST(t->name.n > 0 && fuzz_within(t->name, text));
		MUST(fuzz_within(t->value, t->raw));
		MUST(fuzz_within(t->raw, text));
		MUST(tags_find(&tags, t->name) == t);
		rest = t->value;
		more = true;
		while (tags_item(&rest, &more, &item) == 1) {
			MUST(fuzz_within(item, t->value));
			MUST(++items <= t->value.n + 1);
		}
	}
	return 0;
}
