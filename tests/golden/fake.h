/*
 * What stands in for the world in golden tests: a loop with a clock that is
 * turned by hand, and memory and disk that fail when told to.
 */
#ifndef TESTS_GOLDEN_FAKE_H
#define TESTS_GOLDEN_FAKE_H

#include <stdbool.h>
#include <stdint.h>

/* Lets time pass, calling the timers that fall due on the way, in order. */
void fake_tick(uint64_t us);
uint64_t fake_now(void);
/* Runs what is due now. */
void fake_turn(void);
/* Did anybody call loop_stop()? */
bool fake_stopped(void);
/* Timers and descriptors that nobody freed. */
unsigned fake_handles(void);

/*
 * From fault_arm() to fault_disarm() allocations are counted; number fail
 * (from 0, counted from fault_reset()) finds no memory, and with more all
 * after it.  UINT64_MAX: none.
 */
void fault_reset(uint64_t fail, bool more);
/* Memory and disk are well again. */
void fault_end(void);
void fault_arm(void);
void fault_disarm(void);
/* Counts one, as an allocation does: must it fail? */
bool fault_now(void);
uint64_t fault_count(void);
/* Does an allocation of this run fail? */
bool fault_is_planned(void);

/* Allocations, reads and writes of temporary files fail from now on. */
void fault_memory(bool on);
void fault_read(bool on);
void fault_open(bool on);
void fault_write(bool on);

#endif
