#include "common/engine/option.h"
#include "filter-dkimverify/config.h"

enum option {
	OPT_ALLOW_L,
	OPT_AUTH,
	OPT_DNS_DEADLINE,
	OPT_DNS_TIMEOUT,
	OPT_EXEMPT,
	OPT_FORGED,
	OPT_LARGE_HEADER,
	OPT_LOCAL,
	OPT_MAX_SIGNATURES,
	OPT_MUST_SIGN,
	OPT_ON_BAD_FROM,
	OPT_ON_FAIL,
	OPT_ON_NEUTRAL,
	OPT_ON_NONE,
	OPT_ON_PASS,
	OPT_ON_PERMERROR,
	OPT_ON_POLICY,
	OPT_ON_TEMPERROR,
	OPT_ON_UNSIGNED,
	OPT_OWN_ID,
	OPT_RENAME_FORGED,
	OPT_RESOLVER,
	OPT_RESOLV_CONF,
	OPT_TRUST_ANCHOR,
	OPTIONS,
};

#define ACTIONS "pass|junk|reject|tempfail"

const struct filter_opt config_opts[] = {
	[OPT_ALLOW_L] = { "allow-l", 0, NULL,
	    "accept signatures of a part of the body" },
	[OPT_AUTH] = { "auth", 0, "verify|skip",
	    "mail of authenticated clients (skip)" },
	[OPT_DNS_DEADLINE] = { "dns-deadline", 0, "SECONDS",
	    "all DNS of one message (20)" },
	[OPT_DNS_TIMEOUT] = { "dns-timeout", 0, "SECONDS",
	    "one DNS query with retries (10)" },
	[OPT_EXEMPT] = { "exempt", 0, "SOURCE",
	    "auth, local or NETWORK: remove nothing" },
	[OPT_FORGED] = { "forged", 0, "own|all|keep",
	    "results to remove (own)" },
	[OPT_LARGE_HEADER] = { "large-header", 0, "pass|reject",
	    "headers over 1 MiB (pass)" },
	[OPT_LOCAL] = { "local", 0, "verify|skip",
	    "mail from smtpd's own socket (skip)" },
	[OPT_MAX_SIGNATURES] = { "max-signatures", 0, "NUMBER",
	    "signatures checked (8)" },
	[OPT_MUST_SIGN] = { "must-sign", 0, "DOMAIN,...",
	    "authors that must have signed" },
	[OPT_ON_BAD_FROM] = { "on-bad-from", 0, ACTIONS,
	    "not one From with addresses" },
	[OPT_ON_FAIL] = { "on-fail", 0, ACTIONS, "no signature verifies" },
	[OPT_ON_NEUTRAL] = { "on-neutral", 0, ACTIONS, "unusable signature" },
	[OPT_ON_NONE] = { "on-none", 0, ACTIONS, "no signature" },
	[OPT_ON_PASS] = { "on-pass", 0, ACTIONS, "a signature passes" },
	[OPT_ON_PERMERROR] = { "on-permerror", 0, ACTIONS, "unusable key" },
	[OPT_ON_POLICY] = { "on-policy", 0, ACTIONS,
	    "valid, but not accepted" },
	[OPT_ON_TEMPERROR] = { "on-temperror", 0, ACTIONS, "DNS trouble" },
	[OPT_ON_UNSIGNED] = { "on-unsigned", 0, ACTIONS,
	    "with --must-sign (reject)" },
	[OPT_OWN_ID] = { "own-id", 0, "NAME|.SUFFIX",
	    "one more authserv-id of ours" },
	[OPT_RENAME_FORGED] = { "rename-forged", 0, NULL,
	    "keep them as X-Original-..." },
	[OPT_RESOLVER] = { "resolver", 'r', "ADDRESS[@PORT]",
	    "DNS server (of resolv.conf)" },
	[OPT_RESOLV_CONF] = { "resolv-conf", 0, "FILE",
	    "instead of /etc/resolv.conf" },
	[OPT_TRUST_ANCHOR] = { "trust-anchor", 0, "FILE",
	    "DNSSEC: DS or DNSKEY records" },
	{ NULL, 0, NULL, NULL },
};

static struct config config = {
	.dns_deadline_s = CONFIG_DNS_DEADLINE_S,
	.on_unsigned = ACTION_REJECT,
};

static bool is_given[OPTIONS];

const struct config *
config_get(void)
{
	return &config;
}

static const char *
set_word(const char *arg, const char *const *words, const char *why, int *out)
{
	int i = option_word(arg, words);

	if (i == -1)
		return why;
	*out = i;
	return NULL;
}

static const char *
set_action(const char *arg, enum action *out)
{
	static const char *const words[] = { [ACTION_PASS] = "pass",
		[ACTION_JUNK] = "junk",
		[ACTION_TEMPFAIL] = "tempfail",
		[ACTION_REJECT] = "reject",
		NULL };
	int i = option_word(arg, words);

	if (i == -1)
		return "not one of pass, junk, reject, tempfail";
	*out = (enum action)i;
	return NULL;
}

static const char *
set_number(const char *arg, uint64_t max, const char *why, uint64_t *out)
{
	return option_number(arg, 1, max, out) == -1 ? why : NULL;
}

static const char *
add_exempt(const char *arg)
{
	struct sources *s = &config.exempt;

	if (strcmp(arg, "auth") == 0) {
		s->auth = true;
	} else if (strcmp(arg, "local") == 0) {
		s->local = true;
	} else {
		if (s->n == CONFIG_NETWORKS_MAX)
			return "too many networks";
		if (network_parse(str_c(arg), &s->net[s->n]) == -1)
			return "not auth, local, ADDRESS or ADDRESS/BITS";
		s->n++;
	}
	return NULL;
}

/* What could be meant for several names, or stand for many, is no name. */
static bool
is_one_name(const char *arg)
{
	return arg[strcspn(arg, ",;*/@")] == '\0' &&
	    strstr(arg, "..") == NULL && strcmp(arg, ".") != 0;
}

static const char *
add_own_id(const char *arg)
{
	struct forged_ids *own = &config.own;

	if (own->n == FORGED_IDS_MAX)
		return "too many names";
	if (!is_one_name(arg) || forged_name(str_c(arg), own->v[own->n]) == -1)
		return "not one name, or .SUFFIX for all names below one";
	own->n++;
	return NULL;
}

static const char *
add_must_sign(const char *arg)
{
	struct str rest = str_c(arg), one;
	bool more = true;

	while (more) {
		more = str_cut(&rest, ',', &one);
		if (config.nmust == CONFIG_MUST_MAX)
			return "too many domains";
		if (sig_rooted_domain(
			str_trim(one), config.must[config.nmust]) == -1)
			return "not a domain, or several with commas";
		config.nmust++;
	}
	return NULL;
}

static const char *
add_resolver(const char *arg)
{
	if (config.dns.nservers == DNS_SERVERS_MAX)
		return "too many servers";
	config.dns.servers[config.dns.nservers++] = arg;
	return NULL;
}

static const char *
set_choice(enum option i, const char *arg)
{
	static const char *const skip[] = { "skip", "verify", NULL };
	static const char *const large[] = { "pass", "reject", NULL };
	static const char *const forged[] = { [FORGED_OWN] = "own",
		[FORGED_ALL] = "all",
		[FORGED_KEEP] = "keep",
		NULL };
	const char *why;
	int v = 0;

	if (i == OPT_FORGED)
		why = set_word(arg, forged, "not own, all or keep", &v);
	else if (i == OPT_LARGE_HEADER)
		why = set_word(arg, large, "neither pass nor reject", &v);
	else
		why = set_word(arg, skip, "neither verify nor skip", &v);
	if (why != NULL)
		return why;
	if (i == OPT_FORGED)
		config.forged = (enum forged_mode)v;
	else if (i == OPT_LARGE_HEADER)
		config.reject_large = v == 1;
	else if (i == OPT_AUTH)
		config.verify_auth = v == 1;
	else
		config.verify_local = v == 1;
	return NULL;
}

static const char *
set_limit(enum option i, const char *arg)
{
	const char *why;
	uint64_t v = 0;

	if (i == OPT_MAX_SIGNATURES) {
		why = set_number(
		    arg, VERIFY_CHECKED_MAX, "not a number of 1 to 64", &v);
		config.verify.checked = (size_t)v;
	} else if (i == OPT_DNS_TIMEOUT) {
		why = set_number(
		    arg, 60, "not a number of seconds from 1 to 60", &v);
		config.dns.timeout_ms = (unsigned)v * 1000;
	} else {
		why = set_number(
		    arg, 60, "not a number of seconds from 1 to 60", &v);
		config.dns_deadline_s = (unsigned)v;
	}
	return why;
}

const char *
config_option(size_t i, const char *arg)
{
	is_given[i] = true;
	switch ((enum option)i) {
	case OPT_ALLOW_L:
		config.verify.allow_l = true;
		return NULL;
	case OPT_AUTH:
	case OPT_LOCAL:
	case OPT_FORGED:
	case OPT_LARGE_HEADER:
		return set_choice((enum option)i, arg);
	case OPT_DNS_DEADLINE:
	case OPT_DNS_TIMEOUT:
	case OPT_MAX_SIGNATURES:
		return set_limit((enum option)i, arg);
	case OPT_EXEMPT:
		return add_exempt(arg);
	case OPT_MUST_SIGN:
		return add_must_sign(arg);
	case OPT_ON_BAD_FROM:
		return set_action(arg, &config.on_bad_from);
	case OPT_ON_FAIL:
		return set_action(arg, &config.on[DKIM_FAIL]);
	case OPT_ON_NEUTRAL:
		return set_action(arg, &config.on[DKIM_NEUTRAL]);
	case OPT_ON_NONE:
		return set_action(arg, &config.on[DKIM_NONE]);
	case OPT_ON_PASS:
		return set_action(arg, &config.on[DKIM_PASS]);
	case OPT_ON_PERMERROR:
		return set_action(arg, &config.on[DKIM_PERMERROR]);
	case OPT_ON_POLICY:
		return set_action(arg, &config.on[DKIM_POLICY]);
	case OPT_ON_TEMPERROR:
		return set_action(arg, &config.on[DKIM_TEMPERROR]);
	case OPT_ON_UNSIGNED:
		return set_action(arg, &config.on_unsigned);
	case OPT_OWN_ID:
		return add_own_id(arg);
	case OPT_RENAME_FORGED:
		config.rename_forged = true;
		return NULL;
	case OPT_RESOLVER:
		return add_resolver(arg);
	case OPT_RESOLV_CONF:
		config.dns.resolv_conf = arg;
		return NULL;
	case OPT_TRUST_ANCHOR:
		config.dns.trust_anchor = arg;
		return NULL;
	case OPTIONS:
		break;
	}
	return "not known";
}

const char *
config_operand(const char *arg)
{
	static char name[FORGED_ID_MAX + 1];

	if (config.id != NULL)
		return "only one authserv-id is taken";
	if (forged_id(str_c(arg), name) == -1)
		return "not an authserv-id: a name of up to 255 characters";
	config.id = name;
	return NULL;
}

/* Options that are right, and do nothing. */
static void
tell_useless(void)
{
	if (is_given[OPT_ON_UNSIGNED] && config.nmust == 0)
		filter_config_error(
		    "--on-unsigned does nothing without --must-sign");
	if (config.forged == FORGED_KEEP &&
	    (config.rename_forged || config.own.n > 0))
		filter_config_error("--own-id and --rename-forged do nothing "
				    "with --forged keep");
	if (config.dns.timeout_ms > config.dns_deadline_s * 1000)
		filter_config_error("--dns-timeout does nothing: "
				    "--dns-deadline comes first");
	if (config.dns.nservers > 0 && config.dns.resolv_conf != NULL)
		filter_config_error(
		    "--resolv-conf does nothing with --resolver");
}

int
config_check(void)
{
	if (dns_check(&config.dns, filter_config_error) == -1)
		return -1;
	tell_useless();
	return 0;
}
