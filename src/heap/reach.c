#include "heap/reach.h"

#include <stdlib.h>

#include "heap/layout.h"
#include "heap/roots.h"

struct reach {
    struct smt_heap *heap;
    uintptr_t range_from, range_bytes; /* where blocks lie, kept ones too: they lead on */
    uintptr_t zone_from, zone_bytes;
    uint32_t *waiting; /* reached blocks whose contents were not read yet */
    uint32_t waiting_count;
    uint64_t reached;
};

static void pointer_follow(struct reach *reach, uintptr_t value)
{
    struct smt_heap *heap = reach->heap;
    bool guard_page;
    struct smt_block *block;

    block = (struct smt_block *)smt_heap_block_at(heap, value, &guard_page);
    if (!block || block->flags & (SMT_BLOCK_FREED | SMT_BLOCK_REACHED)) return;
    if (value != block->address && value - block->address >= block->size_bytes) return;
    block->flags |= SMT_BLOCK_REACHED;
    if (block >= heap->blocks + heap->first_block) reach->reached++;
    reach->waiting[reach->waiting_count++] = (uint32_t)(block - heap->blocks);
}

/* Contents of other code's memory: races and redzones are not ours to judge. */
__attribute__((no_sanitize("address", "undefined"))) static void
words_scan(struct reach *reach, uintptr_t from, uintptr_t to)
{
    uintptr_t range_from = reach->range_from, range_bytes = reach->range_bytes;
    uintptr_t zone_from = reach->zone_from, zone_bytes = reach->zone_bytes;

    for (uintptr_t at = align_up(from, sizeof(uintptr_t)); at + sizeof(uintptr_t) <= to;
         at += sizeof(uintptr_t)) {
        uintptr_t value = *(const uintptr_t *)at;

        if (value - range_from < range_bytes || value - zone_from < zone_bytes)
            pointer_follow(reach, value);
    }
}

static void range_scan(void *context, uintptr_t object_base, uintptr_t from, uintptr_t to)
{
    (void)object_base;
    words_scan(context, from, to);
}

uint64_t smt_reach_mark(struct smt_heap *heap)
{
    struct reach reach = {
        .heap = heap,
        .range_from = heap->base,
        .range_bytes = heap->bump - heap->base,
        .zone_from = heap->zone.base,
        .zone_bytes = heap->zone.bump - heap->zone.base,
    };

    if (heap->libc_backend) return 0;
    for (uint32_t i = 0; i < heap->block_count; i++) heap->blocks[i].flags &= ~SMT_BLOCK_REACHED;
    reach.waiting = malloc(((size_t)heap->block_count + 1) * sizeof *reach.waiting);
    if (!reach.waiting) return 0;
    smt_roots_each_data(range_scan, &reach);
    smt_roots_each_tls(range_scan, &reach);
    while (reach.waiting_count) {
        const struct smt_block *block = &heap->blocks[reach.waiting[--reach.waiting_count]];

        words_scan(&reach, block->address, block->address + block->size_bytes);
    }
    free(reach.waiting);
    return reach.reached;
}
