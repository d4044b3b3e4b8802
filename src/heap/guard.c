/* heap/guard.c - guarded blocks: page passes and replays that must catch a bad
 * access on its very instruction. A mapping or two are spent on each live one;
 * the system allows about 65,000, so callers guard at most 20,000 at a time. */
#include <sys/mman.h>

#include "heap/layout.h"

#define ZONE_BYTES (32ull << 30)

bool smt_zone_new(struct heap_zone *zone)
{
    for (size_t size = ZONE_BYTES; size >= 64u << 20; size /= 2) {
        void *base =
            mmap(ZONE_ADDRESS, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        void *table = mmap(NULL, size / HEAP_PAGE * sizeof(uint32_t), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (base != MAP_FAILED && table != MAP_FAILED) {
            *zone =
                (struct heap_zone){(uintptr_t)base, (uintptr_t)base, (uintptr_t)base + size, table};
            return true;
        }
        if (base != MAP_FAILED) munmap(base, size);
        if (table != MAP_FAILED) munmap(table, size / HEAP_PAGE * sizeof(uint32_t));
    }
    return false;
}

void smt_zone_free(struct heap_zone *zone)
{
    if (!zone->base) return;
    munmap((void *)zone->base, zone->end - zone->base);
    munmap(zone->block_of_page, (zone->end - zone->base) / HEAP_PAGE * sizeof(uint32_t));
}

void smt_zone_reset(struct heap_zone *zone, size_t gap)
{
    size_t used = zone->bump - zone->base + gap;

    mmap((void *)zone->base, used, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    memset(zone->block_of_page, 0, used / HEAP_PAGE * sizeof(uint32_t));
    zone->bump = zone->base;
}

/* An object's size is a multiple of its alignment: the lowest set bit of the
 * size bounds the alignment anyone may expect. */
static size_t natural_alignment(size_t size_bytes)
{
    size_t lowest = size_bytes & -size_bytes;

    return !lowest || lowest > HEAP_ALIGNMENT ? HEAP_ALIGNMENT : lowest;
}

uintptr_t smt_zone_place(struct smt_heap *heap, size_t size_bytes, uint32_t index)
{
    struct heap_zone *zone = &heap->zone;
    size_t alignment = natural_alignment(size_bytes);
    size_t pages, aligned, gap = smt_zone_gap(heap);
    uintptr_t first = zone->bump + gap, end, address;

    if (alignment < heap->settings.guard.least_alignment)
        alignment = heap->settings.guard.least_alignment;
    if (size_bytes > zone->end - zone->bump ||
        zone->end - zone->bump - size_bytes < 2 * gap + HEAP_PAGE)
        return 0;
    aligned = align_up(size_bytes, alignment);
    pages = (aligned ? aligned + HEAP_PAGE - 1 : HEAP_PAGE) / HEAP_PAGE;
    end = first + pages * HEAP_PAGE;
    if (end + gap > zone->end) return 0;
    if (mprotect((void *)first, end - first, PROT_READ | PROT_WRITE) != 0) return 0;
    address = heap->settings.guard.mode == SMT_GUARD_TAIL ? end - aligned : first;
    if (heap->check_content) {
        memset((void *)first, fence_byte(heap), address - first);
        memset((void *)(address + size_bytes), fence_byte(heap), end - address - size_bytes);
    }
    /* The gap after it belongs to this block in a tail pass. In a head pass the one before does,
     * and the other until a block comes behind. */
    if (heap->settings.guard.mode != SMT_GUARD_TAIL) first -= gap;
    pages = (end + gap - first) / HEAP_PAGE;
    for (size_t i = 0; i < pages; i++)
        zone->block_of_page[(first - zone->base) / HEAP_PAGE + i] = index + 1;
    zone->bump = end;
    return address;
}

void smt_zone_pages(const struct smt_heap *heap, const struct smt_block *block,
                    uintptr_t *ret_first, uintptr_t *ret_end)
{
    uintptr_t end = block->address + block->size_bytes;

    if (heap->settings.guard.mode == SMT_GUARD_TAIL) {
        *ret_end = align_up(end, HEAP_PAGE);
        *ret_first = block->address & ~(uintptr_t)(HEAP_PAGE - 1);
        if (*ret_first == *ret_end) *ret_first -= HEAP_PAGE; /* size 0, at the edge */
    } else {
        *ret_first = block->address;
        *ret_end = align_up(block->size_bytes ? end : end + 1, HEAP_PAGE);
    }
}

void smt_zone_protect(struct smt_heap *heap, const struct smt_block *block)
{
    uintptr_t first, end;

    smt_zone_pages(heap, block, &first, &end);
    /* fresh pages in one call: nobody may read the old ones any more */
    mmap((void *)first, end - first, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

uint32_t smt_zone_find(const struct smt_heap *heap, uintptr_t address)
{
    const struct heap_zone *zone = &heap->zone;
    const uint32_t *of_page = zone->block_of_page;
    uint32_t found = of_page[(address - zone->base) / HEAP_PAGE];
    size_t gap = smt_zone_gap(heap);
    uintptr_t block;

    if (!found || heap->settings.guard.mode != SMT_GUARD_HEAD) return found ? found - 1 : NO_BLOCK;
    /* The gap before it is the block's. But who comes into the first half of that most
     * likely ran on from the block in front, through all of its last page. */
    block = heap->blocks[found - 1].address;
    if (address < block - gap / 2 && block - gap > zone->base)
        found = of_page[(block - gap - zone->base) / HEAP_PAGE - 1];
    return found ? found - 1 : NO_BLOCK;
}
