#include <string.h>

#include "common/dkim/der.h"

/* Takes the element with this tag off *d; -1 if that is not what is next. */
static int
der_take(struct der *d, unsigned char tag, struct der *content)
{
	size_t n, octets = 0, head = 2;

	if (d->n < 2 || d->p[0] != tag)
		return -1;
	n = d->p[1];
	if (n > 0x80) {
		octets = n - 0x80;
		n = 0;
	}
	if (d->p[1] == 0x80 || octets > 2 || d->n - head < octets)
		return -1;
	for (size_t i = 0; i < octets; i++)
		n = n << 8 | d->p[head + i];
	head += octets;
	if (d->n - head < n)
		return -1;
	*content = (struct der){ d->p + head, n };
	d->p += head + n;
	d->n -= head + n;
	return 0;
}

/* A positive INTEGER, without the zeros it begins with. */
static int
der_number(struct der *d, struct der *number)
{
	struct der c;

	if (der_take(d, 0x02, &c) == -1 || c.n == 0 || c.p[0] >= 0x80)
		return -1;
	while (c.n > 0 && c.p[0] == 0) {
		c.p++;
		c.n--;
	}
	*number = c;
	return c.n > 0 ? 0 : -1;
}

/*
 * Steps from SubjectPublicKeyInfo (RFC 5280 section 4.1) into RSAPublicKey;
 * what is one already stays as it is.
 */
static enum dkim_error
der_unwrap(struct der *d)
{
	static const unsigned char rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
		0x01, 0x01, 0x01 };
	struct der inner, algorithm, oid, bits, all = *d;

	if (der_take(&all, 0x30, &inner) == -1 || all.n > 0)
		return DKIM_KEY_SYNTAX;
	if (der_take(&inner, 0x30, &algorithm) == -1)
		return DKIM_OK;
	if (der_take(&algorithm, 0x06, &oid) == -1 ||
	    der_take(&inner, 0x03, &bits) == -1 || inner.n > 0 || bits.n < 1 ||
	    bits.p[0] != 0)
		return DKIM_KEY_SYNTAX;
	if (oid.n != sizeof(rsa) || memcmp(oid.p, rsa, sizeof(rsa)) != 0)
		return DKIM_KEY_TYPE;
	*d = (struct der){ bits.p + 1, bits.n - 1 };
	return DKIM_OK;
}

enum dkim_error
der_rsa(struct der d, struct der *n, struct der *e)
{
	struct der all;
	enum dkim_error error = der_unwrap(&d);

	if (error != DKIM_OK)
		return error;
	if (der_take(&d, 0x30, &all) == -1 || d.n > 0 ||
	    der_number(&all, n) == -1 || der_number(&all, e) == -1 || all.n > 0)
		return DKIM_KEY_SYNTAX;
	return DKIM_OK;
}

unsigned
der_bits(struct der number)
{
	unsigned bits = (unsigned)number.n * 8;

	for (unsigned top = number.p[0]; top < 0x80; top <<= 1)
		bits--;
	return bits;
}
