#include <stdlib.h>

#include "common/dkim/sig.h"
#include "filter-dkimsign/config.h"
#include "filter-dkimsign/words.h"

/* One more domain for the key of -k. */
static void
add_domain(struct keytable *t, const struct options *o, struct str domain,
    const char *where, unsigned line, struct report *r)
{
	struct keytable_line l = keytable_line(t);

	l.domain = domain;
	l.selector = str_c(o->selector);
	l.file = str_c(o->key);
	l.repeatable = l.told = true;
	keytable_add(t, &l, where, line, r);
}

/* Where the domains of -D go. */
struct domains {
	struct keytable *t;
	const struct options *o;
};

static void
take_domain(void *arg, const struct words *w)
{
	const struct domains *to = arg;

	if (w->n > 1)
		report_error(
		    w->report, w->path, w->line, "more than one domain");
	else
		add_domain(to->t, to->o, w->v[0], w->path, w->line, w->report);
}

static void
add_default(struct keytable *t, const struct options *o, struct report *r)
{
	struct keytable_line l = keytable_line(t);

	l.domain = STR("*");
	l.selector = str_c(o->selector);
	l.file = str_c(o->key);
	l.d = str_c(o->default_domain);
	l.told = true;
	keytable_add(t, &l, "--default-domain", 0, r);
}

/* Also for no domain.  -a only says what the key of -k has to be. */
static void
load_key(struct keytable *t, const struct options *o, struct report *r)
{
	char name[SIG_NAME_MAX + 1];
	const struct key *key = NULL;

	if (o->selector != NULL && sig_domain(str_c(o->selector), name) == -1)
		report_error(r, "-s", 0,
		    "\"%s\": the selector is no domain name", o->selector);
	if (o->key != NULL)
		key = keytable_key(t, str_c(o->key), "-k", r);
	if (o->algorithm == NULL || key == NULL)
		return;
	if (strcmp(key_algorithm(key), o->algorithm) != 0)
		report_error(r, "-a", 0,
		    "%s needs another key than %s, a %s one", o->algorithm,
		    o->key, key_algorithm(key));
}

/* Without -s or -k, of which options_check() tells, the rest is looked at. */
static void
load_keys(struct keytable *t, const struct options *o, struct report *r)
{
	struct domains to = { t, o };

	load_key(t, o, r);
	for (size_t i = 0; i < o->ndomains; i++)
		add_domain(t, o, str_c(o->domains[i]), "-d", 0, r);
	for (size_t i = 0; i < o->ndomain_files; i++)
		words_load(o->domain_files[i], "domains", take_domain, &to, r);
	if (o->default_domain != NULL)
		add_default(t, o, r);
	if (o->keytable != NULL)
		keytable_load(t, o->keytable, r);
}

struct config *
config_load(const struct options *o, struct report *r)
{
	const struct keytable_defaults defaults = { o->header, o->body,
		o->lifetime };
	struct config *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		report_error(r, "configuration", 0, "no memory");
		return NULL;
	}
	c->refs = 1;
	c->by_sender = o->by_sender;
	c->keys = keytable_new(&defaults);
	c->users = o->user_map == NULL ? NULL : usermap_new();
	if (c->keys == NULL || (o->user_map != NULL && c->users == NULL)) {
		report_error(r, "configuration", 0, "no memory");
	} else {
		load_keys(c->keys, o, r);
		if (c->users != NULL)
			usermap_load(c->users, o->user_map, r);
	}
	if (r->errors == 0)
		return c;
	config_free(c);
	return NULL;
}

struct config *
config_ref(struct config *c)
{
	c->refs++;
	return c;
}

void
config_free(struct config *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	keytable_free(c->keys);
	usermap_free(c->users);
	free(c);
}
