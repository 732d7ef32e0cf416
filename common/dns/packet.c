#include "common/dns/packet.h"

enum {
	CLASS_IN = 1,
	TYPE_CNAME = 5,
	TYPE_TXT = 16,
	FLAG_TRUNCATED = 0x0200,
	FLAG_RESPONSE = 0x8000,
	LABEL_MAX = 63,
	POINTER = 0xc0, /* the two high bits of a compressed name */
};

/* What is left to read; bad once it ran past the end. */
struct reader {
	const unsigned char *p;
	size_t n;
	bool bad;
};

static const unsigned char *
take(struct reader *r, size_t n)
{
	const unsigned char *p = r->p;

	if (r->bad || n > r->n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

static unsigned
take_u8(struct reader *r)
{
	const unsigned char *p = take(r, 1);

	return p == NULL ? 0 : p[0];
}

static unsigned
take_u16(struct reader *r)
{
	const unsigned char *p = take(r, 2);

	return p == NULL ? 0 : (unsigned)p[0] << 8 | p[1];
}

static uint32_t
take_u32(struct reader *r)
{
	uint32_t high = take_u16(r);

	return high << 16 | take_u16(r);
}

/* Names are only passed over, so that pointers need not be followed. */
static void
skip_name(struct reader *r)
{
	unsigned n;

	while (!r->bad) {
		n = take_u8(r);
		if ((n & POINTER) == POINTER) {
			(void)take_u8(r);
			return;
		}
		if (n > LABEL_MAX)
			r->bad = true;
		if (n == 0)
			return;
		(void)take(r, n);
	}
}

/* RFC 1035 section 3.3.14: strings, each with its length before it. */
static void
join_strings(struct reader *r, struct packet *out, struct buf *text)
{
	size_t start = text->n;
	unsigned n;
	const unsigned char *p;

	while (r->n > 0 && !r->bad) {
		n = take_u8(r);
		p = take(r, n);
		if (p != NULL)
			buf_add(text, p, n);
	}
	if (r->bad || out->n == PACKET_TXT_MAX)
		return;
	out->txt[out->n].off = start;
	out->txt[out->n].n = text->n - start;
	out->n++;
}

static void
read_record(struct reader *r, struct packet *out, struct buf *text)
{
	unsigned type, class;
	struct reader data = { 0 };
	uint32_t ttl;

	skip_name(r);
	type = take_u16(r);
	class = take_u16(r);
	ttl = take_u32(r);
	data.n = take_u16(r);
	data.p = take(r, data.n);
	if (r->bad || class != CLASS_IN)
		return;
	/* RFC 2181 section 8: the high bit set means zero. */
	if (ttl > INT32_MAX)
		ttl = 0;
	if (ttl < out->ttl)
		out->ttl = ttl;
	if (type == TYPE_CNAME)
		out->aliases++;
	if (type == TYPE_TXT)
		join_strings(&data, out, text);
	r->bad = data.bad;
}

int
packet_parse(
    const void *message, size_t n, struct packet *out, struct buf *text)
{
	struct reader r = { message, n, n > PACKET_MAX };
	struct packet got = { .ttl = UINT32_MAX };
	unsigned flags, questions, answers;

	(void)take_u16(&r);
	flags = take_u16(&r);
	questions = take_u16(&r);
	answers = take_u16(&r);
	(void)take_u32(&r);
	if ((flags & FLAG_RESPONSE) == 0 || (flags & FLAG_TRUNCATED) != 0)
		return -1;
	got.rcode = flags & 15;
	for (unsigned i = 0; i < questions && !r.bad; i++) {
		skip_name(&r);
		(void)take_u32(&r);
	}
	for (unsigned i = 0; i < answers && !r.bad; i++)
		read_record(&r, &got, text);
	if (r.bad || buf_failed(text))
		return -1;
	if (got.ttl == UINT32_MAX)
		got.ttl = 0;
	*out = got;
	return 0;
}
