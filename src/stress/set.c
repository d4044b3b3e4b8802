/* A set is a few shards, each with its own lock, records and credit. A thread
 * allocates in the shard its number picks; freeing and resizing go through
 * all of them. Chunks are given back to the backend outside every lock. */
#include <stdlib.h>

#include "stress/reserve.h"
#include "stress/stress.h"

#define BATCH        256
#define WINDOW_BYTES ((uintptr_t)1 << 20)
#define AHEAD        8  /* chunks fetched before they are released */
#define LEAST        64 /* chunks of a bin that are worth looking at all bins */

/* Lines are fetched in pairs. */
struct shard {
    _Alignas(128) struct smt_lock lock;
    struct smt_bins bins;
    struct smt_credit credit;
    atomic_uint_least64_t bytes, count; /* copies of those in bins, for reading */
};

struct smt_stress_set {
    struct smt_stress *stress;
    unsigned shards;
    struct shard shard[];
};

static atomic_uint threads_seen;

/* This thread's number, from 1. */
static unsigned thread_number(void)
{
    static _Thread_local unsigned number;

    if (!number) number = atomic_fetch_add(&threads_seen, 1) + 1;
    return number;
}

struct smt_stress_set *smt_stress_set_new(struct smt_stress *stress, unsigned shards)
{
    size_t size_bytes = sizeof(struct smt_stress_set) + shards * sizeof(struct shard);
    struct smt_stress_set *set = aligned_alloc(128, (size_bytes + 127) & ~(size_t)127);

    if (!set) return NULL;
    set->stress = stress;
    set->shards = shards;
    for (unsigned i = 0; i < shards; i++) set->shard[i] = (struct shard){0};
    return set;
}

void smt_stress_set_free(struct smt_stress_set *set)
{
    if (!set) return;
    (void)smt_stress_free(set, UINT64_MAX);
    for (unsigned i = 0; i < set->shards; i++) {
        smt_bins_clear(&set->shard[i].bins);
        smt_credit_clear(&set->stress->budget, &set->shard[i].credit);
    }
    free(set);
}

struct smt_stress *smt_stress_set_engine(const struct smt_stress_set *set)
{
    return set->stress;
}

static void shard_publish(struct shard *shard)
{
    atomic_store_explicit(&shard->bytes, shard->bins.bytes, memory_order_relaxed);
    atomic_store_explicit(&shard->count, shard->bins.count, memory_order_relaxed);
}

static bool shard_add(struct shard *shard, struct smt_chunk chunk)
{
    bool added;

    smt_lock_take(&shard->lock);
    added = smt_bins_add(&shard->bins, chunk);
    shard_publish(shard);
    smt_lock_give(&shard->lock);
    return added;
}

static void chunk_check(struct smt_stress *stress, const struct smt_chunk *chunk)
{
    struct smt_stress_damage damage = {.address = chunk->address, .size_bytes = chunk->size};

    if (!chunk->checked) return;
    damage.offset = smt_pattern_check(chunk->address, chunk->size);
    if (damage.offset == SMT_PATTERN_INTACT) return;
    damage.expected = smt_pattern_byte(chunk->address, damage.offset);
    damage.found = ((const unsigned char *)chunk->address)[damage.offset];
    atomic_fetch_add(&stress->damaged, 1);
    if (stress->on_damage) stress->on_damage(stress->damage_context, &damage);
}

static void chunk_fill(struct smt_stress *stress, struct smt_chunk *chunk)
{
    chunk->checked = atomic_load_explicit(&stress->check_content, memory_order_relaxed);
    if (chunk->checked) smt_pattern_fill(chunk->address, chunk->size);
}

/* What its check and release will read, the first three lines at most. Out of line,
 * GCC takes it for a function without effect and drops the calls. */
__attribute__((always_inline)) static inline void chunk_fetch(const struct smt_chunk *chunk)
{
    const char *address = chunk->address;

    __builtin_prefetch(address - 16);
    if (!chunk->checked || chunk->size <= 48) return;
    __builtin_prefetch(address + 64);
    if (chunk->size > 112) __builtin_prefetch(address + 128);
}

/* Checks and frees chunks that no record names any more. */
static void chunks_release(struct smt_stress_set *set, struct shard *shard,
                           const struct smt_chunk *chunks, size_t count)
{
    struct smt_stress *stress = set->stress;
    uint64_t cost = 0;

    for (size_t i = 0; i < AHEAD && i < count; i++) chunk_fetch(&chunks[i]);
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) chunk_fetch(&chunks[i + AHEAD]);
        chunk_check(stress, &chunks[i]);
        stress->backend->free(stress->heap, chunks[i].address);
        cost += smt_budget_cost(chunks[i].size);
    }
    smt_budget_return(&stress->budget, &shard->credit, cost);
}

static bool requests_allowed(struct smt_stress *stress, uint64_t size_bytes)
{
    return size_bytes < SMT_BINS_SIZE_MAX && smt_stress_reserve_ready(stress->reserve) &&
           !atomic_load_explicit(&stress->cancelled, memory_order_relaxed);
}

bool smt_stress_alloc(struct smt_stress_set *set, uint64_t size_bytes)
{
    struct smt_stress *stress = set->stress;
    struct shard *shard = &set->shard[thread_number() & (set->shards - 1)];
    struct smt_chunk chunk = {.size = size_bytes};

    if (!requests_allowed(stress, size_bytes)) return false;
    if (!smt_budget_charge(&stress->budget, &shard->credit, smt_budget_cost(size_bytes)))
        return false;
    chunk.address = stress->backend->alloc(stress->heap, size_bytes ? size_bytes : 1);
    if (!chunk.address) goto refused;
    chunk_fill(stress, &chunk);
    if (shard_add(shard, chunk)) return true;
    stress->backend->free(stress->heap, chunk.address);
refused:
    smt_budget_return(&stress->budget, &shard->credit, smt_budget_cost(size_bytes));
    smt_stress_reserve_spend(stress->reserve);
    return false;
}

/* Removes one chunk, each equally likely; false when there is none. */
static bool chunk_draw(struct smt_stress_set *set, struct smt_random *random,
                       struct shard **ret_shard, struct smt_chunk *ret_chunk)
{
    for (;;) {
        uint64_t total = smt_stress_chunks(set), nth;
        struct shard *shard = set->shard;
        bool found;

        if (!total) return false;
        nth = smt_random_below(random, total);
        while (shard < set->shard + set->shards - 1 && nth >= atomic_load(&shard->count))
            nth -= atomic_load(&shard++->count);
        smt_lock_take(&shard->lock);
        found = nth < shard->bins.count; /* others may have freed meanwhile */
        if (found) *ret_chunk = smt_bins_remove_nth(&shard->bins, nth);
        shard_publish(shard);
        smt_lock_give(&shard->lock);
        *ret_shard = shard;
        if (found) return true;
    }
}

/* Puts back a chunk that was just removed: there is room where it was. */
static void chunk_keep(struct smt_stress_set *set, struct shard *shard, struct smt_chunk chunk)
{
    if (!shard_add(shard, chunk)) chunks_release(set, shard, &chunk, 1);
}

/* Changes chunk's size in place of the old; false leaves it as it was. */
static bool chunk_resize(struct smt_stress_set *set, struct shard *shard, struct smt_chunk *chunk,
                         uint64_t size_bytes)
{
    struct smt_stress *stress = set->stress;
    uint64_t old_cost = smt_budget_cost(chunk->size), cost = smt_budget_cost(size_bytes);
    void *address;

    chunk_check(stress, chunk);
    if (!smt_budget_charge(&stress->budget, &shard->credit, cost)) return false;
    address = stress->backend->realloc(stress->heap, chunk->address, size_bytes ? size_bytes : 1);
    if (!address) {
        smt_budget_return(&stress->budget, &shard->credit, cost);
        smt_stress_reserve_spend(stress->reserve);
        return false;
    }
    smt_budget_return(&stress->budget, &shard->credit, old_cost);
    *chunk = (struct smt_chunk){.address = address, .size = size_bytes};
    chunk_fill(stress, chunk);
    return true;
}

enum smt_stress_resized smt_stress_realloc(struct smt_stress_set *set, struct smt_random *random,
                                           uint64_t size_bytes, uint64_t growth_max,
                                           int64_t *ret_difference)
{
    struct smt_chunk chunk;
    struct shard *shard;
    uint64_t old_size;
    bool resized;

    if (!requests_allowed(set->stress, size_bytes)) return SMT_STRESS_REFUSED;
    if (!chunk_draw(set, random, &shard, &chunk)) return SMT_STRESS_EMPTY;
    old_size = chunk.size;
    if (size_bytes > old_size && size_bytes - old_size > growth_max)
        size_bytes = old_size + growth_max;
    resized = chunk_resize(set, shard, &chunk, size_bytes);
    chunk_keep(set, shard, chunk);
    if (!resized) return SMT_STRESS_REFUSED;
    *ret_difference = (int64_t)(size_bytes - old_size);
    return SMT_STRESS_RESIZED;
}

/* The first bin that has chunks, in any shard. */
static size_t set_first_bin(struct smt_stress_set *set)
{
    size_t first = SMT_BINS_COUNT;

    for (unsigned i = 0; i < set->shards; i++) {
        size_t next;

        smt_lock_take(&set->shard[i].lock);
        next = smt_bins_next(&set->shard[i].bins, 0);
        smt_lock_give(&set->shard[i].lock);
        if (next < first) first = next;
    }
    return first;
}

static uint64_t set_bin_bytes(struct smt_stress_set *set, size_t index)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < set->shards; i++) {
        smt_lock_take(&set->shard[i].lock);
        if (set->shard[i].bins.bins) bytes += set->shard[i].bins.bins[index].bytes;
        smt_lock_give(&set->shard[i].lock);
    }
    return bytes;
}

/* How many bins from the first on have no more than size_bytes together. */
static size_t set_whole_bins(struct smt_stress_set *set, uint64_t size_bytes)
{
    size_t index = 0;

    if (size_bytes == UINT64_MAX) return SMT_BINS_COUNT;
    for (; index < SMT_BINS_COUNT; index++) {
        uint64_t bytes = set_bin_bytes(set, index);

        if (bytes > size_bytes) break;
        size_bytes -= bytes;
    }
    return index;
}

static bool chunk_is_near(const struct smt_chunk *chunk, uintptr_t address)
{
    return (uintptr_t)chunk->address - address + WINDOW_BYTES < 2 * WINDOW_BYTES;
}

/* Releases a bin's next `least` chunks and what follows of them near an address. */
static void bin_release(struct smt_stress_set *set, struct shard *shard, struct smt_bin *bin,
                        uintptr_t address, size_t least)
{
    while (bin->released < bin->count) {
        size_t count = 0, left;
        struct smt_chunk *run = smt_bin_run(bin, bin->released, &left);

        while (count < left && (count < least || chunk_is_near(&run[count], address))) count++;
        if (count) chunks_release(set, shard, run, count);
        bin->released += count;
        if (count < left) return;
        least -= least < count ? least : count;
    }
}

static uintptr_t bin_address(const struct smt_bin *bin)
{
    size_t left;

    return (uintptr_t)smt_bin_run(bin, bin->released, &left)->address;
}

/* Chunks of one bin were allocated over time, so they lie far apart, and bin by
 * bin each release would miss caches and TLB, and the allocator's own with it.
 * Each bin's records are in order of time, though, and what was allocated at one
 * time mostly lies together: the bin of which most is left leads, and what is
 * near its next chunk is released from all bins in turn. Any order would be right. */
static void bins_release(struct smt_stress_set *set, struct shard *shard, struct smt_bins *taken)
{
    size_t leader = smt_bins_next(taken, 0);

    while (leader < SMT_BINS_COUNT) {
        uintptr_t address = bin_address(&taken->bins[leader]);
        size_t next = SMT_BINS_COUNT;
        double most = 0;

        for (size_t i = 0; (i = smt_bins_next(taken, i)) < SMT_BINS_COUNT; i++) {
            struct smt_bin *bin = &taken->bins[i];
            double left;

            bin_release(set, shard, bin, address, i == leader || bin->count <= LEAST ? LEAST : 0);
            left = (double)(bin->count - bin->released) / (double)bin->count;
            if (left == 0) taken->nonempty[i / 64] &= ~((uint64_t)1 << (i % 64));
            if (left > most) {
                most = left;
                next = i;
            }
        }
        leader = next;
    }
}

/* Frees bins 0..end-1 of all shards, whole. Beginning with this thread's own
 * keeps threads that free at the same time apart, in the allocator too. */
static uint64_t bins_free_all(struct smt_stress_set *set, size_t end)
{
    unsigned own = thread_number();
    uint64_t freed = 0;

    for (unsigned i = 0; i < set->shards; i++) {
        struct shard *shard = &set->shard[(own + i) & (set->shards - 1)];
        struct smt_bins taken = {0};

        smt_lock_take(&shard->lock);
        if (shard->bins.bins && smt_bins_take(&shard->bins, 0, end, &taken)) shard_publish(shard);
        smt_lock_give(&shard->lock);
        freed += taken.bytes;
        bins_release(set, shard, &taken);
        smt_lock_take(&shard->lock);
        smt_bins_give_back(&shard->bins, &taken);
        smt_lock_give(&shard->lock);
        smt_bins_clear(&taken);
    }
    return freed;
}

/* The shard whose smallest chunk of this bin is the smallest of all. All locked. */
static struct shard *set_smallest(struct smt_stress_set *set, size_t index)
{
    struct shard *chosen = NULL;
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < set->shards; i++) {
        struct smt_bins *bins = &set->shard[i].bins;

        if (bins->bins && bins->bins[index].count && smt_bins_smallest(bins, index) < least) {
            least = smt_bins_smallest(bins, index);
            chosen = &set->shard[i];
        }
    }
    return chosen;
}

/* Frees up to BATCH chunks of one bin, smallest first, until size_bytes. */
static uint64_t bin_free_some(struct smt_stress_set *set, size_t index, uint64_t size_bytes)
{
    struct smt_chunk batch[BATCH];
    struct shard *shard;
    size_t count = 0;
    uint64_t freed = 0;

    for (unsigned i = 0; i < set->shards; i++) smt_lock_take(&set->shard[i].lock);
    while (count < BATCH && freed < size_bytes && (shard = set_smallest(set, index))) {
        batch[count] = smt_bins_pop(&shard->bins, index);
        freed += batch[count++].size;
        shard_publish(shard);
    }
    for (unsigned i = set->shards; i-- > 0;) smt_lock_give(&set->shard[i].lock);
    chunks_release(set, &set->shard[0], batch, count);
    return freed;
}

uint64_t smt_stress_free(struct smt_stress_set *set, uint64_t size_bytes)
{
    uint64_t freed = 0;
    size_t first;

    while (freed < size_bytes && (first = set_first_bin(set)) < SMT_BINS_COUNT) {
        size_t end = set_whole_bins(set, size_bytes - freed);
        uint64_t more = end > first ? bins_free_all(set, end) : 0;

        freed += more;
        /* nothing whole, or no memory to take it with */
        if (!more) freed += bin_free_some(set, first, size_bytes - freed);
    }
    return freed;
}

uint64_t smt_stress_used(const struct smt_stress_set *set)
{
    uint64_t used = 0;

    for (unsigned i = 0; i < set->shards; i++) used += atomic_load(&set->shard[i].bytes);
    return used;
}

uint64_t smt_stress_chunks(const struct smt_stress_set *set)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < set->shards; i++) count += atomic_load(&set->shard[i].count);
    return count;
}

uint64_t smt_stress_overhead(struct smt_stress_set *set)
{
    uint64_t size_bytes = 0;

    for (unsigned i = 0; i < set->shards; i++) {
        smt_lock_take(&set->shard[i].lock);
        size_bytes += smt_bins_overhead(&set->shard[i].bins);
        smt_lock_give(&set->shard[i].lock);
    }
    return size_bytes;
}
