/* Bytes to lines, read in pieces of any size: the same lines come out. */
#include "common/engine/lines.h"
#include "tests/fuzz/fuzz.h"

/* Lines that can pass LINES_MAX need runs: \1 COUNT is COUNT * 8192 x. */
static size_t
put(struct lines *l, struct str *in, unsigned *run, size_t most)
{
	size_t room, n = 0;
	char *to = lines_room(l, &room);

	MUST(room > 0);
	most = most < room ? most : room;
	while (n < most && (*run > 0 || in->n > 0)) {
		unsigned c;
		size_t k = *run < most - n ? *run : most - n;
		memset(to + n, 'x', k);
		n += k;
		*run -= (unsigned)k;
		if (n == most || in->n == 0)
			break;
		if ((c = fuzz_byte(in)) == 1)
			*run = fuzz_byte(in) * 8192;
		else
			to[n++] = (char)c;
	}
	lines_added(l, n);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_text(data, n), line;
	size_t bytes = 0, out = 0;
	unsigned run = 0, seed, lost = 0;
	struct lines l;
	int r;

	if (n > 200 || lines_init(&l) == -1)
		return 0;
	seed = fuzz_byte(&in);
	while (in.n > 0 || run > 0) {
		seed = seed * 1103515245 + 12345;
		bytes += put(&l, &in, &run, 1 + seed % 70000);
		while ((r = lines_next(&l, &line)) != 0) {
			MUST(!str_has(line, '\n'));
			lost += r == -1;
			out += line.n + 1;
			MUST(line.n <= LINES_MAX);
		}
	}
	MUST(lost > 0 || out <= bytes);
	MUST(lost > 0 || bytes - out <= LINES_MAX);
	lines_clear(&l);
	return 0;
}
