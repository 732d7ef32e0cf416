/*
 * Changes to a header block: fields removed, inserted and replaced, then
 * written out once.  What is not changed leaves byte for byte as it came.
 *
 * Positions count the fields of the list as changed so far; the block is
 * only looked at, never copied, and must outlive the edit.  Where a block
 * begins with white space, that text is the first in the list, and what is
 * put before it goes below it: it must not become the end of a new field.
 */
#ifndef COMMON_MESSAGE_EDIT_H
#define COMMON_MESSAGE_EDIT_H

#include "common/base/buf.h"
#include "common/base/str.h"

enum {
	EDIT_NAME_MAX = 200, /* bytes of a field name */
	EDIT_VALUE_MAX = 256 * 1024, /* bytes of a value */
	EDIT_CHANGES_MAX = 1000, /* insertions */
	EDIT_LINE_MAX = 998 /* RFC 5322 2.1.1 */
};

struct edit;

/* An edit of block; NULL without memory.  free(NULL) is fine. */
struct edit *edit_new(struct str block);
void edit_free(struct edit *);

/* How many fields the list has now. */
size_t edit_count(const struct edit *);
/* The field at pos (from 0): its raw text and its name. */
struct str edit_raw(const struct edit *, size_t pos);
struct str edit_name(const struct edit *, size_t pos);

/*
 * Takes out each field from position pos on for which match says so, in one
 * pass.  Returns how many it took.
 */
size_t edit_remove_if(struct edit *, size_t pos,
    bool (*match)(void *arg, struct str name, struct str raw), void *arg);
/* Gives the field at pos, which has a name, another.  -1 without memory. */
int edit_rename(struct edit *, size_t pos, struct str name);
/* Takes out the field at pos. */
void edit_remove(struct edit *, size_t pos);

/*
 * Puts "name: value" before the field that is at pos now; a pos past the end
 * appends.  The value may be folded with LF, CRLF or CR: lines are taken
 * apart, empty ones dropped, a HTAB put before those that do not begin with
 * white space, other control bytes removed, and a line over 998 bytes is
 * folded at white space near column 78, or cut where it has none.  Returns
 * -1, with nothing changed, if the name is no field name, or a limit or
 * memory is exceeded.
 */
int edit_insert(struct edit *, size_t pos, struct str name, struct str value);

/*
 * Puts raw text, one or more complete fields each line ended by LF, before
 * the field at pos.  The caller answers for its form.  -1 without memory, or
 * after EDIT_CHANGES_MAX.
 */
int edit_insert_raw(struct edit *, size_t pos, struct str raw);

/* Bytes of the changed header block. */
size_t edit_size(const struct edit *);
/* Appends it to out. */
void edit_write(const struct edit *, struct buf *out);

/* Was anything changed? */
bool edit_changed(const struct edit *);

/* Is this a field name: 1 to EDIT_NAME_MAX bytes 33..126 without ':'? */
bool edit_is_name(struct str);

#endif
