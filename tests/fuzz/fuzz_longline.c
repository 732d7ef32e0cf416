/* A long line in pieces: they fit, and joined they are the line. */
#include "common/base/buf.h"
#include "common/message/longline.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_text(data, n), line, rest, piece;
	bool in_header = fuzz_byte(&in) % 2 == 1, tab = false, put;
	size_t max = 8 + fuzz_byte(&in), pieces = 0;
	struct buf b;

	line = rest = in;
	if (str_has(line, '\n'))
		return 0;
	buf_init(&b, SIZE_MAX);
	do {
		put = tab;
		piece = longline_next(&rest, max, in_header, &tab);
		MUST(!tab || in_header);
		MUST(put + piece.n +
			(!put && piece.n > 0 && piece.p[0] == '.') <=
		    max);
		MUST(piece.n > 0 || line.n == 0);
		/* A folded line goes on with white space. */
		MUST(pieces == 0 || !in_header || put || is_wsp(piece.p[0]));
		buf_str(&b, piece);
		pieces++;
	} while (rest.n > 0);
	MUST(!tab);
	MUST(str_eq(buf_view(&b), line));
	buf_clear(&b);
	return 0;
}
