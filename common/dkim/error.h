/*
 * Why a signature is good or not: one table of reasons, the result word of
 * RFC 8601 section 2.7.1 that each leads to, and its fixed text.
 */
#ifndef COMMON_DKIM_ERROR_H
#define COMMON_DKIM_ERROR_H

enum dkim_result {
	DKIM_NONE, /* message without signature */
	DKIM_PASS,
	DKIM_FAIL,
	DKIM_POLICY,
	DKIM_NEUTRAL,
	DKIM_TEMPERROR,
	DKIM_PERMERROR,
};

enum dkim_error {
	DKIM_UNCHECKED, /* zero: what nobody looked at can never pass */
	DKIM_OK,
	/* signature field: RFC 6376 section 6.1.1 */
	DKIM_SIG_SIZE,
	DKIM_SIG_SYNTAX,
	DKIM_SIG_MISSING,
	DKIM_SIG_VERSION,
	DKIM_SIG_ALGORITHM,
	DKIM_SIG_SHA1,
	DKIM_SIG_CANON,
	DKIM_SIG_QUERY,
	DKIM_SIG_DOMAIN,
	DKIM_SIG_SELECTOR,
	DKIM_SIG_FIELDS,
	DKIM_SIG_FROM,
	DKIM_SIG_HASH,
	DKIM_SIG_VALUE,
	DKIM_SIG_IDENTITY,
	DKIM_SIG_TIME,
	DKIM_SIG_EXPIRED,
	DKIM_SIG_FUTURE,
	DKIM_SIG_LENGTH, /* l= not a number */
	DKIM_SIG_PARTIAL, /* l= given, which we refuse */
	DKIM_SIG_TOO_LONG, /* l= larger than the body */
	/* key: RFC 6376 section 6.1.2 */
	DKIM_KEY_NONE,
	DKIM_KEY_DNS,
	DKIM_KEY_CHAIN, /* CNAMEs without end */
	DKIM_KEY_SIZE,
	DKIM_KEY_SYNTAX,
	DKIM_KEY_VERSION,
	DKIM_KEY_TYPE,
	DKIM_KEY_REVOKED,
	DKIM_KEY_MISMATCH, /* k= does not fit a= */
	DKIM_KEY_HASH,
	DKIM_KEY_SERVICE,
	DKIM_KEY_STRICT,
	DKIM_KEY_SEVERAL, /* none of several verifies */
	DKIM_KEY_SHORT,
	DKIM_KEY_LONG,
	/* verification: RFC 6376 section 6.1.3 */
	DKIM_BODY_MISMATCH,
	DKIM_BAD_SIGNATURE,
	DKIM_TOO_MANY,
	DKIM_HEADER_SIZE,
	DKIM_INTERNAL,
	DKIM_ERRORS, /* how many there are */
};

/* The result that a reason leads to; never DKIM_NONE. */
enum dkim_result error_result(enum dkim_error);

/*
 * Text for reason= of RFC 8601: lower case letters, digits and spaces only,
 * at most 40 bytes.  Empty for DKIM_OK.
 */
const char *error_text(enum dkim_error);

/* The result word of RFC 8601: "pass", "temperror", ... */
const char *error_word(enum dkim_result);

#endif
