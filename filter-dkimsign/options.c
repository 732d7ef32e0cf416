#include <string.h>

#include "common/engine/option.h"
#include "common/engine/worker.h"
#include "filter-dkimsign/keytable.h"
#include "filter-dkimsign/options.h"

static struct options opt = {
	.header = CANON_RELAXED,
	.body = CANON_RELAXED,
	.timestamp = true,
	.threads = UINT64_MAX, /* one for each processor */
	.bits = KEY_RSA_GOOD_MIN,
};

/* In the order of options_table. */
enum {
	OPT_ALGORITHM,
	OPT_CANON,
	OPT_DOMAIN,
	OPT_DOMAIN_FILE,
	OPT_HEADERS,
	OPT_KEY,
	OPT_KEYTABLE,
	OPT_SELECTOR,
	OPT_TIMESTAMP,
	OPT_EXPIRE,
	OPT_COPY,
	OPT_NO_TIMESTAMP,
	OPT_DEFAULT_DOMAIN,
	OPT_AUTHOR,
	OPT_OVERSIGN,
	OPT_SIGN,
	OPT_USER_MAP,
	OPT_ON_ERROR,
	OPT_WORKERS,
	OPT_GENKEY,
	OPT_BITS,
	OPT_DNS,
	OPT_CHECK_DNS,
	OPT_RESOLVER,
	OPTIONS,
};

static bool is_given[OPTIONS];

const struct filter_opt options_table[] = {
	{ "algorithm", 'a', "ALGORITHM", "rsa-sha256 or ed25519-sha256" },
	{ "canonicalization", 'c', "HEADER/BODY", "(relaxed/relaxed)" },
	{ "domain", 'd', "DOMAIN", "sign mail from it; may be repeated" },
	{ "domain-file", 'D', "FILE", "more domains, one in a line" },
	{ "headers", 'h', "LIST", "fields to sign, between colons" },
	{ "key", 'k', "FILE", "private key of all -d and -D" },
	{ "keytable", 'K', "FILE", "lines of domain, selector, key file" },
	{ "selector", 's', "NAME", "where in DNS that key is" },
	{ "timestamp", 't', NULL, "write t= (which is the default)" },
	{ "expire", 'x', "SECONDS", "write x=, so much after now" },
	{ "copy-headers", 'z', NULL, "write z=; twice: with all fields" },
	{ "no-timestamp", 0, NULL, "do not write t=" },
	{ "default-domain", 0, "DOMAIN", "d= for all other mail" },
	{ "author", 0, "first|sender", "of several in From (first)" },
	{ "oversign", 0, "strict|list-friendly|none", "(strict)" },
	{ "sign", 0, "all|auth|local", "whose mail is signed (all)" },
	{ "user-map", 0, "FILE", "lines of login and domains it may use" },
	{ "on-error", 0, "tempfail|pass", "what cannot be signed (tempfail)" },
	{ "workers", 0, "NUMBER", "threads (one for each processor)" },
	{ "genkey", 0, NULL, "make a key, print its DNS record" },
	{ "bits", 0, "NUMBER", "of an RSA key to make (2048)" },
	{ "dns", 0, NULL, "print the DNS records of all keys" },
	{ "check-dns", 0, NULL, "compare all keys with what DNS has" },
	{ "resolver", 'r', "ADDR[@PORT]", "server for --check-dns" },
	{ NULL, 0, NULL, NULL },
};

const struct options *
options_get(void)
{
	return &opt;
}

static const char *
add_text(const char **list, size_t *n, size_t max, const char *arg)
{
	if (*n == max)
		return "too many of them";
	list[(*n)++] = arg;
	return NULL;
}

static const char *
set_once(const char **to, const char *arg)
{
	if (*to != NULL)
		return "given twice";
	*to = arg;
	return arg[0] == '\0' ? "is empty" : NULL;
}

/* filter-dkimsign 0.6 took the last one, and its command lines stay good. */
static const char *
set_last(const char **to, const char *arg, const char *name)
{
	if (*to != NULL)
		filter_config_error(
		    "%s is given twice, only \"%s\" counts", name, arg);
	*to = NULL;
	return set_once(to, arg);
}

static const char *
set_algorithm(const char *arg)
{
	if (strncmp(arg, "rsa-", 4) == 0 && strcmp(arg, "rsa-sha256") != 0)
		return "RFC 8301 forbids it, use rsa-sha256";
	if (strcmp(arg, "rsa-sha256") != 0 &&
	    strcmp(arg, "ed25519-sha256") != 0)
		return "neither rsa-sha256 nor ed25519-sha256";
	opt.algorithm = arg;
	return NULL;
}

/* Options whose argument is a word of a list. */
static const char *
set_policy(size_t i, const char *arg)
{
	static const char *const author[] = { "first", "sender", NULL };
	static const char *const over[] = { "strict", "list-friendly", "none",
		NULL };
	static const char *const who[] = { "all", "auth", "local", NULL };
	static const char *const fail[] = { "tempfail", "pass", NULL };
	int got;

	if (i == OPT_AUTHOR) {
		got = option_word(arg, author);
		if (got == -1)
			return "neither first nor sender";
		opt.by_sender = got == 1;
	} else if (i == OPT_OVERSIGN) {
		got = option_word(arg, over);
		if (got == -1)
			return "none of strict, list-friendly, none";
		opt.oversign = (enum sign_oversign)got;
	} else if (i == OPT_SIGN) {
		got = option_word(arg, who);
		if (got == -1)
			return "none of all, auth, local";
		opt.who = (enum who)got;
	} else {
		got = option_word(arg, fail);
		if (got == -1)
			return "neither tempfail nor pass";
		opt.pass_on_error = got == 1;
	}
	return NULL;
}

/* Options whose argument is a number. */
static const char *
set_number(size_t i, const char *arg)
{
	if (i == OPT_EXPIRE)
		return option_number(
			   arg, 1, KEYTABLE_LIFETIME_MAX, &opt.lifetime) == 0
		    ? NULL
		    : "not a number of seconds, 1 to 2000000000";
	if (i == OPT_WORKERS)
		return option_number(
			   arg, 0, WORKER_THREADS_MAX, &opt.threads) == 0
		    ? NULL
		    : "not a number of 0 to 64";
	return option_number(arg, KEY_RSA_MIN, KEY_RSA_MAX, &opt.bits) == 0
	    ? NULL
	    : "not a number of 1024 to 8192";
}

static const char *
set_flag(size_t i)
{
	if (i == OPT_COPY)
		opt.copy = opt.copy == SIGN_COPY_NONE ? SIGN_COPY_SIGNED
						      : SIGN_COPY_ALL;
	else if (i == OPT_TIMESTAMP || i == OPT_NO_TIMESTAMP)
		opt.timestamp = i == OPT_TIMESTAMP;
	else if (opt.tool != TOOL_NONE)
		return "one of --genkey, --dns, --check-dns at a time";
	else
		opt.tool = i == OPT_GENKEY ? TOOL_GENKEY
		    : i == OPT_DNS         ? TOOL_DNS
					   : TOOL_CHECK_DNS;
	return NULL;
}

const char *
options_set(size_t i, const char *arg)
{
	is_given[i] = true;
	switch (i) {
	case OPT_ALGORITHM:
		return set_algorithm(arg);
	case OPT_CANON:
		return sig_canon(str_c(arg), &opt.header, &opt.body) == 0
		    ? NULL
		    : "not of the form relaxed/simple";
	case OPT_DOMAIN:
		return add_text(
		    opt.domains, &opt.ndomains, OPTIONS_DOMAINS_MAX, arg);
	case OPT_DOMAIN_FILE:
		return add_text(opt.domain_files, &opt.ndomain_files,
		    OPTIONS_FILES_MAX, arg);
	case OPT_HEADERS:
		opt.headers = arg;
		return sign_is_list(str_c(arg))
		    ? NULL
		    : "not a list of up to 500 field names with from in it";
	case OPT_KEY:
		return set_last(&opt.key, arg, "-k");
	case OPT_KEYTABLE:
		return set_once(&opt.keytable, arg);
	case OPT_SELECTOR:
		return set_last(&opt.selector, arg, "-s");
	case OPT_EXPIRE:
	case OPT_WORKERS:
	case OPT_BITS:
		return set_number(i, arg);
	case OPT_DEFAULT_DOMAIN:
		return set_once(&opt.default_domain, arg);
	case OPT_AUTHOR:
	case OPT_OVERSIGN:
	case OPT_SIGN:
	case OPT_ON_ERROR:
		return set_policy(i, arg);
	case OPT_USER_MAP:
		return set_once(&opt.user_map, arg);
	case OPT_RESOLVER:
		return add_text(
		    opt.dns.servers, &opt.dns.nservers, DNS_SERVERS_MAX, arg);
	default:
		return set_flag(i);
	}
}

/* --genkey makes one key. */
static int
check_genkey(void)
{
	if (opt.ndomains == 1 && opt.selector != NULL)
		return 0;
	filter_config_error("--genkey needs one -d DOMAIN and -s SELECTOR");
	return -1;
}

static int
check_keys(void)
{
	unsigned bad = 0;

	if (opt.key == NULL && opt.keytable == NULL) {
		filter_config_error("no keys: give -d, -s and -k, or -K");
		bad++;
	}
	if (opt.key != NULL && opt.selector == NULL) {
		filter_config_error("-k needs -s SELECTOR");
		bad++;
	}
	if (opt.key != NULL && opt.ndomains + opt.ndomain_files == 0 &&
	    opt.default_domain == NULL) {
		filter_config_error("-k needs -d DOMAIN");
		bad++;
	}
	if (opt.key == NULL &&
	    (opt.ndomains + opt.ndomain_files > 0 || opt.selector != NULL ||
		opt.default_domain != NULL)) {
		filter_config_error("-d, -D, -s and --default-domain need -k");
		bad++;
	}
	return bad == 0 ? 0 : -1;
}

/* Options that are right, and do nothing. */
static void
tell_useless(void)
{
	if (opt.algorithm != NULL && opt.key == NULL && opt.tool != TOOL_GENKEY)
		filter_config_error("-a does nothing without -k");
	if (is_given[OPT_BITS] &&
	    (opt.tool != TOOL_GENKEY ||
		(opt.algorithm != NULL && opt.algorithm[0] == 'e')))
		filter_config_error(
		    "--bits does nothing without --genkey of an RSA key");
	if (opt.dns.nservers > 0 && opt.tool != TOOL_CHECK_DNS)
		filter_config_error("-r does nothing without --check-dns");
}

int
options_check(void)
{
	int r = opt.tool == TOOL_GENKEY ? check_genkey() : check_keys();

	if (opt.threads == UINT64_MAX)
		opt.threads = worker_default_threads();
	if (r == 0)
		tell_useless();
	return r;
}
