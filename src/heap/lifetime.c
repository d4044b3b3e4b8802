/* heap/lifetime.c - a heap's and a run's beginning and end. */
#include <stdlib.h>
#include <sys/mman.h>

#include "heap/layout.h"

#define RANGE_BYTES_MOST  (64ull << 30)
#define RANGE_BYTES_LEAST (256ull << 20)
#define OPEN_STEP         (16u << 20)
#define BLOCKS_MOST       (32u << 20)
#define RESIDENT_FACTOR   8u         /* quarantines of pages that stay from run to run */
#define RESIDENT_RECORDS  (4u << 20) /* bytes of block records, kept from run to run */

struct smt_heap *smt_heap_current;

static void *reserve(void *wish, size_t size_bytes, int protection)
{
    void *memory =
        mmap(wish, size_bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static void heap_unreserve(struct smt_heap *heap)
{
    size_t chunks = (heap->end - heap->base) / CHUNK_BYTES + 1;

    munmap((void *)heap->base, heap->end - heap->base);
    if (heap->blocks) munmap(heap->blocks, (size_t)heap->block_capacity * sizeof *heap->blocks);
    if (heap->evicted_of_chunk)
        munmap(heap->evicted_of_chunk, chunks * sizeof *heap->evicted_of_chunk);
    smt_zone_free(&heap->zone);
}

/* Reserves a range of `size` bytes and the tables that go with it, or nothing. */
static bool heap_reserve(struct smt_heap *heap, size_t size)
{
    int access = PROT_READ | PROT_WRITE;

    heap->base = heap->open_end = (uintptr_t)reserve(RANGE_ADDRESS, size, PROT_NONE);
    if (!heap->base) return false;
    heap->end = heap->base + size;
    heap->block_capacity = (uint32_t)(size / 48 < BLOCKS_MOST ? size / 48 : BLOCKS_MOST);
    heap->blocks = reserve(NULL, (size_t)heap->block_capacity * sizeof *heap->blocks, access);
    heap->evicted_of_chunk =
        reserve(NULL, (size / CHUNK_BYTES + 1) * sizeof *heap->evicted_of_chunk, access);
    if (heap->blocks && heap->evicted_of_chunk && smt_zone_new(&heap->zone)) return true;
    heap_unreserve(heap);
    return false;
}

bool smt_heap_open(struct smt_heap *heap, size_t size_bytes)
{
    size_t left = heap->end - heap->open_end, opened;

    if (size_bytes > heap->end - heap->bump) return false;
    if (size_bytes <= heap->open_end - heap->bump) return true;
    opened = align_up(heap->bump + size_bytes - heap->open_end, OPEN_STEP);
    if (opened > left) opened = left;
    if (smt_memory_resident() > heap->resident_most) return false;
    if (mprotect((void *)heap->open_end, opened, PROT_READ | PROT_WRITE) != 0) return false;
    heap->open_end += opened;
    return true;
}

/* Eviction is about what is checked; pages go later, see range_trim(). */
static void resident_set(struct smt_heap *heap)
{
    uintptr_t from = align_up(heap->mark, CHUNK_BYTES);
    size_t room = heap->end > from ? heap->end - from : 0;

    heap->resident_end =
        heap->quarantine_bytes > room / RESIDENT_FACTOR
            ? heap->end
            : from + align_up(RESIDENT_FACTOR * heap->quarantine_bytes, CHUNK_BYTES);
}

enum smt_status smt_heap_new(size_t quarantine_bytes, bool libc_backend, struct smt_heap **ret_heap)
{
    struct smt_heap *heap = calloc(1, sizeof *heap);
    size_t size = libc_backend ? HEAP_PAGE : RANGE_BYTES_MOST;

    if (!heap) return smt_fail(SMT_ENOMEM, "out of memory for the heap's own records");
    while (!heap_reserve(heap, size)) {
        if (size <= RANGE_BYTES_LEAST) {
            free(heap);
            return smt_fail(SMT_ENOMEM,
                            "cannot reserve %zu bytes of addresses for the heap (see ulimit -v)",
                            (size_t)RANGE_BYTES_LEAST);
        }
        size /= 2;
    }
    heap->mark = heap->bump = heap->base;
    heap->quarantine_bytes = quarantine_bytes;
    heap->resident_most = smt_memory_allowed() / 2;
    resident_set(heap);
    (void)smt_heap_open(heap, 1); /* while there are mappings left, which page passes use up */
    heap->libc_backend = libc_backend;
    smt_heap_begin(heap, &(struct smt_heap_settings){0});
    *ret_heap = heap;
    return SMT_OK;
}

void smt_heap_free(struct smt_heap *heap)
{
    if (!heap) return;
    if (smt_heap_current == heap) smt_heap_current = NULL;
    heap_unreserve(heap);
    free(heap);
}

void smt_heap_place_decoys(struct smt_heap *heap, unsigned count)
{
    heap->decoy_bytes = (size_t)count * SMT_DECOY_BYTES;
}

void smt_heap_use(struct smt_heap *heap)
{
    smt_heap_current = heap;
}

/* Of what the last run touched, the system may take back at need what lies
 * beyond a quarantine's worth, and has back what lies beyond eight. Pages that
 * stay need not be faulted in again, which costs more than the parser. */
static void range_trim(struct smt_heap *heap)
{
    uintptr_t spare = align_up(heap->mark + heap->quarantine_bytes, CHUNK_BYTES);
    uintptr_t from = heap->resident_end;
    uintptr_t records = align_up((uintptr_t)(heap->blocks + heap->first_block), HEAP_PAGE),
              records_end = (uintptr_t)(heap->blocks + heap->block_count);

    if (heap->bump > spare && spare < from)
        madvise((void *)spare, (heap->bump < from ? heap->bump : from) - spare, MADV_FREE);
    if (heap->bump > from) madvise((void *)from, heap->bump - from, MADV_DONTNEED);
    records += RESIDENT_RECORDS;
    if (records_end > records) madvise((void *)records, records_end - records, MADV_DONTNEED);
    if (heap->evicted_any && heap->bump > from) {
        size_t first = (from - heap->base) / CHUNK_BYTES;

        memset(heap->evicted_of_chunk + first, 0,
               ((heap->bump - heap->base) / CHUNK_BYTES + 1 - first) *
                   sizeof *heap->evicted_of_chunk);
    }
}

/* Fences differ from every fill, and with the fill, so that bytes read from
 * beside a block, or from a freed one, show in the fill differential too. */
uint64_t smt_heap_poison(enum smt_fill fill)
{
    static const unsigned char bytes[] = {
        [SMT_FILL_BYTE] = 0xFB, [SMT_FILL_ZERO] = 0x2C, [SMT_FILL_ADDRESS] = 0x93};

    return bytes[fill] * 0x0101010101010101u;
}

void smt_heap_begin(struct smt_heap *heap, const struct smt_heap_settings *settings)
{
    range_trim(heap);
    if (heap->zone.bump > heap->zone.base) smt_zone_reset(&heap->zone, smt_zone_gap(heap));
    heap->bump = heap->mark;
    heap->block_count = heap->first_block;
    heap->settings = *settings;
    heap->check_content = settings->check_content;
    heap->fill = settings->fill;
    heap->fence = smt_heap_poison(settings->fill);
    heap->attempt = 0;
    heap->hash = 0x9E3779B97F4A7C15u;
    heap->live_blocks = heap->kept_blocks;
    heap->live_bytes = heap->kept_bytes;
    heap->peak_bytes = 0;
    heap->freed_bytes = 0;
    heap->oldest_freed = heap->newest_freed = NO_BLOCK;
    heap->refusals = heap->first_refused = heap->refused_hash = 0;
    heap->least_needed = UINT64_MAX;
    heap->bad_free = SMT_BAD_FREE_NONE;
    heap->bad_frees = heap->bad_free_attempt = 0;
    heap->exhausted = heap->evicted_any = heap->kept_changed = false;
    heap->evicted_damages = 0;
    heap->evicted_damage.block = NULL;
    smt_fault_arm(&heap->fault, settings->plan ? settings->plan : &heap->no_plan);
    heap->next_event = event_next(heap);
    if (heap->libc_backend || settings->observer || settings->prefix_hashes ||
        settings->other_first || settings->guard.mode != SMT_GUARD_NONE)
        heap->next_event = 0;
}

void smt_heap_keep(struct smt_heap *heap)
{
    heap->mark = heap->bump;
    resident_set(heap);
    heap->first_block = heap->block_count;
    heap->kept_blocks = heap->live_blocks;
    heap->kept_bytes = heap->live_bytes;
}
