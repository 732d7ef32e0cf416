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
	bool open; /* the context is set up for what is added */
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

static bool
digest_open(struct digest *d)
{
	d->open = EVP_DigestInit_ex(d->ctx, sha256, NULL) == 1;
	return d->open;
}

struct digest *
digest_new(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (d == NULL || pthread_once(&once, fetch) != 0 || sha256 == NULL)
		goto bad;
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx == NULL || !digest_open(d))
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
		b->failed = digest_final(b->digest, b->hash) == -1;
		b->done = true;
	}
	if (b->failed)
		return -1;
	memcpy(out, b->hash, DIGEST_SIZE);
	*length = canon_body_length(&b->canon);
	return 0;
}

/* Takes text off *s without its white space, until `to` is full. */
static size_t
squeeze(struct str *s, unsigned char to[BASE64_CHUNK])
{
	size_t n = 0, k;

	while (s->n > 0 && n < BASE64_CHUNK) {
		k = str_printable(str_head(*s, BASE64_CHUNK - n), '!');
		if (k == 0 && !is_wsp(s->p[0]) && s->p[0] != '\r' &&
		    s->p[0] != '\n')
			k = 1; /* none of base64, which decode() sees */
		memcpy(to + n, s->p, k);
		n += k;
		*s = str_from(*s, k > 0 ? k : 1);
	}
	return n;
}

/*
 * Decodes n characters, whole groups of four; *pad is how many "=" are at
 * their end.  EVP_DecodeBlock() takes "=" anywhere, and skips what is not
 * base64 at the end.
 */
static int
decode(unsigned char *out, const unsigned char *text, size_t n, size_t *pad)
{
	const unsigned char *eq = memchr(text, '=', n);

	*pad = eq == NULL ? 0 : n - (size_t)(eq - text);
	if (n % 4 != 0 || *pad > 2 || (*pad == 2 && text[n - 1] != '='))
		return -1;
	return EVP_DecodeBlock(out, text, (int)n) == (int)(n / 4 * 3) ? 0 : -1;
}

int
digest_from_base64(struct str s, unsigned char *out, size_t max)
{
	unsigned char text[BASE64_CHUNK], octets[BASE64_CHUNK / 4 * 3];
	size_t size = 0, pad = 0, n;
	int r = -1;

	if (s.n > BASE64_MAX)
		return -1;
	while ((n = squeeze(&s, text)) > 0) {
		/* Nothing may stand behind the padding. */
		if (pad > 0 || decode(octets, text, n, &pad) == -1)
			goto out;
		n = n / 4 * 3 - pad;
		if (n > max - size)
			goto out;
		memcpy(out + size, octets, n);
		size += n;
	}
	r = (int)size;
out:
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(octets, sizeof(octets));
	return r;
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
