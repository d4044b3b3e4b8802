/* memtest_live.h - for programs that know they may be watched: what the scan for
 * unreachable memory cannot know by itself (kmemleak's annotations).
 *
 * The functions are libmtpreload.so's, declared weak: without it in the process
 * nothing is called, and nothing need be linked. */
#ifndef MEMTEST_LIVE_H
#define MEMTEST_LIVE_H

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((weak)) void smt_live_not_leak(const void *block);
__attribute__((weak)) void smt_live_ignore(const void *block);
__attribute__((weak)) void smt_live_no_scan(const void *block);

/* Never reported, though nothing may point to it; what it points to is reached. */
static inline void memtest_not_leak(const void *block)
{
    if (smt_live_not_leak) smt_live_not_leak(block);
}

/* Never reported, and not looked into. */
static inline void memtest_ignore(const void *block)
{
    if (smt_live_ignore) smt_live_ignore(block);
}

/* Holds no pointers: not looked into, but reported when unreachable. */
static inline void memtest_no_scan(const void *block)
{
    if (smt_live_no_scan) smt_live_no_scan(block);
}

#ifdef __cplusplus
}
#endif

#endif
