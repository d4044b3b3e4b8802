#include "heap/shared.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utlist.h>

#include "heap/shared_fences.h"
#include "heap/shared_spans.h"

#define CLASSES_MAX 64
#define SLOT_MAX    16384
#define PAGE_BYTES  4096

/* What is in use; written under a lock, read without. */
struct live {
    atomic_uint_least64_t bytes, blocks;
};

/* Lines are fetched in pairs. */
struct shard {
    _Alignas(128) struct smt_lock lock;
    struct live live;
    struct span *room[CLASSES_MAX]; /* spans with free slots */
};

struct smt_heap_shared {
    struct shard shards[SHARDS];
    struct span_source source;
    struct large_table large;
    struct live large_live;
    uint32_t slot_bytes[CLASSES_MAX];
    uint32_t classes;
    uint8_t class_of[SLOT_MAX / 16 + 1]; /* by slot size / 16 */
    pthread_mutex_t plan_lock;
    struct smt_heap_shared_plan plan;
    atomic_bool planned;
    atomic_uint_least64_t attempts, refused, damaged;
    smt_heap_shared_report *report;
    void *report_context;
};

/* Classes: each 16 bytes up to 512, then about an eighth larger each. */
static void classes_init(struct smt_heap_shared *heap)
{
    uint32_t size = 48;

    memset(heap->class_of, 0, sizeof heap->class_of);
    while (size < SLOT_MAX) {
        heap->slot_bytes[heap->classes++] = size;
        size += size < 512 ? 16 : (size / 6 + 15) & ~15u;
    }
    heap->slot_bytes[heap->classes++] = SLOT_MAX;
    for (uint32_t i = 0, class_index = 0; i <= SLOT_MAX / 16; i++) {
        if (i * 16 > heap->slot_bytes[class_index]) class_index++;
        heap->class_of[i] = (uint8_t)class_index;
    }
}

_Static_assert(CLASSES_MAX <= UINT8_MAX, "a class index must fit class_of");

enum smt_status smt_heap_shared_new(struct smt_heap_shared **ret_heap)
{
    struct smt_heap_shared *heap = smt_pages_map(sizeof *heap, 0);

    if (!heap) return smt_fail(SMT_ENOMEM, "out of memory for a heap");
    if (!smt_heap_span_source_init(&heap->source)) {
        munmap(heap, sizeof *heap);
        return smt_fail(SMT_ENOMEM, "out of memory for a heap");
    }
    smt_heap_large_table_init(&heap->large);
    pthread_mutex_init(&heap->plan_lock, NULL);
    classes_init(heap);
    *ret_heap = heap;
    return SMT_OK;
}

void smt_heap_shared_free(struct smt_heap_shared *heap)
{
    if (!heap) return;
    pthread_mutex_destroy(&heap->plan_lock);
    smt_heap_large_table_clear(&heap->large);
    smt_heap_span_source_clear(&heap->source);
    munmap(heap, sizeof *heap);
}

void smt_heap_shared_on_damage(struct smt_heap_shared *heap, smt_heap_shared_report *report,
                               void *context)
{
    heap->report = report;
    heap->report_context = context;
}

static void damage_report(struct smt_heap_shared *heap, const struct smt_heap_shared_damage *damage)
{
    atomic_fetch_add(&heap->damaged, 1);
    if (heap->report) heap->report(heap->report_context, damage);
}

void smt_heap_shared_set_plan(struct smt_heap_shared *heap, const struct smt_heap_shared_plan *plan)
{
    pthread_mutex_lock(&heap->plan_lock);
    heap->plan = *plan;
    atomic_store(&heap->attempts, 0);
    atomic_store(&heap->planned, plan->nth || plan->every || plan->limit_bytes);
    pthread_mutex_unlock(&heap->plan_lock);
}

/* The one place that decides whether a request is refused on purpose. */
static bool plan_refuses(struct smt_heap_shared *heap, size_t size_bytes, size_t given_back)
{
    const struct smt_heap_shared_plan *plan = &heap->plan;
    uint64_t attempt, live;
    bool refuses;

    if (!atomic_load_explicit(&heap->planned, memory_order_relaxed)) return false;
    pthread_mutex_lock(&heap->plan_lock);
    attempt = atomic_fetch_add(&heap->attempts, 1) + 1;
    refuses = attempt == plan->nth || (plan->every && attempt % plan->every == 0);
    if (!refuses && plan->limit_bytes) {
        live = smt_heap_shared_live_bytes(heap) - given_back;
        refuses = size_bytes > plan->limit_bytes || live > plan->limit_bytes - size_bytes;
    }
    pthread_mutex_unlock(&heap->plan_lock);
    if (refuses) atomic_fetch_add(&heap->refused, 1);
    return refuses;
}

/* Only where nobody else changes them: cheaper than adding atomically. */
static void live_add(struct live *live, uint64_t bytes, uint64_t blocks)
{
    bytes += atomic_load_explicit(&live->bytes, memory_order_relaxed);
    blocks += atomic_load_explicit(&live->blocks, memory_order_relaxed);
    atomic_store_explicit(&live->bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&live->blocks, blocks, memory_order_relaxed);
}

static struct shard *shard_mine(struct smt_heap_shared *heap, uint32_t *ret_index)
{
    static atomic_uint seen;
    static _Thread_local unsigned number;

    if (!number) number = atomic_fetch_add(&seen, 1) + 1;
    *ret_index = number & (SHARDS - 1);
    return &heap->shards[*ret_index];
}

/* room_bytes: from payload to the end of what belongs to the block. */
static void fences_check(struct smt_heap_shared *heap, const uint8_t *payload, size_t size_bytes,
                         size_t room_bytes)
{
    struct smt_heap_shared_damage damage = {
        .kind = SMT_HEAP_SHARED_FENCE, .address = payload, .size_bytes = size_bytes};

    if (fences_are_intact(payload, size_bytes, room_bytes)) return;
    damage.offset = fences_first_bad(payload, size_bytes, room_bytes);
    damage_report(heap, &damage);
}

/* --- small blocks --- */

static struct span *span_new(struct smt_heap_shared *heap, uint32_t class_index, uint32_t shard)
{
    struct span *span = smt_heap_span_source_take(&heap->source, shard);
    size_t tables;

    if (!span) return NULL;
    *span = (struct span){.class_index = class_index,
                          .shard_index = shard,
                          .slot_bytes = heap->slot_bytes[class_index],
                          .slot_inverse = UINT32_MAX / heap->slot_bytes[class_index] + 1};
    span->sizes = (uint32_t *)(void *)(span + 1);
    span->slots = (uint32_t)((SPAN_BYTES - sizeof *span - 16) / (span->slot_bytes + 6));
    span->free_indexes = (uint16_t *)(void *)(span->sizes + span->slots);
    tables = sizeof *span + span->slots * (sizeof *span->sizes + sizeof *span->free_indexes);
    span->first_slot = (uint32_t)(tables + 15) & ~15u;
    for (uint32_t i = 0; i < span->slots; i++) {
        span->sizes[i] = 0;
        span->free_indexes[i] = (uint16_t)(span->slots - 1 - i);
    }
    span->free_count = span->slots;
    return span;
}

static uint8_t *span_payload(struct span *span, uint32_t slot)
{
    return (uint8_t *)span + span->first_slot + (size_t)slot * span->slot_bytes + FRONT_BYTES;
}

static size_t span_room(const struct span *span)
{
    return span->slot_bytes - FRONT_BYTES;
}

static void *small_alloc(struct smt_heap_shared *heap, size_t size_bytes)
{
    size_t slot_bytes = (size_bytes + FRONT_BYTES + TAIL_BYTES + 15) & ~(size_t)15;
    uint32_t class_index = heap->class_of[slot_bytes / 16], shard_index;
    struct shard *shard = shard_mine(heap, &shard_index);
    struct span *span;
    uint32_t slot;

    smt_lock_take(&shard->lock);
    span = shard->room[class_index];
    if (!span) {
        span = span_new(heap, class_index, shard_index);
        if (!span) {
            smt_lock_give(&shard->lock);
            return NULL;
        }
        span->listed = true;
        DL_PREPEND(shard->room[class_index], span);
    }
    slot = span->free_indexes[--span->free_count];
    span->sizes[slot] = (uint32_t)size_bytes + 1;
    if (!span->free_count) {
        span->listed = false;
        DL_DELETE(shard->room[class_index], span);
    }
    live_add(&shard->live, size_bytes, 1);
    smt_lock_give(&shard->lock);
    fences_set(span_payload(span, slot), size_bytes, span_room(span));
    return span_payload(span, slot);
}

/* The slot `block` is the payload of; false when it starts none. */
static bool span_slot(const struct span *span, const void *block, uint32_t *ret_slot)
{
    uintptr_t offset = (uintptr_t)block - (uintptr_t)span;

    if (offset < span->first_slot + FRONT_BYTES) return false;
    offset -= span->first_slot + FRONT_BYTES;
    *ret_slot = (uint32_t)(offset * span->slot_inverse >> 32); /* exact: both are below 2^16 */
    return offset == *ret_slot * span->slot_bytes && *ret_slot < span->slots;
}

/* Back onto the span's stack. True: the span is empty and not the only one of its
 * list, so it left the shard and is to go back. With the shard's lock held. */
static bool slot_free(struct shard *shard, struct span *span, uint32_t slot)
{
    struct span **list = &shard->room[span->class_index];

    live_add(&shard->live, -(uint64_t)(span->sizes[slot] - 1), (uint64_t)-1);
    span->sizes[slot] = 0;
    span->free_indexes[span->free_count++] = (uint16_t)slot;
    if (!span->listed) {
        span->listed = true;
        DL_PREPEND(*list, span);
    } else if (span->free_count == span->slots && (*list)->next) {
        DL_DELETE(*list, span);
        return true;
    }
    return false;
}

static void small_release(struct smt_heap_shared *heap, struct span *span, uint8_t *block)
{
    struct shard *shard = &heap->shards[span->shard_index & (SHARDS - 1)];
    struct smt_heap_shared_damage damage = {.kind = SMT_HEAP_SHARED_FOREIGN, .address = block};
    bool starts, live, emptied = false;
    uint32_t slot;

    /* Before it is free: afterwards it may be another thread's. */
    if (span_slot(span, block, &slot) && span->sizes[slot])
        fences_check(heap, block, span->sizes[slot] - 1, span_room(span));
    smt_lock_take(&shard->lock);
    starts = span_slot(span, block, &slot);
    live = starts && span->sizes[slot];
    if (live) emptied = slot_free(shard, span, slot);
    smt_lock_give(&shard->lock);
    if (emptied) smt_heap_span_source_give(&heap->source, span);
    if (live) return;
    if (starts) damage.kind = SMT_HEAP_SHARED_DOUBLE;
    damage_report(heap, &damage);
}

/* --- large blocks --- */

static size_t large_mapped(size_t size_bytes)
{
    return (size_bytes + FRONT_BYTES + TAIL_BYTES + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

static void large_count(struct smt_heap_shared *heap, int64_t bytes, int64_t blocks)
{
    atomic_fetch_add(&heap->large_live.bytes, (uint64_t)bytes);
    atomic_fetch_add(&heap->large_live.blocks, (uint64_t)blocks);
}

static void *large_alloc(struct smt_heap_shared *heap, size_t size_bytes)
{
    struct large_block block = {.size_bytes = size_bytes, .mapped_bytes = large_mapped(size_bytes)};
    uint8_t *pages;

    if (block.mapped_bytes < size_bytes) return NULL;
    pages = smt_pages_map(block.mapped_bytes, 0);
    if (!pages) return NULL;
    block.payload = (uintptr_t)pages + FRONT_BYTES;
    if (!smt_heap_large_table_add(&heap->large, block)) {
        munmap(pages, block.mapped_bytes);
        return NULL;
    }
    fences_set(pages + FRONT_BYTES, size_bytes, block.mapped_bytes - FRONT_BYTES);
    large_count(heap, (int64_t)size_bytes, 1);
    return pages + FRONT_BYTES;
}

static bool large_release(struct smt_heap_shared *heap, uint8_t *payload)
{
    struct large_block block;

    if (!smt_heap_large_table_remove(&heap->large, payload, &block)) return false;
    fences_check(heap, payload, block.size_bytes, block.mapped_bytes - FRONT_BYTES);
    large_count(heap, -(int64_t)block.size_bytes, -1);
    munmap(payload - FRONT_BYTES, block.mapped_bytes);
    return true;
}

/* Moves pages instead of copying them; NULL leaves the block as it was. */
static void *large_resize(struct smt_heap_shared *heap, uint8_t *payload, size_t size_bytes)
{
    size_t mapped_bytes = large_mapped(size_bytes);
    struct large_block old, block;
    uint8_t *pages;

    if (mapped_bytes < size_bytes || !smt_heap_large_table_remove(&heap->large, payload, &old))
        return NULL;
    fences_check(heap, payload, old.size_bytes, old.mapped_bytes - FRONT_BYTES);
    pages = mremap(payload - FRONT_BYTES, old.mapped_bytes, mapped_bytes, MREMAP_MAYMOVE);
    block = (struct large_block){(uintptr_t)pages + FRONT_BYTES, size_bytes, mapped_bytes};
    if (pages == MAP_FAILED) block = old;
    (void)smt_heap_large_table_add(&heap->large, block); /* one was removed: there is a place */
    if (pages == MAP_FAILED) return NULL;
    fences_set(pages + FRONT_BYTES, size_bytes, mapped_bytes - FRONT_BYTES);
    large_count(heap, (int64_t)size_bytes - (int64_t)old.size_bytes, 0);
    return pages + FRONT_BYTES;
}

/* --- all blocks --- */

static bool size_is_small(size_t size_bytes)
{
    return size_bytes <= SLOT_MAX - FRONT_BYTES - TAIL_BYTES;
}

/* Empty spans that shards keep go back, then segments of empty spans: address
 * space can be what there is too little of (RLIMIT_AS). */
static bool heap_trim(struct smt_heap_shared *heap)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &heap->shards[i];

        smt_lock_take(&shard->lock);
        for (uint32_t class_index = 0; class_index < heap->classes; class_index++) {
            struct span *span, *next;

            DL_FOREACH_SAFE(shard->room[class_index], span, next)
            if (span->free_count == span->slots) {
                DL_DELETE(shard->room[class_index], span);
                smt_heap_span_source_give(&heap->source, span);
            }
        }
        smt_lock_give(&shard->lock);
    }
    return smt_heap_span_source_trim(&heap->source);
}

static void *block_alloc(struct smt_heap_shared *heap, size_t size_bytes)
{
    void *(*alloc)(struct smt_heap_shared *, size_t) =
        size_is_small(size_bytes) ? small_alloc : large_alloc;
    void *block = alloc(heap, size_bytes);

    return !block && heap_trim(heap) ? alloc(heap, size_bytes) : block;
}

void *smt_heap_shared_alloc(struct smt_heap_shared *heap, size_t size_bytes)
{
    return plan_refuses(heap, size_bytes, 0) ? NULL : block_alloc(heap, size_bytes);
}

void smt_heap_shared_release(struct smt_heap_shared *heap, void *block)
{
    struct smt_heap_shared_damage damage = {.kind = SMT_HEAP_SHARED_FOREIGN, .address = block};
    struct span *span;

    if (!block) return;
    span = smt_heap_span_source_find(&heap->source, block);
    if (span)
        small_release(heap, span, block);
    else if (!large_release(heap, block))
        damage_report(heap, &damage);
}

size_t smt_heap_shared_size(struct smt_heap_shared *heap, const void *block)
{
    struct span *span = smt_heap_span_source_find(&heap->source, block);
    struct large_block large;
    uint32_t slot;

    if (!span) return smt_heap_large_table_get(&heap->large, block, &large) ? large.size_bytes : 0;
    if (!span_slot(span, block, &slot) || !span->sizes[slot]) return 0;
    return span->sizes[slot] - 1;
}

void *smt_heap_shared_resize(struct smt_heap_shared *heap, void *block, size_t size_bytes)
{
    size_t old_size = block ? smt_heap_shared_size(heap, block) : 0;
    void *moved;

    if (plan_refuses(heap, size_bytes, old_size)) return NULL;
    if (old_size && !size_is_small(old_size) && !size_is_small(size_bytes))
        return large_resize(heap, block, size_bytes);
    moved = block_alloc(heap, size_bytes);
    if (!moved) return NULL;
    if (old_size) memcpy(moved, block, old_size < size_bytes ? old_size : size_bytes);
    if (block) smt_heap_shared_release(heap, block);
    return moved;
}

uint64_t smt_heap_shared_live_bytes(struct smt_heap_shared *heap)
{
    uint64_t bytes = atomic_load(&heap->large_live.bytes);

    for (int i = 0; i < SHARDS; i++) bytes += atomic_load(&heap->shards[i].live.bytes);
    return bytes;
}

uint64_t smt_heap_shared_live_blocks(struct smt_heap_shared *heap)
{
    uint64_t blocks = atomic_load(&heap->large_live.blocks);

    for (int i = 0; i < SHARDS; i++) blocks += atomic_load(&heap->shards[i].live.blocks);
    return blocks;
}

uint64_t smt_heap_shared_refused(struct smt_heap_shared *heap)
{
    return atomic_load(&heap->refused);
}

uint64_t smt_heap_shared_damaged(struct smt_heap_shared *heap)
{
    return atomic_load(&heap->damaged);
}
