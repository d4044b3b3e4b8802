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
#define FRONT_BYTES   16 /* fence before a payload */
#define TAIL_BYTES    8  /* least fence after one */

struct span {
    struct span *prev, *next; /* in its shard's list of spans with room */
    uint32_t class_index;
    uint32_t shard_index;
    uint32_t slot_bytes;
    uint32_t slots;
    uint32_t free_count; /* indexes on the free stack */
    uint32_t first_slot; /* offset of slot 0 */
    bool listed;
    uint16_t *free_indexes;
    uint32_t *sizes; /* per slot: payload size + 1, 0 when free */
};

/* At the beginning of a segment, in place of its first span. */
struct segment {
    struct segment *older;
    size_t cut;    /* spans cut from it, this place included */
    size_t unused; /* of those, given back */
};

/* Where spans are cut from; all 64 MiB segments, found by address. */
struct span_source {
    pthread_mutex_t lock;
    struct segment *_Atomic *segments; /* by address >> 26; NULL: none there */
    struct segment *newest;            /* the one being cut up */
    struct span *unused;               /* spans given back, linked by next */
};

bool span_source_init(struct span_source *source);
void span_source_clear(struct span_source *source);

/* An uninitialised span, NULL without memory. */
struct span *span_source_take(struct span_source *source);
void span_source_give(struct span_source *source, struct span *span);

/* Unmaps segments of which no span is in use; false when there was none. */
bool span_source_trim(struct span_source *source);

/* The span that holds `address`, NULL when it lies in no segment or in a span
 * that was never cut. */
struct span *span_source_find(const struct span_source *source, const void *address);

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

void large_table_init(struct large_table *table);
void large_table_clear(struct large_table *table); /* unmaps the blocks too */
bool large_table_add(struct large_table *table, struct large_block block);
bool large_table_get(struct large_table *table, const void *payload, struct large_block *ret);
bool large_table_remove(struct large_table *table, const void *payload, struct large_block *ret);

#endif
