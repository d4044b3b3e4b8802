/* run/direct.c - runs in the caller's own process: see run.h.
 *
 * With the C library behind the plan the heap keeps no records, but known leaks,
 * repeated all day, would eat the machine; so live blocks are kept here, in a
 * hash table of addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "run/shared.h"

#define LIVE_SLOTS_LEAST (1u << 9)
#define GONE             ((void *)1) /* a slot whose block was released */
#define CALLER           ((uintptr_t)__builtin_return_address(0))

struct smt_direct {
    struct smt_worker_settings settings;
    struct run_context context;
    size_t mapped_bytes;      /* of the areas */
    bool zero_ended;          /* the message in place is */
    const void *original;     /* of it, the caller's */
    struct run_shared shared; /* last: large, and little of it is touched */
};

/* Open addressing; used counts slots that have held a block. attempts[] goes with
 * slots[] and is never cleared. */
static struct {
    void **slots;
    uint64_t *attempts;
    size_t slot_count, used, live;
    uint64_t attempt; /* requests of this run, as the heap counts them */
    bool is_kept;     /* false: an arena is behind, which has records of its own */
} alive;

static size_t slot_of(const void *block)
{
    return (size_t)(((uintptr_t)block >> 4) * 0x9E3779B97F4A7C15u >> 32) & (alive.slot_count - 1);
}

static void alive_put(void *block, uint64_t attempt)
{
    size_t at = slot_of(block);

    while (alive.slots[at] > GONE) at = (at + 1) & (alive.slot_count - 1);
    alive.used += !alive.slots[at];
    alive.live++;
    alive.slots[at] = block;
    alive.attempts[at] = attempt;
}

static bool alive_new(size_t slot_count)
{
    void **slots = calloc(slot_count, sizeof *slots);
    uint64_t *attempts = calloc(slot_count, sizeof *attempts);

    if (!slots || !attempts) {
        free(slots);
        free(attempts);
        return false;
    }
    alive.slots = slots;
    alive.attempts = attempts;
    alive.slot_count = slot_count;
    alive.used = alive.live = 0;
    return true;
}

/* Twice as many slots when many live, else the same without those that are gone. */
static bool alive_rebuild(void)
{
    size_t old_count = alive.slot_count;
    uint64_t *old_attempts = alive.attempts;
    void **old = alive.slots;

    if (!alive_new(alive.live * 4 < old_count ? old_count : old_count * 2)) return false;
    for (size_t i = 0; i < old_count; i++)
        if (old[i] > GONE) alive_put(old[i], old_attempts[i]);
    free(old);
    free(old_attempts);
    return true;
}

/* A block that finds no room is only never given back. */
static void *alive_add(void *block)
{
    if (!alive.is_kept) return block;
    alive.attempt++;
    if (!block) return NULL;
    if (alive.used * 2 >= alive.slot_count && !alive_rebuild()) return block;
    alive_put(block, alive.attempt);
    return block;
}

static void alive_remove(const void *block)
{
    size_t at = slot_of(block), next;

    if (!alive.is_kept) return;
    while (alive.slots[at] && alive.slots[at] != block) at = (at + 1) & (alive.slot_count - 1);
    if (!alive.slots[at]) return;
    next = (at + 1) & (alive.slot_count - 1);
    alive.slots[at] = alive.slots[next] ? GONE : NULL;
    alive.used -= !alive.slots[next];
    alive.live--;
}

static int attempt_order(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return first < second ? -1 : first > second;
}

/* The first of the blocks that are left, as the arena would name them. */
static void alive_tell(struct smt_run_leak *leak)
{
    uint64_t *left = calloc(alive.live + 1, sizeof *left);
    size_t count = 0;

    for (size_t i = 0; left && i < alive.slot_count; i++)
        if (alive.slots[i] > GONE) left[count++] = alive.attempts[i];
    if (count) qsort(left, count, sizeof *left, attempt_order);
    for (size_t i = 0; i < count && i < SMT_LEAKED_MAX; i++) leak->attempts[i] = left[i];
    free(left);
}

/* What the run left behind. */
static void alive_release_all(void)
{
    for (size_t i = 0; alive.live && i < alive.slot_count; i++)
        if (alive.slots[i] > GONE) free(alive.slots[i]);
    if (alive.used) memset(alive.slots, 0, alive.slot_count * sizeof *alive.slots);
    alive.used = alive.live = 0;
    alive.attempt = 0;
}

/* --- which way a run went --------------------------------------------------------- */

static struct {
    uint8_t *counters; /* NULL: nobody wants to know */
    size_t mask;
    uintptr_t anchor; /* in the parser: addresses count from there */
    uint64_t last;
} sites;

static inline void site_count(uintptr_t caller)
{
    uint64_t site;

    if (!sites.counters) return;
    site = (uint64_t)(caller - sites.anchor) * 0x9E3779B97F4A7C15u >> 16;
    sites.counters[(site ^ sites.last) & sites.mask]++;
    sites.last = site >> 1;
}

/* --- hooks that count sites and, before the C library, keep who lives --------------- */

#define LIBC_ALIGNMENT 16

static void *watched_malloc(size_t size_bytes)
{
    site_count(CALLER);
    return alive_add(smt_heap_allocate_for(CALLER, LIBC_ALIGNMENT, size_bytes, false));
}

static void *watched_calloc(size_t count, size_t size_bytes)
{
    size_t total;

    site_count(CALLER);
    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return alive_add(smt_heap_allocate_for(CALLER, LIBC_ALIGNMENT, total, true));
}

static void *watched_realloc(void *block, size_t size_bytes)
{
    void *moved = smt_heap_reallocate_for(CALLER, block, size_bytes);

    site_count(CALLER);
    if (block && (moved || !size_bytes)) alive_remove(block);
    return block && !size_bytes ? NULL : alive_add(moved); /* a release is no request */
}

static void watched_free(void *block)
{
    site_count(CALLER);
    if (block) alive_remove(block);
    smt_heap_release_for(CALLER, block);
}

static const struct smt_parser_hooks watched_hooks = {watched_malloc, watched_calloc,
                                                      watched_realloc, watched_free};
static const struct smt_parser_hooks heap_hooks = {smt_heap_malloc, smt_heap_calloc,
                                                   smt_heap_realloc, smt_heap_release};

/* --- the runs -------------------------------------------------------------------- */

/* Room for the message twice, ending at an inaccessible page and beginning after
 * one, each as long as the longest, and for the state, which is returned; NULL
 * when out of memory. None of it malloc'd: LeakSanitizer could not see who points
 * to it, nor should what a run left in the state look like it was reachable. */
static void *areas_new(struct smt_direct *direct, size_t state_bytes)
{
    struct run_message *message = &direct->context.message;
    size_t area_bytes = SMT_DIRECT_BYTES_MOST + 3 * PAGE_BYTES;
    char *area;

    direct->mapped_bytes = 2 * area_bytes + state_bytes;
    area = mmap(NULL, direct->mapped_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) return NULL;
    message->area_bytes = area_bytes;
    message->tail_area = area;
    message->head_area = area + area_bytes;
    if (mprotect(area + PAGE_BYTES, area_bytes - 2 * PAGE_BYTES, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(message->head_area + PAGE_BYTES, area_bytes - 2 * PAGE_BYTES,
                 PROT_READ | PROT_WRITE) ||
        mprotect(area + 2 * area_bytes, state_bytes, PROT_READ | PROT_WRITE) != 0)
        return NULL;
    return area + 2 * area_bytes;
}

static enum smt_status parser_ready(struct smt_direct *direct)
{
    struct run_context *context = &direct->context;
    const struct smt_parser *parser = direct->settings.parser;
    int code;

    smt_heap_use(context->heap);
    smt_heap_begin(context->heap,
                   &(struct smt_heap_settings){.check_content = direct->settings.check_content});
    alive.is_kept = direct->settings.libc_backend;
    code = parser->init(alive.is_kept ? &watched_hooks : &heap_hooks);
    if (code)
        return smt_fail(SMT_EUNSUPPORTED, "parser %s cannot be initialised: code %d", parser->name,
                        code);
    smt_heap_keep(context->heap);
    memset(alive.slots, 0, alive.slot_count * sizeof *alive.slots); /* those stay */
    alive.used = alive.live = 0;
    alive.attempt = 0;
    return SMT_OK;
}

enum smt_status smt_direct_new(const struct smt_worker_settings *settings,
                               struct smt_heap_veto *veto, struct smt_direct **ret_direct)
{
    struct smt_direct *direct = smt_pages_map(sizeof *direct, MAP_NORESERVE);
    enum smt_status status;

    if (!direct)
        return smt_fail(SMT_ENOMEM, "cannot map %zu bytes (see ulimit -v)", sizeof *direct);
    direct->settings = *settings;
    direct->settings.in_process = true;
    direct->context.settings = &direct->settings;
    direct->context.shared = &direct->shared;
    direct->context.veto = veto;
    direct->context.state = areas_new(direct, settings->parser->state_size_bytes);
    status =
        smt_heap_new(settings->quarantine_bytes, settings->libc_backend, &direct->context.heap);
    if (status == SMT_OK && (!direct->context.state || !alive_new(LIVE_SLOTS_LEAST)))
        status = smt_fail(SMT_ENOMEM, "out of memory for a parser's runs");
    smt_stack_warm_up();
    if (status == SMT_OK) status = parser_ready(direct);
    if (status != SMT_OK) {
        smt_direct_free(direct);
        return status;
    }
    *ret_direct = direct;
    return SMT_OK;
}

void smt_direct_free(struct smt_direct *direct)
{
    if (!direct) return;
    alive_release_all();
    free(alive.slots);
    free(alive.attempts);
    alive.slots = NULL;
    alive.attempts = NULL;
    smt_heap_free(direct->context.heap);
    if (direct->context.message.tail_area)
        munmap(direct->context.message.tail_area, direct->mapped_bytes);
    munmap(direct, sizeof *direct);
}

void smt_direct_load(struct smt_direct *direct, const void *data, size_t size_bytes,
                     bool zero_ended)
{
    struct run_message *message = &direct->context.message;
    char *end = message->tail_area + message->area_bytes - PAGE_BYTES;

    if (zero_ended) *--end = '\0';
    message->at_tail = end - size_bytes;
    message->at_head = message->head_area + PAGE_BYTES;
    message->size_bytes = size_bytes;
    if (size_bytes) memcpy(end - size_bytes, data, size_bytes);
    direct->zero_ended = zero_ended;
    direct->original = data;
    direct->shared.has_baseline = false;
}

/* The copy is writable, lest every input cost two system calls. */
static void message_check(struct smt_direct *direct, const char *copy,
                          struct smt_run_result *result)
{
    size_t size = direct->context.message.size_bytes;

    if (!size || memcmp(copy, direct->original, size) == 0) return;
    result->verdicts |= SMT_VERDICT_BIT(CORRUPT);
    memcpy((char *)(uintptr_t)copy, direct->original, size);
}

const struct smt_run_result *smt_direct_run(struct smt_direct *direct, const struct smt_job *job)
{
    const struct run_message *message = &direct->context.message;
    struct smt_run_result *result = &direct->shared.results[0];
    bool at_head = job->guard.mode == SMT_GUARD_HEAD;

    if (at_head)
        memcpy((char *)message->at_head, message->at_tail,
               message->size_bytes + direct->zero_ended);
    sites.last = 0;
    smt_run_job(&direct->context, job, result);
    message_check(direct, at_head ? message->at_head : message->at_tail, result);
    if (direct->settings.libc_backend && result->leak.blocks) alive_tell(&result->leak);
    alive_release_all(); /* at once: libFuzzer compares what was allocated with what was freed */
    return result;
}

/* Hooks of a parser can be given again at any time between runs. */
void smt_direct_count_sites(struct smt_direct *direct, uint8_t *counters, size_t count)
{
    const struct smt_parser *parser = direct->settings.parser;

    if (!sites.counters != !counters && !alive.is_kept)
        parser->init(counters ? &watched_hooks : &heap_hooks);
    sites.counters = counters;
    sites.mask = count - 1;
    sites.anchor = (uintptr_t)parser->anchor;
}

void smt_direct_stack(const struct smt_direct *direct, uintptr_t caller,
                      struct smt_stack *ret_stack)
{
    smt_stack_capture_from(ret_stack, (const void *)caller, direct->context.boundary);
}

const struct smt_stack *smt_direct_site(const struct smt_direct *direct, uint64_t attempt)
{
    const struct run_shared *shared = &direct->shared;

    if (!attempt || attempt > shared->survey_attempts) return NULL;
    if (shared->site_of[attempt - 1] >= shared->site_count) return NULL;
    return &shared->sites[shared->site_of[attempt - 1]];
}
