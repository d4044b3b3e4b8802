#include "heap/unwind.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "heap/unwind_rule.h"

#define CACHE_BITS 16
#define RULES_MAX  65536
#define PAGE       4096

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Words of address << 16 | number of the rule; user space has 47 bits. */
static _Atomic uint64_t cache[1 << CACHE_BITS];

/* Distinct rules: a few hundred in any program. Number 0: unknown. */
static struct smt_unwind_rule rules[RULES_MAX];
static atomic_uint rule_count = 1;
static atomic_flag rules_busy = ATOMIC_FLAG_INIT;
static _Atomic uint64_t epoch = 1;

static size_t cache_place(uintptr_t pc)
{
    return (size_t)((pc * 0x9E3779B97F4A7C15u) >> (64 - CACHE_BITS));
}

static bool rules_same(const struct smt_unwind_rule *a, const struct smt_unwind_rule *b)
{
    return a->cfa == b->cfa && a->bp == b->bp && a->cfa_offset == b->cfa_offset &&
           a->bp_offset == b->bp_offset;
}

/* The number of a rule; 0 when it has none and the list cannot be changed now. */
static unsigned rule_number(const struct smt_unwind_rule *rule)
{
    unsigned count = atomic_load_explicit(&rule_count, memory_order_acquire), number;

    for (number = 1; number < count; number++)
        if (rules_same(&rules[number], rule)) return number;
    /* Never wait: this may be a signal handler above the one who has it. */
    if (atomic_flag_test_and_set_explicit(&rules_busy, memory_order_acquire)) return 0;
    number = atomic_load_explicit(&rule_count, memory_order_relaxed);
    if (number < RULES_MAX) {
        rules[number] = *rule;
        atomic_store_explicit(&rule_count, number + 1, memory_order_release);
    } else {
        number = 0;
    }
    atomic_flag_clear_explicit(&rules_busy, memory_order_release);
    return number;
}

__attribute__((noinline)) static struct smt_unwind_rule rule_learn(uintptr_t pc)
{
    struct smt_unwind_rule rule = smt_unwind_rule_read(pc - 1);
    unsigned number = pc >> 48 ? 0 : rule_number(&rule);

    if (number)
        atomic_store_explicit(&cache[cache_place(pc)], (uint64_t)pc << 16 | number,
                              memory_order_release);
    return rule;
}

static inline struct smt_unwind_rule rule_of(uintptr_t pc)
{
    uint64_t word = atomic_load_explicit(&cache[cache_place(pc)], memory_order_acquire);

    if (word >> 16 == pc) return rules[word & 0xFFFF];
    return rule_learn(pc);
}

void smt_unwind_forget(void)
{
    for (size_t i = 0; i < sizeof cache / sizeof *cache; i++)
        atomic_store_explicit(&cache[i], 0, memory_order_relaxed);
    atomic_fetch_add(&epoch, 1);
}

/* --- what may be read --- */

extern void *__libc_stack_end; /* of the dynamic linker: the first thread's stack */

/* Highest address of the calling thread's stack, as far as walks go. */
static uintptr_t stack_end(void)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
    uintptr_t thread = (uintptr_t)__builtin_thread_pointer();
    uintptr_t first = (uintptr_t)__libc_stack_end;

    /* A thread's control block is the top of its stack; the first thread's lies
     * elsewhere. Both far away: a signal's stack or a coroutine's. */
    if (sp < first && first - sp < (uintptr_t)1 << 30) return first;
    if (sp < thread && thread - sp < (uintptr_t)1 << 28) return thread;
    return 0;
}

/* The kernel copies the set before it looks at the unknown `how`, so EFAULT and
 * EINVAL tell the two apart without a fault. */
bool smt_unwind_is_readable(uintptr_t address)
{
    int saved = errno;
    bool readable =
        syscall(SYS_rt_sigprocmask, ~0, address, NULL, sizeof(uint64_t)) == -1 && errno == EINVAL;

    errno = saved;
    return readable;
}

struct walk {
    struct smt_unwind_point at;
    uintptr_t end;           /* of the stack; 0: unknown, so ask for each page */
    uintptr_t readable_page; /* the last page asked for */
    bool crossed_signal;     /* the last step led out of a signal handler */
    /* what the last step depended on */
    const uintptr_t *bp_at, *frame_at;
};

static bool page_ask(struct walk *walk, uintptr_t address)
{
    uintptr_t page = address & ~(uintptr_t)(PAGE - 1);

    if (page != walk->readable_page && !smt_unwind_is_readable(page)) return false;
    walk->readable_page = page;
    return true;
}

static inline bool walk_can_read(struct walk *walk, uintptr_t at)
{
    if (unlikely(at & 7)) return false;
    if (likely(walk->end)) return at + 8 >= walk->at.sp && at < walk->end;
    return page_ask(walk, at);
}

/* From a signal handler's frame to what it interrupted. */
__attribute__((noinline)) static bool walk_signal(struct walk *walk)
{
    const ucontext_t *context = (const ucontext_t *)walk->at.sp;
    const greg_t *registers = context->uc_mcontext.gregs;

    if (!walk_can_read(walk, walk->at.sp) || !walk_can_read(walk, (uintptr_t)&registers[REG_RIP]))
        return false;
    walk->crossed_signal = true;
    if (walk->end && (uintptr_t)registers[REG_RSP] - walk->at.sp > walk->end - walk->at.sp) {
        walk->end = 0; /* the handler had a stack of its own */
        walk->readable_page = 0;
    }
    walk->at.pc = (uintptr_t)registers[REG_RIP] + 1; /* looked up one lower: exactly there */
    walk->at.bp = (uintptr_t)registers[REG_RBP];
    walk->at.sp = (uintptr_t)registers[REG_RSP];
    return true;
}

/* To the caller; false at the end. */
static inline bool walk_step(struct walk *walk)
{
    struct smt_unwind_rule rule = rule_of(walk->at.pc);
    uintptr_t cfa, at;

    walk->bp_at = walk->frame_at = NULL;
    if (likely(rule.cfa == SMT_UNWIND_SP)) {
        cfa = walk->at.sp + (uintptr_t)(intptr_t)rule.cfa_offset;
    } else if (rule.cfa == SMT_UNWIND_BP) {
        cfa = walk->at.bp + (uintptr_t)(intptr_t)rule.cfa_offset;
    } else if (rule.cfa == SMT_UNWIND_BP_AT) {
        at = walk->at.bp + (uintptr_t)(intptr_t)rule.cfa_offset;
        if (!walk_can_read(walk, at)) return false;
        walk->frame_at = (const uintptr_t *)at;
        cfa = *walk->frame_at;
    } else {
        return rule.cfa == SMT_UNWIND_SIGNAL && walk_signal(walk);
    }
    if (unlikely(cfa <= walk->at.sp) || unlikely(!walk_can_read(walk, cfa - 8))) return false;
    if (rule.bp != SMT_UNWIND_BP_KEPT) {
        at = (rule.bp == SMT_UNWIND_BP_IN_CFA ? cfa : walk->at.bp) +
             (uintptr_t)(intptr_t)rule.bp_offset;
        if (unlikely(!walk_can_read(walk, at))) return false;
        walk->bp_at = (const uintptr_t *)at;
        walk->at.bp = *walk->bp_at;
    }
    walk->at.pc = *(const uintptr_t *)(cfa - 8);
    walk->at.sp = cfa;
    return walk->at.pc != 0;
}

unsigned smt_unwind_walk(const struct smt_unwind_point *point, uintptr_t *ret_frames, unsigned max)
{
    struct walk walk = {.at = *point, .end = stack_end()};
    unsigned count = 0;

    while (count < max) {
        ret_frames[count++] = walk.at.pc;
        if (count == max || !walk_step(&walk)) break;
    }
    return count;
}

unsigned smt_unwind_walk_to(const struct smt_unwind_point *point, const void *boundary,
                            uintptr_t *ret_frames, unsigned max)
{
    struct walk walk = {.at = *point, .end = stack_end()};

    for (unsigned count = 0; count < max; count++) {
        ret_frames[count] = walk.at.pc;
        if (!walk_step(&walk) || walk.crossed_signal) return 0;
        if (walk.at.sp > (uintptr_t)boundary) return count;
    }
    return max;
}

/* --- hashes ---
 *
 * A sum of powers, outermost address first: a level's sum follows from that of
 * the one outward of it, and that of the innermost 16 from two of them. */

#define SUM_BASE     0x9FB21C651E98DF25u
#define SQUARE(x)    ((uint64_t)(x) * (x))
#define SUM_BASE_MAX SQUARE(SQUARE(SQUARE(SQUARE((uint64_t)SUM_BASE))))

_Static_assert(SMT_UNWIND_MAX == 16, "SUM_BASE_MAX is the 16th power");

static inline uint64_t sum_add(uint64_t sum, uintptr_t pc)
{
    uint64_t mixed = pc * 0xD6E8FEB86659FD93u;

    return sum * SUM_BASE + (mixed ^ mixed >> 32);
}

static inline uint64_t sum_finish(uint64_t sum, unsigned depth)
{
    sum = (sum ^ depth) * 0x2545F4914F6CDD1Du;
    sum = (sum ^ sum >> 32) * 0x9E3779B97F4A7C15u;
    return sum ^ sum >> 29;
}

uint64_t smt_unwind_hash(const uintptr_t *frames, unsigned depth)
{
    uint64_t sum = 0;

    for (unsigned i = depth; i-- > 0;) sum = sum_add(sum, frames[i]);
    return sum_finish(sum, depth);
}

/* --- traces --- */

/* The step from this level led to the one below it in the array; would it today? */
static inline bool level_holds(const struct smt_unwind_level *level)
{
    const struct smt_unwind_level *outer = level - 1;

    if (*(const uintptr_t *)(outer->point.sp - 8) != outer->point.pc) return false;
    if (level->bp_at && *level->bp_at != outer->point.bp) return false;
    return !level->frame_at || *level->frame_at == outer->point.sp;
}

/* Whether the walk may go on along the trace, from level `at` outward, for as
 * many frames as are wanted. */
static inline bool trace_holds(const struct smt_unwind_trace *trace, uint32_t at, unsigned wanted)
{
    uint32_t last = at + 1 > wanted ? at + 1 - wanted : 0;

    for (uint32_t i = at; i > last; i--)
        if (!level_holds(&trace->levels[i])) return false;
    return true;
}

/* Makes room for `fresh` levels after the first `kept`; how many are kept then. */
static uint32_t trace_room(struct smt_unwind_trace *trace, uint32_t kept, unsigned fresh)
{
    uint32_t excess;

    if (kept + fresh <= SMT_UNWIND_LEVELS) return kept;
    excess = kept - SMT_UNWIND_MAX; /* the innermost will do */
    trace->base = trace->levels[excess - 1].sum;
    memmove(trace->levels, trace->levels + excess, SMT_UNWIND_MAX * sizeof *trace->levels);
    trace->ended = false;
    return SMT_UNWIND_MAX;
}

/* Steps until the walk meets the trace; with `whole`, to the end or the limit.
 * The levels met on the way, innermost first; *ret_kept: how many of the trace
 * go on from there. */
static unsigned levels_walk(struct smt_unwind_trace *trace, const struct smt_unwind_point *point,
                            struct smt_unwind_level *fresh, bool whole, uint32_t *ret_kept)
{
    struct walk walk = {.at = *point, .end = stack_end()};
    uint32_t at = whole ? 0 : trace->count;
    unsigned count = 0, max = whole ? 2 * SMT_UNWIND_MAX : SMT_UNWIND_MAX;

    *ret_kept = 0;
    while (count < max) {
        while (at && trace->levels[at - 1].point.sp < walk.at.sp) at--;
        if (at && trace->levels[at - 1].point.sp == walk.at.sp &&
            trace->levels[at - 1].point.pc == walk.at.pc &&
            trace->levels[at - 1].point.bp == walk.at.bp) {
            *ret_kept = at;
            break;
        }
        fresh[count].point = walk.at;
        if (!walk_step(&walk)) {
            count++;
            break;
        }
        fresh[count].bp_at = walk.bp_at;
        fresh[count].frame_at = walk.frame_at;
        count++;
        if (unlikely(walk.crossed_signal)) { /* no such step can be checked */
            *ret_kept = UINT32_MAX;
            break;
        }
    }
    return count;
}

/* The trace reaches the outermost frame, or far enough for `wanted` frames. */
static bool trace_suffices(const struct smt_unwind_trace *trace, uint32_t kept, unsigned wanted)
{
    return kept >= wanted || trace->ended;
}

/* A signal's frames: no step from there can be checked later, so the next walk
 * begins anew. */
__attribute__((noinline)) static void trace_walk_alone(struct smt_unwind_trace *trace,
                                                       const struct smt_unwind_point *point)
{
    uintptr_t frames[SMT_UNWIND_MAX];
    unsigned depth = smt_unwind_walk(point, frames, SMT_UNWIND_MAX);

    trace->epoch = trace->base = 0;
    trace->count = depth;
    for (unsigned i = 0; i < depth; i++) {
        trace->levels[i].point.pc = frames[depth - 1 - i];
        trace->levels[i].sum = sum_add(i ? trace->levels[i - 1].sum : 0, frames[depth - 1 - i]);
    }
}

static void trace_append(struct smt_unwind_trace *trace, uint32_t kept,
                         const struct smt_unwind_level *fresh, unsigned count)
{
    uint64_t sum = kept ? trace->levels[kept - 1].sum : 0;

    if (!kept) trace->base = 0;
    for (unsigned i = 0; i < count; i++) {
        struct smt_unwind_level *level = &trace->levels[kept + i];

        *level = fresh[count - 1 - i];
        level->sum = sum = sum_add(sum, level->point.pc);
    }
    trace->count = kept + count;
}

static uint64_t trace_hash(const struct smt_unwind_trace *trace)
{
    uint32_t count = trace->count;
    uint64_t sum = count ? trace->levels[count - 1].sum : 0, outer = trace->base;

    if (count < SMT_UNWIND_MAX) return sum_finish(sum, count); /* nothing was dropped */
    if (count > SMT_UNWIND_MAX) outer = trace->levels[count - 1 - SMT_UNWIND_MAX].sum;
    return sum_finish(sum - outer * SUM_BASE_MAX, SMT_UNWIND_MAX);
}

bool smt_unwind_walk_on(struct smt_unwind_trace *trace, const struct smt_unwind_point *point,
                        uint64_t *ret_hash)
{
    struct smt_unwind_level fresh[2 * SMT_UNWIND_MAX];
    uint64_t now = atomic_load_explicit(&epoch, memory_order_relaxed);
    uint32_t kept;
    unsigned count;

    if (unlikely(trace->epoch != now)) {
        trace->epoch = now;
        trace->count = 0;
    }
    count = levels_walk(trace, point, fresh, false, &kept);
    if (kept && kept != UINT32_MAX) {
        unsigned wanted = SMT_UNWIND_MAX - count;

        if (!trace_suffices(trace, kept, wanted) || !trace_holds(trace, kept - 1, wanted))
            kept = 0;
        else if (count == 0 && kept == trace->count && trace->value)
            return false;
    }
    if (!kept) {
        count = levels_walk(trace, point, fresh, true, &kept);
        trace->ended = count < 2 * SMT_UNWIND_MAX;
    }
    if (unlikely(kept == UINT32_MAX))
        trace_walk_alone(trace, point);
    else
        trace_append(trace, trace_room(trace, kept, count), fresh, count);
    *ret_hash = trace_hash(trace);
    return true;
}

unsigned smt_unwind_frames(const struct smt_unwind_trace *trace, uintptr_t *ret_frames)
{
    unsigned depth = 0;

    for (uint32_t i = trace->count; i-- > 0 && depth < SMT_UNWIND_MAX;)
        ret_frames[depth++] = trace->levels[i].point.pc;
    return depth;
}
