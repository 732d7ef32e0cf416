#include <string.h>

#include "common/dkim/tags.h"

/* Bytes of a fold at p: a line end that white space follows; 0 if none. */
static size_t
fold_length(struct str s)
{
	size_t n = 0;

	if (s.n > 0 && s.p[0] == '\r')
		n++;
	if (n + 1 < s.n && s.p[n] == '\n' && is_wsp(s.p[n + 1]))
		return n + 1;
	return 0;
}

static void
skip_fws(struct str *s)
{
	size_t n;

	while (s->n > 0) {
		n = is_wsp(s->p[0]) ? 1 : fold_length(*s);
		if (n == 0)
			return;
		*s = str_from(*s, n);
	}
}

/* name = ALPHA *(ALPHA / DIGIT / "_"); empty if there is none. */
static struct str
take_name(struct str *s)
{
	struct str name;
	size_t n = 0;

	if (s->n > 0 && is_alpha(s->p[0]))
		n = 1;
	while (n > 0 && n < s->n &&
	    (is_alpha(s->p[n]) || is_digit(s->p[n]) || s->p[n] == '_'))
		n++;
	name = str_head(*s, n);
	*s = str_from(*s, n);
	return name;
}

static bool
is_value(struct str s)
{
	size_t i = 0, n;

	while (i < s.n) {
		i += str_printable(str_from(s, i), ' ');
		if (i == s.n)
			break;
		if ((unsigned char)s.p[i] >= 0x80 || s.p[i] == '\t') {
			i++;
			continue;
		}
		n = fold_length(str_from(s, i));
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static int
tags_add(struct tags *t, struct str name, struct str raw)
{
	if (t->n == TAGS_MAX || tags_find(t, name) != NULL || !is_value(raw))
		return -1;
	t->v[t->n].name = name;
	t->v[t->n].raw = raw;
	t->v[t->n].value = str_trim_fws(raw);
	t->n++;
	return 0;
}

int
tags_parse(struct str text, struct tags *out)
{
	struct str name, raw;

	out->n = 0;
	for (;;) {
		skip_fws(&text);
		if (text.n == 0)
			return 0;
		name = take_name(&text);
		skip_fws(&text);
		if (name.n == 0 || text.n == 0 || text.p[0] != '=')
			return -1;
		text = str_from(text, 1);
		(void)str_cut(&text, ';', &raw);
		if (tags_add(out, name, raw) == -1)
			return -1;
	}
}

const struct tag *
tags_find(const struct tags *t, struct str name)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i].name, name))
			return &t->v[i];
	return NULL;
}

struct str
tags_value(const struct tags *t, struct str name)
{
	const struct tag *tag = tags_find(t, name);

	return tag == NULL ? STR_NULL : tag->value;
}

int
tags_item(struct str *rest, bool *more, struct str *item)
{
	struct str head;

	if (!*more)
		return 0;
	*more = str_cut(rest, ':', &head);
	*item = str_trim_fws(head);
	return 1;
}
