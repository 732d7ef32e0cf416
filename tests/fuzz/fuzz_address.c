/* Address lists, the way smtpd completes them, and folding of values. */
#include "common/message/address.h"
#include "common/message/fold.h"
#include "common/message/qualify.h"
#include "tests/fuzz/fuzz.h"

static void
check_qualify(struct str text)
{
	struct buf field, out;
	struct field f;
	const struct qualify q = { STR("mx.example.org"), text.n % 2 == 0 };
	struct str rest;
	int r;

	buf_init(&field, SIZE_MAX);
	buf_init(&out, SIZE_MAX);
	buf_str(&field, STR("From:"));
	buf_str(&field, text);
	buf_chr(&field, '\n');
	rest = buf_view(&field);
	MUST(header_next(&rest, &f) == 1);
	r = qualify_field(&f, &q, &out);
	MUST(r == 1 ? out.n > f.raw.n : out.n == 0);
	buf_clear(&field);
	buf_clear(&out);
}

static void
check_fold(struct str text)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	fold_value(text, text.n % 2 == 0, &out);
	MUST(!str_has(buf_view(&out), '\n') && !str_has(buf_view(&out), '\r'));
	MUST(!str_has(buf_view(&out), '\0'));
	MUST(out.n <= FOLD_VALUE_MAX * 2 + 2);
	buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = fuzz_text(data, n);
	struct address_parser p;
	struct address a;
	size_t count = 0;
	int r;

	address_init(&p, text);
	while ((r = address_next(&p, &a)) == 1) {
		MUST(a.local_n <= ADDRESS_LOCAL_MAX);
		MUST(a.domain_n <= ADDRESS_DOMAIN_MAX);
		MUST(a.local[a.local_n] == '\0');
		MUST(a.domain[a.domain_n] == '\0');
		MUST(++count <= text.n);
	}
	MUST(r == 0 || address_next(&p, &a) == -1);
	check_qualify(text);
	check_fold(text);
	return 0;
}
