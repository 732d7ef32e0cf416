#include <stdatomic.h>
#include <stdlib.h>

#include "common/dkim/crypto.h"
#include "common/dkim/der.h"
#include "common/dkim/key.h"
#include "common/dkim/keymem.h"
#include "common/dkim/rsa.h"

enum {
	ED25519_SIZE = 32, /* octets of a seed or a public key */
	ED25519_PAIR = 64, /* a seed and its public key */
	EXPONENT_MAX = 4, /* octets of e */
};

struct key {
	EVP_PKEY *pkey;
	struct rsa rsa; /* of an RSA key */
	enum key_type type;
	unsigned bits;
	atomic_uint refs;
};

/* ---- one key ---- */

/* A key around pkey, which it owns even on failure; NULL without memory. */
static struct key *
key_wrap(EVP_PKEY *owned, enum key_type type)
{
	struct key *k = owned == NULL ? NULL : calloc(1, sizeof(*k));

	if (k == NULL) {
		EVP_PKEY_free(owned);
		return NULL;
	}
	k->pkey = owned;
	rsa_init(&k->rsa, owned);
	k->type = type;
	k->bits = type == KEY_ED25519 ? 256 : (unsigned)EVP_PKEY_bits(owned);
	atomic_init(&k->refs, 1);
	return k;
}

struct key *
key_ref(struct key *k)
{
	atomic_fetch_add(&k->refs, 1);
	return k;
}

void
key_free(struct key *k)
{
	if (k == NULL || atomic_fetch_sub(&k->refs, 1) > 1)
		return;
	rsa_clear(&k->rsa);
	EVP_PKEY_free(k->pkey);
	free(k);
}

enum key_type
key_type(const struct key *k)
{
	return k->type;
}

unsigned
key_bits(const struct key *k)
{
	return k->bits;
}

const char *
key_algorithm(const struct key *k)
{
	return k->type == KEY_RSA ? "rsa-sha256" : "ed25519-sha256";
}

bool
key_eq(const struct key *a, const struct key *b)
{
	bool same = a->type == b->type && crypto_same_public(a->pkey, b->pkey);

	ERR_clear_error();
	return same;
}

void
key_cleanse(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

/* ---- private keys ---- */

const char *
key_error_text(enum key_error e)
{
	switch (e) {
	case KEY_GOOD:
		return "good";
	case KEY_UNREADABLE:
		return "has no private key, in PEM or base64";
	case KEY_ENCRYPTED:
		return "encrypted with a passphrase";
	case KEY_UNSUPPORTED:
		return "neither RSA nor Ed25519";
	case KEY_TOO_SHORT:
		return "RSA key under 1024 bits";
	case KEY_TOO_LONG:
		return "RSA key over 8192 bits";
	case KEY_BROKEN:
		return "does not verify what it signs";
	case KEY_NO_MEMORY:
		return "out of memory";
	}
	return "";
}

/* Asked for a passphrase: remembers that, and never asks the terminal. */
static int
no_passphrase(char *to, int size, int writing, void *arg)
{
	bool *encrypted = arg;

	(void)to;
	(void)size;
	(void)writing;
	*encrypted = true;
	return -1;
}

static enum key_error
read_pem(struct str text, EVP_PKEY **out)
{
	bool encrypted = false;
	BIO *bio;

	if (text.n == 0)
		return KEY_UNREADABLE;
	bio = BIO_new_mem_buf(text.p, (int)text.n);
	if (bio == NULL)
		return KEY_NO_MEMORY;
	*out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
	BIO_free(bio);
	if (*out != NULL)
		return KEY_GOOD;
	return encrypted ? KEY_ENCRYPTED : KEY_UNREADABLE;
}

/* A seed (and public key), or DER, in base64. */
static enum key_error
read_base64(struct str text, EVP_PKEY **out)
{
	unsigned char raw[KEY_FILE_MAX / 4 * 3];
	const unsigned char *p = raw;
	int n = digest_from_base64(text, raw, sizeof(raw));

	if (n == ED25519_SIZE || n == ED25519_PAIR)
		*out = EVP_PKEY_new_raw_private_key(
		    EVP_PKEY_ED25519, NULL, raw, ED25519_SIZE);
	else if (n > 0)
		*out = d2i_AutoPrivateKey(NULL, &p, n);
	OPENSSL_cleanse(raw, sizeof(raw));
	return *out == NULL ? KEY_UNREADABLE : KEY_GOOD;
}

/* Takes only what verifiers take; pkey is owned by the key, or freed. */
static enum key_error
key_accept(EVP_PKEY *owned, struct key **out)
{
	int id = EVP_PKEY_base_id(owned), bits = EVP_PKEY_bits(owned);

	if (id != EVP_PKEY_RSA && id != EVP_PKEY_ED25519) {
		EVP_PKEY_free(owned);
		return KEY_UNSUPPORTED;
	}
	if (id == EVP_PKEY_RSA && (bits < KEY_RSA_MIN || bits > KEY_RSA_MAX)) {
		EVP_PKEY_free(owned);
		return bits < KEY_RSA_MIN ? KEY_TOO_SHORT : KEY_TOO_LONG;
	}
	*out = key_wrap(owned, id == EVP_PKEY_RSA ? KEY_RSA : KEY_ED25519);
	return *out == NULL ? KEY_NO_MEMORY : KEY_GOOD;
}

static bool
key_works(struct key *k)
{
	static const unsigned char hash[DIGEST_SIZE] = "a hash of thirty-two "
						       "octets...";
	unsigned char sig[KEY_SIGNATURE_MAX];
	size_t n;

	return key_sign(k, hash, sig, &n) == 0 &&
	    key_verify(k, hash, sig, n) == 1;
}

enum key_error
key_parse(struct str text, struct key **out)
{
	EVP_PKEY *pkey = NULL;
	struct key *k = NULL;
	enum key_error e;

	if (text.n > KEY_FILE_MAX)
		return KEY_UNREADABLE;
	/* With what the first signature leaves in the key. */
	keymem_enter();
	e = read_pem(text, &pkey);
	if (e == KEY_UNREADABLE)
		e = read_base64(text, &pkey);
	if (e == KEY_GOOD)
		e = key_accept(pkey, &k);
	if (e == KEY_GOOD && !key_works(k)) {
		key_free(k);
		e = KEY_BROKEN;
	}
	ERR_clear_error();
	keymem_leave();
	if (e == KEY_GOOD)
		*out = k;
	return e;
}

struct key *
key_generate(enum key_type type, unsigned bits)
{
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx;

	keymem_enter();
	ctx = EVP_PKEY_CTX_new_id(
	    type == KEY_RSA ? EVP_PKEY_RSA : EVP_PKEY_ED25519, NULL);
	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    (type == KEY_RSA &&
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) != 1) ||
	    EVP_PKEY_keygen(ctx, &pkey) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	keymem_leave();
	return key_wrap(pkey, type);
}

char *
key_pem(const struct key *k)
{
	char *from, *pem = NULL;
	BIO *bio;
	long n;

	keymem_enter();
	bio = BIO_new(BIO_s_mem());
	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(
		bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1)
		goto out;
	n = BIO_get_mem_data(bio, &from);
	pem = malloc((size_t)n + 1);
	if (pem == NULL)
		goto out;
	memcpy(pem, from, (size_t)n);
	pem[n] = '\0';
out:
	BIO_free(bio);
	ERR_clear_error();
	keymem_leave();
	return pem;
}

void
key_pem_free(char *pem)
{
	if (pem != NULL)
		OPENSSL_cleanse(pem, strlen(pem));
	free(pem);
}

/* ---- the two operations ---- */

static int
ed25519_sign(const struct key *k, const unsigned char *hash, unsigned char *out,
    size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -1;

	if (ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
	    EVP_DigestSign(ctx, out, n, hash, DIGEST_SIZE) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	return r;
}

int
key_sign(struct key *k, const unsigned char hash[DIGEST_SIZE],
    unsigned char out[KEY_SIGNATURE_MAX], size_t *n)
{
	int r;

	*n = KEY_SIGNATURE_MAX;
	if (k->type == KEY_RSA)
		r = rsa_sign(&k->rsa, hash, out, n);
	else
		r = ed25519_sign(k, hash, out, n);
	if (r == -1)
		ERR_clear_error();
	return r;
}

static int
ed25519_verify(const struct key *k, const unsigned char *hash,
    const unsigned char *sig, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -1;

	if (ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->pkey) == 1)
		r = EVP_DigestVerify(ctx, sig, n, hash, DIGEST_SIZE) == 1;
	EVP_MD_CTX_free(ctx);
	return r;
}

/* Did OpenSSL fail for lack of memory?  Empties its list of errors. */
static bool
was_no_memory(void)
{
	unsigned long e;
	bool found = false;

	while ((e = ERR_get_error()) != 0)
		found = found || ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
	return found;
}

int
key_verify(struct key *k, const unsigned char hash[DIGEST_SIZE],
    const unsigned char *sig, size_t n)
{
	int r;

	if (k->type == KEY_RSA)
		r = rsa_verify(&k->rsa, hash, sig, n);
	else
		r = ed25519_verify(k, hash, sig, n);
	if (r != 1 && was_no_memory())
		r = -1;
	return r;
}

/* ---- public keys ---- */

/* The limits of RFC 8301 section 3.2, and ours. */
static enum dkim_error
rsa_limits(struct der n, struct der e, unsigned bits)
{
	if (n.p[n.n - 1] % 2 == 0 || e.p[e.n - 1] % 2 == 0 ||
	    (e.n == 1 && e.p[0] < 3))
		return DKIM_KEY_SYNTAX;
	if (bits > KEY_RSA_MAX || e.n > EXPONENT_MAX)
		return DKIM_KEY_LONG;
	return bits < KEY_RSA_MIN ? DKIM_KEY_SHORT : DKIM_OK;
}

/* d2i_PUBKEY would take four times as long as a verification. */
static enum dkim_error
rsa_public(struct der d, EVP_PKEY **out, unsigned *bits)
{
	struct der n, e;
	enum dkim_error error = der_rsa(d, &n, &e);
	BIGNUM *bn, *be;

	if (error != DKIM_OK)
		return error;
	*bits = der_bits(n);
	error = rsa_limits(n, e, *bits);
	if (error != DKIM_OK)
		return error;
	bn = BN_bin2bn(n.p, (int)n.n, NULL);
	be = BN_bin2bn(e.p, (int)e.n, NULL);
	if (bn == NULL || be == NULL) {
		BN_free(bn);
		BN_free(be);
		return DKIM_INTERNAL;
	}
	*out = crypto_rsa_public(bn, be);
	return *out == NULL ? DKIM_INTERNAL : DKIM_OK;
}

static enum dkim_error
ed25519_public(struct der d, EVP_PKEY **out, unsigned *bits)
{
	if (d.n != ED25519_SIZE)
		return DKIM_KEY_SYNTAX;
	*bits = 256;
	*out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, d.p, d.n);
	return *out == NULL ? DKIM_INTERNAL : DKIM_OK;
}

enum dkim_error
key_public(enum key_type type, const unsigned char *p, size_t n,
    struct key **out, unsigned *bits)
{
	struct der d = { p, n };
	EVP_PKEY *pkey = NULL;
	enum dkim_error e;

	if (type == KEY_RSA)
		e = rsa_public(d, &pkey, bits);
	else
		e = ed25519_public(d, &pkey, bits);
	if (e == DKIM_OK) {
		*out = key_wrap(pkey, type);
		if (*out == NULL)
			e = DKIM_INTERNAL;
	}
	ERR_clear_error();
	return e;
}

void
key_format_public(const struct key *k, struct buf *out)
{
	unsigned char raw[ED25519_SIZE], *der = NULL;
	size_t size = sizeof(raw);
	int n;

	if (k->type == KEY_RSA) {
		n = i2d_PUBKEY(k->pkey, &der);
		if (n > 0)
			digest_to_base64(der, (size_t)n, out);
		else
			out->failed = true;
		OPENSSL_free(der);
	} else if (EVP_PKEY_get_raw_public_key(k->pkey, raw, &size) == 1) {
		digest_to_base64(raw, size, out);
	} else {
		out->failed = true;
	}
	ERR_clear_error();
}
