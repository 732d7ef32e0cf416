/*
 * What a reply of rspamd's /checkv2 says, read from its JSON.
 *
 * Only an HTTP 200 whose body is a JSON object with a string "action" is a
 * verdict.  Everything else in it may be missing or odd: what cannot be used
 * is left out and noted, never fatal.  Texts may hold any byte, line ends
 * included; whoever writes them to a mail or a reply cleans them.
 */
#ifndef FILTER_RSPAMD_VERDICT_H
#define FILTER_RSPAMD_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"

enum {
	VERDICT_JSON_MAX = 4 * 1024 * 1024, /* bytes of JSON that are parsed */
	VERDICT_DEPTH_MAX = 64, /* arrays and objects in each other */
	VERDICT_VALUES_MAX = 100000, /* values in the JSON */
	VERDICT_ADDS_MAX = 500, /* fields to add */
	VERDICT_REMOVES_MAX = 1000, /* fields to remove */
	VERDICT_SPAMS_MAX = 50, /* fields of milter.spam_header */
	VERDICT_SIGS_MAX = 50, /* DKIM signatures */
	VERDICT_SYMBOLS_MAX = 1000, /* symbols that are kept */
	VERDICT_NOTES_MAX = 400, /* bytes of all notes */
	VERDICT_ORDER_MAX = 1000000000, /* orders, indexes are cut to this */
	VERDICT_ORDER_LAST = -1 /* order: after the last field */
};

enum verdict_action {
	VERDICT_NO_ACTION,
	VERDICT_GREYLIST,
	VERDICT_ADD_HEADER,
	VERDICT_REWRITE_SUBJECT,
	VERDICT_SOFT_REJECT,
	VERDICT_REJECT,
	VERDICT_QUARANTINE,
	VERDICT_DISCARD,
	VERDICT_CUSTOM /* any other name: deliver */
};

struct verdict_add {
	struct str name; /* a valid field name */
	struct str value; /* may be folded in any way, or empty */
	int32_t order; /* see apply.h */
};

struct verdict_remove {
	struct str name; /* no case; empty: no field has it */
	int32_t index; /* n: the n-th, 0: all, -n: the n-th from the end */
};

struct verdict_symbol {
	struct str name;
	double score; /* 0 if there was none */
};

/* All views point into memory of the verdict, but body: into the reply. */
struct verdict {
	enum verdict_action action; /* after "reject": discard, quarantine */
	struct str action_name; /* as rspamd said it */
	bool has_score, has_required; /* rspamd may have no thresholds */
	double score, required;
	bool is_skipped;
	struct str text; /* of a refusal (messages.smtp_message), or empty */
	bool has_subject;
	struct str subject;
	bool no_action; /* milter.no_action: deliver in any case */
	const struct verdict_remove *removes;
	size_t nremoves;
	const struct verdict_add *adds; /* in the order of the reply */
	size_t nadds;
	const struct verdict_add *spams; /* milter.spam_header, no order */
	size_t nspams;
	const struct str *sigs; /* values of DKIM-Signature */
	size_t nsigs;
	const struct verdict_symbol *symbols; /* in the order of the reply */
	size_t nsymbols;
	bool has_body; /* Message-Offset: the message has a new body */
	struct str body;
	struct str notes; /* "; " between them; outside text: use log_text() */
};

/* An HTTP reply; borrowed. */
struct verdict_reply {
	int status; /* HTTP status */
	struct str offset; /* value of Message-Offset; empty: not given */
	struct str body; /* complete, already decompressed */
};

/*
 * Reads a reply.  Returns a verdict, to be freed with verdict_free(); the
 * reply must outlive it if it has a new body.  NULL if it is none, with errno
 * EBADMSG and the reason appended to why ("HTTP 500: invalid command", "no
 * action"; outside text, use log_text()), or ENOMEM.
 *
 * What JSON does not allow but rspamd may send is repaired first: bytes that
 * are not UTF-8 and control bytes become '?', NaN and the infinities null; an
 * empty key, which rspamd writes as the bare word null, becomes one again.
 * Of a member given twice the last one counts.  The index and order of a
 * header change may be any number: fractions are cut off, and what is beyond
 * VERDICT_ORDER_MAX counts as that.
 */
struct verdict *verdict_parse(const struct verdict_reply *, struct buf *why);
/* Is text a JSON object and nothing more? */
bool verdict_is_object(struct str text);
/* verdict_free(NULL) is fine. */
void verdict_free(struct verdict *);

#endif
