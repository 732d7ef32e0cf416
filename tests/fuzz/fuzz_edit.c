/*
 * Changes to a header block: what comes out is lines, each new field is one
 * field and no more, and what was not touched is still there.
 */
#include "common/message/edit.h"
#include "common/message/header.h"
#include "tests/fuzz/fuzz.h"

static struct str
take(struct str *in, size_t n)
{
	struct str s = str_head(*in, n);

	*in = str_from(*in, n);
	return s;
}

static bool
odd_names(void *arg, struct str name, struct str raw)
{
	(void)arg;
	MUST(fuzz_within(name, raw));
	return name.n % 2 == 1;
}

static void
change(struct edit *e, struct str *in)
{
	unsigned op = fuzz_byte(in), at = fuzz_byte(in);
	size_t count = edit_count(e);
	struct str name, value, raw;
	struct field f;

	if (op % 4 == 0 && at < count) {
		edit_remove(e, at);
		MUST(edit_count(e) == count - 1);
		return;
	}
	if (op % 4 == 1) {
		MUST(edit_remove_if(e, at, odd_names, NULL) + edit_count(e) ==
		    count);
		return;
	}
	name = take(in, fuzz_byte(in) % 32);
	value = take(in, fuzz_byte(in) * 8);
	if (edit_insert(e, at, name, value) == -1) {
		MUST(edit_count(e) == count);
		return;
	}
	MUST(edit_is_name(name) && edit_count(e) == count + 1);
	if (at == 0 && count > 0 && is_wsp(edit_raw(e, 0).p[0]))
		at = 1;
	raw = edit_raw(e, at < count ? at : count);
	MUST(header_next(&raw, &f) == 1 && raw.n == 0);
	MUST(str_eq(f.name, name) && f.raw.p[f.raw.n - 1] == '\n');
	MUST(!str_has(f.raw, '\r') && !str_has(f.raw, '\0'));
	raw = f.raw;
	while (raw.n > 0) {
		struct str line;
		(void)str_cut(&raw, '\n', &line);
		MUST(line.n > 0 && line.n <= EDIT_LINE_MAX);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_text(data, n), block;
	size_t total = 0;
	struct edit *e;
	struct buf out;

	block = take(&in, fuzz_byte(&in) * 4);
	e = edit_new(block);
	if (e == NULL)
		return 0;
	buf_init(&out, SIZE_MAX);
	edit_write(e, &out);
	MUST(str_eq(buf_view(&out), block));
	for (unsigned i = 0; in.n > 0 && i < 50; i++)
		change(e, &in);
	for (size_t i = 0; i < edit_count(e); i++)
		total += edit_raw(e, i).n;
	buf_reset(&out);
	edit_write(e, &out);
	MUST(out.n == total);
	buf_clear(&out);
	edit_free(e);
	return 0;
}
