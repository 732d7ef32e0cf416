#include <pthread.h>
#include <stdlib.h>

#include "common/dkim/crypto.h"
#include "common/dkim/digest.h"

enum {
	BASE64_MAX = 96 * 1024, /* characters that are decoded */
};

struct digest {
	EVP_MD_CTX *ctx;
	bool open; /* the context is set up for what is added */
	bool failed;
};

struct digest_body {
	struct digest digest;
	uint64_t limit;
	bool done, failed;
	unsigned char hash[DIGEST_SIZE];
	struct canon_body canon;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const EVP_MD *sha256;

/* Fetched once: it costs more than hashing a short header. */
static void
fetch(void)
{
	sha256 = crypto_sha256();
}

static bool
digest_open(struct digest *d)
{
	d->open = EVP_DigestInit_ex(d->ctx, sha256, NULL) == 1;
	return d->open;
}

static int
digest_init(struct digest *d)
{
	d->failed = false;
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx != NULL && pthread_once(&once, fetch) == 0 &&
	    sha256 != NULL && digest_open(d))
		return 0;
	EVP_MD_CTX_free(d->ctx);
	return -1;
}

struct digest *
digest_new(void)
{
	struct digest *d = malloc(sizeof(*d));

	if (d != NULL && digest_init(d) == 0)
		return d;
	free(d);
	return NULL;
}

void
digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void
digest_add(struct digest *d, const void *p, size_t n)
{
	/* A context that could not be set up crashes OpenSSL. */
	if (!d->failed && !d->open && !digest_open(d))
		d->failed = true;
	if (!d->failed && EVP_DigestUpdate(d->ctx, p, n) != 1)
		d->failed = true;
}

int
digest_final(struct digest *d, unsigned char out[DIGEST_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	bool good;

	digest_add(d, NULL, 0);
	good = !d->failed && EVP_DigestFinal_ex(d->ctx, hash, NULL) == 1;
	d->open = d->failed = false;
	if (!good)
		return -1;
	memcpy(out, hash, DIGEST_SIZE);
	return 0;
}

static void
sink_add(void *arg, const void *p, size_t n)
{
	digest_add(arg, p, n);
}

struct canon_sink
digest_sink(struct digest *d)
{
	return (struct canon_sink){ sink_add, d };
}

struct digest_body *
digest_body_new(enum canon how, uint64_t limit)
{
	struct digest_body *b = malloc(sizeof(*b));

	if (b == NULL || digest_init(&b->digest) == -1) {
		free(b);
		return NULL;
	}
	b->limit = limit;
	b->done = b->failed = false;
	canon_body_init(&b->canon, how, limit, digest_sink(&b->digest));
	return b;
}

void
digest_body_free(struct digest_body *b)
{
	if (b == NULL)
		return;
	EVP_MD_CTX_free(b->digest.ctx);
	free(b);
}

void
digest_body_text(struct digest_body *b, struct str text)
{
	canon_body_text(&b->canon, text);
}

bool
digest_body_is(const struct digest_body *b, enum canon how, uint64_t limit)
{
	return b->canon.how == how && b->limit == limit;
}

int
digest_body_final(
    struct digest_body *b, unsigned char out[DIGEST_SIZE], uint64_t *length)
{
	if (!b->done) {
		canon_body_end(&b->canon);
		b->failed = digest_final(&b->digest, b->hash) == -1;
		b->done = true;
	}
	if (b->failed)
		return -1;
	memcpy(out, b->hash, DIGEST_SIZE);
	*length = canon_body_length(&b->canon);
	return 0;
}

/* One more than the value of a character of base64; 0 for all else. */
/* clang-format off */
static const unsigned char base64[256] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0, 63,  0,  0,  0, 64,
	53, 54, 55, 56, 57, 58, 59, 60, 61, 62,  0,  0,  0,  0,  0,  0,
	 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,  0,  0,  0,  0,  0,
	 0, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
	42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,  0,  0,  0,  0,  0,
};
/* clang-format on */

static void
put_group(unsigned char *to, uint32_t group, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)(group >> (16 - 8 * i));
}

/* Decodes the groups of four that s starts with; returns how many. */
static size_t
decode_groups(struct str s, unsigned char *to, size_t max)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = 0, most = s.n / 4 < max / 3 ? s.n / 4 : max / 3;

	for (; n < most; n++, p += 4) {
		uint32_t a = base64[p[0]], b = base64[p[1]], c = base64[p[2]],
			 d = base64[p[3]];
		if (a == 0 || b == 0 || c == 0 || d == 0)
			break;
		put_group(to + n * 3,
		    (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1), 3);
	}
	return n;
}

/*
 * By hand, since EVP_DecodeBlock() takes "=" anywhere and skips what is not
 * base64 at the end, and wants the text without FWS.
 */
int
digest_from_base64(struct str s, unsigned char *out, size_t max)
{
	size_t size = 0, pad = 0, have = 0, n;
	uint32_t group = 0;

	if (s.n > BASE64_MAX)
		return -1;
	while (s.n > 0) {
		if (have == 0 && pad == 0) {
			n = decode_groups(s, out + size, max - size);
			size += n * 3;
			s = str_from(s, n * 4);
			if (s.n == 0)
				break;
		}
		char c = s.p[0];
		n = base64[(unsigned char)c];
		s = str_from(s, 1);
		if (is_fws(c))
			continue;
		/* Nothing may stand behind the padding. */
		if (c == '=' ? ++pad > 2 : n == 0 || pad > 0)
			return -1;
		group = group << 6 | (uint32_t)(n > 0 ? n - 1 : 0);
		have = (have + 1) % 4;
		if (have > 0)
			continue;
		if (3 - pad > max - size)
			return -1;
		put_group(out + size, group, 3 - pad);
		size += 3 - pad;
	}
	return have == 0 ? (int)size : -1;
}

void
digest_to_base64(const unsigned char *p, size_t n, struct buf *out)
{
	size_t size = (n + 2) / 3 * 4;
	char *to;

	if (n > BASE64_MAX) {
		out->failed = true;
		return;
	}
	to = buf_room(out, size + 1); /* OpenSSL adds a NUL */
	if (to == NULL)
		return;
	(void)EVP_EncodeBlock((unsigned char *)to, p, (int)n);
	out->n += size;
}
