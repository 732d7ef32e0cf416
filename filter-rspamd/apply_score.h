/*
 * X-Spam-Score and X-Spam-Status, see apply.h.
 */
#ifndef FILTER_RSPAMD_APPLY_SCORE_H
#define FILTER_RSPAMD_APPLY_SCORE_H

#include "common/base/buf.h"
#include "filter-rspamd/verdict.h"

/*
 * Appends the value of X-Spam-Score (the whole field X-Spam-Status, folded,
 * with its last LF) to out.  The verdict must have a score.
 */
void apply_score_value(const struct verdict *, struct buf *out);
void apply_score_status(const struct verdict *, bool spam, struct buf *out);

#endif
