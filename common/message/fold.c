#include <stdint.h>

#include "common/message/fold.h"

static void
fold_text(struct fold *f, struct str text)
{
	f->column += text.n;
	f->bytes += text.n;
	if (f->bytes > FOLD_LINE_MAX)
		f->out->failed = true;
	buf_str(f->out, text);
}

static void
fold_here(struct fold *f)
{
	buf_add(f->out, "\n\t", 2);
	f->column = FOLD_TAB;
	f->bytes = 1;
}

/* Nothing in this line but the HTAB it starts with. */
static bool
is_fresh(const struct fold *f)
{
	return f->bytes == 1 && f->column == FOLD_TAB;
}

void
fold_init(struct fold *f, struct buf *out, struct str name)
{
	f->out = out;
	f->column = f->bytes = 0;
	fold_text(f, name);
	fold_text(f, STR(":"));
}

void
fold_resume(struct fold *f, struct buf *out)
{
	struct str line = buf_view(out), before;

	f->out = out;
	before = line;
	(void)str_rcut(&before, '\n', &line);
	f->bytes = f->column = line.n;
	if (line.n > 0 && line.p[0] == '\t')
		f->column += FOLD_TAB - 1;
}

void
fold_space(struct fold *f, size_t n)
{
	if (is_fresh(f))
		return;
	if (f->column + 1 + n > FOLD_COLUMNS)
		fold_here(f);
	else
		fold_text(f, STR(" "));
}

void
fold_word(struct fold *f, struct str word)
{
	fold_space(f, word.n);
	fold_text(f, word);
}

void
fold_line(struct fold *f, struct str word)
{
	if (!is_fresh(f))
		fold_here(f);
	fold_text(f, word);
}

void
fold_glue(struct fold *f, struct str text)
{
	fold_text(f, text);
}

void
fold_break(struct fold *f, size_t n)
{
	if (f->column + n > FOLD_COLUMNS && !is_fresh(f))
		fold_here(f);
}

void
fold_stream(struct fold *f, struct str text)
{
	size_t room;

	while (text.n > 0) {
		if (f->column >= FOLD_COLUMNS)
			fold_here(f);
		room = FOLD_COLUMNS - f->column;
		fold_text(f, str_head(text, room));
		text = str_from(text, room);
	}
}

void
fold_end(struct fold *f)
{
	buf_chr(f->out, '\n');
	f->column = f->bytes = 0;
}

/* ---- values (RFC 8601 section 2.2) ---- */

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || is_tspecial(s.p[i]))
			return false;
	return s.n > 0;
}

/* Words with dots between, at least one. */
static bool
is_dotted(struct str s)
{
	struct str word;
	bool more = true;

	while (more) {
		more = str_cut(&s, '.', &word);
		if (!is_token(word))
			return false;
	}
	return true;
}

static bool
is_domain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) &&
		    !str_has(STR("-_."), s.p[i]))
			return false;
	return is_dotted(s);
}

/* A token, or an address whose local part may be empty. */
static bool
is_plain(struct str s)
{
	struct str local;

	if (!str_has(s, '@'))
		return is_token(s);
	(void)str_cut(&s, '@', &local);
	return is_domain(s) && (local.n == 0 || is_dotted(local));
}

/*
 * Beyond ASCII: C1 controls, line and paragraph separators, and what turns
 * the direction of the text around it.
 */
static bool
is_control(struct str s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (n != 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
	    (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

/* One character of a value in quotes; takes it off *s. */
static void
value_next(struct str *s, bool utf8, struct buf *out)
{
	size_t n = str_utf8(*s);
	char c = s->p[0];

	if (n > 1 && utf8 && !is_control(*s, n))
		buf_add(out, s->p, n);
	else if (n != 1)
		buf_chr(out, '?');
	else if (c >= ' ' && c != 0x7f) {
		if (c == '"' || c == '\\')
			buf_chr(out, '\\');
		buf_chr(out, c);
	}
	*s = str_from(*s, n > 1 && utf8 ? n : 1);
}

/* As a quoted-string. */
static void
add_quoted(struct str value, bool utf8, struct buf *out)
{
	size_t before, end;

	end = value.n > FOLD_VALUE_MAX ? value.n - FOLD_VALUE_MAX : 0;
	buf_chr(out, '"');
	while (value.n > end) {
		before = str_utf8(value);
		if (utf8 && before > value.n - end)
			break;
		value_next(&value, utf8, out);
	}
	buf_chr(out, '"');
}

void
fold_value(struct str value, bool utf8, struct buf *out)
{
	if (value.n <= FOLD_VALUE_MAX && is_plain(value))
		buf_str(out, value);
	else
		add_quoted(value, utf8, out);
}

void
fold_name(struct str name, struct buf *out)
{
	if (name.n <= FOLD_VALUE_MAX && is_token(name))
		buf_str(out, name);
	else
		add_quoted(name, false, out);
}
