/*
 * Which authenticated users may sign for which domains.
 *
 * A user map is a file of lines "LOGIN DOMAIN...": each domain stands for
 * itself and its subdomains, "*" for all.  The line of the login "*" is for
 * those that have no line.  Logins are compared without ASCII case.
 */
#ifndef FILTER_DKIMSIGN_USERMAP_H
#define FILTER_DKIMSIGN_USERMAP_H

#include <stdbool.h>

#include "filter-dkimsign/report.h"

enum {
	USERMAP_LOGIN_MAX = 255 /* bytes of a login */
};

struct usermap;

/* An empty map.  NULL without memory.  free(NULL) is fine. */
struct usermap *usermap_new(void);
void usermap_free(struct usermap *);

/*
 * Adds the lines of a file, of which there has to be one.  Each error is told
 * with file and line.
 */
void usermap_load(struct usermap *, const char *path, struct report *);

/* May this login sign for a domain (A-labels)? */
bool
usermap_allows(const struct usermap *, const char *login, const char *domain);

#endif
