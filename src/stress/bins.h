/* stress/bins.h - who has how large a chunk: one shard's records, by size.
 *
 *      bin 0..1024     one exact size each
 *      bin 1025..      16 bins for each doubling from 1 KiB on
 *
 *      bin -> 256 records | 512 records | 1024 records ...   16 bytes a chunk
 *
 * A bin's records are dense: any chunk is removed by swapping with the last and
 * chosen evenly by index, and freeing by size touches only the bins it empties.
 * A bitmap names the bins that have chunks. Each run of records is twice as long
 * as the one before and stays where it is (at most 32 bytes a chunk); runs come
 * from mappings of our own (stress/records.h), never from the allocator under
 * test. Not thread-safe: stress/set.c locks. */
#ifndef SMT_STRESS_BINS_H
#define SMT_STRESS_BINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stress/records.h"

#define SMT_BINS_EXACT    1025
#define SMT_BINS_COUNT    (SMT_BINS_EXACT + 54 * 16)
#define SMT_BINS_WORDS    ((SMT_BINS_COUNT + 63) / 64)
#define SMT_BINS_SIZE_MAX ((uint64_t)1 << 62)
#define SMT_BIN_RUNS      24 /* 2^32 records */

struct smt_chunk {
    void *address;
    uint64_t size : 63;   /* bytes */
    uint64_t checked : 1; /* has the content pattern */
};

struct smt_bin {
    struct smt_chunk *runs[SMT_BIN_RUNS];
    size_t count;
    size_t capacity;
    size_t released; /* of a bin that was taken: chunks that are free already */
    uint64_t bytes;
    bool sorted; /* largest first; bins of one size always are */
};

struct smt_bins {
    struct smt_bin *bins; /* SMT_BINS_COUNT; NULL until the first chunk */
    uint64_t nonempty[SMT_BINS_WORDS];
    uint64_t held[SMT_BINS_WORDS]; /* have runs, though perhaps no chunks */
    size_t count;
    uint64_t bytes;
    struct smt_records records;
};

size_t smt_bins_index(uint64_t size);

/* False when no memory could be mapped. */
bool smt_bins_add(struct smt_bins *bins, struct smt_chunk chunk);

/* Chunk number `nth` of all, 0 <= nth < count, in no meaningful order. */
struct smt_chunk smt_bins_remove_nth(struct smt_bins *bins, size_t nth);

/* The smallest size in a bin that is not empty; sorts it when needed. */
uint64_t smt_bins_smallest(struct smt_bins *bins, size_t index);

/* Removes the last chunk of a bin: the smallest after smt_bins_smallest(). */
struct smt_chunk smt_bins_pop(struct smt_bins *bins, size_t index);

/* Takes bins first..end-1 out, records and all, into *ret_taken, which must be
 * zero; release it with smt_bins_give_back(), then smt_bins_clear(). False when
 * no memory could be mapped: nothing was taken. */
bool smt_bins_take(struct smt_bins *bins, size_t first, size_t end, struct smt_bins *ret_taken);

/* The records of what was taken from `bins` may be used again; what `bins` does
 * not need any more is left in *taken. */
void smt_bins_give_back(struct smt_bins *bins, struct smt_bins *taken);

/* Record number `nth` of a bin; *ret_count: how many follow each other there, up
 * to the end of the run or of the bin. */
struct smt_chunk *smt_bin_run(const struct smt_bin *bin, size_t nth, size_t *ret_count);

/* First bin at or after `index` that has chunks, SMT_BINS_COUNT if none. */
size_t smt_bins_next(const struct smt_bins *bins, size_t index);

/* Gives back all records; the chunks themselves are not touched. */
void smt_bins_clear(struct smt_bins *bins);

/* Bytes for the records, the table of bins included. */
size_t smt_bins_overhead(const struct smt_bins *bins);

#endif
