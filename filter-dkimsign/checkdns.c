/*
 * --check-dns: compares each key with what DNS has.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/dkim/record.h"
#include "common/dns/dns.h"
#include "common/engine/loop.h"
#include "filter-dkimsign/tools.h"

enum {
	NAME_ROOM = 2 * SIG_NAME_MAX + 16, /* bytes of SEL._domainkey.DOMAIN */
	STATUS_AGAIN = 75
};

/* A walk over all keys, with some queries on their way. */
struct walk {
	const struct config *config;
	const struct keydomain *domain;
	size_t next; /* key of that domain */
	unsigned running;
	unsigned bad, unknown;
};

struct lookup {
	struct walk *walk;
	const struct key *key;
	char name[NAME_ROOM];
};

static void start_more(struct walk *);

static const char *
compare(const struct lookup *l, const struct dns_answer *a)
{
	static const char *const words[] = {
		[RECORD_SAME] = "same",
		[RECORD_DIFFERENT] = "different",
		[RECORD_REVOKED] = "revoked",
		[RECORD_UNUSABLE] = "unusable",
		[RECORD_MISSING] = "missing",
	};
	struct record_set *set;
	enum record_match m;

	if (a->status != DNS_FOUND)
		return "missing";
	/* RFC 6376 section 3.6.2.2: what verifiers make of it is undefined. */
	if (a->n > 1)
		return "unusable (several TXT records)";
	set = record_set_new(a->txt, a->n);
	if (set == NULL)
		return NULL;
	m = record_match(set, l->key);
	record_set_free(set);
	return words[m];
}

static void
on_answer(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;
	struct walk *w = l->walk;
	const char *word = NULL;

	if (a->status != DNS_TEMPERROR && a->status != DNS_CHAIN)
		word = compare(l, a);
	if (word == NULL) {
		printf("%s: unknown (%s)\n", l->name,
		    a->status == DNS_TEMPERROR   ? a->why
			: a->status == DNS_CHAIN ? "too many aliases"
						 : "no memory");
		w->unknown++;
	} else {
		printf("%s: %s\n", l->name, word);
		w->bad += strcmp(word, "same") != 0;
	}
	free(l);
	w->running--;
	start_more(w);
}

static void
start_one(struct walk *w, const struct signer *s, const char *domain)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (l != NULL) {
		*l = (struct lookup){ .walk = w, .key = s->key };
		(void)snprintf(l->name, sizeof(l->name), "%s._domainkey.%s",
		    s->selector, domain);
	}
	if (l != NULL && dns_start(l->name, on_answer, l) != NULL) {
		w->running++;
		return;
	}
	printf("%s._domainkey.%s: unknown (no memory)\n", s->selector, domain);
	w->unknown++;
	free(l);
}

/* Keeps some queries on their way; ends the loop after the last answer. */
static void
start_more(struct walk *w)
{
	while (w->domain != NULL && w->running < TOOLS_QUERIES) {
		const struct keydomain *d = w->domain;
		if (w->next == d->n) {
			w->domain = keytable_each(w->config->keys, d);
			w->next = 0;
			continue;
		}
		const struct signer *s = &d->v[w->next++];
		const char *domain = tools_domain(d, s);
		if (domain != NULL)
			start_one(w, s, domain);
		else
			printf("%s: not checked, its domain is the author's\n",
			    s->selector);
	}
	if (w->running == 0)
		loop_stop();
}

static void
on_begin(void *arg)
{
	start_more(arg);
}

static struct dns_options
dns_options_of(const struct options *o)
{
	struct dns_options d = { .nservers = o->nservers };

	for (size_t i = 0; i < o->nservers; i++)
		d.servers[i] = o->servers[i];
	return d;
}

int
tools_configure(const struct options *o)
{
	struct dns_options d = dns_options_of(o);

	if (o->tool != TOOL_CHECK_DNS && o->nservers == 0)
		return 0;
	return dns_check(&d, filter_config_error);
}

int
tools_check_dns(const struct options *o, const struct config *c)
{
	struct dns_options d = dns_options_of(o);
	struct walk w = { .config = c, .domain = keytable_each(c->keys, NULL) };
	struct loop_timer *begin = NULL;
	char why[DNS_ERROR_MAX];
	int status = STATUS_AGAIN;

	if (dns_init(&d, why) == -1) {
		filter_config_error("%s", why);
		return 1;
	}
	begin = loop_timer_new(on_begin, &w);
	if (begin == NULL || loop_timer_set(begin, 0) == -1 || loop_run() == -1)
		filter_config_error("no memory");
	else if (w.bad > 0 || fflush(stdout) != 0)
		status = 1;
	else if (w.unknown == 0)
		status = 0;
	loop_timer_free(begin);
	dns_fini();
	return status;
}
