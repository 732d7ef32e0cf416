/*
 * SANITIZER: 1 if this is built with AddressSanitizer, which does not get
 * along with a sandbox, and must see all memory.
 */
#ifndef COMMON_BASE_SANITIZER_H
#define COMMON_BASE_SANITIZER_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER 1
#endif
#ifndef SANITIZER
#define SANITIZER 0
#endif

#endif
