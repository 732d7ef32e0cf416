/*
 * A filter's engine under a fuzzer: lines of smtpd go in, a judge looks at
 * what comes out.
 */
#ifndef TESTS_FUZZ_ENGINE_H
#define TESTS_FUZZ_ENGINE_H

#include "common/engine/filter.h"
#include "tests/golden/judge.h"

/* The filter's own main(), which calls filter_main() with its struct. */
int filter_entry(int argc, char **argv);

struct fuzz_engine;

/* Starts the filter with these options; handshake done. */
struct fuzz_engine *
fuzz_engine_new(int argc, char **argv, enum judge_whole, int added);
/*
 * Lets all deadlines pass, checks that everything was answered, ends all
 * sessions, checks that nothing is left.
 */
void fuzz_engine_free(struct fuzz_engine *);

/* A line, if the real smtpd would send it now. */
void fuzz_engine_line(struct fuzz_engine *, struct str line);
void fuzz_engine_tick(struct fuzz_engine *, unsigned ms);

#endif
