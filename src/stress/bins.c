#include "stress/bins.h"

#include <sys/mman.h>

#include "base/base.h"

#define TABLE_BYTES    (SMT_BINS_COUNT * sizeof(struct smt_bin))
#define EXACT_SIZE_MAX (SMT_BINS_EXACT - 1)
#define LINE_BYTES     64
#define RUN_LEAST      (SMT_RECORDS_LEAST / sizeof(struct smt_chunk))
#define LARGE_FROM     ((RUN_LEAST << SMT_RECORDS_ORDERS) - RUN_LEAST) /* records in slabs */

static void bit_set(uint64_t *words, size_t index)
{
    words[index / 64] |= (uint64_t)1 << (index % 64);
}

static void bit_clear(uint64_t *words, size_t index)
{
    words[index / 64] &= ~((uint64_t)1 << (index % 64));
}

/* The first set at or after `index`, SMT_BINS_COUNT if none. */
static size_t bit_next(const uint64_t *words, size_t index)
{
    for (size_t word = index / 64; word < SMT_BINS_WORDS; word++) {
        uint64_t bits = words[word];

        if (word == index / 64) bits &= ~(uint64_t)0 << (index % 64);
        if (bits) return word * 64 + (size_t)__builtin_ctzll(bits);
    }
    return SMT_BINS_COUNT;
}

size_t smt_bins_index(uint64_t size)
{
    unsigned exponent;

    if (size <= EXACT_SIZE_MAX) return (size_t)size;
    exponent = 63u - (unsigned)__builtin_clzll(size);
    return SMT_BINS_EXACT + (exponent - 10) * 16 + ((size >> (exponent - 4)) & 15);
}

static bool bin_is_exact(size_t index)
{
    return index < SMT_BINS_EXACT;
}

/* Run r has RUN_LEAST << r records and begins after all before it. */
static unsigned run_of(size_t nth)
{
    return 63u - (unsigned)__builtin_clzll(nth / RUN_LEAST + 1);
}

static size_t run_first(unsigned run)
{
    return (RUN_LEAST << run) - RUN_LEAST;
}

static struct smt_chunk *bin_chunk(const struct smt_bin *bin, size_t nth)
{
    unsigned run = run_of(nth);

    return &bin->runs[run][nth - run_first(run)];
}

struct smt_chunk *smt_bin_run(const struct smt_bin *bin, size_t nth, size_t *ret_count)
{
    size_t end = run_first(run_of(nth) + 1);

    *ret_count = (end < bin->count ? end : bin->count) - nth;
    return bin_chunk(bin, nth);
}

static bool bin_grow(struct smt_bin *bin, struct smt_records *records)
{
    unsigned run = run_of(bin->capacity);

    if (run == SMT_BIN_RUNS) return false;
    bin->runs[run] = smt_records_take(records, run);
    if (!bin->runs[run]) return false;
    bin->capacity = run_first(run + 1);
    return true;
}

bool smt_bins_add(struct smt_bins *bins, struct smt_chunk chunk)
{
    size_t index = smt_bins_index(chunk.size);
    struct smt_chunk *record;
    struct smt_bin *bin;

    if (!bins->bins) bins->bins = smt_pages_map(TABLE_BYTES, 0);
    if (!bins->bins) return false;
    bin = &bins->bins[index];
    if (bin->count == bin->capacity) {
        if (!bin_grow(bin, &bins->records)) return false;
        bit_set(bins->held, index);
    }
    bin->sorted = bin_is_exact(index) || bin->count == 0;
    record = bin_chunk(bin, bin->count++);
    *record = chunk;
    /* Hundreds of bins are written in turns: no processor foresees the next line. */
    __builtin_prefetch((char *)record + LINE_BYTES, 1);
    bin->bytes += chunk.size;
    bit_set(bins->nonempty, index);
    bins->count++;
    bins->bytes += chunk.size;
    return true;
}

struct smt_chunk smt_bins_pop(struct smt_bins *bins, size_t index)
{
    struct smt_bin *bin = &bins->bins[index];
    struct smt_chunk chunk = *bin_chunk(bin, --bin->count);

    bin->bytes -= chunk.size;
    bins->count--;
    bins->bytes -= chunk.size;
    if (!bin->count) bit_clear(bins->nonempty, index);
    return chunk;
}

struct smt_chunk smt_bins_remove_nth(struct smt_bins *bins, size_t nth)
{
    size_t index = smt_bins_next(bins, 0);
    struct smt_chunk *last, *chosen, swapped;
    struct smt_bin *bin;

    while (nth >= bins->bins[index].count) {
        nth -= bins->bins[index].count;
        index = smt_bins_next(bins, index + 1);
    }
    bin = &bins->bins[index];
    chosen = bin_chunk(bin, nth);
    last = bin_chunk(bin, bin->count - 1);
    swapped = *chosen;
    *chosen = *last;
    *last = swapped;
    if (nth != bin->count - 1) bin->sorted = bin_is_exact(index);
    return smt_bins_pop(bins, index);
}

/* Heap sort, largest first: in place, because qsort() would take memory from
 * the allocator under test. */
static void bin_sift(struct smt_bin *bin, size_t root, size_t count)
{
    struct smt_chunk moved = *bin_chunk(bin, root);

    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && bin_chunk(bin, child + 1)->size < bin_chunk(bin, child)->size)
            child++;
        if (moved.size <= bin_chunk(bin, child)->size) break;
        *bin_chunk(bin, root) = *bin_chunk(bin, child);
    }
    *bin_chunk(bin, root) = moved;
}

static void bin_sort(struct smt_bin *bin)
{
    for (size_t i = bin->count / 2; i-- > 0;) bin_sift(bin, i, bin->count);
    for (size_t last = bin->count; last-- > 1;) {
        struct smt_chunk smallest = *bin_chunk(bin, 0);

        *bin_chunk(bin, 0) = *bin_chunk(bin, last);
        *bin_chunk(bin, last) = smallest;
        bin_sift(bin, 0, last);
    }
}

uint64_t smt_bins_smallest(struct smt_bins *bins, size_t index)
{
    struct smt_bin *bin = &bins->bins[index];

    if (!bin->sorted) {
        bin_sort(bin);
        bin->sorted = true;
    }
    return bin_chunk(bin, bin->count - 1)->size;
}

bool smt_bins_take(struct smt_bins *bins, size_t first, size_t end, struct smt_bins *ret_taken)
{
    struct smt_bin *table = smt_pages_map(TABLE_BYTES, 0);

    if (!table) return false;
    ret_taken->bins = table;
    for (; (first = bit_next(bins->held, first)) < end; first++) {
        struct smt_bin *bin = &bins->bins[first];

        table[first] = *bin;
        bit_set(ret_taken->held, first);
        if (bin->count) bit_set(ret_taken->nonempty, first);
        ret_taken->count += bin->count;
        ret_taken->bytes += bin->bytes;
        bit_clear(bins->held, first);
        bit_clear(bins->nonempty, first);
        *bin = (struct smt_bin){0};
    }
    bins->count -= ret_taken->count;
    bins->bytes -= ret_taken->bytes;
    return true;
}

/* Gives back runs of the orders from first to end-1. */
static void bin_drop(struct smt_bin *bin, struct smt_records *records, unsigned first, unsigned end)
{
    for (unsigned run = first; run < end; run++) {
        if (bin->runs[run]) smt_records_give(records, bin->runs[run], run);
        bin->runs[run] = NULL;
    }
}

/* Only what lies in slabs: the rest can wait until no lock is held. */
void smt_bins_give_back(struct smt_bins *bins, struct smt_bins *taken)
{
    for (size_t i = 0; (i = bit_next(taken->held, i)) < SMT_BINS_COUNT; i++)
        bin_drop(&taken->bins[i], &bins->records, 0, SMT_RECORDS_ORDERS);
    if (!smt_records_is_unused(&bins->records)) return;
    taken->records = bins->records;
    bins->records = (struct smt_records){0};
}

size_t smt_bins_next(const struct smt_bins *bins, size_t index)
{
    return bit_next(bins->nonempty, index);
}

void smt_bins_clear(struct smt_bins *bins)
{
    for (size_t i = 0; (i = bit_next(bins->held, i)) < SMT_BINS_COUNT; i++)
        if (bins->bins[i].capacity > LARGE_FROM)
            bin_drop(&bins->bins[i], &bins->records, SMT_RECORDS_ORDERS, SMT_BIN_RUNS);
    smt_records_clear(&bins->records);
    if (bins->bins) munmap(bins->bins, TABLE_BYTES);
    *bins = (struct smt_bins){0};
}

size_t smt_bins_overhead(const struct smt_bins *bins)
{
    size_t size_bytes = bins->records.cut_bytes;

    if (!bins->bins) return 0;
    for (size_t i = 0; (i = bit_next(bins->held, i)) < SMT_BINS_COUNT; i++)
        if (bins->bins[i].capacity > LARGE_FROM)
            size_bytes += (bins->bins[i].capacity - LARGE_FROM) * sizeof(struct smt_chunk);
    return size_bytes + TABLE_BYTES;
}
