#include "common/message/fold.h"
#include "filter-dkimverify/authres.h"

enum {
	WORD_MAX = 2 * FOLD_VALUE_MAX + 64, /* a property, all of it quoted */
};

/* One property, if it has a value. */
static void
add_property(struct fold *f, const char *name, struct str value, bool utf8)
{
	struct buf word;

	if (value.n == 0)
		return;
	buf_init(&word, WORD_MAX);
	buf_fmt(&word, "%s=", name);
	fold_value(value, utf8, &word);
	if (buf_failed(&word))
		f->out->failed = true;
	else
		fold_word(f, buf_view(&word));
	buf_clear(&word);
}

/* The result itself, and its reason if there is one. */
static void
add_verdict(struct fold *f, enum dkim_error e)
{
	const char *reason = error_text(e);
	struct buf word;

	buf_init(&word, WORD_MAX);
	buf_fmt(&word, "dkim=%s", error_word(error_result(e)));
	fold_line(f, buf_view(&word));
	buf_reset(&word);
	if (reason[0] != '\0') {
		buf_fmt(&word, "reason=\"%s\"", reason);
		fold_word(f, buf_view(&word));
	}
	if (buf_failed(&word))
		f->out->failed = true;
	buf_clear(&word);
}

static void
add_result(struct fold *f, const struct verify_sig *s)
{
	struct str domain = s->domain[0] != '\0' ? str_c(s->domain) : s->d;

	add_verdict(f, s->error);
	add_property(f, "header.d", domain, false);
	add_property(f, "header.i", s->i, true);
	add_property(f, "header.s", s->s, false);
	add_property(f, "header.a", s->a, false);
	add_property(f, "header.b", s->b, false);
	if (s->testing)
		fold_word(f, STR("policy.testing=y"));
}

void
authres_format(struct str authserv_id, const struct verify *v, struct buf *out)
{
	size_t n = verify_count(v);
	struct fold f;
	struct buf id;

	buf_init(&id, WORD_MAX);
	fold_name(authserv_id, &id);
	if (buf_failed(&id))
		out->failed = true;
	fold_init(&f, out, STR("Authentication-Results"));
	fold_word(&f, buf_view(&id));
	buf_clear(&id);
	if (n == 0) {
		fold_glue(&f, STR(";"));
		fold_line(&f, STR("dkim=none"));
	}
	for (size_t i = 0; i < n; i++) {
		fold_glue(&f, STR(";"));
		add_result(&f, verify_get(v, i));
	}
	/* Those beyond all limits have one result together. */
	if (verify_dropped(v) > 0) {
		fold_glue(&f, STR(";"));
		add_verdict(&f, DKIM_TOO_MANY);
	}
	fold_end(&f);
}
