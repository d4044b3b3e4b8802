/* heap/shared_spans.h - inside heap/shared: where spans and large blocks come
 * from, and which address belongs to what. */
#ifndef SMT_HEAP_SHARED_SPANS_H
#define SMT_HEAP_SHARED_SPANS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPAN_BYTES    ((size_t)65536)
#define SEGMENT_BYTES ((size_t)64 << 20)
#define SEGMENT_SPANS (SEGMENT_BYTES / SPAN_BYTES)
#define SHARDS        16  /* a power of two */
#define RESIDENT_MAX  256 /* spans of a shard: 16 MiB */

struct span {
    struct span *prev, *next; /* in its shard's list of spans with room */
    uint32_t class_index;
    uint32_t shard_index;
    uint32_t slot_bytes;
    uint32_t slot_inverse; /* 2^32 / slot_bytes, the next larger */
    uint32_t slots;
    uint32_t free_count; /* indexes on the free stack */
    uint32_t first_slot; /* offset of slot 0 */
    bool listed;
    uint16_t *free_indexes;
    uint32_t *sizes; /* per slot: payload size + 1, 0 when free */
};

enum spare_kind { SPARE_RESIDENT, SPARE_CLEAN, SPARE_KINDS };

/* A segment's unused spans of one kind, one bit each. */
struct spares {
    uint64_t spans[SEGMENT_SPANS / 64];
    size_t count;
    struct segment *next; /* in its shard's list; may have none left */
    bool listed;
};

/* At the beginning of a segment, in place of its first span. */
struct segment {
    struct segment *older;
    uint32_t shard_index; /* whose it is */
    size_t unused;        /* spans of both kinds */
    struct spares spares[SPARE_KINDS];
};

/* Where spans come from; all 64 MiB segments, found by address.
 *
 *      clean -> used -> given back: resident -> too many of them: clean
 *                ^                     |
 *                +---------------------+
 *
 * The pages of spans given back stay until a shard has RESIDENT_MAX such spans,
 * then all of these go back to the system, neighbours by one call: each call
 * interrupts every processor that runs a thread of this process.
 *
 * Each shard has segments of its own, so two threads share no mapping and no page
 * table, over which their page faults would meet, and the spans that one thread
 * frees are neighbours. A shard takes over a segment that is empty, and only
 * without address space for another it takes spans of other shards. */
struct span_source {
    pthread_mutex_t lock;
    struct segment *_Atomic *segments; /* by address >> 26; NULL: none there */
    struct segment *newest;            /* all, by older */
    struct segment *spares[SHARDS][SPARE_KINDS];
    size_t resident[SHARDS]; /* spans of that kind, by shard */
};

bool smt_heap_span_source_init(struct span_source *source);
void smt_heap_span_source_clear(struct span_source *source);

/* An uninitialised span, NULL without memory. */
struct span *smt_heap_span_source_take(struct span_source *source, uint32_t shard_index);
void smt_heap_span_source_give(struct span_source *source, struct span *span);

/* Unmaps segments of which no span is in use; false when there was none. */
bool smt_heap_span_source_trim(struct span_source *source);

/* The span that holds `address`, NULL when it lies in no segment or in a span
 * that is not used. */
struct span *smt_heap_span_source_find(const struct span_source *source, const void *address);

/* Blocks with a mapping of their own, by payload address. */
struct large_block {
    uintptr_t payload; /* 0: empty place */
    size_t size_bytes;
    size_t mapped_bytes;
};

struct large_table {
    pthread_mutex_t lock;
    struct large_block *places; /* open addressing, linear probing */
    size_t room, count;         /* room is a power of two */
};

void smt_heap_large_table_init(struct large_table *table);
void smt_heap_large_table_clear(struct large_table *table); /* unmaps the blocks too */
bool smt_heap_large_table_add(struct large_table *table, struct large_block block);
bool smt_heap_large_table_get(struct large_table *table, const void *payload,
                              struct large_block *ret);
bool smt_heap_large_table_remove(struct large_table *table, const void *payload,
                                 struct large_block *ret);

#endif
