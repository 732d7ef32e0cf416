/*
 * SCRATCH marks a large local variable that is written before it is read, in a
 * place where its initialization by the compiler (-ftrivial-auto-var-init)
 * would be felt.
 */
#ifndef COMMON_BASE_SCRATCH_H
#define COMMON_BASE_SCRATCH_H

#if defined(__has_attribute)
#if __has_attribute(__uninitialized__)
#define SCRATCH __attribute__((__uninitialized__))
#endif
#endif
#ifndef SCRATCH
#define SCRATCH
#endif

#endif
