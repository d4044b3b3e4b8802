/* What the tests of the instrumented heap share: a heap in use, and runs on it. */
#ifndef HEAP_FIXTURE_H
#define HEAP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "heap/heap.h"

static struct smt_heap *heap;

static inline int heap_set_up_with(size_t quarantine_bytes)
{
    if (smt_heap_new(quarantine_bytes, false, &heap) != SMT_OK) return -1;
    smt_heap_use(heap);
    return 0;
}

static inline int heap_set_up(void **state)
{
    (void)state;
    return heap_set_up_with(SMT_QUARANTINE_BYTES);
}

static inline int heap_tear_down(void **state)
{
    (void)state;
    smt_heap_free(heap);
    heap = NULL;
    return 0;
}

/* Begins a run with fences and fills, and whatever else `settings` asks for. */
static inline void run_begin(struct smt_heap_settings settings)
{
    settings.check_content = true;
    smt_heap_begin(heap, &settings);
}

static inline void plain_begin(void)
{
    run_begin((struct smt_heap_settings){.fill = SMT_FILL_BYTE});
}

static inline struct smt_heap_stats stats_of(void)
{
    struct smt_heap_stats stats;

    smt_heap_stats(heap, &stats);
    return stats;
}

/* Keeps compilers from knowing what a pointer points to. */
static inline void *opaque(void *pointer)
{
    __asm__ volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

/* Changes the byte at `offset` of a block, whatever lies there. */
static inline void poke(void *block, ptrdiff_t offset)
{
    volatile unsigned char *at = (volatile unsigned char *)opaque(block) + offset;

    *at ^= 0x55;
}

static inline struct smt_damage damage_of(uint64_t damaged_blocks)
{
    struct smt_damage damage;

    assert_int_equal(smt_heap_check(heap, &damage), damaged_blocks);
    return damage;
}

#endif
