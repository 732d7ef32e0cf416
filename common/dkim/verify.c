#include <stdlib.h>

#include "common/dkim/fields.h"
#include "common/dkim/verify.h"
#include "common/message/header.h"

enum {
	TAG_SHOWN = 8, /* characters of b= that are shown, RFC 6008 */
	TAG_SHOWN_MAX = 32, /* if it takes that many to tell them apart */
};

/* One signature. */
struct item {
	struct verify_sig out;
	const char *own; /* where its field was; only to compare */
	struct digest_body *body; /* owned by struct verify */
	struct record_set *keys;
	enum dkim_error answer; /* of DNS; DKIM_UNCHECKED: none yet */
	bool partial; /* l= is refused, but may still be out of range */
	unsigned char hash[DIGEST_SIZE]; /* of the header */
	char b[TAG_SHOWN_MAX]; /* zeros behind what there is */
	size_t n; /* bytes of raw */
	struct sig sig;
	char raw[]; /* the field; all views point here */
};

struct verify {
	bool cut;
	size_t n, dropped, bodies;
	struct item *v[VERIFY_LISTED_MAX];
	struct digest_body *body[VERIFY_CHECKED_MAX + 4];
};

static void
decide(struct item *it, enum dkim_error e)
{
	it->out.error = e;
	it->out.result = error_result(e);
	it->out.query = NULL;
}

static bool
is_open(const struct item *it)
{
	return it->out.error == DKIM_UNCHECKED;
}

/* ---- at the end of the header ---- */

/* The start of b= without FWS, as far as it is ever shown. */
static void
show_value(struct item *it)
{
	struct str b = it->sig.b_raw;
	size_t n = 0;

	for (size_t i = 0; i < b.n && n < TAG_SHOWN_MAX; i++)
		if (!is_fws(b.p[i]))
			it->b[n++] = b.p[i];
	it->out.b = str_n(it->b, n);
}

/* Parses one field; NULL without memory. */
static struct item *
item_new(struct str raw, const struct verify_options *o, uint64_t now)
{
	size_t n = raw.n <= SIG_FIELD_MAX ? raw.n : 0;
	struct item *it = malloc(sizeof(*it) + n);
	enum dkim_error e;

	if (it == NULL)
		return NULL;
	memset(it, 0, offsetof(struct item, sig));
	it->own = raw.p;
	it->n = n;
	memcpy(it->raw, raw.p, n);
	/* Of one that is too large nothing is looked at, or kept. */
	e = sig_parse(n < raw.n ? raw : str_n(it->raw, n), &it->sig);
	if (e == DKIM_OK)
		e = sig_check(&it->sig, now, o->allow_l);
	decide(it, e);
	it->partial = e == DKIM_SIG_PARTIAL;
	if (e == DKIM_OK || it->partial)
		decide(it, DKIM_UNCHECKED);
	it->out.d = it->sig.d;
	it->out.s = it->sig.s;
	it->out.i = it->sig.i;
	it->out.a = it->sig.a;
	it->out.domain = it->sig.domain;
	it->out.single_label =
	    it->sig.domain[0] != '\0' && strchr(it->sig.domain, '.') == NULL;
	show_value(it);
	return it;
}

static int
collect(struct verify *v, struct str block, const struct verify_options *o,
    uint64_t now)
{
	struct field f;

	while (header_find(&block, STR("DKIM-Signature"), &f) == 1) {
		if (v->n == VERIFY_LISTED_MAX) {
			v->dropped++;
			continue;
		}
		v->v[v->n] = item_new(f.raw, o, now);
		if (v->v[v->n] == NULL)
			return -1;
		v->n++;
	}
	return 0;
}

/* Shows as much of each b= as tells it from all others (RFC 6008). */
static void
shorten_values(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		struct item *a = v->v[i];
		size_t need = TAG_SHOWN;

		for (size_t k = 0; k < v->n; k++) {
			const struct item *b = v->v[k];
			size_t same = 0;

			while (k != i && same < TAG_SHOWN_MAX &&
			    a->b[same] == b->b[same])
				same++;
			if (same >= need)
				need = same + 1;
		}
		a->out.b = str_head(a->out.b, need);
	}
}

static bool
is_aligned(const struct item *it, const char *author)
{
	return author[0] != '\0' &&
	    (sig_is_below(it->sig.domain, author) ||
		sig_is_below(author, it->sig.domain));
}

/* Marks up to *left signatures as chosen: all, or those of the author. */
static void
choose(struct verify *v, const char *author, bool all, size_t *left)
{
	for (size_t i = 0; i<v->n && * left> 0; i++) {
		struct item *it = v->v[i];

		if (!is_open(it) || it->partial || it->out.query != NULL)
			continue;
		if (all || is_aligned(it, author)) {
			it->out.query = it->sig.query;
			(*left)--;
		}
	}
}

/* Refuses what is beyond the limit, the author's own signatures last. */
static void
limit(struct verify *v, struct str author, const struct verify_options *o)
{
	size_t left = o->checked > 0 ? o->checked : VERIFY_CHECKED;
	char name[SIG_NAME_MAX + 1];

	if (left > VERIFY_CHECKED_MAX)
		left = VERIFY_CHECKED_MAX;
	if (author.n == 0 || sig_domain(author, name) == -1)
		name[0] = '\0';
	choose(v, name, false, &left);
	choose(v, name, true, &left);
	for (size_t i = 0; i < v->n; i++)
		if (is_open(v->v[i]) && !v->v[i]->partial &&
		    v->v[i]->out.query == NULL)
			decide(v->v[i], DKIM_TOO_MANY);
}

static void
decide_open(struct verify *v, enum dkim_error e)
{
	for (size_t i = 0; i < v->n; i++)
		if (is_open(v->v[i]))
			decide(v->v[i], e);
}

/* Finds or makes the body hash that a signature needs. */
static int
add_body(struct verify *v, struct item *it)
{
	uint64_t octets = CANON_NO_LIMIT;

	if (it->sig.has_l && !it->partial)
		octets = it->sig.l;
	for (size_t i = 0; i < v->bodies; i++)
		if (digest_body_is(v->body[i], it->sig.body, octets))
			it->body = v->body[i];
	if (it->body != NULL)
		return 0;
	it->body = digest_body_new(it->sig.body, octets);
	if (it->body == NULL)
		return -1;
	v->body[v->bodies++] = it->body;
	return 0;
}

/* The hash of the signed fields and the field itself (section 3.7). */
static int
hash_header(struct item *it, struct fields *f, struct digest *d)
{
	struct canon_sink sink = digest_sink(d);

	fields_hash(f, it->sig.h, it->own, it->sig.header, sink);
	canon_signature(
	    it->sig.header, str_n(it->raw, it->n), it->sig.b_raw, sink);
	return digest_final(d, it->hash);
}

static int
prepare(struct verify *v, struct str block)
{
	struct fields *f = fields_new(block);
	struct digest *d = digest_new();
	int r = f == NULL || d == NULL ? -1 : 0;

	if (r == 0 && fields_overflowed(f))
		decide_open(v, DKIM_HEADER_SIZE);
	for (size_t i = 0; i < v->n && r == 0; i++) {
		if (!is_open(v->v[i]))
			continue;
		r = add_body(v, v->v[i]);
		if (r == 0 && !v->v[i]->partial)
			r = hash_header(v->v[i], f, d);
	}
	digest_free(d);
	fields_free(f);
	return r;
}

struct verify *
verify_new(struct str block, bool cut, struct str author,
    const struct verify_options *o, uint64_t now)
{
	struct verify *v = malloc(sizeof(*v));

	if (v != NULL)
		v->n = v->dropped = v->bodies = 0;
	if (v == NULL || collect(v, block, o, now) == -1)
		goto bad;
	shorten_values(v);
	v->cut = cut;
	if (cut)
		decide_open(v, DKIM_HEADER_SIZE);
	limit(v, author, o);
	if (!verify_is_decided(v) && prepare(v, block) == -1)
		goto bad;
	return v;
bad:
	verify_free(v);
	return NULL;
}

void
verify_free(struct verify *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n; i++) {
		record_set_free(v->v[i]->keys);
		free(v->v[i]);
	}
	for (size_t i = 0; i < v->bodies; i++)
		digest_body_free(v->body[i]);
	free(v);
}

/* ---- what comes in ---- */

size_t
verify_count(const struct verify *v)
{
	return v->n;
}

size_t
verify_dropped(const struct verify *v)
{
	return v->dropped;
}

const struct verify_sig *
verify_get(const struct verify *v, size_t i)
{
	return &v->v[i]->out;
}

bool
verify_cut(const struct verify *v)
{
	return v->cut;
}

bool
verify_is_decided(const struct verify *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (is_open(v->v[i]))
			return false;
	return true;
}

void
verify_body(struct verify *v, struct str text)
{
	for (size_t i = 0; i < v->bodies; i++)
		digest_body_text(v->body[i], text);
}

void
verify_key(struct verify *v, size_t i, struct record_set *set)
{
	struct item *it = v->v[i];
	struct record_set *old = it->keys;

	it->keys = record_set_ref(set);
	it->answer = set->n > 0 ? DKIM_OK : set->error;
	record_set_free(old);
}

void
verify_dns(struct verify *v, size_t i, enum verify_dns outcome)
{
	static const enum dkim_error errors[] = {
		[VERIFY_NO_RECORD] = DKIM_KEY_NONE,
		[VERIFY_DNS_FAILED] = DKIM_KEY_DNS,
		[VERIFY_CHAIN_TOO_LONG] = DKIM_KEY_CHAIN,
	};

	v->v[i]->answer = errors[outcome];
}

/* ---- at the end of the body ---- */

static enum dkim_error
check_body(const struct item *it)
{
	unsigned char hash[DIGEST_SIZE];
	uint64_t length;

	if (digest_body_final(it->body, hash, &length) == -1)
		return DKIM_INTERNAL;
	if (it->sig.has_l && it->sig.l > length)
		return DKIM_SIG_TOO_LONG;
	if (it->partial)
		return DKIM_SIG_PARTIAL;
	if (memcmp(hash, it->sig.bh, DIGEST_SIZE) != 0)
		return DKIM_BODY_MISMATCH;
	return DKIM_OK;
}

/* One key record (section 6.1.2), and the signature itself (6.1.3). */
static enum dkim_error
check_key(const struct item *it, const struct record *r)
{
	enum key_type need =
	    it->sig.algorithm == SIG_RSA_SHA256 ? KEY_RSA : KEY_ED25519;

	if (r->error != DKIM_OK)
		return r->error;
	if (r->type != need)
		return DKIM_KEY_MISMATCH;
	if (r->strict && strcmp(it->sig.identity, it->sig.domain) != 0)
		return DKIM_KEY_STRICT;
	switch (key_verify(r->key, it->hash, it->sig.b, it->sig.b_size)) {
	case 1:
		return DKIM_OK;
	case 0:
		return DKIM_BAD_SIGNATURE;
	}
	return DKIM_INTERNAL;
}

static void
show_key(struct item *it, const struct record *r)
{
	it->out.bits = r->bits;
	it->out.testing = r->testing;
}

/* All key records: the one that verifies, else what the first one gives. */
static enum dkim_error
check_keys(struct item *it)
{
	enum dkim_error e = DKIM_UNCHECKED, first = DKIM_KEY_NONE;
	size_t n = it->keys != NULL ? it->keys->n : 0;

	for (size_t i = 0; i < n && e != DKIM_OK; i++) {
		const struct record *r = &it->keys->v[i];

		e = check_key(it, r);
		if (i == 0)
			first = e;
		if (i == 0 || e == DKIM_OK)
			show_key(it, r);
	}
	if (e == DKIM_OK)
		return DKIM_OK;
	if (n > 1 && first == DKIM_BAD_SIGNATURE)
		return DKIM_KEY_SEVERAL;
	return first;
}

static enum dkim_error
check(struct item *it)
{
	enum dkim_error e = check_body(it);

	/* A key in test mode counts whatever fails (section 3.6.1). */
	if (it->keys != NULL && it->keys->n > 0)
		show_key(it, &it->keys->v[0]);
	if (e == DKIM_OK && it->answer == DKIM_UNCHECKED)
		e = DKIM_KEY_DNS;
	if (e == DKIM_OK && it->answer != DKIM_OK)
		e = it->answer;
	return e == DKIM_OK ? check_keys(it) : e;
}

void
verify_finish(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (is_open(v->v[i]))
			decide(v->v[i], check(v->v[i]));
}

enum dkim_result
verify_result(const struct verify *v)
{
	enum dkim_result r =
	    v->cut ? error_result(DKIM_HEADER_SIZE) : DKIM_NONE;

	if (v->n > 0)
		r = v->v[0]->out.result;
	for (size_t i = 0; i < v->n; i++) {
		if (v->v[i]->out.error == DKIM_OK)
			return DKIM_PASS;
		if (v->v[i]->out.result == DKIM_TEMPERROR)
			r = DKIM_TEMPERROR;
	}
	return r;
}
