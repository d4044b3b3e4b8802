/* The functions that allocate and take note. Compiled with frame pointers: a walk
 * up the stack begins at the caller of one of these. */
#include "preload/preload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "heap/heap.h"

_Thread_local struct mt_thread mt_thread;
_Atomic bool mt_complete;

static pthread_key_t trace_key;
static bool trace_key_made;

/* --- what a signal handler did while its thread was in our tables --- */

#define PENDING_MAX 16

/* One table for all threads: such a thing is rare, and a thread's own storage
 * is small. */
struct pending {
    _Atomic uintptr_t owner; /* the mt_thread; 0: free */
    void *freed;             /* to be freed, or NULL */
    void *made;              /* to be added, or NULL */
    size_t size;
};

static struct pending pendings[PENDING_MAX * 16];

/* False: no room, so the block stays unknown. */
static bool pending_add(void *freed, void *made, size_t size)
{
    for (size_t i = 0; i < sizeof pendings / sizeof *pendings; i++) {
        uintptr_t nobody = 0;

        if (!atomic_compare_exchange_strong(&pendings[i].owner, &nobody, 1)) continue;
        pendings[i].freed = freed;
        pendings[i].made = made;
        pendings[i].size = size;
        atomic_store(&pendings[i].owner, (uintptr_t)&mt_thread);
        mt_thread.pending_count++;
        return true;
    }
    return false;
}

__attribute__((noinline)) static void pending_flush(void)
{
    mt_thread.pending_count = 0;
    for (size_t i = 0; i < sizeof pendings / sizeof *pendings; i++) {
        void *freed, *made;
        size_t size;

        if (atomic_load(&pendings[i].owner) != (uintptr_t)&mt_thread) continue;
        freed = pendings[i].freed;
        made = pendings[i].made;
        size = pendings[i].size;
        atomic_store(&pendings[i].owner, 0);
        if (made) smt_live_add((uintptr_t)made, size, 0, smt_ages_epoch(), 0);
        if (freed) mt_current.free(freed);
    }
}

/* --- stacks --- */

static void trace_drop(void *trace)
{
    mt_thread.trace = NULL;
    smt_pages_free(trace, sizeof(struct smt_unwind_trace));
}

__attribute__((noinline)) static void trace_make(void)
{
    struct smt_unwind_trace *trace;

    if (!trace_key_made) return;
    trace = smt_pages_new(sizeof *trace, 0);
    mt_thread.trace = trace;
    if (trace) pthread_setspecific(trace_key, trace);
}

static uint32_t stack_of(const struct smt_unwind_point *point)
{
    struct smt_unwind_trace *trace = mt_thread.trace;
    uintptr_t frames[SMT_UNWIND_MAX];
    uint64_t hash;

    if (unlikely(!trace)) {
        trace_make();
        trace = mt_thread.trace;
    }
    if (unlikely(!trace))
        return smt_live_stack_number(frames, smt_unwind_walk(point, frames, SMT_UNWIND_MAX));
    if (!smt_unwind_walk_on(trace, point, &hash)) return trace->value;
    trace->value = smt_live_stack_find(hash, trace->value);
    if (unlikely(!trace->value))
        trace->value = smt_live_stack_number(frames, smt_unwind_frames(trace, frames));
    return trace->value;
}

/* --- taking note --- */

static inline void busy_begin(void)
{
    mt_thread.busy = 1;
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void busy_end(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    mt_thread.busy = 0;
    if (unlikely(mt_thread.pending_count)) pending_flush();
}

static inline void note_made(void *block, size_t size, const struct smt_unwind_point *point)
{
    uint32_t stack;

    if (unlikely(mt_thread.busy)) {
        pending_add(NULL, block, size);
        return;
    }
    busy_begin();
    smt_live_expect((uintptr_t)block);
    stack = stack_of(point);
    smt_live_add((uintptr_t)block, size, stack, smt_ages_epoch(),
                 mt_thread.ours ? SMT_LIVE_OURS : 0);
    if (unlikely(mt_survey)) mt_survey_note(stack);
    busy_end();
}

/* Takes the block out of the books; false: it is not to be freed. */
static inline bool note_freed(void *block, struct smt_live_block *ret_block,
                              const struct smt_unwind_point *point)
{
    bool known;

    busy_begin();
    known = smt_live_remove((uintptr_t)block, ret_block);
    if (likely(known)) {
        if (unlikely(ret_block->epoch)) smt_ages_learn(ret_block);
        if (likely(atomic_load_explicit(&mt_complete, memory_order_relaxed)))
            mt_freed_note((uintptr_t)block, point->pc);
    } else if (atomic_load_explicit(&mt_complete, memory_order_relaxed)) {
        mt_bad_free_note((uintptr_t)block, stack_of(point));
        busy_end();
        return false;
    } else {
        ret_block->address = 0;
    }
    busy_end();
    return true;
}

static inline bool refused(void)
{
    if (likely(!mt_fault_armed) || mt_thread.ours || !mt_fault_refuses()) return false;
    errno = ENOMEM;
    return true;
}

static void *tracked_malloc(size_t size)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    void *block;

    if (refused()) return NULL;
    block = mt_next.malloc(size);
    if (likely(block)) note_made(block, size, &point);
    return block;
}

static void *tracked_calloc(size_t count, size_t size)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    void *block;

    if (refused()) return NULL;
    block = mt_next.calloc(count, size);
    if (likely(block)) note_made(block, count * size, &point);
    return block;
}

static void tracked_free(void *block)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    struct smt_live_block known;

    if (!block || unlikely(mt_early_has(block))) return;
    if (unlikely(mt_thread.busy)) {
        /* Not before it is out of the books: another thread might be given it. */
        pending_add(block, NULL, 0);
        return;
    }
    if (likely(note_freed(block, &known, &point))) mt_next.free(block);
}

static void *tracked_realloc(void *block, size_t size)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    struct smt_live_block known;
    void *moved;

    if (!block) {
        if (refused()) return NULL;
        moved = mt_next.malloc(size);
        if (likely(moved)) note_made(moved, size, &point);
        return moved;
    }
    if (unlikely(mt_early_has(block))) return mt_early_move(block, size);
    if (size && refused()) return NULL;
    if (unlikely(mt_thread.busy)) {
        moved = mt_next.malloc(size);
        if (!moved) return NULL;
        __builtin_memcpy(
            moved, block,
            size < mt_next.malloc_usable_size(block) ? size : mt_next.malloc_usable_size(block));
        pending_add(block, moved, size);
        return moved;
    }
    if (!note_freed(block, &known, &point)) {
        errno = ENOMEM;
        return NULL;
    }
    moved = mt_next.realloc(block, size);
    if (likely(moved)) {
        note_made(moved, size, &point);
    } else if (size && known.address) {
        busy_begin();
        smt_live_restore(&known);
        busy_end();
    }
    return moved;
}

static int tracked_posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    int saved = errno, status;

    if (refused()) {
        errno = saved;
        return ENOMEM;
    }
    status = mt_next.posix_memalign(ret_block, alignment, size);
    if (status == 0 && *ret_block) note_made(*ret_block, size, &point);
    return status;
}

static void *tracked_aligned_alloc(size_t alignment, size_t size)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    void *block;

    if (refused()) return NULL;
    block = mt_next.aligned_alloc(alignment, size);
    if (block) note_made(block, size, &point);
    return block;
}

static void *tracked_memalign(size_t alignment, size_t size)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    void *block;

    if (refused()) return NULL;
    block = mt_next.memalign(alignment, size);
    if (block) note_made(block, size, &point);
    return block;
}

static void *tracked_valloc(size_t size)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    void *block;

    if (refused()) return NULL;
    block = mt_next.valloc(size);
    if (block) note_made(block, size, &point);
    return block;
}

static void *tracked_pvalloc(size_t size)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    void *block;

    if (refused()) return NULL;
    block = mt_next.pvalloc(size);
    if (block) note_made(block, size, &point);
    return block;
}

/* Who asks may use it all. */
static size_t tracked_usable_size(void *block)
{
    if (unlikely(mt_early_has(block))) return mt_early.malloc_usable_size(block);
    if (block && !mt_thread.busy) {
        busy_begin();
        smt_live_mark((uintptr_t)block, SMT_LIVE_GROWN, 0);
        busy_end();
    }
    return mt_next.malloc_usable_size(block);
}

const struct mt_functions mt_tracked = {
    tracked_malloc,         tracked_calloc,        tracked_realloc,  tracked_free,
    tracked_posix_memalign, tracked_aligned_alloc, tracked_memalign, tracked_valloc,
    tracked_pvalloc,        tracked_usable_size,
};

void mt_track_init(void)
{
    trace_key_made = pthread_key_create(&trace_key, trace_drop) == 0;
}
