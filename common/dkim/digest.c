#include <pthread.h>
#include <stdlib.h>

#include "common/dkim/crypto.h"
#include "common/dkim/digest.h"

enum {
	BASE64_CHUNK = 256, /* characters decoded at once, whole groups */
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
	/* A context that could not be set up crashes OpenSSL. */
	if (!d->failed && EVP_DigestUpdate(d->ctx, p, n) != 1)
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

/* Base64 on its way: text without white space, some groups of four. */
struct base64 {
	unsigned char text[BASE64_CHUNK];
	size_t n; /* characters in text */
	int pad; /* "=" at the end of it */
	unsigned char *out;
	size_t size, max; /* octets in out, and how many there may be */
};

/* Decodes the groups that have come together. */
static int
base64_flush(struct base64 *b)
{
	unsigned char octets[BASE64_CHUNK / 4 * 3];
	size_t n = b->n / 4 * 3 - (size_t)b->pad;

	if (b->n == 0)
		return 0;
	if (n > b->max - b->size ||
	    EVP_DecodeBlock(octets, b->text, (int)b->n) == -1)
		return -1;
	memcpy(b->out + b->size, octets, n);
	OPENSSL_cleanse(octets, n);
	b->size += n;
	b->n = 0;
	return 0;
}

/* One character; padding only as the last one or two of a group of four. */
static int
base64_push(struct base64 *b, char c)
{
	if (b->pad > 0 && (c != '=' || b->n % 4 == 0))
		return -1;
	if (b->n == BASE64_CHUNK && base64_flush(b) == -1)
		return -1;
	if (c == '=' && b->n % 4 < 2)
		return -1;
	if (c != '=' && !is_base64(c))
		return -1;
	b->pad += c == '=';
	b->text[b->n++] = (unsigned char)c;
	return 0;
}

int
digest_from_base64(struct str s, unsigned char *out, size_t max)
{
	struct base64 b = { .out = out, .max = max };
	int size = -1;

	if (s.n > BASE64_MAX)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (is_wsp(c) || c == '\r' || c == '\n')
			continue;
		if (base64_push(&b, c) == -1)
			goto out;
	}
	if (b.n % 4 == 0 && base64_flush(&b) == 0)
		size = (int)b.size;
out:
	OPENSSL_cleanse(b.text, sizeof(b.text));
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
