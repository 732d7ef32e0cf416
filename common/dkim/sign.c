#include "common/dkim/sign.h"
#include "common/dkim/tags.h"
#include "common/message/header.h"

enum {
	NAME_MAX_BYTES = 100, /* of a field name in a list */
	IDENTITY_MAX = 900, /* bytes of i=, quoted */
	VALUE_ROOM = 1536, /* base64 of SIG_VALUE_MAX octets, folded */
};

enum rule {
	ALWAYS, /* one more than there are, also if there are none */
	PRESENT, /* one more, if there are any */
	ADDED, /* PRESENT; but mailing lists add or replace such fields */
	ADDED_ALWAYS, /* ALWAYS; but mailing lists add such fields */
	COUNTED, /* as many as there are */
};

/* RFC 6376 section 5.4.1, RFC 8058 section 4, and what users see. */
static const struct {
	const char *name;
	enum rule rule;
} table[] = {
	{ "From", ALWAYS },
	{ "To", ADDED_ALWAYS },
	{ "Cc", ADDED_ALWAYS },
	{ "Subject", ADDED_ALWAYS },
	{ "Reply-To", ADDED_ALWAYS },
	{ "Date", PRESENT },
	{ "Message-ID", PRESENT },
	{ "Sender", ADDED },
	{ "MIME-Version", PRESENT },
	{ "Content-Type", PRESENT },
	{ "Content-Transfer-Encoding", PRESENT },
	{ "Content-Disposition", PRESENT },
	{ "Content-ID", PRESENT },
	{ "In-Reply-To", PRESENT },
	{ "References", PRESENT },
	{ "List-Unsubscribe", ADDED },
	{ "List-Unsubscribe-Post", ADDED },
	{ "Feedback-ID", PRESENT },
	{ "Autocrypt", PRESENT },
	{ "OpenPGP", PRESENT },
	{ "Resent-Date", COUNTED },
	{ "Resent-From", COUNTED },
	{ "Resent-Sender", COUNTED },
	{ "Resent-To", COUNTED },
	{ "Resent-Cc", COUNTED },
	{ "Resent-Message-ID", COUNTED },
	{ "List-Id", COUNTED },
	{ "List-Help", COUNTED },
	{ "List-Subscribe", COUNTED },
	{ "List-Post", COUNTED },
	{ "List-Owner", COUNTED },
	{ "List-Archive", COUNTED },
};

/* Each relay adds such fields on top, the signature itself among them. */
static const char *const traces[] = { "Received", "DKIM-Signature",
	"Authentication-Results", "Delivered-To", "Received-SPF", "ARC-Seal",
	"ARC-Message-Signature", "ARC-Authentication-Results" };

/* Is one more than the n present ones to be named? */
static bool
is_oversigned(enum rule rule, enum sign_oversign how, size_t n)
{
	if (how == SIGN_NO_OVERSIGN)
		return false;
	switch (rule) {
	case ALWAYS:
		return true;
	case ADDED_ALWAYS:
		return how == SIGN_STRICT || n > 0;
	case PRESENT:
		return n > 0;
	case ADDED:
		return how == SIGN_STRICT && n > 0;
	case COUNTED:
		return false;
	}
	return false;
}

struct select {
	struct buf *out;
	size_t n; /* names so far */
	bool full; /* one had no room */
};

/* Adds name so many times. */
static void
add_names(struct select *s, struct str name, size_t times)
{
	for (; times > 0 && !s->full; times--) {
		s->full = s->n == SIG_FIELDS_MAX ||
		    s->out->n + name.n >= SIGN_NAMES_MAX;
		if (s->full)
			return;
		if (s->n++ > 0)
			buf_chr(s->out, ':');
		buf_str(s->out, name);
	}
}

static void
select_table(struct select *s, const struct fields *f, enum sign_oversign how)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct str name = str_c(table[i].name);
		size_t n = fields_count(f, name);

		n += is_oversigned(table[i].rule, how, n);
		add_names(s, name, n);
	}
}

/* Fields that smtpd or a relay removes. */
static bool
is_forbidden(struct str name)
{
	return str_ieq(name, STR("bcc")) || str_ieq(name, STR("resent-bcc")) ||
	    str_ieq(name, STR("return-path"));
}

/* Does name come in list before the place where rest begins? */
static bool
is_repeated(struct str list, struct str name)
{
	struct str item;
	bool more = true;

	while (tags_item(&list, &more, &item) == 1) {
		if (item.p == name.p)
			return false;
		if (str_ieq(item, name))
			return true;
	}
	return false;
}

/*
 * The same for a name of the user's list: the table knows better than the user
 * which fields may come later; the others are the user's wish.
 */
static bool
is_listed_oversigned(struct str name, enum sign_oversign how, size_t n)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (str_ieq(name, str_c(table[i].name)))
			return is_oversigned(table[i].rule, how, n);
	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++)
		if (str_ieq(name, str_c(traces[i])))
			return false;
	return how == SIGN_STRICT || (how == SIGN_LIST_FRIENDLY && n > 0);
}

static void
select_list(struct select *s, const struct fields *f, enum sign_oversign how,
    struct str list)
{
	struct str rest = list, name;
	bool more = true;
	size_t n;

	while (tags_item(&rest, &more, &name) == 1) {
		if (is_forbidden(name) || is_repeated(list, name))
			continue;
		n = fields_count(f, name);
		n += is_listed_oversigned(name, how, n);
		add_names(s, name, n);
	}
}

int
sign_select(const struct fields *f, enum sign_oversign how, struct str list,
    struct buf *h)
{
	struct select s = { h, 0, false };

	if (fields_count(f, STR("from")) != 1)
		return -1;
	if (list.n > 0)
		select_list(&s, f, how, list);
	else
		select_table(&s, f, how);
	/* What is left out could be changed, or added, at will. */
	return s.full ? -1 : 0;
}

bool
sign_is_list(struct str list)
{
	struct str item;
	bool more = true, from = false;
	size_t n = 0;

	while (tags_item(&list, &more, &item) == 1) {
		if (item.n == 0 || item.n > NAME_MAX_BYTES ||
		    str_printable(item, '!') < item.n || str_has(item, ';') ||
		    n++ == SIG_FIELDS_MAX)
			return false;
		from = from || str_ieq(item, STR("from"));
	}
	return from;
}

static bool
is_listed(struct str h, struct str name)
{
	struct str item;
	bool more = true;

	while (tags_item(&h, &more, &item) == 1)
		if (str_ieq(item, name))
			return true;
	return false;
}

/* The value of z=: "Name:value|Name:value" (RFC 6376 section 3.5). */
static void
copy_fields(
    enum sign_copy copy, struct str block, struct str h, struct buf *out)
{
	struct field f;

	while (copy != SIGN_COPY_NONE && header_next(&block, &f) == 1) {
		if (f.name.n == 0 || is_forbidden(f.name) ||
		    (copy == SIGN_COPY_SIGNED && !is_listed(h, f.name)))
			continue;
		if (out->n > 0)
			buf_chr(out, '|');
		form_quote(f.name, true, out);
		buf_chr(out, ':');
		form_quote(f.value, true, out);
	}
}

/* The hash of the listed fields and of the field itself. */
static int
hash_header(const struct sign_options *o, struct fields *f, struct str h,
    struct str field, unsigned char hash[DIGEST_SIZE])
{
	struct digest *d = digest_new();
	int r;

	if (d == NULL)
		return -1;
	fields_hash(f, h, NULL, o->header, digest_sink(d));
	canon_signature(o->header, field, STR_NULL, digest_sink(d));
	r = digest_final(d, hash);
	digest_free(d);
	return r;
}

int
sign_prepare(const struct sign_options *o, struct fields *f, struct str block,
    struct str h, const unsigned char bh[DIGEST_SIZE], uint64_t now,
    struct buf *out, unsigned char hash[DIGEST_SIZE])
{
	struct form form = {
		.algorithm = key_type(o->key) == KEY_RSA ? SIG_RSA_SHA256
							 : SIG_ED25519_SHA256,
		.header = o->header,
		.body = o->body,
		.domain = o->domain,
		.selector = o->selector,
		.fields = h,
		.t = o->timestamp ? now : 0,
		.x = o->lifetime > 0 ? now + o->lifetime : 0,
		.bh = bh,
	};
	struct buf identity, copied;
	int r = -1;

	buf_init(&identity, IDENTITY_MAX);
	buf_init(&copied, SIG_FIELD_MAX);
	form_quote(o->identity, false, &identity);
	copy_fields(o->copy, block, h, &copied);
	form.identity = buf_view(&identity);
	if (!buf_failed(&copied))
		form.copied = buf_view(&copied);
	if (buf_failed(&identity))
		goto out;
	form_head(&form, out);
	if (form.copied.n > 0 && out->n + VALUE_ROOM > SIG_FIELD_MAX) {
		form.copied = STR_NULL;
		buf_reset(out);
		form_head(&form, out);
	}
	if (buf_failed(out))
		goto out;
	r = hash_header(o, f, h, buf_view(out), hash);
out:
	buf_clear(&identity);
	buf_clear(&copied);
	return r;
}

int
sign_finish(const unsigned char *sig, size_t n, struct buf *out)
{
	form_value(sig, n, out);
	return buf_failed(out) ? -1 : 0;
}
