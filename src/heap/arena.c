/* heap/arena.c - the hooks: what happens on every request and release. */
#include "heap/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "heap/layout.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CALLER      ((uintptr_t)__builtin_return_address(0))

/* --- allocating ------------------------------------------------------------ */

/* Fills a payload in the range, up to the end of its last line: the fences that
 * lie there are set afterwards. */
static inline void payload_fill(uintptr_t address, size_t size_bytes, enum smt_fill fill)
{
    uintptr_t last = address + ((size_bytes - !!size_bytes) & ~(size_t)(LINE_BYTES - 1));

    if (LIKELY(fill != SMT_FILL_ADDRESS)) {
        lines_set(address, last, fill == SMT_FILL_ZERO ? 0 : FILL_WORD);
        return;
    }
    for (uintptr_t at = address; at < last + LINE_BYTES; at += 8) {
        if (at == address + END_BYTES && last - at > END_BYTES) at = last - END_BYTES;
        word_store(at, ~(uint64_t)at);
    }
}

/* The same to the very byte, for guarded blocks. Words are aligned in memory. */
static void payload_fill_exactly(uintptr_t address, size_t size_bytes, enum smt_fill fill)
{
    uintptr_t end = address + size_bytes;

    if (fill != SMT_FILL_ADDRESS) {
        bytes_set(address, end, fill == SMT_FILL_ZERO ? 0 : (unsigned char)FILL_WORD);
        return;
    }
    for (uintptr_t at = address, next; at < end; at = next) {
        uint64_t word = ~(uint64_t)(at & ~(uintptr_t)7);

        if (at - address >= END_BYTES && end - at > END_BYTES + 8) {
            next = (end - END_BYTES) & ~(uintptr_t)7;
            continue;
        }
        next = (at | 7) + 1 < end ? (at | 7) + 1 : end;
        memcpy((void *)at, (const char *)&word + (at & 7), next - at);
    }
}

/* What a freed block of the range holds: the fence byte, in its payload and not
 * beyond, lest a write into the slack be covered up. */
static inline void payload_poison(const struct smt_heap *heap, uintptr_t address, size_t size_bytes)
{
    static const uint8_t masks[2 * LINE_BYTES] = {
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    };

    if (size_bytes >= LINE_BYTES) {
        lines_set(address, address + size_bytes - LINE_BYTES, heap->fence);
    } else {
        heap_line mask = line_load((uintptr_t)masks + LINE_BYTES - size_bytes),
                  fence = {heap->fence, heap->fence};

        *(heap_line *)address = (line_load(address) & ~mask) | (fence & mask);
    }
}

/* Tag, front fence, slack and tail fence of a block in the range. The four
 * stores of the tail overlap and cover its 16 to 31 bytes. */
static inline void fences_set(const struct smt_heap *heap, uintptr_t address, size_t size_bytes,
                              uint32_t index)
{
    uintptr_t end = fence_end(address, size_bytes);

    word_store(address - 16, block_tag(index, size_bytes));
    if (!heap->check_content) return;
    word_store(address - 8, heap->fence);
    word_store(address + size_bytes, heap->fence);
    word_store(address + size_bytes + 8, heap->fence);
    word_store(end - 16, heap->fence);
    word_store(end - 8, heap->fence);
    if (UNLIKELY(heap->decoy_bytes)) smt_pattern_fill((void *)end, heap->decoy_bytes);
}

/* The rotation brings down what the multiplication carried up. */
static inline uint64_t hash_step(uint64_t hash, uint64_t a, uint64_t b)
{
    hash = (hash << 23 | hash >> 41) ^ (a + b * 0x9FB21C651E98DF25u);
    return hash * 0xC2B2AE3D27D4EB4Fu;
}

static inline void *block_add(struct smt_heap *heap, uintptr_t address, size_t size_bytes,
                              uintptr_t caller, uint32_t flags)
{
    struct smt_block *block = &heap->blocks[heap->block_count++];

    *block = (struct smt_block){address, size_bytes, heap->attempt, caller, 0, flags, NO_BLOCK};
    heap->hash = hash_step(heap->hash, caller, size_bytes);
    heap->live_blocks++;
    heap->live_bytes += size_bytes;
    if (heap->live_bytes > heap->peak_bytes) heap->peak_bytes = heap->live_bytes;
    return (void *)address;
}

static bool range_extend(struct smt_heap *heap, size_t size_bytes)
{
    return heap->block_count < heap->block_capacity && size_bytes < heap->end - heap->bump &&
           smt_heap_open(heap, block_span(heap, size_bytes));
}

/* Takes the next stretch of the range; NULL when it is used up. A request that
 * no heap could grant fails as it would with the C library. */
static inline void *range_allocate(struct smt_heap *heap, size_t size_bytes, uintptr_t caller)
{
    uintptr_t address = heap->bump + FRONT_BYTES;
    size_t room = heap->open_end - heap->bump;

    if (UNLIKELY(size_bytes >= room || block_span(heap, size_bytes) > room ||
                 heap->block_count >= heap->block_capacity) &&
        !range_extend(heap, size_bytes)) {
        if (size_bytes < (heap->end - heap->base) / 2) heap->exhausted = true;
        errno = ENOMEM;
        return NULL;
    }
    if (heap->check_content) payload_fill(address, size_bytes, heap->fill);
    fences_set(heap, address, size_bytes, heap->block_count);
    heap->bump += block_span(heap, size_bytes);
    return block_add(heap, address, size_bytes, caller, 0);
}

static bool guard_wanted(const struct smt_heap *heap)
{
    const struct smt_guard_plan *guard = &heap->settings.guard;

    if (guard->mode == SMT_GUARD_NONE || heap->is_aligning || heap->attempt < guard->first ||
        heap->attempt > guard->last)
        return false;
    for (uint32_t i = 0; i < guard->skip_count; i++)
        if (guard->skip[i] == heap->attempt) return false;
    return heap->block_count < heap->block_capacity;
}

/* NULL when the system has no more mappings. */
static void *guarded_allocate(struct smt_heap *heap, size_t size_bytes, uintptr_t caller)
{
    uintptr_t address = smt_zone_place(heap, size_bytes, heap->block_count);

    if (!address) return NULL;
    if (heap->check_content) payload_fill_exactly(address, size_bytes, heap->fill);
    return block_add(heap, address, size_bytes, caller, SMT_BLOCK_GUARDED);
}

static void observe(struct smt_heap *heap, enum smt_heap_event event, uint64_t attempt,
                    const struct smt_block *block, uintptr_t caller)
{
    if (heap->settings.observer)
        heap->settings.observer->event(heap->settings.observer, event, attempt, block, caller);
}

static void *allocation_refuse(struct smt_heap *heap, uintptr_t caller)
{
    if (!heap->refusals++) {
        heap->first_refused = heap->attempt;
        heap->refused_hash = heap->hash;
    }
    heap->hash = hash_step(heap->hash, caller, UINT64_MAX);
    observe(heap, SMT_EVENT_REFUSED, heap->attempt, NULL, caller);
    errno = ENOMEM;
    return NULL;
}

static bool refusal_is_planned(struct smt_heap *heap, size_t size_bytes)
{
    uint64_t limit = heap->fault.plan->limit_bytes;

    if (limit && (size_bytes > limit || heap->live_bytes > limit - size_bytes)) {
        uint64_t needed =
            size_bytes > UINT64_MAX - heap->live_bytes ? UINT64_MAX : heap->live_bytes + size_bytes;

        if (needed < heap->least_needed) heap->least_needed = needed;
        return true;
    }
    return smt_fault_refuses(&heap->fault, heap->attempt);
}

static bool attempt_is_refused(struct smt_heap *heap, size_t size_bytes, uintptr_t caller)
{
    struct smt_heap_veto *veto = heap->settings.veto;

    return refusal_is_planned(heap, size_bytes) &&
           (!veto || veto->refuse(veto, heap->attempt, caller));
}

/* C library behind the plan only: nothing is tracked but how much is there. */
static void *libc_allocate(struct smt_heap *heap, size_t size_bytes, uintptr_t caller)
{
    void *memory = malloc(size_bytes);

    if (!memory) return NULL;
    heap->live_blocks++;
    heap->hash = hash_step(heap->hash, caller, size_bytes);
    return memory;
}

/* What is asked and noted before a closely watched attempt is decided. */
static void attempt_begin(struct smt_heap *heap)
{
    const struct smt_heap_settings *settings = &heap->settings;

    if (settings->prefix_hashes && heap->attempt <= settings->prefix_capacity)
        settings->prefix_hashes[heap->attempt - 1] = heap->hash;
    if (settings->turn && heap->attempt == settings->turn->next) {
        const struct smt_fault_plan *plan = settings->turn->before(settings->turn, heap->attempt);

        if (plan) smt_fault_arm(&heap->fault, plan);
    }
}

__attribute__((noinline)) static void *allocate_slowly(struct smt_heap *heap, size_t size_bytes,
                                                       uintptr_t caller)
{
    const struct smt_heap_settings *settings = &heap->settings;
    bool other = settings->other_first && heap->attempt >= settings->other_first &&
                 heap->attempt <= settings->other_last;
    bool refused;
    void *memory;

    attempt_begin(heap);
    refused = attempt_is_refused(heap, size_bytes, caller);
    if (heap->next_event) heap->next_event = event_next(heap);
    if (refused) return allocation_refuse(heap, caller);
    heap->fill = other ? settings->other_fill : settings->fill;
    if (heap->libc_backend)
        memory = libc_allocate(heap, size_bytes, caller);
    else if (!guard_wanted(heap) || !(memory = guarded_allocate(heap, size_bytes, caller)))
        memory = range_allocate(heap, size_bytes, caller);
    if (memory)
        observe(heap, SMT_EVENT_ALLOCATED, heap->attempt,
                heap->libc_backend ? NULL : &heap->blocks[heap->block_count - 1], caller);
    return memory;
}

static inline void *allocate(struct smt_heap *heap, size_t size_bytes, uintptr_t caller)
{
    heap->attempt++;
    if (UNLIKELY(heap->attempt >= heap->next_event))
        return allocate_slowly(heap, size_bytes, caller);
    return range_allocate(heap, size_bytes, caller);
}

/* --- releasing -------------------------------------------------------------- */

/* The record of the block that begins at `address`, else NULL. Reads no memory
 * in front of an address outside the range. */
static inline struct smt_block *block_find(struct smt_heap *heap, uintptr_t address)
{
    if (LIKELY(address - heap->base < heap->bump - heap->base && !(address % HEAP_ALIGNMENT) &&
               address >= heap->base + FRONT_BYTES)) {
        uint32_t index = (uint32_t)word_load(address - 16);

        if (LIKELY(index < heap->block_count && heap->blocks[index].address == address))
            return &heap->blocks[index];
    }
    bool guard_page;
    const struct smt_block *block = smt_heap_block_at(heap, address, &guard_page);

    return block && block->address == address ? &heap->blocks[block - heap->blocks] : NULL;
}

/* Blocks lie without gaps, so a chunk all of whose bytes were evicted is free; it
 * is given back if it is not among those that stay for the next run. */
static void chunks_evict(struct smt_heap *heap, const struct smt_block *block)
{
    uintptr_t at = block->address - FRONT_BYTES, end = at + block_span(heap, block->size_bytes);

    if (at < heap->resident_end) at = heap->resident_end;
    while (at < end) {
        size_t chunk = (at - heap->base) / CHUNK_BYTES;
        uintptr_t chunk_base = heap->base + chunk * CHUNK_BYTES,
                  chunk_end = chunk_base + CHUNK_BYTES;
        uint32_t part = (uint32_t)((end < chunk_end ? end : chunk_end) - at);

        heap->evicted_of_chunk[chunk] += part;
        if (heap->evicted_of_chunk[chunk] == CHUNK_BYTES)
            madvise((void *)chunk_base, CHUNK_BYTES, MADV_DONTNEED);
        at += part;
    }
}

/* Checks the oldest freed block and gives its memory back. */
static void quarantine_evict(struct smt_heap *heap)
{
    struct smt_block *block = &heap->blocks[heap->oldest_freed];
    struct smt_damage damage;

    if (heap->check_content && heap->oldest_freed >= heap->first_block &&
        !smt_block_check(heap, block, heap->oldest_freed, &damage) && !heap->evicted_damages++)
        heap->evicted_damage = damage;
    block->flags |= SMT_BLOCK_EVICTED;
    heap->evicted_any = true;
    heap->freed_bytes -= block_span(heap, block->size_bytes);
    heap->oldest_freed = block->next_freed;
    if (heap->oldest_freed == NO_BLOCK) heap->newest_freed = NO_BLOCK;
    if (!(block->flags & SMT_BLOCK_GUARDED)) chunks_evict(heap, block);
}

/* What makes a release more than book-keeping and poison. */
__attribute__((noinline)) static void
block_release_slowly(struct smt_heap *heap, struct smt_block *block, uintptr_t caller)
{
    if (block->flags & SMT_BLOCK_GUARDED)
        smt_zone_protect(heap, block);
    else if (heap->check_content)
        payload_poison(heap, block->address, block->size_bytes);
    while (heap->freed_bytes > heap->quarantine_bytes) quarantine_evict(heap);
    if (!heap->next_event) observe(heap, SMT_EVENT_FREED, block->attempt, block, caller);
}

/* Poison comes last: its call needs nothing saved then. */
static inline void block_release(struct smt_heap *heap, struct smt_block *block, uintptr_t caller)
{
    uint32_t index = (uint32_t)(block - heap->blocks);

    if (UNLIKELY(index < heap->first_block)) heap->kept_changed = true;
    block->flags |= SMT_BLOCK_FREED;
    block->freed_by = caller;
    heap->hash = hash_step(heap->hash, block->attempt, caller);
    heap->live_blocks--;
    heap->live_bytes -= block->size_bytes;
    if (heap->newest_freed == NO_BLOCK)
        heap->oldest_freed = index;
    else
        heap->blocks[heap->newest_freed].next_freed = index;
    heap->newest_freed = index;
    heap->freed_bytes += block_span(heap, block->size_bytes);
    if (UNLIKELY(block->flags & SMT_BLOCK_GUARDED || heap->freed_bytes > heap->quarantine_bytes ||
                 !heap->next_event))
        block_release_slowly(heap, block, caller);
    else if (heap->check_content)
        payload_poison(heap, block->address, block->size_bytes);
}

__attribute__((noinline)) static void bad_free_note(struct smt_heap *heap, uintptr_t address,
                                                    uintptr_t caller)
{
    bool guard_page;
    const struct smt_block *block = smt_heap_block_at(heap, address, &guard_page);

    if (!heap->bad_frees++) {
        heap->bad_free = !block                      ? SMT_BAD_FREE_FOREIGN
                         : block->address == address ? SMT_BAD_FREE_DOUBLE
                                                     : SMT_BAD_FREE_INTERIOR;
        heap->bad_free_address = address;
        heap->bad_free_caller = caller;
        heap->bad_free_attempt = block ? block->attempt : 0;
    }
    observe(heap, SMT_EVENT_BAD_FREE, heap->attempt, block, caller);
}

/* A live block that begins at `address`, else the bad free is noted. */
static inline struct smt_block *block_for_release(struct smt_heap *heap, uintptr_t address,
                                                  uintptr_t caller)
{
    struct smt_block *block = block_find(heap, address);

    if (LIKELY(block && !(block->flags & SMT_BLOCK_FREED))) return block;
    bad_free_note(heap, address, caller);
    return NULL;
}

/* --- the hooks ---------------------------------------------------------------- */

void *smt_heap_malloc(size_t size_bytes)
{
    return allocate(smt_heap_current, size_bytes, CALLER);
}

void *smt_heap_calloc(size_t count, size_t size_bytes)
{
    struct smt_heap *heap = smt_heap_current;
    size_t total;
    void *memory;

    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    memory = allocate(heap, total, CALLER);
    if (memory) memset(memory, 0, total);
    return memory;
}

static void *libc_reallocate(struct smt_heap *heap, void *block, size_t size_bytes,
                             uintptr_t caller)
{
    void *moved;

    attempt_begin(heap);
    if (attempt_is_refused(heap, size_bytes, caller)) return allocation_refuse(heap, caller);
    moved = realloc(block, size_bytes);
    heap->hash = hash_step(heap->hash, caller, size_bytes);
    if (moved) observe(heap, SMT_EVENT_ALLOCATED, heap->attempt, NULL, caller);
    return moved;
}

static inline void release(struct smt_heap *heap, void *memory, uintptr_t caller)
{
    struct smt_block *block;

    if (!memory) return;
    if (heap->libc_backend) {
        heap->live_blocks--;
        free(memory);
        return;
    }
    block = block_for_release(heap, (uintptr_t)memory, caller);
    if (block) block_release(heap, block, caller);
}

static inline void *reallocate(struct smt_heap *heap, void *old, size_t size_bytes,
                               uintptr_t caller)
{
    struct smt_block *block;
    size_t kept;
    void *moved;

    if (!old) return allocate(heap, size_bytes, caller);
    if (!size_bytes) { /* as glibc: frees, returns NULL, errno untouched */
        release(heap, old, caller);
        return NULL;
    }
    if (heap->libc_backend) {
        heap->attempt++;
        return libc_reallocate(heap, old, size_bytes, caller);
    }
    block = block_for_release(heap, (uintptr_t)old, caller);
    if (!block) {
        errno = ENOMEM;
        return NULL;
    }
    moved = allocate(heap, size_bytes, caller);
    if (!moved) return NULL;
    kept = block->size_bytes < size_bytes ? block->size_bytes : size_bytes;
    memcpy(moved, old, kept);
    block_release(heap, block, caller);
    return moved;
}

void *smt_heap_realloc(void *old, size_t size_bytes)
{
    return reallocate(smt_heap_current, old, size_bytes, CALLER);
}

void smt_heap_release(void *memory)
{
    release(smt_heap_current, memory, CALLER);
}

/* --- for catchers ------------------------------------------------------------- */

/* Moves the next block to a multiple of `alignment`. The gap belongs to nobody:
 * no fence, and its chunk is not given back before the next run. */
static void range_align(struct smt_heap *heap, size_t alignment)
{
    uintptr_t address = align_up(heap->bump + FRONT_BYTES, alignment);

    if (address > heap->bump && address < heap->end && smt_heap_open(heap, address - heap->bump))
        heap->bump = address - FRONT_BYTES;
}

void *smt_heap_allocate_for(uintptr_t caller, size_t alignment, size_t size_bytes, bool zeroed)
{
    struct smt_heap *heap = smt_heap_current;
    void *memory;

    heap->is_aligning = alignment > HEAP_ALIGNMENT;
    if (heap->is_aligning) range_align(heap, alignment);
    memory = allocate(heap, size_bytes, caller);
    heap->is_aligning = false;
    if (zeroed && memory) memset(memory, 0, size_bytes);
    return memory;
}

void *smt_heap_reallocate_for(uintptr_t caller, void *block, size_t size_bytes)
{
    return reallocate(smt_heap_current, block, size_bytes, caller);
}

void smt_heap_release_for(uintptr_t caller, void *block)
{
    release(smt_heap_current, block, caller);
}
