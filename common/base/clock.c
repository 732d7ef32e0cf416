#include <stddef.h>

#include "common/base/clock.h"

static const struct clock_fake *fake;

void
clock_set(const struct clock_fake *f)
{
	fake = f;
}

uint64_t
clock_us(void)
{
	struct timespec ts;

	if (fake != NULL)
		return fake->us;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

time_t
clock_wall(void)
{
	return fake != NULL ? fake->wall : time(NULL);
}
