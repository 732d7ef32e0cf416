/*
 * Key records of DNS: RFC 6376 section 3.6.1.
 */
#ifndef COMMON_DKIM_RECORD_H
#define COMMON_DKIM_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/dkim/error.h"
#include "common/dkim/key.h"

enum {
	RECORD_MAX = 8 * 1024, /* bytes of a record, its strings joined */
	RECORD_KEYS_MAX = 2, /* key records tried under one name */
	RECORD_TXT_MAX = 16, /* TXT records looked at under one name */
	RECORD_STRING_MAX = 255, /* octets of a string, RFC 1035 section 3.3 */
};

/* One key record. */
struct record {
	enum dkim_error error; /* DKIM_OK, or why no signature can use it */
	enum key_type type;
	struct key *key; /* only with DKIM_OK */
	unsigned bits; /* of the key, also if its size is refused; else 0 */
	bool testing; /* t=y */
	bool strict; /* t=s */
};

/*
 * What DNS has under one name.  Shared by counting, in one thread; nothing in
 * it changes after record_set_new.
 */
struct record_set {
	unsigned refs;
	size_t n;
	struct record v[RECORD_KEYS_MAX];
	enum dkim_error error; /* why there is none, if n is 0 */
};

/*
 * Parses the TXT records of one name, each with its strings joined (RFC 6376
 * sections 3.6.2.2 and 6.1.2).  Those that are no key records are passed over.
 * NULL without memory.
 */
struct record_set *record_set_new(const struct str *txt, size_t n);
struct record_set *record_set_ref(struct record_set *);
void record_set_free(struct record_set *);

enum record_match {
	RECORD_SAME,
	RECORD_DIFFERENT,
	RECORD_REVOKED, /* p= is empty */
	RECORD_UNUSABLE, /* published, but verifiers do not take it */
	RECORD_MISSING, /* no key record */
};

/* Does DNS have the public part of this private key? */
enum record_match record_match(const struct record_set *, const struct key *);

/* Adds the record to publish for a key: "v=DKIM1; k=rsa; p=...". */
void record_format(const struct key *, struct buf *out);
/*
 * Adds one zone file entry for a record's text: name, "IN TXT", and the text
 * in quoted strings of at most RECORD_STRING_MAX octets; LF at the end.
 */
void record_format_zone(
    struct str selector, struct str domain, struct str text, struct buf *out);

#endif
