#include "stress/bins.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES     4096
#define TABLE_BYTES    (SMT_BINS_COUNT * sizeof(struct smt_bin))
#define EXACT_SIZE_MAX (SMT_BINS_EXACT - 1)

static void *pages_map(size_t size_bytes)
{
    void *pages =
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
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

static bool bin_grow(struct smt_bin *bin)
{
    size_t old_bytes = bin->capacity * sizeof *bin->chunks;
    size_t new_bytes = old_bytes ? old_bytes * 2 : PAGE_BYTES;
    void *pages;

    if (old_bytes)
        pages = mremap(bin->chunks, old_bytes, new_bytes, MREMAP_MAYMOVE);
    else
        pages = pages_map(new_bytes);
    if (!pages || pages == MAP_FAILED) return false;
    bin->chunks = pages;
    bin->capacity = new_bytes / sizeof *bin->chunks;
    return true;
}

bool smt_bins_add(struct smt_bins *bins, struct smt_chunk chunk)
{
    size_t index = smt_bins_index(chunk.size);
    struct smt_bin *bin;

    if (!bins->bins) bins->bins = pages_map(TABLE_BYTES);
    if (!bins->bins) return false;
    bin = &bins->bins[index];
    if (bin->count == bin->capacity && !bin_grow(bin)) return false;
    bin->sorted = bin_is_exact(index) || bin->count == 0;
    bin->chunks[bin->count++] = chunk;
    bin->bytes += chunk.size;
    bins->nonempty[index / 64] |= (uint64_t)1 << (index % 64);
    bins->count++;
    bins->bytes += chunk.size;
    return true;
}

struct smt_chunk smt_bins_pop(struct smt_bins *bins, size_t index)
{
    struct smt_bin *bin = &bins->bins[index];
    struct smt_chunk chunk = bin->chunks[--bin->count];

    bin->bytes -= chunk.size;
    bins->count--;
    bins->bytes -= chunk.size;
    if (!bin->count) bins->nonempty[index / 64] &= ~((uint64_t)1 << (index % 64));
    return chunk;
}

struct smt_chunk smt_bins_remove_nth(struct smt_bins *bins, size_t nth)
{
    size_t index = smt_bins_next(bins, 0);
    struct smt_chunk chosen;
    struct smt_bin *bin;

    while (nth >= bins->bins[index].count) {
        nth -= bins->bins[index].count;
        index = smt_bins_next(bins, index + 1);
    }
    bin = &bins->bins[index];
    chosen = bin->chunks[nth];
    bin->chunks[nth] = bin->chunks[bin->count - 1];
    bin->chunks[bin->count - 1] = chosen;
    if (nth != bin->count - 1) bin->sorted = bin_is_exact(index);
    return smt_bins_pop(bins, index);
}

/* Heap sort, largest first: in place, because qsort() would take memory from
 * the allocator under test. */
static void chunks_sift(struct smt_chunk *chunks, size_t root, size_t count)
{
    struct smt_chunk moved = chunks[root];

    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && chunks[child + 1].size < chunks[child].size) child++;
        if (moved.size <= chunks[child].size) break;
        chunks[root] = chunks[child];
    }
    chunks[root] = moved;
}

static void chunks_sort(struct smt_chunk *chunks, size_t count)
{
    for (size_t i = count / 2; i-- > 0;) chunks_sift(chunks, i, count);
    for (size_t last = count; last-- > 1;) {
        struct smt_chunk smallest = chunks[0];

        chunks[0] = chunks[last];
        chunks[last] = smallest;
        chunks_sift(chunks, 0, last);
    }
}

uint64_t smt_bins_smallest(struct smt_bins *bins, size_t index)
{
    struct smt_bin *bin = &bins->bins[index];

    if (!bin->sorted) {
        chunks_sort(bin->chunks, bin->count);
        bin->sorted = true;
    }
    return bin->chunks[bin->count - 1].size;
}

bool smt_bins_take(struct smt_bins *bins, size_t first, size_t end, struct smt_bins *ret_taken)
{
    struct smt_bin *table = pages_map(TABLE_BYTES);

    if (!table) return false;
    ret_taken->bins = table;
    while ((first = smt_bins_next(bins, first)) < end) {
        uint64_t bit = (uint64_t)1 << (first % 64);

        table[first] = bins->bins[first];
        ret_taken->nonempty[first / 64] |= bit;
        ret_taken->count += table[first].count;
        ret_taken->bytes += table[first].bytes;
        bins->nonempty[first / 64] &= ~bit;
        memset(&bins->bins[first++], 0, sizeof *table);
    }
    bins->count -= ret_taken->count;
    bins->bytes -= ret_taken->bytes;
    return true;
}

static void bin_clear(struct smt_bin *bin)
{
    if (bin->chunks) munmap(bin->chunks, bin->capacity * sizeof *bin->chunks);
}

size_t smt_bins_next(const struct smt_bins *bins, size_t index)
{
    for (size_t word = index / 64; word < SMT_BINS_WORDS; word++) {
        uint64_t bits = bins->nonempty[word];

        if (word == index / 64) bits &= ~(uint64_t)0 << (index % 64);
        if (bits) return word * 64 + (size_t)__builtin_ctzll(bits);
    }
    return SMT_BINS_COUNT;
}

void smt_bins_clear(struct smt_bins *bins)
{
    if (bins->bins) {
        for (size_t i = 0; i < SMT_BINS_COUNT; i++) bin_clear(&bins->bins[i]);
        munmap(bins->bins, TABLE_BYTES);
    }
    *bins = (struct smt_bins){0};
}

size_t smt_bins_overhead(const struct smt_bins *bins)
{
    size_t size_bytes = 0;

    if (!bins->bins) return 0;
    for (size_t i = 0; i < SMT_BINS_COUNT; i++)
        size_bytes += bins->bins[i].capacity * sizeof *bins->bins[i].chunks;
    return size_bytes + TABLE_BYTES;
}
