/*
 * Tag lists: RFC 6376 section 3.2, with UTF-8 as RFC 8616 allows it.
 *
 * Used for signature fields (lines ended by LF inside) and key records.
 * Everything is a view into the text that was parsed.
 */
#ifndef COMMON_DKIM_TAGS_H
#define COMMON_DKIM_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"

enum {
	TAGS_MAX = 64, /* tags in one list */
};

struct tag {
	struct str name;
	struct str value; /* without the FWS around it; may be empty */
	struct str raw; /* all from after "=" to before ";" or the end */
};

struct tags {
	struct tag v[TAGS_MAX];
	size_t n;
};

/*
 * Parses text, strictly: names are ALPHA *(ALPHA / DIGIT / "_"), FWS is
 * [*WSP (CRLF / LF)] 1*WSP, values are printable.  One ";" at the end is fine,
 * and so is an empty text (no tags).  Returns 0, or -1 with *out in no
 * particular state if the text is no tag list, names a tag twice or has over
 * TAGS_MAX of them.
 */
int tags_parse(struct str text, struct tags *out)
    __attribute__((__warn_unused_result__));

/* The tag of this name (case matters); NULL if there is none. */
const struct tag *tags_find(const struct tags *, struct str name);
/* Its value; empty, too, if there is none. */
struct str tags_value(const struct tags *, struct str name);

/*
 * Takes the next element off a colon-separated list such as h=, without FWS
 * around it.  Returns 1 (*item may be empty), or 0 at the end.  An empty list
 * has one empty item.  Start with *rest the value and *more true.
 */
int tags_item(struct str *rest, bool *more, struct str *item);

#endif
