/*
 * Borrowed views of bytes.
 *
 * A struct str points into memory that somebody else owns: it is never freed
 * and dies when its owner changes.  It is not NUL-terminated and may hold any
 * byte.  All comparisons that ignore case are ASCII only.
 */
#ifndef COMMON_BASE_STR_H
#define COMMON_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n; /* bytes */
};

#define STR_NULL ((struct str){ NULL, 0 })
#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })

/* View of a C string; NULL gives the empty view. */
static inline struct str
str_c(const char *s)
{
	return s == NULL ? STR_NULL : (struct str){ s, strlen(s) };
}

/* View of n bytes at p. */
static inline struct str
str_n(const char *p, size_t n)
{
	return (struct str){ p, n };
}

/* The same bytes? */
static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n &&
	    (a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0));
}

/* The same bytes but for ASCII case? */
bool str_ieq(struct str, struct str);

/* Does s begin with prefix (exactly; without case)? */
bool str_starts(struct str s, struct str prefix);
bool str_istarts(struct str s, struct str prefix);
/* Does s end in suffix, without case? */
bool str_iends(struct str s, struct str suffix);

/* s from byte n on; empty if it is shorter. */
static inline struct str
str_from(struct str s, size_t n)
{
	if (n > s.n)
		n = s.n;
	return n == 0 ? s : (struct str){ s.p + n, s.n - n };
}

/* The first n bytes of s, or all of it. */
static inline struct str
str_head(struct str s, size_t n)
{
	return (struct str){ s.p, n < s.n ? n : s.n };
}

/*
 * Splits at the first c: the part before it is stored in *head, *s becomes
 * what follows it.  False, *head all of *s and *s empty, if there is no c.
 */
static inline bool
str_cut(struct str *s, char c, struct str *head)
{
	const char *q = s->n == 0 ? NULL : memchr(s->p, c, s->n);

	*head = q == NULL ? *s : str_head(*s, (size_t)(q - s->p));
	*s = str_from(*s, head->n + 1);
	return q != NULL;
}

/* As str_cut, at the last c: *tail is what follows it, *s what was before. */
bool str_rcut(struct str *s, char c, struct str *tail);

/* Without SP and HTAB (and, for _fws, CR and LF) at both ends. */
struct str str_trim(struct str);
struct str str_trim_fws(struct str);
/* Does s hold the byte c? */
static inline bool
str_has(struct str s, char c)
{
	return s.n > 0 && memchr(s.p, c, s.n) != NULL;
}
/* Are all bytes below 0x80? */
bool str_is_ascii(struct str s);
/* How many bytes at the start of s are from low (SP or above) to "~"? */
size_t str_printable(struct str s, char low);

/*
 * All of s as an unsigned decimal (hexadecimal) number of at most max.
 * Returns 0, or -1 with *out untouched if s is empty, has another character
 * or is too large.  Hexadecimal digits may be of either case.
 */
int str_u64(struct str s, uint64_t max, uint64_t *out);
int str_hex64(struct str s, uint64_t *out);

enum {
	STR_HEX64 = 16, /* digits of str_format_hex64() */
	STR_U64 = 20 /* digits of UINT64_MAX */
};

/* Writes v as 16 lower-case hexadecimal digits, without NUL. */
void str_format_hex64(uint64_t v, char to[STR_HEX64]);
/* Writes v as up to STR_U64 digits, without NUL; returns how many. */
size_t str_format_u64(uint64_t v, char to[STR_U64]);

/*
 * A new NUL-terminated copy that the caller frees; NULL without memory.  A
 * NUL in s ends the C string early.
 */
char *str_dup(struct str s);

/*
 * Length of the UTF-8 sequence (RFC 3629 section 4) that s, which is not
 * empty, starts with; 0 if it is none.
 */
size_t str_utf8(struct str s);

/* Character classes of ASCII, whatever the locale says. */
static inline bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* White space and what folds it. */
static inline bool
is_fws(char c)
{
	return is_wsp(c) || c == '\r' || c == '\n';
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

#endif
