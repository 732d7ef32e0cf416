#include <inttypes.h>
#include <stdio.h>

#include "common/dkim/form.h"
#include "common/dkim/tags.h"
#include "common/message/fold.h"

enum {
	VALUE_ROOM = 12, /* columns for " b=" and the start of its value */
};

/* Adds name, value and end as one word. */
static void
add_word(struct fold *f, const char *name, struct str value, char end)
{
	char space[FORM_WORD_MAX];
	struct buf b = { space, 0, sizeof(space), sizeof(space), false };

	buf_str(&b, str_c(name));
	buf_str(&b, value);
	buf_chr(&b, end);
	if (buf_failed(&b))
		f->out->failed = true;
	fold_word(f, buf_view(&b));
}

static void
add_tag(struct fold *f, const char *name, struct str value)
{
	add_word(f, name, value, ';');
}

static void
add_number(struct fold *f, const char *name, uint64_t value)
{
	char text[24];

	if (value == 0)
		return;
	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	add_tag(f, name, str_c(text));
}

/* h=, which may be folded after each colon. */
static void
add_fields(struct fold *f, struct str h)
{
	struct str rest = h, item;
	bool more = true;

	(void)tags_item(&rest, &more, &item);
	add_word(f, "h=", item, more ? ':' : ';');
	while (tags_item(&rest, &more, &item) == 1) {
		/* With the separator, so that it is not folded off. */
		char space[FORM_WORD_MAX];
		struct buf b = { space, 0, sizeof(space), sizeof(space),
			false };

		buf_str(&b, item);
		buf_chr(&b, more ? ':' : ';');
		if (buf_failed(&b))
			f->out->failed = true;
		fold_break(f, buf_view(&b));
	}
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
		fold_break(f, str_head(z, n));
		z = str_from(z, n);
	}
	fold_glue(f, STR(";"));
}

static void
add_hash(struct fold *f, const unsigned char *bh)
{
	char space[FORM_WORD_MAX];
	struct buf b = { space, 0, sizeof(space), sizeof(space), false };

	digest_to_base64(bh, DIGEST_SIZE, &b);
	add_tag(f, "bh=", buf_view(&b));
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
	add_tag(&f, "v=", STR("1"));
	add_tag(&f, "a=",
	    str_c(s->algorithm == SIG_RSA_SHA256 ? "rsa-sha256"
						 : "ed25519-sha256"));
	add_tag(&f, "c=", str_c(canons[s->header][s->body]));
	add_tag(&f, "d=", s->domain);
	add_tag(&f, "s=", s->selector);
	add_number(&f, "t=", s->t);
	add_number(&f, "x=", s->x);
	if (s->identity.n > 0)
		add_tag(&f, "i=", s->identity);
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
	char space[SIG_VALUE_MAX / 3 * 4 + 8];
	struct buf b = { space, 0, sizeof(space), sizeof(space), false };
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
