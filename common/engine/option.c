#include <string.h>

#include "common/engine/option.h"

int
option_number(const char *arg, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (str_u64(str_c(arg), max, &v) == -1 || v < min)
		return -1;
	*out = v;
	return 0;
}

int
option_size(const char *arg, uint64_t min, uint64_t max, uint64_t *out)
{
	static const char units[] = "KMG";
	struct str s = str_c(arg);
	const char *unit = NULL;
	uint64_t v, factor = 1;

	if (s.n > 1 && !is_digit(s.p[s.n - 1]))
		unit = memchr(units, s.p[s.n - 1] & ~0x20, 3);
	if (unit != NULL) {
		factor = (uint64_t)1 << (10 * (unit - units + 1));
		s.n--;
	}
	if (str_u64(s, max / factor, &v) == -1 || v * factor < min)
		return -1;
	*out = v * factor;
	return 0;
}

int
option_word(const char *arg, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(arg, words[i]) == 0)
			return i;
	return -1;
}
