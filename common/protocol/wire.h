/*
 * One line from smtpd to a struct; pure.  Nothing is copied: all views point
 * into the line.
 */
#ifndef COMMON_PROTOCOL_WIRE_H
#define COMMON_PROTOCOL_WIRE_H

#include "common/protocol/phase.h"

enum {
	WIRE_FIELDS = 4, /* most fields of an event we read */
};

/* Protocol versions as major * 1000 + minor: 0.7 is 7, 1.2 is 1002. */
enum {
	WIRE_V04 = 4, /* OpenSMTPD 6.6: token before session id in answers */
	WIRE_V06 = 6, /* 6.7 to 7.3: user before result in link-auth */
	WIRE_V07 = 7 /* 7.4 and later */
};

enum wire_kind {
	WIRE_CONFIG,
	WIRE_REPORT,
	WIRE_FILTER
};

struct wire_event {
	enum wire_kind kind;
	/* config */
	struct str key;
	struct str value;
	/* report and filter */
	unsigned version;
	struct str time; /* seconds.micros */
	uint64_t sid;
	/* report */
	bool smtp_in;
	enum event event;
	struct str field[WIRE_FIELDS]; /* those missing are empty */
	unsigned fields; /* how many there were */
	/* filter */
	enum phase phase;
	uint64_t token;
	struct str param;
};

/*
 * Reads a line without its LF.  Returns 0, or -1, and *ev may hold anything,
 * if it is not a protocol line.  Fields are split from the left, the last one
 * keeps its '|'.  Where the free field stands before the last one (link-auth
 * before 0.7, tx-mail and tx-rcpt in 0.4) it is split at the last '|', and the
 * fields are stored in the order of 0.7: link-auth result, user; tx-mail
 * msgid, result, address.  A link-greeting without session id, as up to 0.4,
 * becomes "config|admd".
 */
int wire_parse(struct str line, struct wire_event *ev);

/*
 * A version such as "0.7"; a later smtpd may write "1", "0.8.1" or "0.8-beta".
 * Returns 0, or -1 if it is none.
 */
int wire_version(struct str, unsigned *);

/*
 * Undoes vis(3) as smtpd applies it to user names (VIS_OCTAL and the default
 * style): \\ \ooo \M-c \M^c \^c and the C escapes.  Writes at most s.n
 * bytes to out and returns how many; what is no escape stays as it is.
 */
size_t wire_unvis(struct str s, char *out);

#endif
