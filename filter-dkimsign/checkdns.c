/*
 * --check-dns: compares each key with what DNS has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dkim/error.h"
#include "common/dkim/record.h"
#include "common/dns/dns.h"
#include "common/engine/loop.h"
#include "filter-dkimsign/tools.h"

enum {
	NAME_ROOM = 2 * SIG_NAME_MAX + 16, /* bytes of SEL._domainkey.DOMAIN */
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
	const struct signer *signer;
	bool below; /* its i= is below its d= */
	char name[NAME_ROOM];
};

/* What DNS has, and why it is no good or only half. */
struct finding {
	const char *word; /* NULL: it is not known */
	const char *why; /* "": no more to say */
};

static void start_more(struct walk *);

static struct finding
compare_record(const struct lookup *l, const struct record_set *set)
{
	const struct record *r = &set->v[0];

	switch (record_match(set, l->signer->key)) {
	case RECORD_MISSING:
		return (struct finding){ "unusable", "not a key record" };
	case RECORD_REVOKED:
		return (struct finding){ "revoked", "" };
	case RECORD_UNUSABLE:
		return (struct finding){ "unusable",
			error_text(set->n > 0 ? r->error : set->error) };
	case RECORD_DIFFERENT:
		return (struct finding){ "different", "" };
	case RECORD_SAME:
		break;
	}
	/* RFC 6376 section 3.6.1 */
	if (r->strict && l->below)
		return (
		    struct finding){ "unusable", error_text(DKIM_KEY_STRICT) };
	return (struct finding){ "same", r->testing ? "in test mode" : "" };
}

static struct finding
compare(const struct lookup *l, const struct dns_answer *a)
{
	struct record_set *set;
	struct finding f;

	if (a->status == DNS_TEMPERROR)
		return (struct finding){ NULL, a->why };
	if (a->status == DNS_CHAIN)
		return (struct finding){ NULL, "too many aliases" };
	if (a->status != DNS_FOUND)
		return (struct finding){ "missing", "" };
	/* RFC 6376 section 3.6.2.2: what verifiers make of it is undefined. */
	if (a->n > 1)
		return (struct finding){ "unusable", "several TXT records" };
	set = record_set_new(a->txt, a->n);
	if (set == NULL)
		return (struct finding){ NULL, "no memory" };
	f = compare_record(l, set);
	record_set_free(set);
	return f;
}

static void
on_answer(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;
	struct walk *w = l->walk;
	struct finding f = compare(l, a);

	printf("%s: %s%s%s%s\n", l->name, f.word != NULL ? f.word : "unknown",
	    f.why[0] != '\0' ? " (" : "", f.why, f.why[0] != '\0' ? ")" : "");
	if (f.word == NULL)
		w->unknown++;
	else
		w->bad += strcmp(f.word, "same") != 0;
	free(l);
	w->running--;
	start_more(w);
}

static void
start_one(struct walk *w, const struct signer *s, const char *domain)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (l != NULL) {
		*l = (struct lookup){ .walk = w, .signer = s };
		l->below = s->identity != NULL &&
		    strcmp(strrchr(s->identity, '@') + 1, domain) != 0;
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
		const char *domain = keytable_d(d, s, NULL);
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

int
tools_configure(const struct options *o)
{
	if (o->tool != TOOL_CHECK_DNS && o->dns.nservers == 0)
		return 0;
	return dns_check(&o->dns, filter_config_error);
}

int
tools_check_dns(const struct options *o, const struct config *c)
{
	struct walk w = { .config = c, .domain = keytable_each(c->keys, NULL) };
	struct loop_timer *begin = NULL;
	char why[DNS_ERROR_MAX];
	int status = STATUS_AGAIN;

	if (dns_init(&o->dns, why) == -1) {
		filter_config_error("%s", why);
		return STATUS_BAD;
	}
	begin = loop_timer_new(on_begin, &w);
	if (begin == NULL || loop_timer_set(begin, 0) == -1 || loop_run() == -1)
		filter_config_error("no memory");
	else if (w.bad > 0 || fflush(stdout) != 0)
		status = STATUS_BAD;
	else if (w.unknown == 0)
		status = STATUS_OK;
	loop_timer_free(begin);
	dns_fini();
	return status;
}
