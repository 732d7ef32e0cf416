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
	VERDICT_NUMBER_MAX = 64, /* characters of a number */
	/* What jansson takes, at the very most. */
	VERDICT_VALUE_COST = 512, /* bytes for a value */
	VERDICT_BYTE_COST = 8 /* bytes for a byte of text */
};

/* A parsed JSON text. */
struct verdict_json {
	json_t *root; /* lives in memory: never json_decref() it */
	struct verdict_memory *memory; /* for verdict_json_clear() */
	bool repaired; /* it was broken, see verdict.h */
	struct str rest; /* what follows it in the text */
};

/*
 * Parses the JSON text that json starts with.  Returns 0, or -1 with *out
 * untouched and errno EBADMSG (no JSON, or over a limit of verdict.h) or
 * ENOMEM.
 *
 * jansson gets its memory from one block that is large enough beforehand, so
 * that a lack of it is known before the parser starts; one call at a time.
 */
int verdict_json_parse(struct str json, struct verdict_json *out);
/* Frees all of it. */
void verdict_json_clear(struct verdict_json *);

/*
 * How many values json has, or a few more.  Returns 0, or -1 with *n untouched
 * if it is over VERDICT_DEPTH_MAX or VERDICT_VALUES_MAX.
 */
int verdict_json_count(struct str json, size_t *n);

/*
 * Appends json to out, with one '?' for each byte that is not part of UTF-8,
 * each control byte and unknown escape in a string, and each escape of NUL or
 * half a character; a word or number that JSON does not know, or over
 * VERDICT_NUMBER_MAX, or too large for a double, becomes null; the word null
 * in place of a key becomes the empty one.
 */
void verdict_json_repair(struct str json, struct buf *out);

#endif
