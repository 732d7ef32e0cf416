#include <pthread.h>
#include <stdlib.h>

#include "common/dkim/crypto.h"
#include "common/dkim/digest.h"

enum {
	BASE64_MAX = 96 * 1024, /* characters, without white space */
};

struct digest {
	EVP_MD_CTX *ctx;
	bool failed;
};

struct digest_body {
	struct digest *digest;
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

struct digest *
digest_new(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (d == NULL || pthread_once(&once, fetch) != 0 || sha256 == NULL)
		goto bad;
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx == NULL || EVP_DigestInit_ex(d->ctx, sha256, NULL) != 1)
		goto bad;
	return d;
bad:
	digest_free(d);
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
	if (EVP_DigestUpdate(d->ctx, p, n) != 1)
		d->failed = true;
}

int
digest_final(struct digest *d, unsigned char out[DIGEST_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	bool good = !d->failed && EVP_DigestFinal_ex(d->ctx, hash, NULL) == 1;

	d->failed = EVP_DigestInit_ex(d->ctx, sha256, NULL) != 1;
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

	if (b == NULL)
		return NULL;
	b->digest = digest_new();
	if (b->digest == NULL) {
		free(b);
		return NULL;
	}
	b->limit = limit;
	b->done = b->failed = false;
	canon_body_init(&b->canon, how, limit, digest_sink(b->digest));
	return b;
}

void
digest_body_free(struct digest_body *b)
{
	if (b == NULL)
		return;
	digest_free(b->digest);
	free(b);
}

void
digest_body_line(struct digest_body *b, struct str line)
{
	canon_body_line(&b->canon, line);
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
		b->failed = digest_final(b->digest, b->hash) == -1;
		b->done = true;
	}
	if (b->failed)
		return -1;
	memcpy(out, b->hash, DIGEST_SIZE);
	*length = canon_body_length(&b->canon);
	return 0;
}

static bool
is_base64(char c)
{
	return is_alpha(c) || is_digit(c) || c == '+' || c == '/';
}

/*
 * Copies s without FWS.  Returns the padding, 0 to 2, or -1 if the rest is not
 * whole groups of four with padding at the very end only.
 */
static int
base64_strip(struct str s, char *to, size_t *n)
{
	int pad = 0;

	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (is_wsp(c) || c == '\r' || c == '\n')
			continue;
		if (c == '=')
			pad++;
		else if (pad > 0 || !is_base64(c))
			return -1;
		to[(*n)++] = c;
	}
	return *n % 4 == 0 && pad <= 2 ? pad : -1;
}

int
digest_from_base64(struct str s, unsigned char *out, size_t max)
{
	unsigned char *tmp;
	char *text;
	size_t n;
	int pad, size = -1;

	if (s.n > BASE64_MAX)
		return -1;
	/* Text first, then what it decodes to, padding not yet cut. */
	text = malloc(2 * s.n + 4);
	if (text == NULL)
		return -1;
	pad = base64_strip(s, text, &n);
	if (pad == -1 || n / 4 * 3 < (size_t)pad ||
	    n / 4 * 3 - (size_t)pad > max)
		goto out;
	tmp = (unsigned char *)text + s.n;
	if (n > 0 && EVP_DecodeBlock(tmp, (unsigned char *)text, (int)n) == -1)
		goto out;
	size = (int)(n / 4 * 3) - pad;
	memcpy(out, tmp, (size_t)size);
out:
	OPENSSL_cleanse(text, 2 * s.n + 4);
	free(text);
	return size;
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
