#include <errno.h>

#include "common/message/address.h"
#include "common/message/header.h"
#include "filter-dkimsign/author.h"
#include "filter-dkimsign/prepare.h"

/* The number of such fields, and the last one in *out. */
static size_t
find_fields(struct str block, struct str name, struct field *out)
{
	struct field f;
	size_t n = 0;

	for (; header_find(&block, name, &f) == 1; n++)
		*out = f;
	return n;
}

static bool
has_several(struct str value)
{
	struct address_parser p;
	struct address a;
	size_t n = 0;

	address_init(&p, value);
	while (n < 2 && address_next(&p, &a) == 1)
		n++;
	return n == 2;
}

/*
 * The first mailbox with keys of its own; what comes before a syntax error
 * counts.
 */
static enum author_result
choose_own(const struct config *c, struct str value, const char *login,
    struct author *out)
{
	enum author_result r = AUTHOR_NO_DOMAIN;
	const struct keydomain *keys;
	char domain[SIG_NAME_MAX + 1];
	struct address_parser p;
	struct address a;

	out->domain[0] = '\0';
	out->keys = NULL;
	address_init(&p, value);
	while (address_next(&p, &a) == 1) {
		if (sig_rooted_domain(str_n(a.domain, a.domain_n), domain) ==
		    -1) {
			if (errno == ENOMEM)
				return AUTHOR_NO_MEMORY;
			continue;
		}
		if (out->domain[0] == '\0')
			memcpy(out->domain, domain, sizeof(domain));
		keys = keytable_find(c->keys, domain);
		if (keys == NULL)
			continue;
		r = AUTHOR_NOT_ALLOWED;
		if (login != NULL && c->users != NULL &&
		    !usermap_allows(c->users, login, domain))
			continue;
		memcpy(out->domain, domain, sizeof(domain));
		out->keys = keys;
		return AUTHOR_SIGN;
	}
	return r;
}

/* Can their records have a name (RFC 1035 section 2.3.4)? */
static bool
are_names_short(const struct keydomain *keys, const char *domain)
{
	struct str dots = STR("._domainkey.");

	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].d == NULL &&
		    strlen(keys->v[i].selector) + dots.n + strlen(domain) >
			SIG_NAME_MAX)
			return false;
	return true;
}

/* As that, or any with the keys of "*". */
static enum author_result
choose(const struct config *c, struct str value, const char *login,
    struct author *out)
{
	enum author_result r = choose_own(c, value, login, out);

	if (r != AUTHOR_NO_DOMAIN || out->domain[0] == '\0')
		return r;
	out->keys = keytable_fallback(c->keys);
	if (out->keys == NULL || !are_names_short(out->keys, out->domain))
		return AUTHOR_NO_KEY;
	if (login != NULL && c->users != NULL &&
	    !usermap_allows(c->users, login, out->domain))
		return AUTHOR_NOT_ALLOWED;
	return AUTHOR_SIGN;
}

enum author_result
author_find(const struct config *c, struct str block, const struct qualify *q,
    const char *login, struct author *out)
{
	struct field from, sender;
	struct buf b;
	struct str value;
	enum author_result r = AUTHOR_NO_DOMAIN;
	size_t n = find_fields(block, STR("from"), &from);

	out->domain[0] = '\0';
	out->keys = NULL;
	if (n != 1)
		return n == 0 ? AUTHOR_NO_FROM : AUTHOR_MANY_FROM;
	value = from.value;
	buf_init(&b, PREPARE_FIELD_MAX);
	if (q->host.n > 0 && qualify_field(&from, q, &b) == 1) {
		value = buf_view(&b);
		(void)str_cut(&value, ':', &from.name);
	}
	/* RFC 5322 section 3.6.2 */
	if (buf_failed(&b))
		r = AUTHOR_NO_MEMORY;
	else if (c->by_sender && has_several(value) &&
	    find_fields(block, STR("sender"), &sender) == 1)
		r = choose_own(c, sender.value, login, out);
	if (r != AUTHOR_SIGN && r != AUTHOR_NO_MEMORY)
		r = choose(c, value, login, out);
	buf_clear(&b);
	return r;
}

const char *
author_word(enum author_result r)
{
	switch (r) {
	case AUTHOR_SIGN:
		return "signed";
	case AUTHOR_NO_FROM:
		return "no-from";
	case AUTHOR_MANY_FROM:
		return "several-from";
	case AUTHOR_NO_DOMAIN:
		return "no-domain";
	case AUTHOR_NO_KEY:
		return "no-key";
	case AUTHOR_NOT_ALLOWED:
		return "not-allowed";
	case AUTHOR_NO_MEMORY:
		return "no-memory";
	}
	return "";
}
