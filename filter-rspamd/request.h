/*
 * What rspamd is told about a message besides its text: the request headers
 * of /checkv2 (https://docs.rspamd.com/developers/protocol).
 *
 * A field with an empty value is left out, as rspamd takes some of them for
 * more than nothing; control bytes are removed, as rspamd takes a bare LF for
 * the end of a field.
 */
#ifndef FILTER_RSPAMD_REQUEST_H
#define FILTER_RSPAMD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/str.h"
#include "common/engine/session.h"

enum {
	/*
	 * Bytes of the fields as sent.  rspamd takes 80 KiB of head; the rest
	 * is for what libcurl adds.
	 */
	REQUEST_HEAD_MAX = 72 * 1024,
	REQUEST_EXTRA_MAX = 32 * 1024 /* bytes of fields from options */
};

/* From the command line; empty texts are not sent. */
struct request_options {
	struct str settings_id;
	struct str settings; /* JSON */
	struct str mta_tag;
	bool deliver_to; /* the recipient, if there is one only */
	bool log_tag; /* the message id */
	bool pass_all; /* run all rules */
	struct buf extra; /* --header: fields as below; buf_init first */
};

/* What is not in the session. */
struct request_about {
	const char *msgid; /* "-": not known */
	struct str admd; /* smtpd's own name, if there is no greeting */
};

/*
 * Appends the fields, each "Name: value" and a NUL.  Recipients that would
 * pass REQUEST_HEAD_MAX are left out and counted.  Returns -1 without memory.
 */
int request_fields(struct buf *out, const struct session *,
    const struct request_about *, const struct request_options *,
    size_t *left_out);

/*
 * Adds "NAME=VALUE" to the extra fields.  Returns NULL, or what is wrong: a
 * name that is no field name or that the filter or HTTP sets itself.
 */
const char *request_extra(struct request_options *, struct str text);

#endif
