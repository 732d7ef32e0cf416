#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <unbound.h>

#include "common/dns/resolver.h"

enum {
	PORT_MAX = 65535,
	PORT_DNS = 53,
	NUMBER_ROOM = 16,
};

/* Aliases that libunbound follows one by one; its own default is 11. */
#define RESTARTS "32"
/* Seconds that its cache keeps a record, and that there is none. */
#define CACHE_TTL_MAX "3600"
#define CACHE_TTL_NONE "30"

static int
fail(char why[DNS_ERROR_MAX], const char *what, const char *arg,
    const char *error)
{
	(void)snprintf(why, DNS_ERROR_MAX, "%s \"%s\": %s", what, arg, error);
	return -1;
}

/* Is this ADDRESS or ADDRESS@PORT? */
static bool
is_server(const char *arg, unsigned *port_out)
{
	struct in_addr v4;
	struct in6_addr v6;
	struct str rest = str_c(arg), host, scope;
	uint64_t port = PORT_DNS;
	char text[INET6_ADDRSTRLEN];

	if (str_cut(&rest, '@', &host) &&
	    (str_u64(rest, PORT_MAX, &port) == -1 || port == 0))
		return false;
	scope = host;
	(void)str_cut(&scope, '%', &host);
	if (host.n == 0 || host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	*port_out = (unsigned)port;
	return inet_pton(AF_INET, text, &v4) == 1 ||
	    inet_pton(AF_INET6, text, &v6) == 1;
}

static const char *
resolv_conf(const struct dns_options *o)
{
	return o->resolv_conf != NULL ? o->resolv_conf : "/etc/resolv.conf";
}

unsigned
resolver_sockets(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_cur / 2 >= RESOLVER_SOCKETS)
		return RESOLVER_SOCKETS;
	return (unsigned)rl.rlim_cur / 2;
}

/* None depends on ours; a step of dns_check() as the others. */
static int
set_options(
    struct ub_ctx *c, const struct dns_options *o, char why[DNS_ERROR_MAX])
{
	char sockets[NUMBER_ROOM];
	const char *const options[][2] = {
		{ "outgoing-range:", sockets },
		{ "do-not-query-localhost:", "no" },
		/*
		 * Names that are slow, or whose own servers are dead, must not
		 * take the server from others: of a timeout nothing is kept for
		 * long, and none makes the server be left alone.
		 */
		{ "infra-keep-probing:", "yes" },
		{ "infra-host-ttl:", "1" },
		{ "infra-cache-max-rtt:", "10000000" },
		/* Longer chains of aliases are SERVFAIL, not DNS_CHAIN. */
		{ "max-query-restarts:", RESTARTS },
		/* For keys that are revoked, or published late. */
		{ "cache-max-ttl:", CACHE_TTL_MAX },
		{ "cache-max-negative-ttl:", CACHE_TTL_NONE },
	};

	(void)o;
	(void)snprintf(sockets, sizeof(sockets), "%u", resolver_sockets());
	/* What an older libunbound does not know, it does without. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)ub_ctx_set_option(c, options[i][0], options[i][1]);
	if (ub_ctx_debugout(c, NULL) == 0)
		return 0;
	(void)snprintf(why, DNS_ERROR_MAX, "DNS resolver: no memory");
	return -1;
}

static int
set_servers(
    struct ub_ctx *c, const struct dns_options *o, char why[DNS_ERROR_MAX])
{
	const char *conf = resolv_conf(o);
	int error;

	for (size_t i = 0; i < o->nservers; i++) {
		error = ub_ctx_set_fwd(c, o->servers[i]);
		if (error != 0)
			return fail(why, "--resolver", o->servers[i],
			    ub_strerror(error));
	}
	if (o->nservers > 0)
		return 0;
	error = ub_ctx_resolvconf(c, conf);
	return error == 0
	    ? 0
	    : fail(why, "--resolv-conf", conf, ub_strerror(error));
}

static int
set_anchor(
    struct ub_ctx *c, const struct dns_options *o, char why[DNS_ERROR_MAX])
{
	int error = 0;

	if (o->trust_anchor != NULL)
		error = ub_ctx_add_ta_file(c, o->trust_anchor);
	/*
	 * libunbound reads its files with the first change of a zone.  It
	 * would answer for names below these by itself, but whoever has
	 * servers for them means it (RFC 6761 section 6.2, RFC 8375).
	 */
	if (error == 0)
		error = ub_ctx_zone_add(c, "test.", "transparent");
	if (error == 0)
		error = ub_ctx_zone_add(c, "home.arpa.", "transparent");
	if (error == 0)
		return 0;
	return fail(why, o->trust_anchor != NULL ? "--trust-anchor" : "DNS",
	    o->trust_anchor != NULL ? o->trust_anchor : "start",
	    ub_strerror(error));
}

int
resolver_configure(
    struct ub_ctx *c, const struct dns_options *o, char why[DNS_ERROR_MAX])
{
	if (c == NULL) {
		(void)snprintf(why, DNS_ERROR_MAX, "DNS resolver: no memory");
		return -1;
	}
	if (set_options(c, o, why) == -1 || set_servers(c, o, why) == -1)
		return -1;
	return set_anchor(c, o, why);
}

/* ---- before anything runs ---- */

/* Can this be read to its end?  A folder never ends for libunbound. */
static const char *
file_error(const char *name, bool may_be_empty)
{
	struct stat st;

	if (stat(name, &st) == -1 || access(name, R_OK) == -1)
		return strerror(errno);
	if (S_ISDIR(st.st_mode))
		return strerror(EISDIR);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	return may_be_empty || st.st_size > 0 ? NULL : "is empty";
}

/* libunbound takes a file without any, and then does without DNSSEC. */
static const char *
anchor_error(const char *name)
{
	const char *error = "no DS or DNSKEY record";
	FILE *fp = fopen(name, "re");
	char *line = NULL, *next, *word;
	size_t room = 0;

	if (fp == NULL)
		return strerror(errno);
	while (getline(&line, &room, fp) != -1) {
		line[strcspn(line, ";")] = '\0';
		for (next = line; (word = strsep(&next, " \t\r\n()")) != NULL;)
			if (strcasecmp(word, "DS") == 0 ||
			    strcasecmp(word, "DNSKEY") == 0 ||
			    strcasecmp(word, "TYPE43") == 0 ||
			    strcasecmp(word, "TYPE48") == 0)
				error = NULL;
	}
	free(line);
	(void)fclose(fp);
	return error;
}

static int
check_servers(const struct dns_options *o, void (*say)(const char *fmt, ...))
{
	const char *error;
	unsigned port;
	int r = 0;

	for (size_t i = 0; i < o->nservers; i++) {
		if (is_server(o->servers[i], &port))
			continue;
		say("--resolver \"%s\": not an address or ADDRESS@PORT",
		    o->servers[i]);
		r = -1;
	}
	error = o->nservers == 0 ? file_error(resolv_conf(o), true) : NULL;
	if (error == NULL)
		return r;
	say("%s \"%s\": %s",
	    o->resolv_conf != NULL ? "--resolv-conf"
				   : "no --resolver is given, and",
	    resolv_conf(o), error);
	return -1;
}

static int
check_anchor(const struct dns_options *o, void (*say)(const char *fmt, ...))
{
	const char *error = NULL;

	if (o->trust_anchor == NULL)
		return 0;
	error = file_error(o->trust_anchor, false);
	if (error == NULL)
		error = anchor_error(o->trust_anchor);
	if (error == NULL)
		return 0;
	say("--trust-anchor \"%s\": %s", o->trust_anchor, error);
	return -1;
}

int
dns_check(const struct dns_options *o, void (*say)(const char *fmt, ...))
{
	static const struct {
		int (*check)(
		    const struct dns_options *, void (*)(const char *, ...));
		int (*set)(struct ub_ctx *, const struct dns_options *,
		    char[DNS_ERROR_MAX]);
	} steps[] = {
		{ NULL, set_options },
		{ check_servers, set_servers },
		{ check_anchor, set_anchor },
	};
	struct ub_ctx *c = ub_ctx_create();
	char why[DNS_ERROR_MAX];
	int r = 0;

	if (c == NULL) {
		say("DNS resolver: no memory");
		return -1;
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].check != NULL && steps[i].check(o, say) == -1) {
			r = -1;
		} else if (steps[i].set(c, o, why) == -1) {
			say("%s", why);
			r = -1;
		}
	}
	ub_ctx_delete(c);
	return r;
}

void
dns_sandbox(const struct dns_options *o, struct sandbox *sb)
{
	unsigned port;

	sandbox_network(sb);
	for (size_t i = 0; i < o->nservers; i++)
		if (is_server(o->servers[i], &port))
			sandbox_port(sb, port);
	if (o->nservers == 0) {
		sandbox_port(sb, PORT_DNS);
		sandbox_path(sb, resolv_conf(o), SANDBOX_READ);
	}
	if (o->trust_anchor != NULL)
		sandbox_path(sb, o->trust_anchor, SANDBOX_READ);
}
