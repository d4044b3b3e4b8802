/* heap/check.c - looks at every fence and every freed block. */
#include "heap/layout.h"

/* The first byte from `from` up to `to` that is not `expected`; `to` if none. */
static uintptr_t first_other(uintptr_t from, uintptr_t to, unsigned char expected)
{
    while (from < to && *(const unsigned char *)from == expected) from++;
    return from;
}

/* Fills in the damage at `bad`, looking up to 64 bytes on for its end. */
static bool damage_note(const struct smt_block *block, uintptr_t bad, uintptr_t to,
                        unsigned char expected, struct smt_damage *ret_damage)
{
    uintptr_t last = bad, stop = to - bad > 64 ? bad + 64 : to;

    for (uintptr_t at = bad; at < stop; at++)
        if (*(const unsigned char *)at != expected) last = at;
    *ret_damage = (struct smt_damage){
        .block = block,
        .offset = (ptrdiff_t)(bad - block->address),
        .last_offset = (ptrdiff_t)(last - block->address),
        .expected = expected,
        .found = *(const unsigned char *)bad,
        .after_free = bad >= block->address && bad < block->address + block->size_bytes,
    };
    return false;
}

static bool tag_check(const struct smt_block *block, uint32_t index, struct smt_damage *ret_damage)
{
    uint64_t expected = block_tag(index, block->size_bytes);
    const unsigned char *want = (const unsigned char *)&expected;

    for (uintptr_t i = 0; i < 8; i++) {
        uintptr_t at = block->address - 16 + i;

        if (*(const unsigned char *)at != want[i])
            return damage_note(block, at, at + 1, want[i], ret_damage);
    }
    return true;
}

/* A guarded block: what is left of its pages beside the payload. */
static bool guarded_check(const struct smt_heap *heap, const struct smt_block *block,
                          struct smt_damage *ret_damage)
{
    uintptr_t first, end, payload_end = block->address + block->size_bytes, bad;

    if (block->flags & SMT_BLOCK_FREED) return true;
    smt_zone_pages(heap, block, &first, &end);
    bad = first_other(first, block->address, fence_byte(heap));
    if (bad < block->address)
        return damage_note(block, bad, block->address, fence_byte(heap), ret_damage);
    bad = first_other(payload_end, end, fence_byte(heap));
    if (bad < end) return damage_note(block, bad, end, fence_byte(heap), ret_damage);
    return true;
}

static bool decoys_are_whole(const struct smt_heap *heap, uintptr_t first)
{
    return smt_pattern_check((const void *)first, heap->decoy_bytes) == SMT_PATTERN_INTACT;
}

static bool decoys_check(const struct smt_heap *heap, const struct smt_block *block,
                         struct smt_damage *ret_damage)
{
    const unsigned char *first = (const void *)fence_end(block->address, block->size_bytes);
    size_t bad = smt_pattern_check(first, heap->decoy_bytes), last = bad;

    if (bad == SMT_PATTERN_INTACT) return true;
    for (size_t at = bad; at < heap->decoy_bytes && at < bad + 64; at++)
        if (first[at] != smt_pattern_byte(first, at)) last = at;
    *ret_damage = (struct smt_damage){
        .block = block,
        .offset = (ptrdiff_t)((uintptr_t)first + bad - block->address),
        .last_offset = (ptrdiff_t)((uintptr_t)first + last - block->address),
        .expected = smt_pattern_byte(first, bad),
        .found = first[bad],
    };
    return false;
}

/* The first payload byte of a freed block that is not what was put there. */
static bool payload_check(const struct smt_heap *heap, const struct smt_block *block,
                          struct smt_damage *ret_damage)
{
    uintptr_t from = block->address, end = from + block->size_bytes, bad;

    if (block->size_bytes > 2 * END_BYTES) { /* at least that much was filled */
        bad = first_other(from, from + END_BYTES, fence_byte(heap));
        if (bad < from + END_BYTES)
            return damage_note(block, bad, from + END_BYTES, fence_byte(heap), ret_damage);
        from = end - END_BYTES;
    }
    bad = first_other(from, end, fence_byte(heap));
    return bad == end || damage_note(block, bad, end, fence_byte(heap), ret_damage);
}

/* A block of the range that is known to be damaged somewhere. */
static bool damage_find(const struct smt_heap *heap, const struct smt_block *block, uint32_t index,
                        struct smt_damage *ret_damage)
{
    uintptr_t payload_end = block->address + block->size_bytes;
    uintptr_t end = fence_end(block->address, block->size_bytes), bad;

    if (!tag_check(block, index, ret_damage)) return false;
    bad = first_other(block->address - 8, block->address, fence_byte(heap));
    if (bad < block->address)
        return damage_note(block, bad, block->address, fence_byte(heap), ret_damage);
    if (block->flags & SMT_BLOCK_FREED && !payload_check(heap, block, ret_damage)) return false;
    bad = first_other(payload_end, end, fence_byte(heap));
    if (bad < end) return damage_note(block, bad, end, fence_byte(heap), ret_damage);
    return decoys_check(heap, block, ret_damage);
}

/* The quick look at a block of the range; what is wrong is found out slowly. */
static inline bool block_is_whole(const struct smt_heap *heap, const struct smt_block *block,
                                  uint32_t index)
{
    uintptr_t address = block->address, tail = address + block->size_bytes;
    uintptr_t end = fence_end(address, block->size_bytes), last = end - LINE_BYTES;
    uint64_t word = heap->fence, difference;

    difference = (word_load(address - 16) ^ block_tag(index, block->size_bytes)) |
                 (word_load(address - 8) ^ word);
    if (heap->decoy_bytes && !decoys_are_whole(heap, end)) return false;
    if (block->flags & SMT_BLOCK_FREED) return !difference && lines_are_even(address, last, word);
    return !difference && lines_are_even(tail, last, word);
}

bool smt_block_check(const struct smt_heap *heap, const struct smt_block *block, uint32_t index,
                     struct smt_damage *ret_damage)
{
    if (block->flags & SMT_BLOCK_GUARDED) return guarded_check(heap, block, ret_damage);
    return block_is_whole(heap, block, index) || damage_find(heap, block, index, ret_damage);
}

uint64_t smt_heap_check(struct smt_heap *heap, struct smt_damage *ret_damage)
{
    uint64_t damaged = heap->evicted_damages;
    struct smt_damage damage;

    *ret_damage = heap->evicted_damage;
    if (!heap->check_content || heap->libc_backend) return 0;
    for (uint32_t i = heap->first_block; i < heap->block_count; i++) {
        const struct smt_block *block = &heap->blocks[i];

        if (!(block->flags & (SMT_BLOCK_GUARDED | SMT_BLOCK_EVICTED)) &&
            block_is_whole(heap, block, i))
            continue;
        if (block->flags & SMT_BLOCK_EVICTED || smt_block_check(heap, block, i, &damage)) continue;
        if (!damaged++) *ret_damage = damage;
    }
    return damaged;
}

size_t smt_heap_peek(const struct smt_heap *heap, const struct smt_block *block, ptrdiff_t from,
                     unsigned char *ret_bytes, size_t count)
{
    uintptr_t at = block->address + (uintptr_t)from, first, end;

    if (block->flags & SMT_BLOCK_GUARDED) {
        if (block->flags & SMT_BLOCK_FREED) return 0;
        smt_zone_pages(heap, block, &first, &end);
    } else {
        first = block->address - FRONT_BYTES;
        end = fence_end(block->address, block->size_bytes) + heap->decoy_bytes;
    }
    if (at < first || at >= end) return 0;
    if (count > end - at) count = end - at;
    memcpy(ret_bytes, (const void *)at, count);
    return count;
}
