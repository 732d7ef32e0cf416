/*
 * JSON as rspamd sends it, which is not always JSON: texts set by its rules go
 * out with any byte in them, numbers as C prints them.
 */
#ifndef FILTER_RSPAMD_VERDICT_JSON_H
#define FILTER_RSPAMD_VERDICT_JSON_H

#include <stdbool.h>

#include <jansson.h>

#include "common/base/buf.h"
#include "common/base/str.h"

enum {
	VERDICT_NUMBER_MAX = 64 /* characters of a number */
};

/*
 * Parses the JSON text that json starts with.  If it is broken it is repaired
 * (see verdict.h) and parsed again; *repaired tells.  *rest is what follows
 * it.  Returns NULL with errno EBADMSG (no JSON, or over a limit of verdict.h)
 * or ENOMEM.  The caller ends it with json_decref().
 */
json_t *verdict_json_parse(struct str json, bool *repaired, struct str *rest);

/* Does json keep VERDICT_DEPTH_MAX and VERDICT_VALUES_MAX? */
bool verdict_json_is_bounded(struct str json);

/*
 * Appends json to out, with one '?' for each byte that is not part of UTF-8,
 * each control byte and unknown escape in a string, and each escape of NUL or
 * half a character;
 * a word or number that JSON does not know, or over VERDICT_NUMBER_MAX, or
 * too large for a double, becomes null.
 */
void verdict_json_repair(struct str json, struct buf *out);

#endif
