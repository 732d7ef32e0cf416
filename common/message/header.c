#include "common/message/header.h"

/* Length of the field at the start of s, with continuation lines. */
static size_t
field_length(struct str s)
{
	size_t n = 0;
	const char *lf;

	do {
		lf = memchr(s.p + n, '\n', s.n - n);
		if (lf == NULL)
			return s.n;
		n = (size_t)(lf - s.p) + 1;
	} while (n < s.n && is_wsp(s.p[n]));
	return n;
}

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 33 || s.p[i] > 126)
			return false;
	return s.n > 0;
}

int
header_next(struct str *block, struct field *f)
{
	struct str head, rest;

	if (block->n == 0)
		return 0;
	*f = (struct field){ .raw = str_head(*block, field_length(*block)) };
	*block = str_from(*block, f->raw.n);
	rest = f->raw;
	if (rest.p[rest.n - 1] == '\n')
		rest.n--;
	if (!str_cut(&rest, ':', &head))
		return 1;
	while (head.n > 0 && is_wsp(head.p[head.n - 1]))
		head.n--;
	if (is_name(head)) {
		f->name = head;
		f->value = rest;
	}
	return 1;
}

int
header_find(struct str block, struct str name, struct field *f)
{
	struct field g;

	while (header_next(&block, &g) == 1) {
		if (g.name.n > 0 && str_ieq(g.name, name)) {
			*f = g;
			return 1;
		}
	}
	return 0;
}

size_t
header_count(struct str block, struct str name)
{
	struct field f;
	size_t n = 0;

	while (header_next(&block, &f) == 1)
		n += f.name.n > 0 && str_ieq(f.name, name);
	return n;
}
