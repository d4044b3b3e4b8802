#include "heap/live.h"

#include <time.h>

#include "base/base.h"
#include "heap/live_memory.h"

#define SHARDS        64
#define CHUNK_RECORDS 65536u
#define CHUNKS_MAX    16384u /* 2^30 blocks */
#define CLAIM         64u    /* records a shard takes at a time */
#define BUCKETS_FIRST 256u
#define ADDRESS_MASK  (((uint64_t)1 << 48) - 1)
#define SIZE_MASK     (((uint64_t)1 << 40) - 1)
#define STACK_MASK    0xFFFFFFu

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct shard {
    struct smt_lock lock;
    uint32_t bucket_mask;
    uint32_t *buckets;   /* record numbers; 0: empty */
    uint32_t free_first; /* list of free records, by `next` */
    uint32_t blocks;
    uint64_t bytes, allocations, lost;
} __attribute__((aligned(64)));

static struct shard shards[SHARDS];
static struct smt_live_block *chunks[CHUNKS_MAX];
static uint32_t *checksums[CHUNKS_MAX];  /* beside the chunks, where a scan needs them */
static _Atomic uint32_t records_claimed; /* number 0 is never given out */
static struct smt_lock chunks_lock;
static _Atomic uint64_t last_number;
static uint64_t start_cs;

static uint64_t clock_cs(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 100 + (uint64_t)now.tv_nsec / 10000000;
}

bool smt_live_init(void)
{
    if (start_cs) return true;
    atomic_store(&records_claimed, CLAIM);
    start_cs = clock_cs() - 1; /* nothing is as old as 0 */
    return true;
}

uint32_t smt_live_now_cs(void)
{
    return (uint32_t)(clock_cs() - start_cs);
}

static inline struct shard *shard_of(uintptr_t address)
{
    return &shards[((address >> 16) * 0x9E3779B97F4A7C15u) >> 58];
}

_Static_assert(SHARDS == 64, "a shard's number has 6 bits");

/* Neighbouring blocks come to neighbouring buckets. */
static inline uint32_t bucket_of(const struct shard *shard, uintptr_t address)
{
    uint32_t region = (uint32_t)(((address >> 12) * 0x9E3779B97F4A7C15u) >> 32);

    return ((region & ~255u) + ((uint32_t)(address >> 4) & 255u)) & shard->bucket_mask;
}

static inline struct smt_live_block *record_at(uint32_t number)
{
    return &chunks[number / CHUNK_RECORDS][number % CHUNK_RECORDS];
}

/* --- records --- */

/* Makes sure that the chunk of these records is there. */
static bool chunk_ensure(uint32_t number)
{
    struct smt_live_block **chunk = &chunks[number / CHUNK_RECORDS];

    if (number / CHUNK_RECORDS >= CHUNKS_MAX) return false;
    if (__atomic_load_n(chunk, __ATOMIC_ACQUIRE)) return true;
    smt_lock_take(&chunks_lock);
    if (!*chunk)
        __atomic_store_n(chunk, smt_pages_new(CHUNK_RECORDS * sizeof **chunk, 0), __ATOMIC_RELEASE);
    smt_lock_give(&chunks_lock);
    return *chunk != NULL;
}

__attribute__((noinline)) static bool records_claim(struct shard *shard)
{
    uint32_t first = atomic_fetch_add(&records_claimed, CLAIM);

    if (first > UINT32_MAX - 2 * CLAIM || !chunk_ensure(first)) return false;
    for (uint32_t number = first + CLAIM; number-- > first;) {
        record_at(number)->next = shard->free_first;
        shard->free_first = number;
    }
    return true;
}

/* --- buckets --- */

static void buckets_free(uint32_t *buckets, uint32_t mask)
{
    if (buckets) smt_pages_free(buckets, ((size_t)mask + 1) * sizeof *buckets);
}

/* Twice as many; with no memory for them, what is there must do. */
__attribute__((noinline)) static bool buckets_grow(struct shard *shard)
{
    uint32_t *old = shard->buckets, old_mask = shard->bucket_mask;
    uint32_t count = old ? (old_mask + 1) * 2 : BUCKETS_FIRST;
    uint32_t *buckets = smt_pages_new(count * sizeof *buckets, 0);

    if (!buckets) return old != NULL;
    shard->buckets = buckets;
    shard->bucket_mask = count - 1;
    for (uint32_t i = 0; old && i <= old_mask; i++)
        for (uint32_t number = old[i], next; number; number = next) {
            struct smt_live_block *block = record_at(number);
            uint32_t bucket = bucket_of(shard, block->address);

            next = block->next;
            block->next = buckets[bucket];
            buckets[bucket] = number;
        }
    buckets_free(old, old_mask);
    return true;
}

/* The place that holds the record's number, or the bucket's end. */
static inline uint32_t *place_find(struct shard *shard, uintptr_t address)
{
    uint32_t *place = &shard->buckets[bucket_of(shard, address)];

    while (*place) {
        struct smt_live_block *block = record_at(*place);

        if (likely(block->address == address)) break;
        place = &block->next;
    }
    return place;
}

/* Puts a block in; NULL: no memory. */
static struct smt_live_block *block_place(struct shard *shard, uintptr_t address)
{
    struct smt_live_block *block;
    uint32_t *place, number;

    if (unlikely(shard->blocks > shard->bucket_mask / 2 || !shard->buckets) && !buckets_grow(shard))
        return NULL;
    place = place_find(shard, address);
    if (unlikely(*place)) { /* freed behind our back */
        block = record_at(*place);
        shard->bytes -= block->size_bytes;
        return block;
    }
    if (unlikely(!shard->free_first) && !records_claim(shard)) return NULL;
    number = shard->free_first;
    block = record_at(number);
    shard->free_first = block->next;
    block->next = 0;
    block->address = address & ADDRESS_MASK;
    *place = number;
    shard->blocks++;
    return block;
}

void smt_live_add(uintptr_t address, size_t size_bytes, uint32_t stack, uint16_t epoch,
                  uint8_t flags)
{
    struct shard *shard = shard_of(address);
    uint64_t number = atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed) + 1;
    uint32_t now_cs = smt_live_now_cs();
    struct smt_live_block *block;

    if (unlikely(size_bytes > SIZE_MASK)) size_bytes = SIZE_MASK;
    smt_lock_take(&shard->lock);
    block = block_place(shard, address);
    if (likely(block)) {
        block->size_bytes = size_bytes & SIZE_MASK;
        block->number = number & ADDRESS_MASK;
        block->stack = stack & STACK_MASK;
        block->since_cs = now_cs;
        block->epoch = epoch;
        block->flags = flags;
        block->misses = 0;
        shard->allocations++;
        shard->bytes += size_bytes;
    } else {
        shard->lost++;
    }
    smt_lock_give(&shard->lock);
}

void smt_live_restore(const struct smt_live_block *block)
{
    struct shard *shard = shard_of(block->address);
    struct smt_live_block *place;

    smt_lock_take(&shard->lock);
    place = block_place(shard, block->address);
    if (place) {
        uint32_t next = place->next;

        *place = *block;
        place->next = next;
        shard->bytes += block->size_bytes;
    } else {
        shard->lost++;
    }
    smt_lock_give(&shard->lock);
}

void smt_live_expect(uintptr_t address)
{
    struct shard *shard = shard_of(address);
    uint32_t *buckets = __atomic_load_n(&shard->buckets, __ATOMIC_RELAXED);
    uint32_t next = __atomic_load_n(&shard->free_first, __ATOMIC_RELAXED);

    /* Without the lock: whatever comes out, a prefetch of it does no harm. */
    if (likely(buckets)) __builtin_prefetch(&buckets[bucket_of(shard, address)], 1);
    if (likely(next)) __builtin_prefetch(record_at(next), 1);
}

bool smt_live_remove(uintptr_t address, struct smt_live_block *ret_block)
{
    struct shard *shard = shard_of(address);
    struct smt_live_block *block;
    uint32_t *place, number;

    smt_lock_take(&shard->lock);
    if (unlikely(!shard->buckets) || unlikely(!*(place = place_find(shard, address)))) {
        smt_lock_give(&shard->lock);
        return false;
    }
    number = *place;
    block = record_at(number);
    *ret_block = *block;
    *place = block->next;
    block->address = 0;
    block->next = shard->free_first;
    shard->free_first = number;
    shard->blocks--;
    shard->bytes -= ret_block->size_bytes;
    smt_lock_give(&shard->lock);
    return true;
}

static void block_copy(void *context, struct smt_live_block *block)
{
    *(struct smt_live_block *)context = *block;
}

bool smt_live_find(uintptr_t address, struct smt_live_block *ret_block)
{
    return smt_live_with(address, block_copy, ret_block);
}

struct mark {
    uint8_t set, cleared;
};

static void block_mark(void *context, struct smt_live_block *block)
{
    const struct mark *mark = context;

    block->flags = (uint8_t)((block->flags | mark->set) & ~mark->cleared);
}

bool smt_live_mark(uintptr_t address, uint8_t set, uint8_t cleared)
{
    struct mark mark = {set, cleared};

    return smt_live_with(address, block_mark, &mark);
}

bool smt_live_with(uintptr_t address, void (*visit)(void *context, struct smt_live_block *block),
                   void *context)
{
    struct shard *shard = shard_of(address);
    uint32_t number;

    smt_lock_take(&shard->lock);
    number = shard->buckets ? *place_find(shard, address) : 0;
    if (number) visit(context, record_at(number));
    smt_lock_give(&shard->lock);
    return number != 0;
}

static bool shard_each(struct shard *shard,
                       bool (*visit)(void *context, struct smt_live_block *block), void *context)
{
    for (uint32_t i = 0; shard->buckets && i <= shard->bucket_mask; i++)
        for (uint32_t number = shard->buckets[i]; number; number = record_at(number)->next)
            if (!visit(context, record_at(number))) return false;
    return true;
}

void smt_live_each(bool (*visit)(void *context, struct smt_live_block *block), void *context)
{
    bool on = true;

    for (size_t i = 0; on && i < SHARDS; i++) {
        smt_lock_take(&shards[i].lock);
        on = shard_each(&shards[i], visit, context);
        smt_lock_give(&shards[i].lock);
    }
}

/* Puts all records of the shard back onto its list. */
static void shard_clear(struct shard *shard)
{
    for (uint32_t i = 0; shard->buckets && i <= shard->bucket_mask; i++)
        while (shard->buckets[i]) {
            uint32_t number = shard->buckets[i];
            struct smt_live_block *block = record_at(number);

            shard->buckets[i] = block->next;
            block->address = 0;
            block->next = shard->free_first;
            shard->free_first = number;
        }
    shard->blocks = 0;
    shard->bytes = 0;
}

void smt_live_clear(void)
{
    for (size_t i = 0; i < SHARDS; i++) {
        smt_lock_take(&shards[i].lock);
        shard_clear(&shards[i]);
        smt_lock_give(&shards[i].lock);
    }
}

void smt_live_totals(struct smt_live_totals *ret_totals)
{
    struct smt_live_totals totals = {0};
    uint32_t claimed = smt_live_record_count();

    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &shards[i];

        smt_lock_take(&shard->lock);
        totals.blocks += shard->blocks;
        totals.bytes += shard->bytes;
        totals.allocations += shard->allocations;
        totals.lost += shard->lost;
        if (shard->buckets)
            totals.book_bytes += ((uint64_t)shard->bucket_mask + 1) * sizeof *shard->buckets;
        smt_lock_give(&shard->lock);
    }
    totals.book_bytes += (uint64_t)claimed * sizeof(struct smt_live_block);
    *ret_totals = totals;
}

void smt_live_lock(void)
{
    for (size_t i = 0; i < SHARDS; i++) smt_lock_take(&shards[i].lock);
    smt_lock_take(&chunks_lock);
}

void smt_live_unlock(void)
{
    smt_lock_give(&chunks_lock);
    for (size_t i = SHARDS; i-- > 0;) smt_lock_give(&shards[i].lock);
}

uint32_t smt_live_record_count(void)
{
    return atomic_load(&records_claimed);
}

const struct smt_live_block *smt_live_record(uint32_t number)
{
    const struct smt_live_block *chunk =
        number / CHUNK_RECORDS < CHUNKS_MAX ? chunks[number / CHUNK_RECORDS] : NULL;

    return chunk ? &chunk[number % CHUNK_RECORDS] : NULL;
}

uint32_t smt_live_checksum(uint32_t number)
{
    const uint32_t *sums = checksums[number / CHUNK_RECORDS];

    return sums ? sums[number % CHUNK_RECORDS] : 0;
}

void smt_live_checksum_set(uint32_t number, uint32_t checksum)
{
    uint32_t **sums = &checksums[number / CHUNK_RECORDS];

    if (!*sums) *sums = smt_pages_new(CHUNK_RECORDS * sizeof **sums, 0);
    if (*sums) (*sums)[number % CHUNK_RECORDS] = checksum;
}
