/* Canonical forms are final: made again from themselves they are the same. */
#include "common/base/buf.h"
#include "common/dkim/canon.h"
#include "tests/fuzz/fuzz.h"

static void
add(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
}

/* Lines end in LF, or CRLF if that is what ends them all. */
static void
body(struct str text, enum canon how, uint64_t limit, struct buf *out)
{
	struct canon_sink sink = { add, out };
	struct canon_body b;
	struct str line;
	struct buf lf;

	buf_init(&lf, SIZE_MAX);
	while (text.n > 0) {
		(void)str_cut(&text, '\n', &line);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		buf_str(&lf, line);
		buf_chr(&lf, '\n');
	}
	canon_body_init(&b, how, limit, sink);
	canon_body_text(&b, buf_view(&lf));
	canon_body_end(&b);
	buf_clear(&lf);
	MUST(out->n == limit || out->n == canon_body_length(&b) ||
	    canon_body_length(&b) > limit);
}

static void
check_body(struct str text, enum canon how, uint64_t limit)
{
	struct buf once, twice, cut;

	buf_init(&once, SIZE_MAX);
	buf_init(&twice, SIZE_MAX);
	buf_init(&cut, SIZE_MAX);
	body(text, how, CANON_NO_LIMIT, &once);
	body(buf_view(&once), how, CANON_NO_LIMIT, &twice);
	body(text, how, limit, &cut);
	MUST(str_eq(buf_view(&once), buf_view(&twice)));
	MUST(cut.n <= limit && cut.n <= once.n);
	MUST(str_eq(buf_view(&cut), str_head(buf_view(&once), cut.n)));
	buf_clear(&once);
	buf_clear(&twice);
	buf_clear(&cut);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_text(data, n);
	uint64_t limit = fuzz_byte(&in);
	struct buf out;

	check_body(in, CANON_SIMPLE, limit);
	check_body(in, CANON_RELAXED, limit);
	buf_init(&out, SIZE_MAX);
	canon_field(CANON_RELAXED, in, (struct canon_sink){ add, &out });
	MUST(out.n >= 2 && out.n <= in.n * 2 + 4);
	MUST(memcmp(out.p + out.n - 2, "\r\n", 2) == 0);
	buf_reset(&out);
	canon_field(CANON_SIMPLE, in, (struct canon_sink){ add, &out });
	MUST(out.n >= 2);
	buf_clear(&out);
	return 0;
}
