#include <stdlib.h>

#include "common/base/hash.h"
#include "common/dkim/sig.h"
#include "filter-dkimsign/usermap.h"
#include "filter-dkimsign/words.h"

struct domain {
	struct domain *next;
	char name[]; /* A-labels, or "*" */
};

struct user {
	char *login; /* in lower case */
	struct domain *domains;
	UT_hash_handle hh;
};

struct usermap {
	struct user *users;
};

struct usermap *
usermap_new(void)
{
	return calloc(1, sizeof(struct usermap));
}

static void
user_free(struct user *u)
{
	struct domain *d, *next;

	LL_FOREACH_SAFE (u->domains, d, next)
		free(d);
	free(u->login);
	free(u);
}

void
usermap_free(struct usermap *m)
{
	struct user *u, *next;

	if (m == NULL)
		return;
	HASH_ITER (hh, m->users, u, next) {
		HASH_DEL(m->users, u);
		user_free(u);
	}
	free(m);
}

/* smtpd looks logins up without case, and reports them as they were typed. */
static struct str
lower(struct str login, char to[USERMAP_LOGIN_MAX])
{
	for (size_t i = 0; i < login.n; i++)
		to[i] = to_lower(login.p[i]);
	return str_n(to, login.n);
}

/* Login is of at most USERMAP_LOGIN_MAX bytes. */
static struct user *
find_user(const struct usermap *m, struct str login)
{
	char text[USERMAP_LOGIN_MAX];
	struct user *u = NULL;

	login = lower(login, text);
	HASH_FIND(hh, m->users, login.p, login.n, u);
	return u;
}

static struct user *
get_user(struct usermap *m, struct str login)
{
	char text[USERMAP_LOGIN_MAX];
	struct user *u = find_user(m, login);

	if (u != NULL)
		return u;
	u = calloc(1, sizeof(*u));
	if (u == NULL || (u->login = str_dup(lower(login, text))) == NULL) {
		free(u);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, m->users, u->login, login.n, u);
	if (hash_added(u))
		return u;
	user_free(u);
	return NULL;
}

static int
add_domain(struct user *u, const char *name)
{
	size_t n = strlen(name) + 1;
	struct domain *d = malloc(sizeof(*d) + n);

	if (d == NULL)
		return -1;
	memcpy(d->name, name, n);
	LL_PREPEND(u->domains, d);
	return 0;
}

static void
take_words(void *arg, const struct words *w)
{
	char name[SIG_NAME_MAX + 1] = "*";
	struct user *u;

	if (w->n < 2) {
		report_error(w->report, w->path, w->line,
		    "a line needs login and domain");
		return;
	}
	if (w->v[0].n > USERMAP_LOGIN_MAX) {
		report_error(w->report, w->path, w->line,
		    "a login is over %d bytes", USERMAP_LOGIN_MAX);
		return;
	}
	u = get_user(arg, w->v[0]);
	for (size_t i = 1; i < w->n; i++) {
		if (str_eq(w->v[i], STR("*"))) {
			name[0] = '*';
			name[1] = '\0';
		} else if (sig_rooted_domain(w->v[i], name) == -1) {
			report_error(w->report, w->path, w->line,
			    "\"%.*s\" is no domain name", (int)w->v[i].n,
			    w->v[i].p);
			continue;
		}
		if (u == NULL || add_domain(u, name) == -1) {
			report_error(w->report, w->path, w->line, "no memory");
			return;
		}
	}
}

void
usermap_load(struct usermap *m, const char *path, struct report *r)
{
	words_load(path, "users", take_words, m, r);
}

bool
usermap_allows(const struct usermap *m, const char *login, const char *domain)
{
	const struct domain *d;
	const struct user *u = NULL;

	if (strlen(login) <= USERMAP_LOGIN_MAX)
		u = find_user(m, str_c(login));
	if (u == NULL)
		u = find_user(m, STR("*"));
	if (u == NULL)
		return false;
	LL_FOREACH (u->domains, d)
		if (strcmp(d->name, "*") == 0 || sig_is_below(domain, d->name))
			return true;
	return false;
}
