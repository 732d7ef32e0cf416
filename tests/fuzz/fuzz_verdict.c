/* A reply of rspamd, applied to a header. */
#include <errno.h>

#include "common/message/header.h"
#include "filter-rspamd/apply.h"
#include "filter-rspamd/target.h"
#include "tests/fuzz/fuzz.h"

#define TOP "Received: from x\n\tby mx.example.org\n"

static const char header[] =
    TOP "Received: from y\nSubject: s\n folded\nX-Spam: Yes\nX-A: 1\nX-A: 2\n"
	"DKIM-Signature: v=1\nFrom: a@example.net\n";

static void
check_edit(const struct edit *e)
{
	struct buf out;
	struct str line, rest;

	buf_init(&out, SIZE_MAX);
	edit_write(e, &out);
	MUST(out.n == 0 || out.p[out.n - 1] == '\n');
	for (rest = buf_view(&out); rest.n > 0;) {
		(void)str_cut(&rest, '\n', &line);
		/* An empty line would end the header. */
		MUST(line.n > 0 && !str_has(line, '\r'));
	}
	/* The trace of this host is never taken away. */
	MUST(memmem(out.p, out.n, TOP, sizeof(TOP) - 1) != NULL);
	buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = fuzz_text(data, n);
	unsigned how = fuzz_byte(&in);
	struct apply_options o = { .discard = how % 3,
		.quarantine = how / 3 % 3,
		.score = how / 9 % 3,
		.report_only = how % 5 == 0 };
	struct verdict_reply reply = { 200, STR_NULL, in };
	struct verdict *v;
	struct apply a;
	struct buf why;

	buf_init(&why, 4096);
	v = verdict_parse(&reply, &why);
	MUST(v != NULL || errno == ENOMEM || why.n > 0);
	if (v != NULL && apply_verdict(v, &o, str_c(header), &a) == 0) {
		MUST(!a.refused || (a.code >= 400 && a.code < 600));
		if (a.edit != NULL)
			check_edit(a.edit);
		edit_free(a.edit);
	}
	verdict_free(v);
	buf_clear(&why);
	return 0;
}
