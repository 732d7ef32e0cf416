/*
 * Reading DKIM-Signature fields: RFC 6376 sections 3.5 and 6.1.1.
 */
#ifndef COMMON_DKIM_SIG_H
#define COMMON_DKIM_SIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/dkim/canon.h"
#include "common/dkim/digest.h"
#include "common/dkim/error.h"

enum {
	SIG_FIELD_MAX = 16 * 1024, /* bytes of a field that is looked at */
	SIG_FIELDS_MAX = 500, /* names in h= */
	SIG_VALUE_MAX = 1024, /* octets of a signature: RSA-8192 */
	SIG_NAME_MAX = 253, /* of a DNS name, RFC 1035 */
	SIG_LABEL_MAX = 63,
	SIG_SKEW = 300, /* seconds that clocks may differ */
};

enum sig_algorithm {
	SIG_RSA_SHA256,
	SIG_ED25519_SHA256,
};

/* A signature as read.  Views point into the field that was parsed. */
struct sig {
	struct str d, s, i; /* as written, i encoded; i is empty if absent */
	struct str a; /* as written */
	struct str h; /* colon-separated, with FWS */
	struct str b_raw; /* value of b= with the FWS around it */
	enum sig_algorithm algorithm;
	enum canon header, body;
	bool has_i, has_l, has_t, has_x;
	uint64_t l, t, x;
	unsigned char bh[DIGEST_SIZE];
	size_t b_size;
	/* d= as lower-case A-labels, for DNS; so the domain of i= (or d=). */
	char domain[SIG_NAME_MAX + 1];
	char identity[SIG_NAME_MAX + 1];
	/* Where the key is: SELECTOR._domainkey.DOMAIN */
	char query[SIG_NAME_MAX + 1];
	unsigned char b[SIG_VALUE_MAX];
};

/*
 * Parses the DKIM-Signature field raw (the whole field, LF inside) and makes
 * all checks of RFC 6376 section 6.1.1 but those that need a policy or the
 * clock (sig_check).  Returns DKIM_OK or why the signature is unusable; d, s,
 * i, a, b_raw and domain are set as far as they could be found even then,
 * everything else only with DKIM_OK.
 */
enum dkim_error sig_parse(struct str raw, struct sig *out);

/*
 * The checks against the clock and local policy: t=, x= (with SIG_SKEW) and
 * l= (refused unless allow_l).  DKIM_OK or the reason.
 */
enum dkim_error sig_check(const struct sig *, uint64_t now, bool allow_l);

/*
 * Undoes dkim-quoted-printable (RFC 6376 section 2.11) and appends to out,
 * white space left out.  Returns 0, or -1 with errno EINVAL if "=" is followed
 * by other than two hex digits, ENOMEM without memory or if out is full.
 */
int sig_unquote(struct str, struct buf *out)
    __attribute__((__warn_unused_result__));

/*
 * A domain name (or selector) as lower-case A-labels: RFC 6376 section 3.5,
 * RFC 8616 section 4; U-labels go through libidn2.  Labels of letters, digits,
 * "-" and "_", 1 to SIG_LABEL_MAX each, no dot at the end.  Returns 0 with the
 * NUL-terminated name in out, or -1 with errno EINVAL if it is no such name,
 * ENOMEM without memory.
 */
int sig_domain(struct str text, char out[SIG_NAME_MAX + 1])
    __attribute__((__warn_unused_result__));

/* As sig_domain(), of a name that may have the root's dot at its end. */
int sig_rooted_domain(struct str text, char out[SIG_NAME_MAX + 1])
    __attribute__((__warn_unused_result__));

/*
 * The two words of c=: "relaxed/simple"; without a slash the body is simple
 * (RFC 6376 section 3.5).  Returns 0, or -1 if one is not known.
 */
int sig_canon(struct str text, enum canon *header, enum canon *body)
    __attribute__((__warn_unused_result__));

/* Is name the domain parent or below it (both from sig_domain)? */
bool sig_is_below(const char *name, const char *parent);

#endif
