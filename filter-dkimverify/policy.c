#include <errno.h>

#include "common/message/address.h"
#include "common/message/header.h"
#include "filter-dkimverify/forged.h"
#include "filter-dkimverify/policy.h"

/* ---- authors ---- */

/* The domains that must sign for this one, as a mask. */
static uint64_t
must_of(const struct config *c, const char *name)
{
	uint64_t must = 0;

	for (size_t i = 0; i < c->nmust; i++)
		if (sig_is_below(name, c->must[i]))
			must |= (uint64_t)1 << i;
	return must;
}

static bool
is_label_char(char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

/* May it stand in a domain name? */
static bool
is_name_char(char c)
{
	return is_label_char(c) || c == '.' || (unsigned char)c >= 0x80;
}

/* 1 if he has a domain, 0 if not, -1 without memory. */
static int
add_author(const struct config *c, const struct address *a, struct authors *out)
{
	struct str domain = str_n(a->domain, a->domain_n);
	char name[SIG_NAME_MAX + 1];

	/* With the root's dot readers take it for the same domain. */
	if (sig_rooted_domain(domain, name) == -1)
		return errno == ENOMEM ? -1 : 0;
	if (out->first[0] == '\0')
		memcpy(out->first, name, sizeof(name));
	out->must |= must_of(c, name);
	return 1;
}

/* Does text have this name, at the end of a longer one or not? */
static bool
has_name(struct str text, struct str name)
{
	char last = '.';
	struct str rest;

	for (; text.n >= name.n; last = text.p[0], text = str_from(text, 1)) {
		if (is_label_char(last) ||
		    !str_ieq(str_head(text, name.n), name))
			continue;
		rest = str_from(text, name.n);
		if (rest.n > 1 && rest.p[0] == '.')
			rest = str_from(rest, 1);
		if (rest.n == 0 || !is_label_char(rest.p[0]))
			return true;
	}
	return false;
}

/*
 * Readers make an author even of what is no list of addresses, each in his
 * way: there, each domain after an "@" counts, and what only looks like one.
 */
static int
add_guesses(const struct config *c, struct str value, struct authors *out)
{
	char name[SIG_NAME_MAX + 1];
	struct str before;
	size_t n;

	if (!str_cut(&value, '@', &before))
		return 0;
	for (size_t i = 0; i < c->nmust; i++)
		if (has_name(value, str_c(c->must[i])))
			out->must |= (uint64_t)1 << i;
	/* It may have U-labels. */
	do {
		for (n = 0; n < value.n && is_name_char(value.p[n]);)
			n++;
		if (sig_rooted_domain(str_head(value, n), name) == 0)
			out->must |= must_of(c, name);
		else if (errno == ENOMEM)
			return -1;
	} while (str_cut(&value, '@', &before));
	return 0;
}

/* Without white space, controls and comments. */
static void
add_bare(struct str value, struct buf *out)
{
	size_t depth = 0;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char b = (unsigned char)value.p[i];
		depth += b == '(';
		if (depth == 0 && b > ' ' && b != 0x7f)
			buf_chr(out, value.p[i]);
		depth -= b == ')' && depth > 0;
	}
}

/* The same of a field of the size that smtpd takes; of larger ones, any. */
static int
add_all_guesses(const struct config *c, struct str value, struct authors *out)
{
	struct buf b;
	int r = -1;

	out->guessed += value.n;
	if (out->guessed > QUALIFY_MAX) {
		out->must = UINT64_MAX;
		return 0;
	}
	buf_init(&b, QUALIFY_MAX);
	add_bare(value, &b);
	if (!buf_failed(&b) && add_guesses(c, value, out) == 0)
		r = add_guesses(c, buf_view(&b), out);
	buf_clear(&b);
	return r;
}

static int
add_value(const struct config *c, struct str value, struct authors *out)
{
	struct address_parser p;
	struct address a;
	bool good = true;
	size_t n = 0;
	int r, has;

	address_init(&p, value);
	for (; (r = address_next(&p, &a)) == 1; n++) {
		has = add_author(c, &a, out);
		if (has == -1)
			return -1;
		good = has == 1 && good;
	}
	good = good && r == 0 && n > 0;
	out->bad = out->bad || !good;
	/* Some readers take what stands before "<" for the address. */
	if (c->nmust > 0 && (!good || p.odd))
		return add_all_guesses(c, value, out);
	return 0;
}

/* Will smtpd complete the field?  Then readers see an author at its host. */
static int
add_host(const struct config *c, const struct field *from,
    const struct qualify *q, struct authors *out)
{
	const struct qualify any = { STR("h"), q->old };
	char name[SIG_NAME_MAX + 1];
	struct buf b;
	int r = 0;

	if (sig_domain(q->host, name) == -1)
		return errno == ENOMEM ? -1 : 0;
	buf_init(&b, QUALIFY_MAX * 4);
	if (qualify_field(from, &any, &b) == 1) {
		out->must |= must_of(c, name);
		r = buf_failed(&b) ? -1 : 0;
	}
	buf_clear(&b);
	return r;
}

/*
 * From behind a CR in a field of any name, and whatever else stands there: some
 * readers take CR for a line end, and two of them for the header's.
 */
static int
add_smuggled(const struct config *c, struct str raw, struct authors *out)
{
	struct str rest;

	if (!forged_smuggled(raw, STR("From"), &rest))
		return 0;
	out->fields++;
	out->bad = true;
	return c->nmust > 0 ? add_all_guesses(c, rest, out) : 0;
}

int
policy_authors(const struct config *c, struct str block,
    const struct qualify *q, struct authors *out)
{
	struct str rest = str_has(block, '\r') ? block : STR_NULL;
	struct field f;

	*out = (struct authors){ .fields = 0 };
	while (header_next(&rest, &f) == 1)
		if (str_has(f.raw, '\r') && add_smuggled(c, f.raw, out) == -1)
			return -1;
	while (header_find(&block, STR("From"), &f) == 1) {
		out->fields++;
		if (add_value(c, f.value, out) == -1)
			return -1;
		if (c->nmust > 0 && add_host(c, &f, q, out) == -1)
			return -1;
	}
	out->bad = out->bad || out->fields != 1;
	return 0;
}

/* ---- decisions ---- */

/* unsure: for want of DNS; otherwise a retry has the same result. */
static struct policy
policy_of(enum action action, const char *why, const char *status,
    const char *text, bool unsure)
{
	struct policy p = { action, why, 0, NULL, NULL };

	if (action == ACTION_REJECT) {
		p.code = 550;
		p.status = status;
		p.text = text;
	} else if (action == ACTION_TEMPFAIL) {
		p.code = 451;
		p.status = "4.7.5";
		p.text = unsure ? "DKIM signature cannot be verified now"
				: "Not accepted now for its DKIM result";
	}
	return p;
}

/* A refusal by the message's result. */
static struct policy
policy_by_result(enum action action, enum dkim_result r)
{
	const char *status = "5.7.20";
	const char *text = "No passing DKIM signature found";

	if (r == DKIM_POLICY) {
		status = "5.7.21";
		text = "No acceptable DKIM signature found";
	} else if (r == DKIM_PASS) {
		status = "5.7.1";
		text = "Not accepted with a DKIM signature";
	}
	return policy_of(action, "result", status, text, r == DKIM_TEMPERROR);
}

static void
take_stricter(struct policy *p, struct policy other)
{
	if (other.action > p->action)
		*p = other;
}

/*
 * Did the domain sign?  DKIM_PASS, or the best excuse its signatures have.  One
 * that fails is none, whatever its key says (RFC 6376 section 3.6.1): anyone
 * can name a key in test mode.
 */
static enum dkim_result
domain_result(const struct verify *v, const char *domain)
{
	enum dkim_result r = DKIM_NONE;

	for (size_t i = 0; i < verify_count(v); i++) {
		const struct verify_sig *s = verify_get(v, i);
		if (s->domain[0] == '\0' || !sig_is_below(s->domain, domain))
			continue;
		if (s->result == DKIM_PASS)
			return DKIM_PASS;
		if (s->result == DKIM_TEMPERROR)
			r = DKIM_TEMPERROR;
	}
	return r;
}

static struct policy
decide_must(
    const struct config *c, const struct authors *au, const struct verify *v)
{
	struct policy p = { .action = ACTION_PASS };
	bool any = verify_result(v) == DKIM_PASS;
	enum action action;
	bool unsure;

	for (size_t i = 0; i < c->nmust; i++) {
		if ((au->must & (uint64_t)1 << i) == 0)
			continue;
		action = c->on_unsigned;
		unsure = false;
		switch (domain_result(v, c->must[i])) {
		case DKIM_PASS:
			continue;
		case DKIM_TEMPERROR:
			unsure = true;
			if (action == ACTION_REJECT)
				action = ACTION_TEMPFAIL;
			break;
		case DKIM_NONE:
		case DKIM_FAIL:
		case DKIM_POLICY:
		case DKIM_NEUTRAL:
		case DKIM_PERMERROR:
			break;
		}
		take_stricter(&p,
		    policy_of(action, "must-sign", any ? "5.7.22" : "5.7.20",
			any ? "No valid DKIM signature of the author's domain"
			    : "No passing DKIM signature found",
			unsure));
	}
	return p;
}

/* Is the message's result only due to signatures in test mode? */
static bool
only_testing(const struct verify *v, enum dkim_result r)
{
	bool any = false;

	for (size_t i = 0; i < verify_count(v); i++) {
		const struct verify_sig *s = verify_get(v, i);
		if (s->result != r)
			continue;
		if (!s->testing)
			return false;
		any = true;
	}
	return any;
}

static struct policy
policy_by_from(enum action action)
{
	static const char text[] =
	    "Message needs one From field with addresses";
	struct policy p = policy_of(action, "from", "5.7.1", text, false);

	if (action == ACTION_TEMPFAIL) {
		p.status = "4.7.1";
		p.text = text;
	}
	return p;
}

struct policy
policy_decide(
    const struct config *c, const struct authors *au, const struct verify *v)
{
	enum dkim_result r = verify_result(v);
	struct policy p = decide_must(c, au, v);

	if (au->bad)
		take_stricter(&p, policy_by_from(c->on_bad_from));
	/* RFC 6376 section 3.6.1: not differently from unsigned mail. */
	if (r != DKIM_PASS && only_testing(v, r))
		r = DKIM_NONE;
	take_stricter(&p, policy_by_result(c->on[r], r));
	return p;
}
