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

/* Length of the name at the start of s; *colon: where the colon is. */
static size_t
name_length(struct str s, size_t *colon)
{
	size_t n = 0, i;

	while (n < s.n && s.p[n] >= 33 && s.p[n] <= 126 && s.p[n] != ':')
		n++;
	for (i = n; i < s.n && is_wsp(s.p[i]);)
		i++;
	*colon = i;
	return i < s.n && s.p[i] == ':' ? n : 0;
}

int
header_next(struct str *block, struct field *f)
{
	struct str line;
	size_t n, colon;

	if (block->n == 0)
		return 0;
	*f = (struct field){ .raw = str_head(*block, field_length(*block)) };
	*block = str_from(*block, f->raw.n);
	line = f->raw;
	if (line.p[line.n - 1] == '\n')
		line.n--;
	n = name_length(line, &colon);
	if (n > 0) {
		f->name = str_head(line, n);
		f->value = str_from(line, colon + 1);
	}
	return 1;
}

int
header_find(struct str *block, struct str name, struct field *f)
{
	while (block->n > 0) {
		/* Most fields are something else, as their first byte shows. */
		if (to_lower(block->p[0]) != to_lower(name.p[0]))
			*block = str_from(*block, field_length(*block));
		else if (header_next(block, f) == 1 && str_ieq(f->name, name))
			return 1;
	}
	return 0;
}
