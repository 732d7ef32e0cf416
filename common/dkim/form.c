#include "common/base/scratch.h"
#include "common/dkim/form.h"
#include "common/dkim/tags.h"
#include "common/message/fold.h"

enum {
	VALUE_ROOM = 12, /* columns for " b=" and the start of its value */
};

/* "NAME=VALUE;" as one word. */
static void
add_tag(struct fold *f, struct str name, struct str value)
{
	fold_space(f, name.n + value.n + 1);
	fold_glue(f, name);
	fold_glue(f, value);
	fold_glue(f, STR(";"));
}

static void
add_number(struct fold *f, struct str name, uint64_t value)
{
	char text[STR_U64];

	if (value > 0)
		add_tag(f, name, str_n(text, str_format_u64(value, text)));
}

/* h=, which may be folded after each colon. */
static void
add_fields(struct fold *f, struct str h)
{
	struct str rest = h, item;
	bool more = true;

	(void)tags_item(&rest, &more, &item);
	fold_space(f, STR("h=").n + item.n + 1);
	fold_glue(f, STR("h="));
	fold_glue(f, item);
	while (tags_item(&rest, &more, &item) == 1) {
		fold_glue(f, STR(":"));
		fold_break(f, item.n + 1);
		fold_glue(f, item);
	}
	fold_glue(f, STR(";"));
}

/* z=, which may be folded anywhere but within "=XX". */
static void
add_copied(struct fold *f, struct str z)
{
	size_t n;

	fold_word(f, STR("z="));
	while (z.n > 0) {
		n = z.p[0] == '=' ? 3 : 1;
		/* Some verifiers take a "b=" after a fold for the tag. */
		while (n + 1 < z.n && z.p[n] == 'b' && z.p[n + 1] == '=')
			n++;
		n = n < z.n ? n : z.n;
		fold_break(f, n);
		fold_glue(f, str_head(z, n));
		z = str_from(z, n);
	}
	fold_glue(f, STR(";"));
}

static void
add_hash(struct fold *f, const unsigned char *bh)
{
	SCRATCH char space[DIGEST_SIZE * 2];
	struct buf b = buf_over(space, sizeof(space));

	digest_to_base64(bh, DIGEST_SIZE, &b);
	add_tag(f, STR("bh="), buf_view(&b));
}

void
form_head(const struct form *s, struct buf *out)
{
	static const char *const canons[2][2] = {
		{ "simple/simple", "simple/relaxed" },
		{ "relaxed/simple", "relaxed/relaxed" },
	};
	struct fold f;

	fold_init(&f, out, STR("DKIM-Signature"));
	add_tag(&f, STR("v="), STR("1"));
	add_tag(&f, STR("a="),
	    str_c(s->algorithm == SIG_RSA_SHA256 ? "rsa-sha256"
						 : "ed25519-sha256"));
	add_tag(&f, STR("c="), str_c(canons[s->header][s->body]));
	add_tag(&f, STR("d="), s->domain);
	add_tag(&f, STR("s="), s->selector);
	add_number(&f, STR("t="), s->t);
	add_number(&f, STR("x="), s->x);
	if (s->identity.n > 0)
		add_tag(&f, STR("i="), s->identity);
	add_fields(&f, s->fields);
	if (s->copied.n > 0)
		add_copied(&f, s->copied);
	add_hash(&f, s->bh);
	/* The value has to begin in the same line. */
	if (f.column + VALUE_ROOM > FOLD_COLUMNS)
		fold_line(&f, STR("b="));
	else
		fold_word(&f, STR("b="));
}

void
form_value(const unsigned char *sig, size_t n, struct buf *out)
{
	SCRATCH char space[SIG_VALUE_MAX / 3 * 4 + 8];
	struct buf b = buf_over(space, sizeof(space));
	struct fold f;

	digest_to_base64(sig, n, &b);
	if (buf_failed(&b))
		out->failed = true;
	fold_resume(&f, out);
	fold_stream(&f, buf_view(&b));
	fold_end(&f);
}

void
form_quote(struct str text, bool bar, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c > ' ' && c < 0x7f && c != ';' && c != '=' &&
		    !(bar && c == '|'))
			buf_chr(out, (char)c);
		else if (bar && c == '\n')
			buf_str(out, STR("=0D=0A"));
		else
			buf_fmt(out, "=%02X", c);
	}
}
