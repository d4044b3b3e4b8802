/* heap/query.c - what the heap knows of its blocks; changes nothing. */
#include "heap/layout.h"

void smt_heap_stats(const struct smt_heap *heap, struct smt_heap_stats *ret_stats)
{
    *ret_stats = (struct smt_heap_stats){
        .attempts = heap->attempt,
        .refusals = heap->refusals,
        .first_refused = heap->first_refused,
        .refused_hash = heap->refused_hash,
        .least_needed = heap->least_needed,
        .sequence_hash = heap->hash,
        .live_blocks = heap->live_blocks - heap->kept_blocks,
        .live_bytes = heap->live_bytes - heap->kept_bytes,
        .peak_bytes = heap->peak_bytes,
        .used_bytes = heap->bump - heap->mark,
        .bad_free = heap->bad_free,
        .bad_free_address = heap->bad_free_address,
        .bad_free_caller = heap->bad_free_caller,
        .bad_free_attempt = heap->bad_free_attempt,
        .bad_frees = heap->bad_frees,
        .exhausted = heap->exhausted,
        .kept_changed = heap->kept_changed,
    };
}

const struct smt_block *smt_heap_block(const struct smt_heap *heap, uint64_t index)
{
    return index < heap->block_count - heap->first_block ? &heap->blocks[heap->first_block + index]
                                                         : NULL;
}

const struct smt_block *smt_heap_block_of_attempt(const struct smt_heap *heap, uint64_t attempt)
{
    size_t low = heap->first_block, high = heap->block_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (heap->blocks[middle].attempt < attempt)
            low = middle + 1;
        else
            high = middle;
    }
    return low < heap->block_count && heap->blocks[low].attempt == attempt ? &heap->blocks[low]
                                                                           : NULL;
}

bool smt_heap_owns(const struct smt_heap *heap, uintptr_t address)
{
    return address - heap->base < heap->end - heap->base ||
           address - heap->zone.base < heap->zone.end - heap->zone.base;
}

const struct smt_block *smt_heap_block_at(const struct smt_heap *heap, uintptr_t address,
                                          bool *ret_guard_page)
{
    uint32_t low = 0, high = heap->block_count;

    *ret_guard_page = false;
    if (address - heap->zone.base < heap->zone.end - heap->zone.base) {
        uint32_t index = smt_zone_find(heap, address);
        uintptr_t first, end;

        if (index >= heap->block_count) return NULL;
        smt_zone_pages(heap, &heap->blocks[index], &first, &end);
        *ret_guard_page =
            address < first || address >= end || heap->blocks[index].flags & SMT_BLOCK_FREED;
        return &heap->blocks[index];
    }
    if (address - heap->base >= heap->bump - heap->base) return NULL;
    /* blocks of the range lie in rising order; guarded ones in between are skipped */
    while (low < high) {
        uint32_t middle = (low + high) / 2, probe = middle;

        while (probe < high && heap->blocks[probe].flags & SMT_BLOCK_GUARDED) probe++;
        if (probe == high)
            high = middle;
        else if (heap->blocks[probe].address - FRONT_BYTES <= address)
            low = probe + 1;
        else
            high = middle;
    }
    while (low && heap->blocks[low - 1].flags & SMT_BLOCK_GUARDED) low--;
    return low ? &heap->blocks[low - 1] : NULL;
}

bool smt_heap_owns_in_use(const void *address)
{
    return smt_heap_current && smt_heap_owns(smt_heap_current, (uintptr_t)address);
}

size_t smt_heap_size_in_use(const void *memory)
{
    bool guard_page;
    const struct smt_block *block =
        smt_heap_block_at(smt_heap_current, (uintptr_t)memory, &guard_page);

    if (!block || block->address != (uintptr_t)memory || block->flags & SMT_BLOCK_FREED) return 0;
    return block->size_bytes;
}
