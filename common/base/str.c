#include <stdlib.h>

#include "common/base/str.h"

static bool
ieq(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (to_lower(a[i]) != to_lower(b[i]))
			return false;
	return true;
}

bool
str_ieq(struct str a, struct str b)
{
	return a.n == b.n && ieq(a.p, b.p, a.n);
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_head(s, prefix.n), prefix);
}

bool
str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && ieq(s.p, prefix.p, prefix.n);
}

bool
str_iends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_ieq(str_from(s, s.n - suffix.n), suffix);
}

bool
str_rcut(struct str *s, char c, struct str *tail)
{
	for (size_t i = s->n; i > 0; i--) {
		if (s->p[i - 1] == c) {
			*tail = str_from(*s, i);
			*s = str_head(*s, i - 1);
			return true;
		}
	}
	*tail = *s;
	*s = str_head(*s, 0);
	return false;
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && is_wsp(s.p[0]))
		s = str_from(s, 1);
	while (s.n > 0 && is_wsp(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str
str_trim_fws(struct str s)
{
	while (s.n > 0 && is_fws(s.p[0]))
		s = str_from(s, 1);
	while (s.n > 0 && is_fws(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
str_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* Looked at at once. */
typedef signed char bytes __attribute__((__vector_size__(16)));

size_t
str_printable(struct str s, char low)
{
	uint64_t half[2];
	size_t n = 0;
	bytes b, bad;

	for (; s.n - n >= sizeof(b); n += sizeof(b)) {
		memcpy(&b, s.p + n, sizeof(b));
		bad = (bytes)((b < (signed char)low) | (b > '~'));
		memcpy(half, &bad, sizeof(half));
		if ((half[0] | half[1]) != 0)
			break;
	}
	while (n < s.n && (signed char)s.p[n] >= low && s.p[n] <= '~')
		n++;
	return n;
}

int
str_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return -1;
		uint64_t d = (uint64_t)(s.p[i] - '0');
		if (d > max || v > (max - d) / 10)
			return -1;
		v = v * 10 + d;
	}
	*out = v;
	return 0;
}

/* One more than the value of a hexadecimal digit; 0 for all else. */
/* clang-format off */
static const unsigned char hex_digits[256] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 1,  2,  3,  4,  5,  6,  7,  8,  9, 10,  0,  0,  0,  0,  0,  0,
	 0, 11, 12, 13, 14, 15, 16,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0, 11, 12, 13, 14, 15, 16,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
};
/* clang-format on */

int
str_hex64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 16)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = hex_digits[(unsigned char)s.p[i]];
		if (d == 0)
			return -1;
		v = v << 4 | (d - 1);
	}
	*out = v;
	return 0;
}

void
str_format_hex64(uint64_t v, char to[STR_HEX64])
{
	for (size_t i = STR_HEX64; i > 0; v >>= 4)
		to[--i] = "0123456789abcdef"[v & 15];
}

size_t
str_format_u64(uint64_t v, char to[STR_U64])
{
	char digits[STR_U64];
	size_t at = STR_U64;

	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	memcpy(to, digits + at, STR_U64 - at);
	return STR_U64 - at;
}

char *
str_dup(struct str s)
{
	char *p = malloc(s.n + 1);

	if (p == NULL)
		return NULL;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

size_t
str_utf8(struct str s)
{
	unsigned char c = (unsigned char)s.p[0], d;
	size_t n;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (s.n < n)
		return 0;
	d = (unsigned char)s.p[1];
	if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) ||
	    (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}
