#include "heap/scan.h"

#include <dlfcn.h>
#include <string.h>

#include "base/base.h"
#include "heap/live.h"
#include "heap/live_memory.h"
#include "heap/live_stack.h"
#include "heap/roots.h"
#include "heap/scan_mark.h"

#define ROOTS_MAX 65536

/* Where the C library does not say how much a thread's storage takes. */
#define STORAGE_BELOW ((size_t)64 << 10)
#define STORAGE_ABOVE ((size_t)4096)

static size_t storage_below = STORAGE_BELOW, storage_above = STORAGE_ABOVE;

static struct {
    struct smt_scan_suspect *suspects;
    size_t count, capacity; /* capacity: as mapped */
} last;

void smt_scan_prepare(void)
{
    void (*static_info)(size_t * size, size_t * align);
    const uint32_t *control_size = dlsym(RTLD_DEFAULT, "_thread_db_sizeof_pthread");
    size_t align;

    *(void **)&static_info = dlsym(RTLD_DEFAULT, "_dl_get_tls_static_info");
    if (control_size) storage_above = *control_size;
    if (!static_info || !control_size) return;
    static_info(&storage_below, &align); /* with the control block */
    if (storage_below > storage_above) storage_below -= storage_above;
}

struct roots {
    struct smt_scan_range *ranges;
    size_t count;
    struct smt_scan_work *work;
};

static void root_add(void *context, uintptr_t object_base, uintptr_t from, uintptr_t to)
{
    struct roots *roots = context;
    struct smt_scan_work *work = roots->work;

    if (work->options->own_base && object_base == work->options->own_base) return;
    if (work->options->allocator_base && object_base == work->options->allocator_base &&
        work->allocator_count < SMT_SCAN_ALLOCATOR_MAX) {
        work->allocator[work->allocator_count++] = (struct smt_scan_range){from, to};
        return;
    }
    if (roots->count < ROOTS_MAX) roots->ranges[roots->count++] = (struct smt_scan_range){from, to};
}

static void tables_unlock(void *context)
{
    (void)context;
    smt_live_stack_unlock();
    smt_live_unlock();
}

/* --- what was found goes into the records --- */

static bool marked; /* some records carry what an earlier scan found */

struct verdict {
    const struct smt_scan_found *found;
    struct smt_scan_suspect suspect;
    bool same, fresh; /* same: the block is still there */
};

/* Not seen in this scan: unreferenced no more. */
static bool block_unmark(void *context, struct smt_live_block *block)
{
    (void)context;
    if (block->misses) {
        /* The top bit: found in this scan; takes it off. */
        if (block->misses & 0x80) {
            block->misses &= 0x7F;
        } else {
            block->misses = 0;
            block->flags &= (uint8_t) ~(SMT_LIVE_SUMMED | SMT_LIVE_REPORTED);
        }
    }
    return true;
}

static void block_mark_found(void *context, struct smt_live_block *block)
{
    struct verdict *verdict = context;
    const struct smt_scan_found *found = verdict->found;

    if (block->number != found->number) return;
    verdict->same = true;
    block->misses = (uint8_t)((block->misses < 0x7F ? block->misses + 1 : 0x7F) | 0x80);
    smt_live_checksum_set(found->record, found->checksum);
    block->flags |= SMT_LIVE_SUMMED;
    verdict->suspect = (struct smt_scan_suspect){
        .address = block->address,
        .size_bytes = block->size_bytes,
        .number = block->number,
        .via = found->via,
    };
    if (!found->suspect) return;
    verdict->fresh = !(block->flags & SMT_LIVE_REPORTED);
    block->flags |= SMT_LIVE_REPORTED;
}

/* Direct ones first, then the larger, then the older. */
static int suspect_order(const void *left, const void *right)
{
    const struct smt_scan_suspect *a = left, *b = right;

    if (!a->via != !b->via) return a->via ? 1 : -1;
    if (a->size_bytes != b->size_bytes) return a->size_bytes < b->size_bytes ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

/* Shell sort, for qsort() allocates. */
static void suspects_sort(struct smt_scan_suspect *suspects, size_t count)
{
    for (size_t gap = count / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (size_t i = gap; i < count; i++) {
            struct smt_scan_suspect moved = suspects[i];
            size_t at = i;

            for (; at >= gap && suspect_order(&suspects[at - gap], &moved) > 0; at -= gap)
                suspects[at] = suspects[at - gap];
            suspects[at] = moved;
        }
}

static void suspects_keep(const struct smt_scan_work *work, struct smt_scan_result *result)
{
    size_t count = work->answer->found_count;

    smt_scan_forget();
    last.suspects = smt_pages_new((count + 1) * sizeof *last.suspects, 0);
    last.capacity = count + 1;
    for (size_t i = 0; last.suspects && i < count; i++) {
        const struct smt_live_block *record = smt_live_record(work->found[i].record);
        struct verdict verdict = {.found = &work->found[i]};

        if (record && record->address) smt_live_with(record->address, block_mark_found, &verdict);
        if (!verdict.same) continue;
        result->unreferenced++;
        if (!work->found[i].suspect) continue;
        last.suspects[last.count++] = verdict.suspect;
        result->suspect_bytes += verdict.suspect.size_bytes;
        result->direct += verdict.suspect.via == 0;
        result->fresh += verdict.fresh;
    }
    result->suspects = last.count;
    suspects_sort(last.suspects, last.count);
    if (count || marked) smt_live_each(block_unmark, NULL);
    marked = count > 0;
}

static void scan_with(struct smt_scan_work *work, struct smt_scan_result *result)
{
    struct smt_world world = {
        .job = smt_scan_mark,
        .release = tables_unlock,
        .context = work,
        .signals_only = work->options->signals_only,
    };

    smt_live_lock();
    smt_live_stack_lock();
    work->now_cs = smt_live_now_cs();
    smt_world_snapshot(&world);
    result->stopped_ns = world.stopped_ns;
    result->threads = world.count;
    result->by_signal = world.by_signal;
    result->failure = world.failure;
    if (!result->failure && !work->answer->done) result->failure = "no memory for the scan";
    if (result->failure) return;
    result->blocks = work->answer->blocks;
    result->bytes = work->answer->bytes;
    suspects_keep(work, result);
}

void smt_scan_run(const struct smt_scan_options *options, struct smt_scan_result *ret_result)
{
    uint64_t begin_ns = smt_clock_ns();
    struct roots roots = {0};
    struct smt_live_totals totals;
    struct smt_scan_work work = {
        .options = options,
        .thread_storage_below = storage_below,
        .thread_storage_above = storage_above,
    };
    size_t found_bytes, root_bytes = (ROOTS_MAX + options->extra_count) * sizeof *roots.ranges;

    memset(ret_result, 0, sizeof *ret_result);
    smt_live_totals(&totals);
    work.found_max = totals.blocks + totals.blocks / 4 + 65536; /* and what comes meanwhile */
    found_bytes = work.found_max * sizeof *work.found;
    work.found = smt_pages_new(found_bytes, 1);
    work.answer = smt_pages_new(sizeof *work.answer, 1);
    roots.ranges = smt_pages_new(root_bytes, 0);
    if (work.found && work.answer && roots.ranges) {
        roots.work = &work;
        /* Before anything is locked: the dynamic linker has a lock of its own. */
        smt_roots_each_data(root_add, &roots);
        if (options->extra_count)
            memcpy(roots.ranges + roots.count, options->extra,
                   options->extra_count * sizeof *roots.ranges);
        work.roots = roots.ranges;
        work.root_count = roots.count + options->extra_count;
        scan_with(&work, ret_result);
    } else {
        ret_result->failure = "no memory for the scan";
    }
    smt_pages_free(roots.ranges, root_bytes);
    smt_pages_free(work.answer, sizeof *work.answer);
    smt_pages_free(work.found, found_bytes);
    ret_result->took_ns = smt_clock_ns() - begin_ns;
}

const struct smt_scan_suspect *smt_scan_suspects(size_t *ret_count)
{
    *ret_count = last.count;
    return last.suspects;
}

struct clear {
    uint64_t number;
    size_t cleared;
};

static void block_clear(void *context, struct smt_live_block *block)
{
    struct clear *clear = context;

    if (block->number != clear->number) return;
    block->flags |= SMT_LIVE_GREY;
    clear->cleared++;
}

size_t smt_scan_clear(void)
{
    struct clear clear = {0};

    for (size_t i = 0; i < last.count; i++) {
        clear.number = last.suspects[i].number;
        smt_live_with(last.suspects[i].address, block_clear, &clear);
    }
    smt_scan_forget();
    return clear.cleared;
}

void smt_scan_forget(void)
{
    smt_pages_free(last.suspects, last.capacity * sizeof *last.suspects);
    last.suspects = NULL;
    last.count = last.capacity = 0;
}
