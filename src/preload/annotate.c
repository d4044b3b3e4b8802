/* What a program says of its own blocks. */
#include "preload/memtest_live.h"

#include "heap/heap.h"
#include "preload/preload.h"

#define EXPORTED __attribute__((visibility("default")))

static void block_mark(const void *block, uint8_t flag)
{
    uint8_t busy = mt_thread.busy;

    if (busy) return;
    mt_thread.busy = 1;
    smt_live_mark((uintptr_t)block, flag, 0);
    mt_thread.busy = busy;
}

EXPORTED void smt_live_not_leak(const void *block)
{
    block_mark(block, SMT_LIVE_GREY);
}

EXPORTED void smt_live_ignore(const void *block)
{
    block_mark(block, SMT_LIVE_IGNORED);
}

EXPORTED void smt_live_no_scan(const void *block)
{
    block_mark(block, SMT_LIVE_NO_SCAN);
}
