/*
 * The messages, keys and DNS zone of tests/fixtures/vectors.  Tests run in the
 * top directory.
 */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/dkim/verify.h"

#define VECTORS "tests/fixtures/vectors/"
#define VECTORS_NOW 1767225600 /* 2026-01-01 */

/* The content of a file, for buf_clear() to free; without one the test ends. */
static inline struct buf
vectors_read(const char *path)
{
	FILE *f = fopen(path, "r");
	struct buf b;
	char block[4096];
	size_t n;

	buf_init(&b, 16 * 1024 * 1024);
	if (f == NULL) {
		perror(path);
		abort();
	}
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&b, block, n);
	fclose(f);
	return b;
}

static inline struct buf
vectors_message(struct str name)
{
	char path[200];

	snprintf(
	    path, sizeof(path), VECTORS "msg/%.*s.eml", (int)name.n, name.p);
	return vectors_read(path);
}

/* Splits a message at its blank line; both parts end in LF. */
static inline struct str
vectors_header(struct str *message)
{
	struct str all = *message, line;
	size_t n = 0;

	while (message->n > 0) {
		(void)str_cut(message, '\n', &line);
		if (line.n == 0)
			break;
		n = (size_t)(line.p - all.p) + line.n + 1;
	}
	return str_head(all, n);
}

enum vectors_kind {
	VECTORS_TXT,
	VECTORS_NXDOMAIN,
	VECTORS_SERVFAIL,
};

/* Joins the JSON strings of one TXT record; the only escape is "\\t". */
static inline void
vectors_join(struct str data, struct buf *out)
{
	struct str string, part;

	while (str_cut(&data, '"', &string) && str_cut(&data, '"', &string)) {
		while (str_cut(&string, '\\', &part)) {
			buf_str(out, part);
			buf_chr(out, '\t');
			string = str_from(string, 1);
		}
		buf_str(out, part);
	}
}

/*
 * Resolves name from the zone: up to max TXT records, joined, in v (to be
 * cleared), their number in *n.
 */
static inline enum vectors_kind
vectors_resolve(
    struct str zone, const char *name, struct buf *v, size_t max, size_t *n)
{
	struct str all = zone, line, who, type;
	char other[300];

	*n = 0;
	while (zone.n > 0) {
		(void)str_cut(&zone, '\n', &line);
		(void)str_cut(&line, '\t', &who);
		(void)str_cut(&line, '\t', &type);
		if (!str_ieq(who, str_c(name)))
			continue;
		if (str_eq(type, STR("SERVFAIL")))
			return VECTORS_SERVFAIL;
		if (str_eq(type, STR("CNAME"))) {
			snprintf(
			    other, sizeof(other), "%.*s", (int)line.n, line.p);
			return vectors_resolve(all, other, v, max, n);
		}
		if (!str_eq(type, STR("TXT")) || *n == max)
			continue;
		buf_init(&v[*n], 64 * 1024);
		vectors_join(line, &v[*n]);
		(*n)++;
	}
	return *n > 0 ? VECTORS_TXT : VECTORS_NXDOMAIN;
}

/* Gives signature i of v what the zone says. */
static inline void
vectors_answer(struct verify *v, size_t i, struct str zone)
{
	struct buf txt[8];
	struct str views[8];
	struct record_set *set;
	size_t n;

	switch (vectors_resolve(zone, verify_get(v, i)->query, txt, 8, &n)) {
	case VECTORS_SERVFAIL:
		verify_dns(v, i, VERIFY_DNS_FAILED);
		return;
	case VECTORS_NXDOMAIN:
		verify_dns(v, i, VERIFY_NO_RECORD);
		return;
	case VECTORS_TXT:
		break;
	}
	for (size_t k = 0; k < n; k++)
		views[k] = buf_view(&txt[k]);
	set = record_set_new(views, n);
	verify_key(v, i, set);
	record_set_free(set);
	for (size_t k = 0; k < n; k++)
		buf_clear(&txt[k]);
}

/* Verifies a message up to the results; to be freed with verify_free(). */
static inline struct verify *
vectors_verify(struct str message, struct str zone,
    const struct verify_options *o, uint64_t now)
{
	struct str header = vectors_header(&message);
	struct verify *v = verify_new(header, false, STR_NULL, o, now);

	if (v == NULL)
		return NULL;
	for (size_t i = 0; i < verify_count(v); i++)
		if (verify_get(v, i)->query != NULL)
			vectors_answer(v, i, zone);
	verify_body(v, message);
	verify_finish(v);
	return v;
}

#endif
