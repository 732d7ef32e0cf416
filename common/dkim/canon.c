#include <string.h>

#include "common/base/scratch.h"
#include "common/dkim/canon.h"

enum {
	FIELD_BLOCK = 512, /* octets of a header field handed on at once */
};

/* Octets that are compared at once, by whatever vectors the machine has. */
typedef char octets __attribute__((__vector_size__(16)));

/* ---- body ---- */

/* Canonical octets of lines, on their way to the sink. */
struct body_run {
	struct canon_body *body;
	size_t n; /* octets in block */
	char block[CANON_BLOCK];
};

void
canon_body_init(struct canon_body *b, enum canon how, uint64_t limit,
    struct canon_sink sink)
{
	b->sink = sink;
	b->how = how;
	b->limit = limit;
	b->length = 0;
	b->blank = 0;
}

/* To the sink, as far as the limit allows. */
static void
body_emit(struct canon_body *b, const char *p, size_t n)
{
	b->length += n;
	if (n > b->limit)
		n = (size_t)b->limit;
	if (b->limit != CANON_NO_LIMIT)
		b->limit -= n;
	if (n > 0)
		b->sink.add(b->sink.arg, p, n);
}

static void
body_flush(struct body_run *r)
{
	body_emit(r->body, r->block, r->n);
	r->n = 0;
}

static void
body_put(struct body_run *r, const char *p, size_t n)
{
	if (n > CANON_BLOCK - r->n)
		body_flush(r);
	if (n > CANON_BLOCK) {
		body_emit(r->body, p, n);
		return;
	}
	if (n > 0)
		memcpy(r->block + r->n, p, n);
	r->n += n;
}

/* White space of a field and of a line alike: a line holds no LF. */
static bool
is_space(char c)
{
	return is_wsp(c) || c == '\n';
}

/*
 * How many of the octets at p can stay as they are: up to the first HTAB or
 * LF, or SP after white space.  The octet before them is looked at, too.
 */
static size_t
reduced_length(const char *p)
{
	octets here, before, bad;
	uint64_t half[2];
	size_t n = 0;

	memcpy(&here, p, sizeof(here));
	memcpy(&before, p - 1, sizeof(before));
	bad = (octets)((here == '\t') | (here == '\n') |
	    ((here == ' ') &
		((before == ' ') | (before == '\t') | (before == '\n'))));
	memcpy(half, &bad, sizeof(half));
	if ((half[0] | half[1]) == 0)
		return sizeof(octets);
	while (bad[n] == 0)
		n++;
	return n;
}

/*
 * Copies s with each run of white space as one SP; *last tells whether such a
 * run was under way before it, and after it.  Returns how many octets it made,
 * at most those of s.  Most of the time that a message takes goes to this.
 */
static size_t
reduce(char *to, struct str s, bool *last)
{
	bool before = *last, space;
	char *start = to;
	size_t i = 0, n;

	while (i < s.n) {
		if (i > 0 && s.n - i >= sizeof(octets)) {
			n = reduced_length(s.p + i);
			memcpy(to, s.p + i, sizeof(octets));
			to += n;
			i += n;
			before = is_space(s.p[i - 1]);
			if (n == sizeof(octets))
				continue;
		}
		do {
			space = is_space(s.p[i]);
			*to = space ? ' ' : s.p[i];
			to += !(space && before);
			before = space;
		} while (++i < s.n && is_space(s.p[i]));
	}
	*last = before;
	return (size_t)(to - start);
}

/* Is there nothing in the line that would be reduced? */
static bool
is_reduced(struct str s)
{
	size_t i = 1;

	if (s.n <= sizeof(octets) || is_space(s.p[0]))
		return false;
	for (; i + sizeof(octets) < s.n; i += sizeof(octets))
		if (reduced_length(s.p + i) < sizeof(octets))
			return false;
	return reduced_length(s.p + s.n - sizeof(octets)) == sizeof(octets);
}

/* A line; without white space at its end. */
static void
body_reduce(struct body_run *r, struct str s)
{
	bool last = false;

	while (s.n > 0) {
		size_t room = CANON_BLOCK - r->n, k = s.n < room ? s.n : room;

		r->n += reduce(r->block + r->n, str_head(s, k), &last);
		if (k == room)
			body_flush(r);
		s = str_from(s, k);
	}
}

static void
body_line(struct body_run *r, struct str s)
{
	struct canon_body *b = r->body;

	while (b->how == CANON_RELAXED && s.n > 0 && is_wsp(s.p[s.n - 1]))
		s.n--;
	if (s.n == 0) {
		b->blank++;
		return;
	}
	for (; b->blank > 0; b->blank--)
		body_put(r, "\r\n", 2);
	if (b->how == CANON_RELAXED && !is_reduced(s))
		body_reduce(r, s);
	else
		body_put(r, s.p, s.n);
	body_put(r, "\r\n", 2);
}

void
canon_body_text(struct canon_body *b, struct str text)
{
	SCRATCH struct body_run r;
	struct str line;

	r.body = b;
	r.n = 0;
	while (text.n > 0) {
		(void)str_cut(&text, '\n', &line);
		body_line(&r, line);
	}
	body_flush(&r);
}

void
canon_body_end(struct canon_body *b)
{
	if (b->how == CANON_SIMPLE && b->length == 0)
		body_emit(b, "\r\n", 2);
	b->blank = 0;
}

uint64_t
canon_body_length(const struct canon_body *b)
{
	return b->length;
}

/* ---- header fields ---- */

/* A field on its way: collects, and keeps what relaxed needs to know. */
struct out {
	struct canon_sink sink;
	size_t n;
	bool value; /* past the colon */
	bool started; /* the value has begun */
	bool space; /* white space that may have to be written */
	char block[FIELD_BLOCK];
};

static void
out_flush(struct out *o)
{
	if (o->n > 0)
		o->sink.add(o->sink.arg, o->block, o->n);
	o->n = 0;
}

static void
out_chr(struct out *o, char c)
{
	if (o->n == FIELD_BLOCK)
		out_flush(o);
	o->block[o->n++] = c;
}

static void
out_str(struct out *o, struct str s)
{
	if (s.n > FIELD_BLOCK - o->n)
		out_flush(o);
	if (s.n > FIELD_BLOCK) {
		o->sink.add(o->sink.arg, s.p, s.n);
		return;
	}
	if (s.n > 0)
		memcpy(o->block + o->n, s.p, s.n);
	o->n += s.n;
}

/* Each LF becomes CRLF. */
static void
field_simple(struct out *o, struct str s)
{
	struct str line;

	while (str_cut(&s, '\n', &line)) {
		out_str(o, line);
		out_str(o, STR("\r\n"));
	}
	out_str(o, line);
}

static void
field_name(struct out *o, char c)
{
	if (is_space(c)) {
		o->space = true;
		return;
	}
	if (c == ':') {
		o->value = true;
		o->space = false;
	} else if (o->space) {
		/* No field name; it only has to be unlike any other. */
		out_chr(o, ' ');
		o->space = false;
	}
	out_chr(o, to_lower(c));
}

/* Some of a value, or all; white space at its end waits for what follows. */
static void
field_value(struct out *o, struct str s)
{
	bool last = false;
	size_t all = s.n, k;

	while (s.n > 0 && is_space(s.p[0]))
		s = str_from(s, 1);
	if (s.n < all)
		o->space = o->started;
	if (s.n == 0)
		return;
	if (o->space)
		out_chr(o, ' ');
	o->started = true;
	o->space = is_space(s.p[s.n - 1]);
	while (is_space(s.p[s.n - 1]))
		s.n--;
	if (is_reduced(s)) {
		out_str(o, s);
		return;
	}
	while (s.n > 0) {
		if (o->n == FIELD_BLOCK)
			out_flush(o);
		k = FIELD_BLOCK - o->n;
		o->n += reduce(o->block + o->n, str_head(s, k), &last);
		s = str_from(s, k);
	}
}

static void
field_relaxed(struct out *o, struct str s)
{
	size_t i = 0;

	while (i < s.n && !o->value)
		field_name(o, s.p[i++]);
	field_value(o, str_from(s, i));
}

static void
field_part(enum canon how, struct out *o, struct str s)
{
	if (how == CANON_SIMPLE)
		field_simple(o, s);
	else
		field_relaxed(o, s);
}

static struct str
without_lf(struct str raw)
{
	if (raw.n > 0 && raw.p[raw.n - 1] == '\n')
		raw.n--;
	return raw;
}

void
canon_field(enum canon how, struct str raw, struct canon_sink sink)
{
	SCRATCH struct out o;

	o.sink = sink;
	o.n = 0;
	o.value = o.started = o.space = false;
	field_part(how, &o, without_lf(raw));
	out_str(&o, STR("\r\n"));
	out_flush(&o);
}

void
canon_signature(
    enum canon how, struct str raw, struct str without, struct canon_sink sink)
{
	SCRATCH struct out o;
	size_t at;

	o.sink = sink;
	o.n = 0;
	o.value = o.started = o.space = false;
	raw = without_lf(raw);
	at = without.n > 0 ? (size_t)(without.p - raw.p) : raw.n;
	field_part(how, &o, str_head(raw, at));
	field_part(how, &o, str_from(raw, at + without.n));
	out_flush(&o);
}
