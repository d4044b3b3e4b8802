#include "heap/shared_spans.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "base/base.h"
#include "heap/shared_fences.h"

#define ADDRESS_BITS 47 /* user addresses, unless asked for more */
#define SEGMENT_BITS 26
#define SEGMENTS_MAX ((size_t)1 << (ADDRESS_BITS - SEGMENT_BITS))
#define TABLE_BYTES  (SEGMENTS_MAX * sizeof(struct segment *))
#define LARGE_ROOM   256

bool smt_heap_span_source_init(struct span_source *source)
{
    *source = (struct span_source){0};
    pthread_mutex_init(&source->lock, NULL);
    source->segments = smt_pages_map(TABLE_BYTES, MAP_NORESERVE);
    return source->segments != NULL;
}

/* Follows the links between segments: walking the table would touch 16 MiB. */
void smt_heap_span_source_clear(struct span_source *source)
{
    struct segment *segment = source->newest;

    while (segment) {
        struct segment *older = segment->older;

        munmap(segment, SEGMENT_BYTES);
        segment = older;
    }
    if (source->segments) munmap((void *)source->segments, TABLE_BYTES);
    pthread_mutex_destroy(&source->lock);
    *source = (struct span_source){0};
}

static struct segment *segment_of(const struct span *span)
{
    return (struct segment *)((uintptr_t)span & ~(uintptr_t)(SEGMENT_BYTES - 1));
}

static struct span *segment_span(struct segment *segment, size_t index)
{
    return (struct span *)(void *)((uint8_t *)segment + SPAN_BYTES * index);
}

static void spare_put(struct span_source *source, enum spare_kind kind, struct segment *segment,
                      size_t index)
{
    struct segment **list = &source->spares[segment->shard_index][kind];
    struct spares *spares = &segment->spares[kind];

    spares->spans[index / 64] |= (uint64_t)1 << (index % 64);
    spares->count++;
    segment->unused++;
    if (kind == SPARE_RESIDENT) source->resident[segment->shard_index]++;
    if (spares->listed) return;
    spares->listed = true;
    spares->next = *list;
    *list = segment;
}

/* The lowest of a segment, which has one. */
static size_t spare_take(struct span_source *source, enum spare_kind kind, struct segment *segment)
{
    struct spares *spares = &segment->spares[kind];
    size_t word = 0, bit;

    while (!spares->spans[word]) word++;
    bit = (size_t)__builtin_ctzll(spares->spans[word]);
    spares->spans[word] &= spares->spans[word] - 1;
    spares->count--;
    segment->unused--;
    if (kind == SPARE_RESIDENT) source->resident[segment->shard_index]--;
    return word * 64 + bit;
}

/* The first of a shard's segments that has spares of a kind, NULL if none. */
static struct segment *spares_first(struct span_source *source, enum spare_kind kind,
                                    uint32_t shard_index)
{
    struct segment **list = &source->spares[shard_index][kind], *segment;

    while ((segment = *list) && !segment->spares[kind].count) {
        segment->spares[kind].listed = false;
        *list = segment->spares[kind].next;
    }
    return segment;
}

static void segment_add(struct span_source *source, uint32_t shard_index)
{
    struct segment *segment = smt_pages_map_aligned(SEGMENT_BYTES, MAP_NORESERVE);

    if (!segment) return;
    segment->shard_index = shard_index;
    segment->older = source->newest;
    source->newest = segment;
    for (size_t i = 1; i < SEGMENT_SPANS; i++) spare_put(source, SPARE_CLEAN, segment, i);
    atomic_store(&source->segments[(uintptr_t)segment >> SEGMENT_BITS], segment);
}

static bool segment_is_unused(const struct segment *segment)
{
    return segment->unused == SEGMENT_SPANS - 1;
}

/* Out of its shard's lists and count. */
static void segment_leave(struct span_source *source, struct segment *segment)
{
    for (enum spare_kind kind = 0; kind < SPARE_KINDS; kind++) {
        struct segment **at = &source->spares[segment->shard_index][kind];

        if (!segment->spares[kind].listed) continue;
        while (*at != segment) at = &(*at)->spares[kind].next;
        *at = segment->spares[kind].next;
        segment->spares[kind].listed = false;
    }
    source->resident[segment->shard_index] -= segment->spares[SPARE_RESIDENT].count;
}

static void segment_join(struct span_source *source, struct segment *segment, uint32_t shard_index)
{
    segment->shard_index = shard_index;
    for (enum spare_kind kind = 0; kind < SPARE_KINDS; kind++) {
        segment->spares[kind].listed = true;
        segment->spares[kind].next = source->spares[shard_index][kind];
        source->spares[shard_index][kind] = segment;
    }
    source->resident[shard_index] += segment->spares[SPARE_RESIDENT].count;
}

/* An empty segment for a shard without spares; false: there is none. */
static bool segment_move(struct span_source *source, uint32_t shard_index)
{
    struct segment *segment = source->newest;

    while (segment && !segment_is_unused(segment)) segment = segment->older;
    if (!segment) return false;
    segment_leave(source, segment);
    segment_join(source, segment, shard_index);
    return true;
}

static struct span *shard_take(struct span_source *source, uint32_t shard_index)
{
    for (enum spare_kind kind = 0; kind < SPARE_KINDS; kind++) {
        struct segment *segment = spares_first(source, kind, shard_index);

        if (segment) return segment_span(segment, spare_take(source, kind, segment));
    }
    return NULL;
}

struct span *smt_heap_span_source_take(struct span_source *source, uint32_t shard_index)
{
    struct span *span;

    pthread_mutex_lock(&source->lock);
    span = shard_take(source, shard_index);
    if (!span) {
        if (!segment_move(source, shard_index)) segment_add(source, shard_index);
        for (uint32_t i = 0; i < SHARDS && !span; i++)
            span = shard_take(source, (shard_index + i) % SHARDS);
    }
    pthread_mutex_unlock(&source->lock);
    return span;
}

bool smt_heap_span_source_trim(struct span_source *source)
{
    struct segment **at = &source->newest;
    bool trimmed = false;

    pthread_mutex_lock(&source->lock);
    while (*at) {
        struct segment *segment = *at;

        if (!segment_is_unused(segment)) {
            at = &segment->older;
            continue;
        }
        *at = segment->older;
        segment_leave(source, segment);
        atomic_store(&source->segments[(uintptr_t)segment >> SEGMENT_BITS], NULL);
        munmap(segment, SEGMENT_BYTES);
        trimmed = true;
    }
    pthread_mutex_unlock(&source->lock);
    return trimmed;
}

/* Neighbouring spans that nobody else knows while their pages are given back. */
struct span_run {
    struct segment *segment;
    size_t first, count;
};

/* A shard's resident spans, which leave the source until their pages are gone. */
static size_t resident_take(struct span_source *source, uint32_t shard_index,
                            struct span_run *ret_runs)
{
    struct segment *segment;
    size_t runs = 0;

    while ((segment = spares_first(source, SPARE_RESIDENT, shard_index))) {
        struct span_run *run = runs ? &ret_runs[runs - 1] : NULL;
        size_t index = spare_take(source, SPARE_RESIDENT, segment);

        if (run && run->segment == segment && run->first + run->count == index)
            run->count++;
        else
            ret_runs[runs++] = (struct span_run){segment, index, 1};
    }
    return runs;
}

/* Afterwards they read as zeros, which says of a span that it has no slots. */
static void runs_clean(struct span_source *source, const struct span_run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        madvise(segment_span(runs[i].segment, runs[i].first), runs[i].count * SPAN_BYTES,
                MADV_DONTNEED);
    pthread_mutex_lock(&source->lock);
    for (const struct span_run *run = runs; run < runs + count; run++)
        for (size_t i = 0; i < run->count; i++)
            spare_put(source, SPARE_CLEAN, run->segment, run->first + i);
    pthread_mutex_unlock(&source->lock);
}

void smt_heap_span_source_give(struct span_source *source, struct span *span)
{
    struct segment *segment = segment_of(span);
    struct span_run runs[RESIDENT_MAX];
    size_t count = 0;

    pthread_mutex_lock(&source->lock);
    span->slots = 0;
    spare_put(source, SPARE_RESIDENT, segment, ((uintptr_t)span - (uintptr_t)segment) / SPAN_BYTES);
    if (source->resident[segment->shard_index] == RESIDENT_MAX)
        count = resident_take(source, segment->shard_index, runs);
    pthread_mutex_unlock(&source->lock);
    if (count) runs_clean(source, runs, count);
}

struct span *smt_heap_span_source_find(const struct span_source *source, const void *address)
{
    uintptr_t at = (uintptr_t)address;
    struct segment *segment;
    struct span *span;

    if (at >> ADDRESS_BITS) return NULL;
    segment = atomic_load_explicit(&source->segments[at >> SEGMENT_BITS], memory_order_relaxed);
    if (!segment || at - (uintptr_t)segment < SPAN_BYTES) return NULL;
    span = (struct span *)(at & ~(SPAN_BYTES - 1));
    return span->slots ? span : NULL;
}

void smt_heap_large_table_init(struct large_table *table)
{
    *table = (struct large_table){0};
    pthread_mutex_init(&table->lock, NULL);
}

void smt_heap_large_table_clear(struct large_table *table)
{
    for (size_t i = 0; i < table->room; i++)
        if (table->places[i].payload)
            munmap((void *)(table->places[i].payload - FRONT_BYTES), table->places[i].mapped_bytes);
    if (table->places) munmap(table->places, table->room * sizeof *table->places);
    pthread_mutex_destroy(&table->lock);
    *table = (struct large_table){0};
}

static size_t place_first(const struct large_table *table, uintptr_t payload)
{
    return (size_t)((payload >> 12) * 0x9E3779B97F4A7C15u >> 20) & (table->room - 1);
}

/* Where payload is, or the empty place where it would go. */
static size_t place_find(const struct large_table *table, uintptr_t payload)
{
    size_t i = place_first(table, payload);

    while (table->places[i].payload && table->places[i].payload != payload)
        i = (i + 1) & (table->room - 1);
    return i;
}

static bool large_table_grow(struct large_table *table)
{
    struct large_table grown = {.room = table->room ? table->room * 2 : LARGE_ROOM};

    grown.places = smt_pages_map(grown.room * sizeof *grown.places, MAP_NORESERVE);
    if (!grown.places) return false;
    for (size_t i = 0; i < table->room; i++)
        if (table->places[i].payload)
            grown.places[place_find(&grown, table->places[i].payload)] = table->places[i];
    if (table->places) munmap(table->places, table->room * sizeof *table->places);
    table->places = grown.places;
    table->room = grown.room;
    return true;
}

bool smt_heap_large_table_add(struct large_table *table, struct large_block block)
{
    bool added = true;

    pthread_mutex_lock(&table->lock);
    if (table->count * 2 >= table->room) added = large_table_grow(table);
    if (added) {
        table->places[place_find(table, block.payload)] = block;
        table->count++;
    }
    pthread_mutex_unlock(&table->lock);
    return added;
}

bool smt_heap_large_table_get(struct large_table *table, const void *payload,
                              struct large_block *ret)
{
    bool found = false;

    pthread_mutex_lock(&table->lock);
    if (table->count && payload) {
        *ret = table->places[place_find(table, (uintptr_t)payload)];
        found = ret->payload != 0;
    }
    pthread_mutex_unlock(&table->lock);
    return found;
}

/* Closes the gap: what probing would have found behind it moves up (Knuth,
 * TAOCP 6.4, algorithm R). */
static void place_vacate(struct large_table *table, size_t gap)
{
    for (size_t i = (gap + 1) & (table->room - 1); table->places[i].payload;
         i = (i + 1) & (table->room - 1)) {
        size_t first = place_first(table, table->places[i].payload);

        if (((i - first) & (table->room - 1)) >= ((i - gap) & (table->room - 1))) {
            table->places[gap] = table->places[i];
            gap = i;
        }
    }
    table->places[gap] = (struct large_block){0};
}

bool smt_heap_large_table_remove(struct large_table *table, const void *payload,
                                 struct large_block *ret)
{
    bool found = false;

    pthread_mutex_lock(&table->lock);
    if (table->count && payload) {
        size_t place = place_find(table, (uintptr_t)payload);

        *ret = table->places[place];
        found = ret->payload != 0;
        if (found) {
            place_vacate(table, place);
            table->count--;
        }
    }
    pthread_mutex_unlock(&table->lock);
    return found;
}
