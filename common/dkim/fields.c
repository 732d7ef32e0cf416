#include <stdint.h>
#include <stdlib.h>

#include "common/dkim/fields.h"
#include "common/dkim/tags.h"
#include "common/message/header.h"

enum {
	FIELDS_FIRST = 32, /* entries of the first allocation */
	KEY_BYTES = 7 /* of a name in its key */
};

struct name {
	uint64_t key; /* its length and first bytes, without case */
	struct str text;
};

struct entry {
	struct name name;
	struct str raw;
	size_t place; /* in the header */
	size_t same; /* in the first of a name: how many there are */
	size_t used; /* in the first of a name: how many are hashed */
};

struct fields {
	size_t n;
	size_t room; /* entries that v has memory for */
	bool overflowed;
	uint64_t seen; /* name_bit() of all */
	struct entry v[]; /* by name, then by place */
};

/* Most names that are not there are known by this. */
static uint64_t
name_bit(struct str name)
{
	return name.n == 0
	    ? 0
	    : (uint64_t)1 << ((to_lower(name.p[0]) ^ (int)name.n) & 63);
}

static struct name
name_of(struct str text)
{
	struct name name = { text.n, text };

	for (size_t i = 0; i < text.n && i < KEY_BYTES; i++)
		name.key = name.key << 8 | (unsigned char)to_lower(text.p[i]);
	return name;
}

/* Any order will do: most names differ in their keys. */
static int
name_compare(const struct name *a, const struct name *b)
{
	int c = (a->key > b->key) - (a->key < b->key);

	if (c == 0)
		c = (a->text.n > b->text.n) - (a->text.n < b->text.n);
	for (size_t i = KEY_BYTES; c == 0 && i < a->text.n; i++)
		c = to_lower(a->text.p[i]) - to_lower(b->text.p[i]);
	return c;
}

static int
entry_compare(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int c = name_compare(&a->name, &b->name);

	return c != 0 ? c : (a->place > b->place) - (a->place < b->place);
}

/* Adds an entry; the table may move.  NULL, and t is freed, without memory. */
static struct fields *
add(struct fields *t, const struct field *f)
{
	struct fields *more;

	if (t->n == t->room) {
		t->room *= 2;
		more = realloc(t, sizeof(*t) + t->room * sizeof(t->v[0]));
		if (more == NULL) {
			free(t);
			return NULL;
		}
		t = more;
	}
	t->v[t->n] = (struct entry){
		.name = name_of(f->name),
		.raw = f->raw,
		.place = t->n,
	};
	t->seen |= name_bit(f->name);
	t->n++;
	return t;
}

/* Writes into the first entry of each name how many there are. */
static void
count_same(struct fields *t)
{
	size_t first = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (name_compare(&t->v[first].name, &t->v[i].name) != 0)
			first = i;
		t->v[first].same = i - first + 1;
	}
}

struct fields *
fields_new(struct str block)
{
	struct fields *t = malloc(sizeof(*t) + FIELDS_FIRST * sizeof(t->v[0]));
	struct field f;

	if (t != NULL)
		*t = (struct fields){ .room = FIELDS_FIRST };
	while (t != NULL && header_next(&block, &f) == 1) {
		if (f.name.n == 0)
			continue;
		if (t->n == FIELDS_MAX) {
			t->overflowed = true;
			break;
		}
		t = add(t, &f);
	}
	if (t == NULL)
		return NULL;
	qsort(t->v, t->n, sizeof(t->v[0]), entry_compare);
	count_same(t);
	return t;
}

void
fields_free(struct fields *t)
{
	free(t);
}

bool
fields_overflowed(const struct fields *t)
{
	return t->overflowed;
}

/* Index of the first entry with this name, or t->n. */
static size_t
find(const struct fields *t, struct str text)
{
	size_t low = 0, high = t->n, mid;
	struct name name;

	if ((t->seen & name_bit(text)) == 0)
		return t->n;
	name = name_of(text);
	while (low < high) {
		mid = low + (high - low) / 2;
		if (name_compare(&t->v[mid].name, &name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < t->n && name_compare(&t->v[low].name, &name) == 0)
		return low;
	return t->n;
}

size_t
fields_count(const struct fields *t, struct str name)
{
	size_t i = find(t, name);

	return i < t->n ? t->v[i].same : 0;
}

/* The next instance from the bottom that is not own; NULL if none is left. */
static const struct entry *
take(struct fields *t, struct str name, const char *own)
{
	size_t i = find(t, name);
	struct entry *first;
	const struct entry *e;

	if (i == t->n)
		return NULL;
	first = &t->v[i];
	while (first->used < first->same) {
		first->used++;
		e = first + (first->same - first->used);
		if (e->raw.p != own)
			return e;
	}
	return NULL;
}

void
fields_hash(struct fields *t, struct str h, const char *own, enum canon how,
    struct canon_sink sink)
{
	const struct entry *e;
	struct str name;
	bool more = true;

	for (size_t i = 0; i < t->n; i++)
		t->v[i].used = 0;
	while (tags_item(&h, &more, &name) == 1) {
		e = take(t, name, own);
		if (e != NULL)
			canon_field(how, e->raw, sink);
	}
}
