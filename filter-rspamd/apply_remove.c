#include <stdlib.h>

#include "common/message/header.h"
#include "filter-rspamd/apply_remove.h"

struct rule {
	struct str name;
	int64_t number; /* from the top, from 1; 0: all */
	/* In the first rule of a name: */
	int64_t total; /* fields of this name */
	int64_t seen; /* of these, so far */
	size_t next; /* the rule that is due */
};

/* Rules sorted by name; with the same name, by number. */
struct rules {
	struct rule *list;
	size_t n;
	bool ended; /* a line without a colon has passed */
};

static int
compare_names(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		unsigned char x = (unsigned char)to_lower(a.p[i]);
		unsigned char y = (unsigned char)to_lower(b.p[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

static int
compare_rules(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int c = compare_names(x->name, y->name);

	if (c != 0)
		return c;
	return x->number == y->number ? 0 : x->number < y->number ? -1 : 1;
}

/* The first rule for this name, or NULL; odd lines have none. */
static struct rule *
find(const struct rules *r, struct str name)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare_names(r->list[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (name.n == 0 || low == r->n ||
	    compare_names(r->list[low].name, name) != 0)
		return NULL;
	return &r->list[low];
}

static void
count(struct rules *r, const struct edit *e, size_t top)
{
	for (size_t i = top; i < edit_count(e); i++) {
		struct rule *rule;
		struct str name = edit_name(e, i);
		if (header_ends(edit_raw(e, i)))
			return;
		rule = find(r, name);
		if (rule != NULL)
			rule->total++;
	}
}

/* Makes numbers from the end, which are negative, numbers from the top. */
static void
resolve(struct rules *r)
{
	const struct rule *first = r->list;

	for (size_t i = 0; i < r->n; i++) {
		struct rule *rule = &r->list[i];
		if (compare_names(first->name, rule->name) != 0)
			first = rule;
		if (rule->number >= 0)
			continue;
		rule->number += first->total + 1;
		if (rule->number <= 0)
			rule->number = INT64_MAX;
	}
	qsort(r->list, r->n, sizeof(*r->list), compare_rules);
	for (size_t i = 0; i < r->n; i++)
		r->list[i].next = i;
}

static bool
is_due(void *arg, struct str name, struct str raw)
{
	struct rules *r = arg;
	struct rule *rule;

	r->ended = r->ended || header_ends(raw);
	rule = r->ended ? NULL : find(r, name);
	if (rule == NULL)
		return false;
	rule->seen++;
	if (rule->number == 0)
		return true;
	while (rule->next < r->n &&
	    compare_names(r->list[rule->next].name, name) == 0) {
		int64_t number = r->list[rule->next].number;
		if (number >= rule->seen)
			return number == rule->seen;
		rule->next++;
	}
	return false;
}

long
apply_remove(
    struct edit *e, size_t top, const struct verdict_remove *list, size_t n)
{
	struct rules r = { .n = n };
	long taken;

	if (n == 0)
		return 0;
	r.list = calloc(n, sizeof(*r.list));
	if (r.list == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		r.list[i].name = list[i].name;
		r.list[i].number = list[i].index;
	}
	qsort(r.list, n, sizeof(*r.list), compare_rules);
	count(&r, e, top);
	resolve(&r);
	taken = (long)edit_remove_if(e, top, is_due, &r);
	free(r.list);
	return taken;
}
