#include "common/message/fold.h"
#include "filter-dkimverify/authres.h"

enum {
	WORD_MAX = 2 * FOLD_VALUE_MAX + 64, /* a property, all of it quoted */
};

/* One property, if it has a value; word is room for it. */
static void
add_property(struct fold *f, struct buf *word, struct str name,
    struct str value, bool utf8)
{
	if (value.n == 0)
		return;
	buf_reset(word);
	buf_str(word, name);
	fold_value(value, utf8, word);
	if (buf_failed(word))
		f->out->failed = true;
	else
		fold_word(f, buf_view(word));
}

/* The result itself, and its reason if there is one; word is room for it. */
static void
add_verdict(struct fold *f, struct buf *word, enum dkim_error e)
{
	struct str reason = str_c(error_text(e));

	buf_reset(word);
	buf_str(word, STR("dkim="));
	buf_str(word, str_c(error_word(error_result(e))));
	fold_line(f, buf_view(word));
	if (reason.n > 0) {
		buf_reset(word);
		buf_str(word, STR("reason=\""));
		buf_str(word, reason);
		buf_chr(word, '"');
		fold_word(f, buf_view(word));
	}
	if (buf_failed(word))
		f->out->failed = true;
}

/* The identity; where its encoding is wrong, as it was written. */
static void
add_identity(struct fold *f, struct buf *word, struct str i)
{
	struct buf b;

	buf_init(&b, SIG_FIELD_MAX);
	if (sig_unquote(i, &b) == 0)
		i = buf_view(&b);
	add_property(f, word, STR("header.i="), i, true);
	if (buf_failed(&b))
		f->out->failed = true;
	buf_clear(&b);
}

static void
add_result(struct fold *f, struct buf *word, const struct verify_sig *s)
{
	struct str domain = s->domain[0] != '\0' ? str_c(s->domain) : s->d;

	add_verdict(f, word, s->error);
	add_property(f, word, STR("header.d="), domain, false);
	add_identity(f, word, s->i);
	add_property(f, word, STR("header.s="), s->s, false);
	add_property(f, word, STR("header.a="), s->a, false);
	add_property(f, word, STR("header.b="), s->b, false);
	if (s->testing)
		fold_word(f, STR("policy.testing=y"));
}

void
authres_format(struct str authserv_id, const struct verify *v, struct buf *out)
{
	size_t n = verify_count(v);
	struct fold f;
	struct buf word;

	buf_init(&word, WORD_MAX);
	fold_name(authserv_id, &word);
	if (buf_failed(&word))
		out->failed = true;
	fold_init(&f, out, STR("Authentication-Results"));
	fold_word(&f, buf_view(&word));
	if (n == 0) {
		fold_glue(&f, STR(";"));
		if (verify_cut(v))
			add_verdict(&f, &word, DKIM_HEADER_SIZE);
		else
			fold_line(&f, STR("dkim=none"));
	}
	for (size_t i = 0; i < n; i++) {
		fold_glue(&f, STR(";"));
		add_result(&f, &word, verify_get(v, i));
	}
	/* Those beyond all limits have one result together. */
	if (verify_dropped(v) > 0) {
		fold_glue(&f, STR(";"));
		add_verdict(&f, &word, DKIM_TOO_MANY);
	}
	fold_end(&f);
	buf_clear(&word);
}
