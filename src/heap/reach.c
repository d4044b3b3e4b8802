#include "heap/reach.h"

#include <stdlib.h>

#include "heap/layout.h"
#include "heap/roots.h"

#define SCAN_LINES 4

/* Four halves of words, anywhere in memory. */
typedef int32_t scan_line __attribute__((vector_size(LINE_BYTES), aligned(8), may_alias));

struct reach {
    struct smt_heap *heap;
    uintptr_t range_from, range_bytes; /* where blocks lie, kept ones too: they lead on */
    uintptr_t zone_from, zone_bytes;
    int32_t range_upper, zone_upper; /* halves of every pointer there, if has_uppers */
    bool has_uppers;
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
words_follow(struct reach *reach, uintptr_t from, uintptr_t to)
{
    uintptr_t range_from = reach->range_from, range_bytes = reach->range_bytes;
    uintptr_t zone_from = reach->zone_from, zone_bytes = reach->zone_bytes;

    for (uintptr_t at = from; at + sizeof(uintptr_t) <= to; at += sizeof(uintptr_t)) {
        uintptr_t value = *(const uintptr_t *)at;

        if (value - range_from < range_bytes || value - zone_from < zone_bytes)
            pointer_follow(reach, value);
    }
}

/* Nearly all words of static data lead nowhere. The upper halves of all pointers
 * into the range are one number as long as it does not cross a multiple of 4 GiB,
 * so eight words at a time are compared with it, without the bits in which it
 * differs from that of the zone. Who passes is looked at. */
__attribute__((no_sanitize("address", "undefined"))) static void
words_scan(struct reach *reach, uintptr_t from, uintptr_t to)
{
    const int32_t mask = ~(reach->range_upper ^ reach->zone_upper),
                  want = reach->range_upper & mask;
    const scan_line masks = {mask, mask, mask, mask}, wants = {want, want, want, want};
    uintptr_t at = align_up(from, sizeof(uintptr_t));

    for (; reach->has_uppers && at + SCAN_LINES * LINE_BYTES <= to; at += SCAN_LINES * LINE_BYTES) {
        const scan_line *lines = (const scan_line *)at;
        heap_line hits = (heap_line)(((lines[0] & masks) == wants) | ((lines[1] & masks) == wants) |
                                     ((lines[2] & masks) == wants) | ((lines[3] & masks) == wants));

        if (hits[0] | hits[1]) words_follow(reach, at, at + SCAN_LINES * LINE_BYTES);
    }
    words_follow(reach, at, to);
}

static void range_scan(void *context, uintptr_t object_base, uintptr_t from, uintptr_t to)
{
    (void)object_base;
    words_scan(context, from, to);
}

/* The upper half of all addresses in the range, if they have but one. */
static bool upper_of(uintptr_t from, uintptr_t bytes, int32_t *ret_upper)
{
    *ret_upper = (int32_t)(from >> 32);
    return !bytes || from >> 32 == (from + bytes - 1) >> 32;
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
    reach.has_uppers = upper_of(reach.range_from, reach.range_bytes, &reach.range_upper) &&
                       upper_of(reach.zone_from, reach.zone_bytes, &reach.zone_upper);
    if (!reach.zone_bytes) reach.zone_upper = reach.range_upper;
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
