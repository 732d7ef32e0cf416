/*
 * What a verdict does to a message: what rspamd's own milter would tell an
 * MTA, on a header block as smtpd hands it over, plus the options of ours.
 *
 * The fields up to and including the first Received were put on top by this
 * host (smtpd, or a filter before us); they are never removed, replaced or
 * counted.  If From, To, Subject or Date stand above it, it is another host's,
 * as a filter took ours away, and there are none.  A line without a colon
 * ends the header for smtpd, which refuses such mail, so nothing is counted,
 * removed or appended behind one.
 * Let T be the number of fields on top.  What is done, in this order:
 *
 * 1. milter.remove_headers, numbers as in the message that was scanned.
 * 2. milter.add_headers, in their order, on the list as changed so far.
 *    order n > 0: so that it is the n-th field after T, or the last one;
 *    0: very first; -1: last; -n: so that n - 1 fields stay below it, or, with
 *    fewer than n after T, very first.  ARC fields of order 1 come after all
 *    others, so that the set stands together: ARC-Seal, then
 *    ARC-Message-Signature, then ARC-Authentication-Results.
 * 3. The i-th DKIM-Signature as of order i.
 * 4. By action: "add header": all X-Spam are removed and "X-Spam: Yes" is
 *    appended, or the same with the fields of milter.spam_header.  "rewrite
 *    subject": the first Subject is replaced, or one appended; if rspamd sent
 *    no subject, "X-Spam: Yes" is there in its place.  An empty value of
 *    spam_header or subject makes no field: the old ones are removed only.
 * 5. With milter.no_action or report_only (then there is no 4), or if a discard
 *    or quarantine is delivered, "X-Rspamd-Action: ACTION" is appended, and
 *    others of that name are removed.
 * 6. Score headers, see below.
 */
#ifndef FILTER_RSPAMD_APPLY_H
#define FILTER_RSPAMD_APPLY_H

#include "common/base/str.h"
#include "common/message/edit.h"
#include "filter-rspamd/verdict.h"

enum {
	APPLY_TESTS_MAX = 8 * 1024, /* bytes of the symbols in X-Spam-Status */
	APPLY_ACTION_MAX = 200 /* bytes of a value of X-Rspamd-Action */
};

/* What to do with what smtpd's filters cannot do: discard, quarantine. */
enum apply_map {
	APPLY_REFUSE, /* refuse it with 554 */
	APPLY_JUNK, /* deliver with "X-Spam: Yes" and X-Rspamd-Action */
	APPLY_ACCEPT /* deliver with X-Rspamd-Action */
};

/*
 * Which delivered messages get
 *	X-Spam-Score: 6.5 / 15
 *	X-Spam-Status: Yes, score=6.500 required=15.000
 *		tests=[SYMBOL=6.000, ...]
 * in place of all fields of these names, unless rspamd adds such a field
 * itself, be it by add_headers or by a spam_header that is applied.  Without a
 * score there is neither; without thresholds " / 15" and "required=" are
 * missing, without symbols "tests=".  Of the symbols those that fit into
 * APPLY_TESTS_MAX bytes are named.  "Yes" if spam of struct apply is true, else
 * "No".
 */
enum apply_score {
	APPLY_SCORE_SPAM, /* those with spam of struct apply */
	APPLY_SCORE_ALWAYS,
	APPLY_SCORE_NEVER
};

struct apply_options {
	enum apply_map discard, quarantine;
	enum apply_score score;
	bool report_only; /* as if each reply had milter.no_action */
	struct str reject_text; /* if rspamd has none; empty: our default */
	struct str soft_text; /* the same for "soft reject" */
};

/* What to do.  Views point into the verdict or the options. */
struct apply {
	bool refused; /* then the rest of the line is its reply */
	int code;
	const char *status;
	struct str text; /* may hold anything: reply_text() cleans it */
	struct edit *edit; /* to be freed; NULL: refused, or no change */
	/* Use the new body of the verdict.  As in the milter, not together
	 * with milter.spam_header. */
	bool has_body;
	bool spam; /* by its action: all but no action, greylist, soft reject */
	bool junk; /* marked as such: X-Spam, spam_header or Subject */
	bool mapped; /* a discard or quarantine was turned into something */
};

/*
 * Applies a verdict to the header block (lines ended by LF, without the empty
 * line), which must outlive out->edit.  Returns -1, with *out untouched, if
 * there is no memory.  Linear in the size of header.
 */
int apply_verdict(const struct verdict *, const struct apply_options *,
    struct str header, struct apply *out);

/*
 * The mark of a message that passes unscanned: all X-Rspamd-Action are
 * removed and "X-Rspamd-Action: action" appended; with junk the same for
 * "X-Spam: Yes".  Returns an edit of header, NULL without memory.
 */
struct edit *apply_mark(struct str header, bool junk, struct str action);

#endif
