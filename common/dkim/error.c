#include <stddef.h>

#include "common/dkim/error.h"

static const struct {
	enum dkim_result result;
	const char *text;
} reasons[DKIM_ERRORS] = {
	[DKIM_UNCHECKED] = { DKIM_TEMPERROR, "not checked" },
	[DKIM_OK] = { DKIM_PASS, "" },
	[DKIM_SIG_SIZE] = { DKIM_NEUTRAL, "signature field too large" },
	[DKIM_SIG_SYNTAX] = { DKIM_NEUTRAL, "signature syntax error" },
	[DKIM_SIG_MISSING] = { DKIM_NEUTRAL, "signature lacks a tag" },
	[DKIM_SIG_VERSION] = { DKIM_NEUTRAL, "unknown signature version" },
	[DKIM_SIG_ALGORITHM] = { DKIM_NEUTRAL, "unknown algorithm" },
	[DKIM_SIG_SHA1] = { DKIM_PERMERROR, "rsa sha1 is not accepted" },
	[DKIM_SIG_CANON] = { DKIM_NEUTRAL, "unknown canonicalization" },
	[DKIM_SIG_QUERY] = { DKIM_NEUTRAL, "unknown query method" },
	[DKIM_SIG_DOMAIN] = { DKIM_NEUTRAL, "invalid domain" },
	[DKIM_SIG_SELECTOR] = { DKIM_NEUTRAL, "invalid selector" },
	[DKIM_SIG_FIELDS] = { DKIM_NEUTRAL, "invalid list of fields" },
	[DKIM_SIG_FROM] = { DKIM_NEUTRAL, "from is not signed" },
	[DKIM_SIG_HASH] = { DKIM_NEUTRAL, "invalid body hash" },
	[DKIM_SIG_VALUE] = { DKIM_NEUTRAL, "invalid signature value" },
	[DKIM_SIG_IDENTITY] = { DKIM_NEUTRAL, "identity outside the domain" },
	[DKIM_SIG_TIME] = { DKIM_NEUTRAL, "invalid time" },
	[DKIM_SIG_EXPIRED] = { DKIM_POLICY, "signature expired" },
	[DKIM_SIG_FUTURE] = { DKIM_POLICY, "signature from the future" },
	[DKIM_SIG_LENGTH] = { DKIM_NEUTRAL, "invalid body length" },
	[DKIM_SIG_PARTIAL] = { DKIM_POLICY, "body partly signed" },
	[DKIM_SIG_TOO_LONG] = { DKIM_NEUTRAL, "body shorter than signed" },
	[DKIM_KEY_NONE] = { DKIM_PERMERROR, "no key" },
	[DKIM_KEY_DNS] = { DKIM_TEMPERROR, "dns failure" },
	[DKIM_KEY_CHAIN] = { DKIM_PERMERROR, "dns alias chain too long" },
	[DKIM_KEY_SIZE] = { DKIM_PERMERROR, "key record too large" },
	[DKIM_KEY_SYNTAX] = { DKIM_PERMERROR, "key syntax error" },
	[DKIM_KEY_VERSION] = { DKIM_PERMERROR, "unknown key version" },
	[DKIM_KEY_TYPE] = { DKIM_PERMERROR, "unknown key type" },
	[DKIM_KEY_REVOKED] = { DKIM_PERMERROR, "key revoked" },
	[DKIM_KEY_MISMATCH] = { DKIM_PERMERROR, "key of another type" },
	[DKIM_KEY_HASH] = { DKIM_PERMERROR, "key not for sha256" },
	[DKIM_KEY_SERVICE] = { DKIM_PERMERROR, "key not for email" },
	[DKIM_KEY_STRICT] = { DKIM_PERMERROR, "key not for subdomains" },
	[DKIM_KEY_SEVERAL] = { DKIM_PERMERROR, "several keys" },
	[DKIM_KEY_SHORT] = { DKIM_POLICY, "key too short" },
	[DKIM_KEY_LONG] = { DKIM_PERMERROR, "key too long" },
	[DKIM_BODY_MISMATCH] = { DKIM_FAIL, "body hash mismatch" },
	[DKIM_BAD_SIGNATURE] = { DKIM_FAIL, "signature mismatch" },
	[DKIM_TOO_MANY] = { DKIM_POLICY, "too many signatures" },
	[DKIM_HEADER_SIZE] = { DKIM_POLICY, "header too large" },
	[DKIM_INTERNAL] = { DKIM_TEMPERROR, "internal error" },
};

static const char *const words[] = {
	[DKIM_NONE] = "none",
	[DKIM_PASS] = "pass",
	[DKIM_FAIL] = "fail",
	[DKIM_POLICY] = "policy",
	[DKIM_NEUTRAL] = "neutral",
	[DKIM_TEMPERROR] = "temperror",
	[DKIM_PERMERROR] = "permerror",
};

enum dkim_result
error_result(enum dkim_error e)
{
	return reasons[e].result;
}

const char *
error_text(enum dkim_error e)
{
	return reasons[e].text;
}

const char *
error_word(enum dkim_result r)
{
	return words[r];
}
