/*
 * Where rspamd listens, as given on the command line.
 */
#ifndef FILTER_RSPAMD_TARGET_H
#define FILTER_RSPAMD_TARGET_H

#include <stdbool.h>

#include "common/base/str.h"

enum {
	TARGET_TEXT_MAX = 2000 /* bytes of a URL */
};

struct target {
	char *url; /* what goes to libcurl */
	char *unix_path; /* NULL: TCP */
	char *name; /* for logs: "host:port", "https://host:port" or a path */
	unsigned port; /* 0: a socket path */
	bool https;
	bool named; /* the host is to be looked up */
};

/*
 * Reads http://HOST[:PORT][/PATH], https://..., unix:/PATH or /PATH.  To the
 * path of a URL that does not end in /checkv2 that is added.  Returns NULL, or
 * what is wrong in a few words.
 */
const char *target_parse(struct str text, struct target *out);
void target_clear(struct target *);

#endif
