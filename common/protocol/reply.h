/*
 * The only writer of lines to smtpd; pure.  What would be fatal to smtpd is
 * refused here, so it cannot be produced anywhere.
 */
#ifndef COMMON_PROTOCOL_REPLY_H
#define COMMON_PROTOCOL_REPLY_H

#include "common/base/buf.h"
#include "common/protocol/phase.h"

enum {
	REPLY_TEXT_MAX = 450, /* bytes of a reply text (RFC 5321 4.5.3.1.5) */
	REPLY_PARAM_MAX = 1900, /* bytes of a rewritten parameter */
	/*
	 * Bytes that smtpd takes of a data line's content: its input buffer
	 * is 64 KiB with the prefix; before 7.4 (protocol 0.6 and older) it
	 * cuts the whole line at 2047 bytes, silently.
	 */
	REPLY_LINE_MAX = 65485,
	REPLY_LINE_MAX_V06 = 1997,
	REPLY_PREFIX_MAX = 64, /* bytes of "filter-dataline|SID|TOKEN|" */
	REPLY_RESULT_MAX = 2040 /* bytes of a whole filter-result line */
};

/* Where an answer goes: the ids of the request, and smtpd's version. */
struct reply_to {
	unsigned version; /* see wire.h */
	uint64_t sid;
	uint64_t token;
};

/* Longest content of a data line, dot included, for this version. */
size_t reply_line_max(unsigned version);

/*
 * Appends one filter-result line.  text is the parameter of a rewrite, or
 * the whole SMTP reply of a reject or disconnect ("550 5.7.1 No"); it is
 * ignored for the others.  Returns -1, with nothing added, if smtpd would
 * not survive or understand it: not allowed in the phase, a reply that is
 * not 4yz or 5yz, SP and text, a byte outside 32..126, too long, or no
 * memory.
 */
int reply_result(struct buf *, const struct reply_to *, enum phase, enum answer,
    struct str text);

/*
 * Writes "filter-dataline|SID|TOKEN|" to out, which has REPLY_PREFIX_MAX
 * bytes.  Returns its length.
 */
size_t reply_prefix(const struct reply_to *, char *out);

/*
 * Makes an SMTP reply of code, enhanced status ("5.7.1", may be empty) and
 * text: one line, bytes outside 32..126 replaced by '?' (runs of CR, LF and
 * HTAB by one SP), cut at REPLY_TEXT_MAX.  Code 421 or one that is not 4yz or
 * 5yz becomes 451.  Appends to out.
 */
void reply_text(struct buf *out, int code, struct str status, struct str text);

#endif
