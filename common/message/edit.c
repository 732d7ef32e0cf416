#include <stdint.h>
#include <stdlib.h>

#include "common/message/edit.h"
#include "common/message/header.h"

#define EDIT_FIRST 24 /* fields that the first allocation has room for */
#define UTF8_TAIL_MAX 3 /* bytes of a sequence after its first */
#define FOLD_AT 78 /* column where a long line is folded (RFC 5322 2.1.1) */

struct item {
	struct str raw;
	char *owned; /* raw.p if the edit made it */
	size_t name; /* bytes of the name, 0: no field */
};

struct edit {
	struct item *items;
	size_t n;
	size_t cap;
	size_t inserted;
	bool changed;
};

static int
make_room(struct edit *e)
{
	struct item *items;
	size_t cap;

	if (e->n < e->cap)
		return 0;
	cap = e->cap == 0 ? EDIT_FIRST : e->cap * 2;
	items = realloc(e->items, cap * sizeof(*items));
	if (items == NULL)
		return -1;
	e->items = items;
	e->cap = cap;
	return 0;
}

struct edit *
edit_new(struct str block)
{
	struct edit *e = calloc(1, sizeof(*e));
	struct field f;

	if (e == NULL)
		return NULL;
	while (header_next(&block, &f) == 1) {
		if (make_room(e) == -1) {
			edit_free(e);
			return NULL;
		}
		e->items[e->n++] = (struct item){ f.raw, NULL, f.name.n };
	}
	return e;
}

void
edit_free(struct edit *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->n; i++)
		free(e->items[i].owned);
	free(e->items);
	free(e);
}

size_t
edit_count(const struct edit *e)
{
	return e->n;
}

struct str
edit_raw(const struct edit *e, size_t pos)
{
	return e->items[pos].raw;
}

struct str
edit_name(const struct edit *e, size_t pos)
{
	return str_head(e->items[pos].raw, e->items[pos].name);
}

size_t
edit_remove_if(struct edit *e, size_t pos,
    bool (*match)(void *arg, struct str name, struct str raw), void *arg)
{
	size_t kept = pos, before = e->n;

	for (size_t i = pos; i < before; i++) {
		if (match(arg, edit_name(e, i), edit_raw(e, i)))
			free(e->items[i].owned);
		else
			e->items[kept++] = e->items[i];
	}
	if (pos < before)
		e->n = kept;
	e->changed = e->changed || e->n != before;
	return before - e->n;
}

int
edit_rename(struct edit *e, size_t pos, struct str name)
{
	struct item *it = &e->items[pos];
	struct str rest = str_from(it->raw, it->name);
	char *owned = malloc(name.n + rest.n);

	if (owned == NULL)
		return -1;
	memcpy(owned, name.p, name.n);
	memcpy(owned + name.n, rest.p, rest.n);
	free(it->owned);
	*it = (struct item){ str_n(owned, name.n + rest.n), owned, name.n };
	e->changed = true;
	return 0;
}

void
edit_remove(struct edit *e, size_t pos)
{
	free(e->items[pos].owned);
	e->n--;
	memmove(e->items + pos, e->items + pos + 1,
	    (e->n - pos) * sizeof(*e->items));
	e->changed = true;
}

static int
insert_owned(struct edit *e, size_t pos, char *owned, size_t n, size_t name)
{
	if (e->inserted >= EDIT_CHANGES_MAX || make_room(e) == -1)
		return -1;
	/* Text that continues nothing would continue a field above it. */
	if (pos == 0 && e->n > 0 && is_wsp(e->items[0].raw.p[0]))
		pos = 1;
	if (pos > e->n)
		pos = e->n;
	memmove(e->items + pos + 1, e->items + pos,
	    (e->n - pos) * sizeof(*e->items));
	e->items[pos] = (struct item){ str_n(owned, n), owned, name };
	e->n++;
	e->inserted++;
	e->changed = true;
	return 0;
}

bool
edit_is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 33 || s.p[i] > 126 || s.p[i] == ':')
			return false;
	return s.n > 0 && s.n <= EDIT_NAME_MAX;
}

/* The next line of a value, whatever its line ends are. */
static bool
next_line(struct str *value, struct str *line)
{
	size_t i = 0;

	if (value->n == 0)
		return false;
	while (i < value->n && value->p[i] != '\n' && value->p[i] != '\r')
		i++;
	*line = str_head(*value, i);
	*value = str_from(*value, i + 1);
	return true;
}

/* Is it a byte of a UTF-8 sequence after its first? */
static bool
is_tail(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Where to fold a line that passes limit; its length if it does not. */
static size_t
fold_point(struct str line, size_t column, size_t limit)
{
	size_t best = 0, i;
	bool text = false;

	if (column + line.n <= limit)
		return line.n;
	for (i = 0; i < line.n && column + i < EDIT_LINE_MAX; i++) {
		if (text && is_wsp(line.p[i])) {
			if (column + i > FOLD_AT && best > 0)
				break;
			best = i;
		}
		text = text || !is_wsp(line.p[i]);
	}
	if (best > 0 || i == line.n)
		return best > 0 ? best : i;
	/* Nowhere to fold: a cut, but not inside a UTF-8 sequence. */
	for (best = i; best > i - UTF8_TAIL_MAX && is_tail(line.p[best]);)
		best--;
	return is_tail(line.p[best]) ? i : best;
}

/* Is there nothing to see in this line? */
static bool
is_blank(struct str line)
{
	return str_trim(line).n == 0;
}

/* One line of a value; if it is too long, all of it is folded. */
static void
add_line(struct buf *b, struct str line, size_t column)
{
	size_t limit = EDIT_LINE_MAX;

	if (column + line.n > limit)
		limit = FOLD_AT;
	while (line.n > 0) {
		size_t n = fold_point(line, column, limit);
		struct str piece = str_head(line, n);
		line = str_from(line, n);
		column = 0;
		/* A line of blanks alone could pass for the header's end. */
		if (!is_blank(piece)) {
			buf_str(b, piece);
			buf_chr(b, '\n');
		}
		if (line.n > 0 && !is_wsp(line.p[0])) {
			buf_chr(b, '\t');
			column = 1;
		}
	}
}

/* Leaves out what has no place in a header: controls but HTAB, CR and LF. */
static void
add_clean(struct buf *b, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if ((c >= 32 && c != 127) || c == '\t' || c == '\r' ||
		    c == '\n')
			buf_chr(b, value.p[i]);
	}
}

static void
format_field(struct buf *b, struct str name, struct str value)
{
	bool first = true;
	struct str line;

	buf_str(b, name);
	buf_str(b, STR(":"));
	while (next_line(&value, &line)) {
		if (is_blank(line))
			continue;
		if (first)
			line = str_trim(line);
		if (first || !is_wsp(line.p[0]))
			buf_chr(b, first ? ' ' : '\t');
		add_line(b, line, first ? name.n + 2 : 1);
		first = false;
	}
	if (first)
		buf_str(b, STR(" \n"));
}

int
edit_insert(struct edit *e, size_t pos, struct str name, struct str value)
{
	struct buf b, clean;
	int ret = -1;

	if (!edit_is_name(name) || value.n > EDIT_VALUE_MAX)
		return -1;
	buf_init(&b, (size_t)EDIT_VALUE_MAX * 3);
	buf_init(&clean, EDIT_VALUE_MAX);
	add_clean(&clean, value);
	format_field(&b, name, buf_view(&clean));
	if (!buf_failed(&clean) && !buf_failed(&b))
		ret = insert_owned(e, pos, b.p, b.n, name.n);
	if (ret == -1)
		buf_clear(&b);
	buf_clear(&clean);
	return ret;
}

int
edit_insert_raw(struct edit *e, size_t pos, struct str raw)
{
	char *owned = str_dup(raw);
	struct field f = { .name = STR_NULL };
	struct str rest = raw;

	if (owned == NULL)
		return -1;
	(void)header_next(&rest, &f);
	if (insert_owned(e, pos, owned, raw.n, f.name.n) == -1) {
		free(owned);
		return -1;
	}
	return 0;
}

size_t
edit_size(const struct edit *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += e->items[i].raw.n;
	return n;
}

void
edit_write(const struct edit *e, struct buf *out)
{
	size_t n = edit_size(e);

	if (n > 0)
		(void)buf_room(out, n);
	for (size_t i = 0; i < e->n; i++)
		buf_str(out, e->items[i].raw);
}

bool
edit_changed(const struct edit *e)
{
	return e->changed;
}
