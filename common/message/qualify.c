#include "common/message/qualify.h"

/* How smtpd reads an address: not as RFC 5322 has it. */
struct scan {
	bool escape, quote, has_domain, has_group, has_bracket;
	size_t comment, bracket;
	size_t close; /* the last ">" that counts */
	size_t last; /* the last byte that is neither space nor comment */
};

/* Is it a byte that an address can have anywhere, and has most of the time? */
static bool
is_usual(char c)
{
	return is_alpha(c) || is_digit(c) || c == '.' || c == '-';
}

static bool
is_c_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Quotes, comments and escapes; quoted has escapes count within quotes. */
static void
scan_level(struct scan *s, char c, bool quoted)
{
	if (c == '(' && !s->escape && !s->quote)
		s->comment++;
	if (c == '"' && !s->escape && s->comment == 0)
		s->quote = !s->quote;
	if (c == ')' && !s->escape && !s->quote && s->comment > 0)
		s->comment--;
	s->escape =
	    c == '\\' && !s->escape && s->comment == 0 && (quoted || !s->quote);
}

static void
scan_byte(struct scan *s, char c, size_t i)
{
	scan_level(s, c, false);
	if (s->comment == 0 && c != ')' && !is_c_space(c))
		s->last = i;
	if (s->escape || s->comment > 0 || s->quote)
		return;
	if (c == '<' && s->bracket == 0) {
		s->bracket++;
		s->has_bracket = true;
	}
	if (c == '>' && s->bracket > 0) {
		s->bracket--;
		s->close = i;
	}
	s->has_domain = s->has_domain || c == '@';
	s->has_group = s->has_group || c == ':';
}

/*
 * Where in the address e smtpd adds "@host": returns 1 with the place, or 0 if
 * it adds nothing.
 */
static int
insert_place(struct str e, size_t host, size_t *place)
{
	struct scan s = { 0 };
	size_t i;

	if (e.n == 0 || e.n + 1 + host >= QUALIFY_ADDRESS)
		return 0;
	for (i = 0; i < e.n; i++) {
		if (!is_usual(e.p[i])) {
			scan_byte(&s, e.p[i], i);
			continue;
		}
		s.escape = false;
		if (s.comment == 0)
			s.last = i;
	}
	if (s.escape || s.quote || s.comment > 0 || s.bracket > 0 ||
	    s.has_domain || s.has_group)
		return 0;
	i = s.last;
	if (s.has_bracket) {
		i = s.close - 1;
		while (is_c_space(e.p[i]))
			i--;
		if (e.p[i] == '<')
			return 0;
	} else if (is_c_space(e.p[i]))
		return 0;
	*place = i + 1;
	return 1;
}

/*
 * Adds the field up to the end of its address e as smtpd would leave it, if
 * smtpd would edit that one; *done bytes of the field are in out.
 */
static void
add_address(struct str raw, struct str e, struct str host, size_t *done,
    struct buf *out)
{
	size_t place, at;

	if (insert_place(e, host.n, &place) == 0)
		return;
	/*
	 * Nothing but a comment: smtpd would write into it, and again each
	 * time.  A space before it keeps smtpd from doing so.
	 */
	at = (size_t)(e.p - raw.p);
	if (e.p[0] == '(' && place == 1) {
		buf_add(out, raw.p + *done, at - *done);
		buf_chr(out, ' ');
	} else {
		at += place;
		buf_add(out, raw.p + *done, at - *done);
		buf_chr(out, '@');
		buf_str(out, host);
	}
	*done = at;
}

/* Takes the next address off *rest: up to a comma outside of everything. */
static struct str
next_address(struct scan *s, struct str *rest, bool old)
{
	struct str e = *rest;

	for (size_t i = 0; i < rest->n; i++) {
		char c = rest->p[i];

		if (is_usual(c)) {
			s->escape = false;
			continue;
		}
		/* smtpd goes by lines: a fold leaves its state as it is. */
		if (c == '\n')
			continue;
		scan_level(s, c, !old);
		if (c == ',' && !s->escape && !s->quote && s->comment == 0) {
			e = str_head(*rest, i);
			break;
		}
	}
	*rest = str_from(*rest, e.n);
	return e;
}

bool
qualify_is_old(struct str version)
{
	struct str major, minor;
	uint64_t a, b;

	if (!str_cut(&version, '.', &major))
		return false;
	(void)str_cut(&version, '.', &minor);
	if (str_u64(major, UINT32_MAX, &a) == -1 ||
	    str_u64(minor, UINT32_MAX, &b) == -1)
		return false;
	return a < 7 || (a == 7 && b < 5);
}

bool
qualify_is_name(struct str name)
{
	return str_ieq(name, STR("from")) || str_ieq(name, STR("to")) ||
	    str_ieq(name, STR("cc"));
}

int
qualify_field(const struct field *f, const struct qualify *q, struct buf *out)
{
	struct scan s = { 0 };
	struct str rest;
	size_t done = 0;

	if (!qualify_is_name(f->name))
		return 0;
	/* smtpd takes white space before the colon as part of the name. */
	if (f->raw.p[f->name.n] != ':' || f->value.n >= QUALIFY_MAX)
		return 0;
	rest = str_from(f->raw, f->name.n + 1);
	while (rest.n > 0) {
		add_address(f->raw, next_address(&s, &rest, q->old), q->host,
		    &done, out);
		rest = str_from(rest, 1);
	}
	if (done == 0)
		return 0;
	buf_str(out, str_from(f->raw, done));
	return 1;
}
