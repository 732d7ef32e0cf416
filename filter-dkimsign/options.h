/*
 * The command line, and what it says about tools.
 */
#ifndef FILTER_DKIMSIGN_OPTIONS_H
#define FILTER_DKIMSIGN_OPTIONS_H

#include <stdbool.h>

#include "common/dkim/sign.h"
#include "common/dns/dns.h"
#include "common/engine/filter.h"

enum {
	OPTIONS_DOMAINS_MAX = 1000, /* -d; -D and -K take more */
	OPTIONS_FILES_MAX = 16, /* -D */
};

enum who {
	WHO_ALL, /* whoever the listener lets through */
	WHO_AUTH, /* authenticated users and local mail */
	WHO_LOCAL /* the local socket and loopback */
};

enum tool {
	TOOL_NONE,
	TOOL_GENKEY,
	TOOL_DNS,
	TOOL_CHECK_DNS
};

struct options {
	const char *domains[OPTIONS_DOMAINS_MAX];
	size_t ndomains;
	const char *domain_files[OPTIONS_FILES_MAX];
	size_t ndomain_files;
	const char *selector, *key; /* NULL: not given */
	const char *keytable;
	const char *user_map;
	const char *default_domain;
	const char *headers; /* -h; NULL: the built-in table */
	const char *algorithm; /* -a; NULL: what the key is */
	enum canon header, body;
	enum sign_oversign oversign;
	enum sign_copy copy;
	enum who who;
	bool timestamp;
	bool pass_on_error;
	bool by_sender; /* of several mailboxes in From, Sender's */
	uint64_t lifetime; /* seconds; 0: no x= */
	uint64_t threads;
	enum tool tool;
	uint64_t bits; /* of an RSA key to make */
	struct dns_options dns; /* -r */
};

extern const struct filter_opt options_table[];

/* The options as read so far; after options_check() they stay as they are. */
const struct options *options_get(void);
/* For struct filter. */
const char *options_set(size_t i, const char *arg);
/* Looks at them together.  Errors are told; -1 if there are any. */
int options_check(void);

#endif
