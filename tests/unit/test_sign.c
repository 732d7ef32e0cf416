/* common/dkim/sign */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/dkim/sign.h"
#include "common/message/header.h"
#include "tests/unit/guard.h"
#include "tests/unit/vectors.h"

/* ---- which fields ---- */

#define BASIC "From: a\nTo: b\nSubject: c\nDate: d\nMessage-ID: e\n"

static const struct {
	const char *header;
	enum sign_oversign how;
	const char *list, *h;
} selections[] = {
	{ "From: a\n", SIGN_STRICT, "", "From:From:To:Cc:Subject:Reply-To" },
	{ "From: a\n", SIGN_LIST_FRIENDLY, "", "From:From" },
	{ "From: a\n", SIGN_NO_OVERSIGN, "", "From" },
	{ BASIC, SIGN_STRICT, "",
	    "From:From:To:To:Cc:Subject:Subject:Reply-To:Date:Date:"
	    "Message-ID:Message-ID" },
	{ BASIC, SIGN_LIST_FRIENDLY, "",
	    "From:From:To:To:Subject:Subject:Date:Date:Message-ID:"
	    "Message-ID" },
	{ BASIC, SIGN_NO_OVERSIGN, "", "From:To:Subject:Date:Message-ID" },
	/* all instances; what no verifier should see covered */
	{ "From: a\nReceived: x\nReturn-Path: x\nBcc: x\nCc: 1\ncc: 2\n"
	  "X-Spam: x\nDKIM-Signature: x\nARC-Seal: x\nComments: x\n",
	    SIGN_NO_OVERSIGN, "", "From:Cc:Cc" },
	/* RFC 8058 */
	{ "From: a\nList-Unsubscribe: x\nList-Unsubscribe-Post: y\n"
	  "List-Id: z\nSender: s\n",
	    SIGN_LIST_FRIENDLY, "",
	    "From:From:Sender:List-Unsubscribe:List-Unsubscribe-Post:"
	    "List-Id" },
	{ "From: a\nList-Unsubscribe: x\nSender: s\nList-Id: z\n", SIGN_STRICT,
	    "",
	    "From:From:To:Cc:Subject:Reply-To:Sender:Sender:List-Unsubscribe:"
	    "List-Unsubscribe:List-Id" },
	{ "from: a\nMIME-Version: 1\ncontent-type: 2\nResent-To: 3\n",
	    SIGN_LIST_FRIENDLY, "",
	    "From:From:MIME-Version:MIME-Version:Content-Type:Content-Type:"
	    "Resent-To" },
	/* a list of one's own */
	{ BASIC "X-A: 1\nx-a: 2\n", SIGN_NO_OVERSIGN, "from:X-A:Cc:to",
	    "from:X-A:X-A:to" },
	{ BASIC, SIGN_LIST_FRIENDLY, "from:X-A:to", "from:from:to:to" },
	{ BASIC, SIGN_STRICT, "from : X-A", "from:from:X-A" },
	{ BASIC, SIGN_NO_OVERSIGN, "from:From:FROM:to", "from:to" },
	{ BASIC "Bcc: x\nReturn-Path: y\n", SIGN_STRICT,
	    "From:bcc:Return-Path:Resent-Bcc", "From:From" },
	/* fields that a list or relay may add later are the table's matter */
	{ BASIC "Sender: s\nList-Unsubscribe: x\n", SIGN_STRICT,
	    "from:cc:sender:date:list-unsubscribe:list-unsubscribe-post:"
	    "content-type:resent-from:in-reply-to:x-a",
	    "from:from:cc:sender:sender:date:date:list-unsubscribe:"
	    "list-unsubscribe:x-a" },
	{ BASIC "Sender: s\n", SIGN_LIST_FRIENDLY, "from:cc:sender:date",
	    "from:from:sender:date:date" },
	/* no From, or which? */
	{ "Received: x\nDKIM-Signature: y\nFrom: a\nReceived: z\n", SIGN_STRICT,
	    "from:received:dkim-signature:list-id:arc-seal:resent-to",
	    "from:from:received:received:dkim-signature" },
	{ "To: a\n", SIGN_STRICT, "", NULL },
	{ "From: a\nfrom: b\n", SIGN_STRICT, "", NULL },
	{ "", SIGN_STRICT, "From", NULL },
};

static void
selects_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(selections) / sizeof(selections[0]);
	     i++) {
		struct fields *f = fields_new(str_c(selections[i].header));
		struct buf h;
		int r;

		buf_init(&h, 10000);
		r = sign_select(
		    f, selections[i].how, str_c(selections[i].list), &h);
		assert_int_equal(r, selections[i].h == NULL ? -1 : 0);
		if (r == 0 && !str_eq(buf_view(&h), str_c(selections[i].h)))
			fail_msg("%zu: %.*s", i, (int)h.n, h.p);
		buf_clear(&h);
		fields_free(f);
	}
}

static int
select_of(const char *list, const char *name, int n)
{
	struct buf header, h;
	struct fields *f;
	int r;

	buf_init(&header, 100000);
	buf_init(&h, 100000);
	buf_str(&header, STR("From: a\n"));
	while (n-- > 0)
		buf_fmt(&header, "%s: a\n", name);
	f = fields_new(buf_view(&header));
	r = sign_select(f, SIGN_STRICT, str_c(list), &h);
	fields_free(f);
	buf_clear(&header);
	buf_clear(&h);
	return r;
}

/*
 * Never more names than verifiers read; but none is left out, whose field could
 * then be changed.
 */
static void
keeps_the_limit(void **state)
{
	static const struct {
		const char *list, *name;
		int max; /* fields of that name */
	} limits[] = {
		{ "", "Resent-To", SIG_FIELDS_MAX - 6 },
		{ "", "To", SIG_FIELDS_MAX - 6 },
		{ "To:Subject:From", "To", SIG_FIELDS_MAX - 4 },
		{ "Forty-bytes-and-one-that-separates-names:From",
		    "Forty-bytes-and-one-that-separates-names", 298 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const char *list = limits[i].list, *name = limits[i].name;
		int max = limits[i].max;

		assert_int_equal(select_of(list, name, max), 0);
		assert_int_equal(select_of(list, name, max + 1), -1);
	}
}

static void
knows_lists(void **state)
{
	static const struct {
		const char *list;
		bool good;
	} lists[] = {
		{ "from", true },
		{ "From:To", true },
		{ "To : From", true },
		{ "To", false },
		{ "", false },
		{ "From:", false },
		{ "From::To", false },
		{ "From:a b", false },
		{ "From:a;b", false },
		{ "From:\xc3\xbc", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		assert_int_equal(
		    sign_is_list(str_c(lists[i].list)), lists[i].good);
}

/* ---- bit for bit ---- */

/* The private key of a selector of the vectors; NULL if there is none. */
static struct key *
key_of(const struct sig *s)
{
	static const struct {
		const char *query, *path;
	} keys[] = {
		{ "brisbane._domainkey.example.com",
		    VECTORS "keys/rfc6376-rsa1024.pem" },
		{ "brisbane._domainkey.football.example.com",
		    VECTORS "keys/rfc8463-ed25519.pem" },
		{ "test._domainkey.football.example.com",
		    VECTORS "keys/rfc8463-rsa1024.pem" },
		{ "ed._domainkey.dkim.example",
		    VECTORS "keys/rfc8463-ed25519.pem" },
		{ "r1024._domainkey.dkim.example",
		    VECTORS "keys/test-rsa1024.pem" },
		{ "r2048._domainkey.dkim.example",
		    VECTORS "keys/test-rsa2048.pem" },
		{ "r4096._domainkey.dkim.example",
		    VECTORS "keys/test-rsa4096.pem" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct buf file;
		struct key *k;

		if (strcmp(keys[i].query, s->query) != 0)
			continue;
		file = vectors_read(keys[i].path);
		assert_int_equal(key_parse(buf_view(&file), &k), KEY_GOOD);
		buf_clear(&file);
		return k;
	}
	return NULL;
}

/* Signs again what a signature covers: is the value the same? */
static void
sign_again(
    struct str header, struct str raw, const struct sig *s, struct key *k)
{
	struct fields *f = fields_new(header);
	struct digest *d = digest_new();
	unsigned char hash[DIGEST_SIZE], out[KEY_SIGNATURE_MAX];
	size_t n;

	fields_hash(f, s->h, raw.p, s->header, digest_sink(d));
	canon_signature(s->header, raw, s->b_raw, digest_sink(d));
	assert_int_equal(digest_final(d, hash), 0);
	assert_int_equal(key_sign(k, hash, out, &n), 0);
	assert_int_equal(n, s->b_size);
	assert_memory_equal(out, s->b, n);
	digest_free(d);
	fields_free(f);
}

/* How many signatures of the message could be made again. */
static size_t
sign_message_again(struct str name)
{
	struct buf message = vectors_message(name);
	struct str rest = buf_view(&message), header, block;
	struct field f;
	struct sig s;
	size_t n = 0;

	header = block = vectors_header(&rest);
	while (header_next(&block, &f) == 1) {
		struct key *k;

		if (!str_ieq(f.name, STR("dkim-signature")) ||
		    sig_parse(f.raw, &s) != DKIM_OK)
			continue;
		k = key_of(&s);
		if (k == NULL)
			continue;
		sign_again(header, f.raw, &s, k);
		key_free(k);
		n++;
	}
	buf_clear(&message);
	return n;
}

/* RFC 6376 appendix A.2, RFC 8463 appendix A.3, and all that pass. */
static void
signs_bit_for_bit(void **state)
{
	struct buf cases = vectors_read(VECTORS "cases.tsv");
	struct str rest = buf_view(&cases), line, name, expected;
	size_t n = 0;

	(void)state;
	assert_int_equal(sign_message_again(STR("01-rfc6376-a2")), 1);
	assert_int_equal(sign_message_again(STR("02-rfc8463-a3")), 2);
	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		(void)str_cut(&line, '\t', &name);
		(void)str_cut(&line, '\t', &expected);
		if (str_eq(expected, STR("pass")) ||
		    str_eq(expected, STR("pass,pass")))
			n += sign_message_again(name);
	}
	assert_true(n > 60);
	buf_clear(&cases);
}

/* ---- a message of one's own, there and back ---- */

static const char text[] = "Received: by x\n"
			   "From:  Alice <alice@a.example>\n"
			   "To: b@b.example,\n\tc@c.example \n"
			   "Subject : \n"
			   "Date: Thu, 1 Jan 2026 00:00:00 +0000\n"
			   "Message-ID: <1@a.example>\n"
			   "X-Dup: 1\n"
			   "X-Dup: 2\n"
			   "\n"
			   "Body  with \t white space. \n"
			   "\n"
			   " \n"
			   "\n";

/*
 * Signs a message, and puts it with its signature into out.  false if it has
 * too many fields.
 */
static bool
sign_message(const struct sign_options *o, enum sign_oversign how,
    const char *list, struct str message, struct buf *out)
{
	unsigned char bh[DIGEST_SIZE], hash[DIGEST_SIZE];
	unsigned char sig[KEY_SIGNATURE_MAX];
	struct digest_body *d = digest_body_new(o->body, CANON_NO_LIMIT);
	struct str rest = message, block = vectors_header(&rest);
	struct fields *f = fields_new(block);
	struct buf h;
	uint64_t length;
	size_t n;
	bool good;

	digest_body_text(d, rest);
	assert_int_equal(digest_body_final(d, bh, &length), 0);
	buf_init(&h, SIGN_NAMES_MAX);
	buf_init(out, SIGN_FIELD_MAX);
	good = sign_select(f, how, str_c(list), &h) == 0;
	assert_false(buf_failed(&h));
	if (!good)
		goto out;
	assert_int_equal(
	    sign_prepare(o, f, block, buf_view(&h), bh, VECTORS_NOW, out, hash),
	    0);
	assert_int_equal(key_sign(o->key, hash, sig, &n), 0);
	assert_int_equal(sign_finish(sig, n, out), 0);
	assert_true(out->n <= SIG_FIELD_MAX);
	out->max = SIZE_MAX;
	buf_str(out, message);
	assert_false(buf_failed(out));
out:
	buf_clear(&h);
	digest_body_free(d);
	fields_free(f);
	return good;
}

static void
sign(const struct sign_options *o, enum sign_oversign how, const char *list,
    struct buf *out)
{
	assert_true(sign_message(o, how, list, str_c(text), out));
}

/* Verifies the message with the key; the result of its first signature. */
static enum dkim_error
verify(struct str message, const struct key *k, uint64_t now)
{
	static const struct verify_options o;
	struct str block = vectors_header(&message), txt;
	struct verify *v = verify_new(block, false, STR_NULL, &o, now);
	struct record_set *set;
	enum dkim_error e;
	struct buf b;

	assert_int_equal(verify_count(v), 1);
	buf_init(&b, 10000);
	record_format(k, &b);
	txt = buf_view(&b);
	set = record_set_new(&txt, 1);
	verify_key(v, 0, set);
	verify_body(v, message);
	verify_finish(v);
	e = verify_get(v, 0)->error;
	verify_free(v);
	record_set_free(set);
	buf_clear(&b);
	return e;
}

static void
verifies_what_it_signs(void **state)
{
	struct key *keys[2];

	(void)state;
	keys[0] = key_generate(KEY_RSA, 1024);
	keys[1] = key_generate(KEY_ED25519, 0);
	for (unsigned i = 0; i < 256; i++) {
		struct sign_options o = {
			.domain = STR("a.example"),
			.selector = STR("s1"),
			.identity = i & 1 ? STR("a b=@a.example") : STR_NULL,
			.header = i & 2 ? CANON_RELAXED : CANON_SIMPLE,
			.body = i & 4 ? CANON_RELAXED : CANON_SIMPLE,
			.timestamp = i & 8,
			.lifetime = i & 16 ? 100 : 0,
			.copy = i & 32 ? SIGN_COPY_ALL : SIGN_COPY_SIGNED,
			.key = keys[i & 64 ? 1 : 0],
		};
		struct buf b;
		enum dkim_error e;

		sign(&o, i % 3, i & 128 ? "From:X-Dup:X-None" : "", &b);
		e = verify(buf_view(&b), o.key, VECTORS_NOW);
		if (e != DKIM_OK)
			fail_msg(
			    "%u: %s: %.*s", i, error_text(e), (int)b.n, b.p);
		e = verify(buf_view(&b), o.key, VECTORS_NOW + 1000);
		assert_int_equal(
		    e, o.lifetime > 0 ? DKIM_SIG_EXPIRED : DKIM_OK);
		buf_clear(&b);
	}
	key_free(keys[0]);
	key_free(keys[1]);
}

/*
 * Changes each byte of a signed message in turn: it passes no more, but where
 * RFC 6376 says that the byte does not matter.
 */
static void
notices_each_byte(void **state)
{
	struct key *k = key_generate(KEY_ED25519, 0);
	struct sign_options o = {
		.domain = STR("a.example"), .selector = STR("s1"), .key = k
	};
	struct str signature, received;
	struct buf b;

	(void)state;
	sign(&o, SIGN_STRICT, "From:To:Subject:Date:Message-ID:X-Dup", &b);
	received = buf_view(&b);
	signature =
	    str_head(received, (size_t)(strstr(b.p, "Received:") - b.p));
	for (size_t i = 0; i < b.n; i++) {
		bool hashed = i < signature.n ||
		    i >= signature.n + strlen("Received: by x\n");

		if (b.p[i] == '\n' || !hashed)
			continue;
		b.p[i] ^= 1;
		if (i >= strlen("DKIM-Signature:") &&
		    verify(buf_view(&b), k, VECTORS_NOW) == DKIM_OK)
			fail_msg("byte %zu does not matter", i);
		b.p[i] ^= 1;
	}
	assert_int_equal(verify(buf_view(&b), k, VECTORS_NOW), DKIM_OK);
	buf_clear(&b);
	key_free(k);
}

/* z= has what it says (RFC 6376 section 3.5). */
static void
copies_fields(void **state)
{
	struct key *k = key_generate(KEY_ED25519, 0);
	struct sign_options o = { .domain = STR("a.example"),
		.selector = STR("s1"),
		.copy = SIGN_COPY_SIGNED,
		.key = k };
	struct buf b, flat;

	(void)state;
	sign(&o, SIGN_NO_OVERSIGN, "From:X-Dup", &b);
	buf_init(&flat, SIGN_FIELD_MAX);
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == '\n')
			i++; /* and the HTAB */
		else
			buf_chr(&flat, b.p[i]);
	}
	buf_chr(&flat, '\0');
	assert_non_null(strstr(flat.p,
	    " z=From:=20=20Alice=20<alice@a.example>|X-Dup:=201|X-Dup:=202;"));
	buf_clear(&flat);
	buf_clear(&b);
	key_free(k);
}

/* Whatever the header has, the field is one that verifiers look at. */
static void
stays_readable(void **state)
{
	static const char *const names[] = { "Content-Transfer-Encoding",
		"List-Unsubscribe-Post", "Subject", "X" };
	static char name[100 + 1], list[4 * 101 + 8];
	struct key *k = key_generate(KEY_RSA, KEY_RSA_MIN);
	struct buf m, b;

	(void)state;
	memset(name, 'n', 100);
	(void)snprintf(list, sizeof(list), "From:%s", name);
	for (size_t i = 0; i < 4 * 600; i++) {
		struct sign_options o = { .domain = STR("a.example"),
			.selector = STR("s1"),
			.copy = i & 1 ? SIGN_COPY_ALL : SIGN_COPY_NONE,
			.key = k };
		bool listed = i % 7 == 0;
		const char *other = listed ? name : names[i / 600];

		buf_init(&m, SIZE_MAX);
		buf_str(&m, STR("From: a@a.example\n"));
		for (size_t n = 0; n < i % 600; n++) {
			buf_str(&m, str_c(other));
			buf_str(&m, STR(": x y\n"));
		}
		buf_str(&m, STR("\nHello\n"));
		if (sign_message(
			&o, SIGN_STRICT, listed ? list : "", buf_view(&m), &b))
			assert_int_equal(
			    verify(buf_view(&b), k, VECTORS_NOW), DKIM_OK);
		else
			assert_true(i % 600 > 110);
		buf_clear(&m);
		buf_clear(&b);
	}
	key_free(k);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(selects_fields),
		cmocka_unit_test(keeps_the_limit),
		cmocka_unit_test(knows_lists),
		cmocka_unit_test(signs_bit_for_bit),
		cmocka_unit_test(verifies_what_it_signs),
		cmocka_unit_test(notices_each_byte),
		cmocka_unit_test(copies_fields),
		cmocka_unit_test(stays_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
