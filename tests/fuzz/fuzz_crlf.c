/*
 * A message as rspamd gets it, read in blocks of any size: each LF has become
 * CRLF and nothing else is different.
 */
#include "common/base/buf.h"
#include "filter-rspamd/crlf.h"
#include "tests/fuzz/fuzz.h"

/* The same made the plain way. */
static void
add_lines(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n')
			buf_chr(b, '\r');
		buf_chr(b, text.p[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct store_pool pool = {
		.dir = "/tmp", .spill = 4096, .budget = 65536
	};
	struct str in = fuzz_text(data, n), head, line;
	unsigned seed = fuzz_byte(&in);
	size_t cut = fuzz_byte(&in) * 8, room;
	struct store *st = store_new(&pool);
	struct buf want, got;
	struct crlf c;
	char block[300];
	ssize_t r;

	MUST(st != NULL);
	buf_init(&want, SIZE_MAX);
	buf_init(&got, SIZE_MAX);
	head = str_head(in, cut);
	in = str_from(in, cut);
	add_lines(&want, head);
	while (in.n > 0) {
		(void)str_cut(&in, '\n', &line);
		MUST(store_line(st, line) == 0);
		add_lines(&want, line);
		buf_str(&want, STR("\r\n"));
	}
	MUST(crlf_size(head, st) == want.n);
	crlf_init(&c, head, st);
	do {
		seed = seed * 1103515245 + 12345;
		room = 1 + seed / 65536 % sizeof(block);
		r = crlf_read(&c, block, room);
		MUST(r >= 0 && (size_t)r <= room);
		buf_add(&got, block, (size_t)r);
	} while (r > 0);
	MUST(str_eq(buf_view(&want), buf_view(&got)));
	store_free(st);
	MUST(pool.used == 0);
	store_pool_clear(&pool);
	buf_clear(&want);
	buf_clear(&got);
	return 0;
}
