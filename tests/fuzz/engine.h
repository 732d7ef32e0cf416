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
fuzz_engine_new(int argc, char **argv, const struct judge_rules *);
/*
 * Lets all deadlines pass, checks that everything was answered, ends all
 * sessions, checks that nothing is left: no session, message, timer or
 * descriptor, and the memory is back.
 */
void fuzz_engine_free(struct fuzz_engine *);

/* A line, if the real smtpd would send it now. */
void fuzz_engine_line(struct fuzz_engine *, struct str line);
void fuzz_engine_tick(struct fuzz_engine *, unsigned ms);
/* SIGHUP or SIGUSR1. */
void fuzz_engine_signal(struct fuzz_engine *, bool hup);
/* With FUZZ_TRACE in the environment: one line on stderr. */
void fuzz_engine_trace(const char *what, struct str text);

#endif
