#include <string.h>

#include "common/message/address.h"

enum {
	ENCODED_MAX = 512, /* bytes; RFC 2047 allows 75 */
};

/* ---- lexer (RFC 5322 section 3.2) ---- */

static char
peek(const struct address_parser *p)
{
	return p->rest.n > 0 ? p->rest.p[0] : '\0';
}

static void
skip(struct address_parser *p, size_t n)
{
	p->rest = str_from(p->rest, n);
}

/* Takes off a comment; -1 if it does not end or is nested too deep. */
static int
skip_comment(struct str *s)
{
	size_t depth = 0;

	while (s->n > 0) {
		char c = s->p[0];

		*s = str_from(*s, c == '\\' ? 2 : 1);
		if (c == '(' && ++depth > ADDRESS_NESTING)
			return -1;
		if (c == ')' && --depth == 0)
			return 0;
	}
	return -1;
}

int
address_skip_cfws(struct str *s)
{
	while (s->n > 0) {
		if (is_fws(s->p[0]))
			*s = str_from(*s, 1);
		else if (s->p[0] != '(')
			return 0;
		else if (skip_comment(s) == -1)
			return -1;
	}
	return 0;
}

static int
skip_cfws(struct address_parser *p)
{
	return address_skip_cfws(&p->rest);
}

static bool
is_special(char c)
{
	return str_has(STR("()<>[]:;@\\,.\""), c);
}

/* Text of a local part or domain, collected; may turn out not to be one. */
struct text {
	char *p;
	size_t n, max;
	bool bad; /* too long, or two words without a dot between */
	bool word; /* ends in a word */
	bool quoted; /* has a quoted string */
};

static void
text_add(struct text *t, const char *p, size_t n)
{
	if (n > t->max - t->n) {
		t->bad = true;
		return;
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

static void
text_reset(struct text *t)
{
	t->n = 0;
	t->p[0] = '\0';
	t->bad = t->word = t->quoted = false;
}

static void
text_word(struct text *t)
{
	if (t->word)
		t->bad = true;
	t->word = true;
}

static int
take_quoted(struct address_parser *p, struct text *t)
{
	text_word(t);
	t->quoted = true;
	skip(p, 1);
	while (p->rest.n > 0) {
		char c = p->rest.p[0];

		skip(p, 1);
		if (c == '"')
			return 0;
		if (c == '\n' || c == '\r')
			continue;
		if (c == '\\' && p->rest.n > 0) {
			c = p->rest.p[0];
			skip(p, 1);
		}
		text_add(t, &c, 1);
	}
	return -1;
}

/*
 * Bytes of the encoded word that begins here up to its "?="; 0 if there is
 * none.  Where it was looked for in vain it is not looked for again: many could
 * seem to begin.
 */
static size_t
encoded_length(struct address_parser *p)
{
	struct str s = str_head(p->rest, ENCODED_MAX);
	size_t n = 2;

	if (!str_starts(s, STR("=?")))
		return 0;
	if (p->no_end != NULL && p->no_end > s.p + n)
		n = (size_t)(p->no_end - s.p);
	for (; n < s.n && !is_fws(s.p[n]); n++)
		if (str_starts(str_from(s, n), STR("?=")) && n > 2)
			return n;
	p->no_end = s.p + n - 1;
	return 0;
}

/*
 * An atom.  An encoded word (RFC 2047) is taken whole, although it may hold
 * what would end an atom.
 */
static void
take_atom(struct address_parser *p, struct text *t)
{
	size_t n = encoded_length(p);

	while (
	    n < p->rest.n && !is_fws(p->rest.p[n]) && !is_special(p->rest.p[n]))
		n++;
	text_word(t);
	text_add(t, p->rest.p, n);
	skip(p, n);
}

static int
take_literal(struct address_parser *p, struct text *t)
{
	while (p->rest.n > 0) {
		char c = p->rest.p[0];

		skip(p, 1);
		if (!is_fws(c))
			text_add(t, &c, 1);
		if (c == ']')
			return 0;
	}
	return -1;
}

/* ---- parser (RFC 5322 sections 3.4 and 4.4) ---- */

/* Dots and words with CFWS between, up to something else. */
static int
take_words(struct address_parser *p, struct text *t)
{
	for (;;) {
		if (skip_cfws(p) == -1)
			return -1;
		if (p->rest.n == 0)
			return 0;
		if (peek(p) == '.') {
			text_add(t, ".", 1);
			t->word = false;
			skip(p, 1);
		} else if (peek(p) == '"') {
			if (take_quoted(p, t) == -1)
				return -1;
		} else if (is_special(peek(p))) {
			return 0;
		} else {
			take_atom(p, t);
		}
	}
}

/* What follows the "@" of an address; it is bad if it is no domain. */
static int
take_domain(struct address_parser *p, struct text *domain)
{
	if (skip_cfws(p) == -1)
		return -1;
	text_reset(domain);
	if (peek(p) == '[') {
		if (take_literal(p, domain) == -1 || skip_cfws(p) == -1)
			return -1;
	} else if (take_words(p, domain) == -1)
		return -1;
	if (domain->quoted || domain->n == 0)
		domain->bad = true;
	return 0;
}

/* Skips "@one,@two:" (section 4.4). */
static int
skip_route(struct address_parser *p)
{
	while (p->rest.n > 0 && peek(p) != ':') {
		if (peek(p) == '>' || peek(p) == '<' || peek(p) == '"')
			return -1;
		skip(p, 1);
		if (skip_cfws(p) == -1)
			return -1;
	}
	if (p->rest.n == 0)
		return -1;
	skip(p, 1);
	return 0;
}

/* From "<" to ">". */
static int
take_angle(struct address_parser *p, struct text *local, struct text *domain)
{
	text_reset(local);
	text_reset(domain);
	skip(p, 1);
	if (skip_cfws(p) == -1)
		return -1;
	if (peek(p) == '@' && skip_route(p) == -1)
		return -1;
	if (take_words(p, local) == -1 || local->bad ||
	    (local->n == 0 && !local->quoted))
		return -1;
	if (peek(p) == '@') {
		skip(p, 1);
		if (take_domain(p, domain) == -1 || domain->bad)
			return -1;
	}
	if (peek(p) != '>')
		return -1;
	skip(p, 1);
	return skip_cfws(p);
}

/* What may stand in a display name although it should have been quoted. */
static bool
is_stray(char c)
{
	return c == '[' || c == ']' || c == '\\';
}

/* Words up to something that tells what they are; *odd if more than that. */
static int
take_phrase(struct address_parser *p, struct text *local, bool *odd)
{
	for (;;) {
		if (take_words(p, local) == -1)
			return -1;
		if (p->rest.n == 0 || !is_stray(peek(p)))
			return 0;
		local->bad = *odd = true;
		skip(p, 1);
	}
}

/*
 * From "@" to the end of an address.  It may as well be a display name that
 * should have been quoted, "Joe @ Work": then domain is bad.
 */
static int
take_address(
    struct address_parser *p, const struct text *local, struct text *domain)
{
	skip(p, 1);
	if (take_domain(p, domain) == -1)
		return -1;
	if (local->bad || (local->n == 0 && !local->quoted))
		domain->bad = true;
	while (p->rest.n > 0 && (peek(p) == '@' || is_stray(peek(p)))) {
		domain->bad = true;
		skip(p, 1);
		if (take_words(p, domain) == -1)
			return -1;
	}
	return 0;
}

/*
 * One mailbox with its display name.  Returns 1, 0 if there is nothing before
 * the next "," or ";" or ":" or the end, or -1.
 */
static int
take_mailbox(struct address_parser *p, struct text *local, struct text *domain)
{
	bool odd = false;

	if (take_phrase(p, local, &odd) == -1)
		return -1;
	if (peek(p) == '@') {
		odd = true;
		if (take_address(p, local, domain) == -1)
			return -1;
	}
	/* An address also serves as a display name, if not a legal one. */
	if (peek(p) == '<') {
		p->odd = p->odd || odd;
		return take_angle(p, local, domain) == -1 ? -1 : 1;
	}
	if (peek(p) == ':' && domain->n == 0)
		return 0;
	if (local->bad || domain->bad)
		return -1;
	return domain->n > 0 || local->n > 0;
}

/* What stands after a mailbox or an empty place: -1 if it may not. */
static int
take_separator(struct address_parser *p, bool found)
{
	char c = peek(p);

	if (p->rest.n == 0)
		return p->group ? -1 : 0;
	skip(p, 1);
	if (c == ',')
		return 0;
	if (c == ':' && !p->group && !found) {
		p->group = true;
		return 0;
	}
	if (c != ';' || !p->group)
		return -1;
	p->group = false;
	if (skip_cfws(p) == -1)
		return -1;
	return p->rest.n == 0 || peek(p) == ',' ? 0 : -1;
}

void
address_init(struct address_parser *p, struct str value)
{
	p->rest = value;
	p->no_end = NULL;
	p->group = p->failed = p->odd = false;
}

int
address_next(struct address_parser *p, struct address *a)
{
	struct text local = { .p = a->local, .max = ADDRESS_LOCAL_MAX };
	struct text domain = { .p = a->domain, .max = ADDRESS_DOMAIN_MAX };
	int r = 0;

	while (r == 0 && !p->failed) {
		if (skip_cfws(p) == -1)
			r = -1;
		else if (p->rest.n == 0 && !p->group)
			return 0;
		else {
			text_reset(&local);
			text_reset(&domain);
			r = take_mailbox(p, &local, &domain);
		}
		/* What stands after a mailbox does not make it worse. */
		if (r == -1 || take_separator(p, r == 1) == -1)
			p->failed = true;
	}
	a->local_n = local.n;
	a->domain_n = domain.n;
	return r == 1 ? 1 : -1;
}
