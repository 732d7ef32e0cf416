/*
 * The only clock of the programs, so that tests can hold it.
 */
#ifndef COMMON_BASE_CLOCK_H
#define COMMON_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds (microseconds) since some fixed moment; never goes back. */
uint64_t clock_ms(void);
uint64_t clock_us(void);
/* Seconds since 1970. */
time_t clock_wall(void);

/* For tests: from now on the clock stands at these values; NULL lets it go. */
struct clock_fake {
	uint64_t us;
	time_t wall;
};
void clock_set(const struct clock_fake *);

#endif
