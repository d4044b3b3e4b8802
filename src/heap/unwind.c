#include "heap/unwind.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "heap/unwind_rule.h"

#define CACHE_BITS 16
#define RULES_MAX  65536
#define PAGE       4096

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

uintptr_t smt_unwind_stack_end(void)
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

/* Whether the page can be read: the kernel copies the set before it looks at
 * the unknown `how`, so EFAULT and EINVAL tell the two apart without a fault. */
static bool page_is_readable(uintptr_t page)
{
    int saved = errno;
    bool readable = syscall(SYS_rt_sigprocmask, ~0, page, NULL, sizeof(uint64_t)) == -1 &&
                    errno == EINVAL;

    errno = saved;
    return readable;
}

struct walk {
    uintptr_t pc, sp, bp;
    uintptr_t end;           /* of the stack; 0: unknown, so ask for each page */
    uintptr_t readable_page; /* the last page asked for */
    /* for a memo: where bp was read from; NULL: it is the point's own */
    const uintptr_t *bp_at;
    uintptr_t bp_word;
    struct smt_unwind_memo *memo; /* NULL: none is made */
};

static inline bool walk_can_read(struct walk *walk, uintptr_t at)
{
    if (at & 7) return false;
    if (walk->end) return at >= walk->sp - 8 && at < walk->end;
    if ((at & ~(uintptr_t)(PAGE - 1)) == walk->readable_page) return true;
    if (!page_is_readable(at & ~(uintptr_t)(PAGE - 1))) return false;
    walk->readable_page = at & ~(uintptr_t)(PAGE - 1);
    return true;
}

static inline void walk_depends(struct walk *walk, const uintptr_t *at, uintptr_t word)
{
    struct smt_unwind_memo *memo = walk->memo;

    if (!memo) return;
    if (memo->checked == SMT_UNWIND_CHECKED) {
        memo->checked = 0;
        walk->memo = NULL;
        return;
    }
    memo->words[memo->checked].at = at;
    memo->words[memo->checked++].word = word;
}

static inline void walk_depends_on_bp(struct walk *walk)
{
    if (walk->bp_at)
        walk_depends(walk, walk->bp_at, walk->bp_word);
    else if (walk->memo)
        walk->memo->bp_matters = true;
}

/* From a signal handler's frame to what it interrupted. */
static bool walk_signal(struct walk *walk)
{
    const ucontext_t *context = (const ucontext_t *)walk->sp;
    const greg_t *registers = context->uc_mcontext.gregs;

    if (walk->memo) walk->memo->checked = 0;
    walk->memo = NULL;
    if (!walk_can_read(walk, walk->sp) ||
        !walk_can_read(walk, (uintptr_t)&registers[REG_RIP] & ~(uintptr_t)7))
        return false;
    walk->pc = (uintptr_t)registers[REG_RIP] + 1; /* looked up one lower: the very instruction */
    walk->bp = (uintptr_t)registers[REG_RBP];
    if (walk->end && (uintptr_t)registers[REG_RSP] - walk->sp > walk->end - walk->sp) {
        walk->end = 0; /* the handler had a stack of its own */
        walk->readable_page = 0;
    }
    walk->sp = (uintptr_t)registers[REG_RSP];
    return true;
}

/* To the caller; false at the end. */
static inline bool walk_step(struct walk *walk)
{
    struct smt_unwind_rule rule = rule_of(walk->pc);
    uintptr_t cfa, at;

    if (rule.cfa == SMT_UNWIND_SP) {
        cfa = walk->sp + (uintptr_t)(intptr_t)rule.cfa_offset;
    } else if (rule.cfa == SMT_UNWIND_BP) {
        walk_depends_on_bp(walk);
        cfa = walk->bp + (uintptr_t)(intptr_t)rule.cfa_offset;
    } else if (rule.cfa == SMT_UNWIND_BP_AT) {
        walk_depends_on_bp(walk);
        at = walk->bp + (uintptr_t)(intptr_t)rule.cfa_offset;
        if (!walk_can_read(walk, at)) return false;
        cfa = *(const uintptr_t *)at;
        walk_depends(walk, (const uintptr_t *)at, cfa);
    } else {
        return rule.cfa == SMT_UNWIND_SIGNAL && walk_signal(walk);
    }
    if (cfa <= walk->sp || !walk_can_read(walk, cfa - 8)) return false;
    if (rule.bp != SMT_UNWIND_BP_KEPT) {
        if (rule.bp == SMT_UNWIND_BP_IN_BP) walk_depends_on_bp(walk);
        at = (rule.bp == SMT_UNWIND_BP_IN_CFA ? cfa : walk->bp) + (uintptr_t)(intptr_t)rule.bp_offset;
        if (!walk_can_read(walk, at)) return false;
        walk->bp_at = (const uintptr_t *)at;
        walk->bp = walk->bp_word = *walk->bp_at;
    }
    walk->pc = *(const uintptr_t *)(cfa - 8);
    walk_depends(walk, (const uintptr_t *)(cfa - 8), walk->pc);
    walk->sp = cfa;
    return walk->pc != 0;
}

static unsigned walk_run(const struct smt_unwind_point *point, struct smt_unwind_memo *memo,
                         uintptr_t *frames, unsigned max)
{
    struct walk walk = {.pc = point->pc,
                        .sp = point->sp,
                        .bp = point->bp,
                        .end = smt_unwind_stack_end(),
                        .memo = memo};
    unsigned count = 0;

    while (count < max) {
        frames[count++] = walk.pc;
        if (count == max || !walk_step(&walk)) break;
    }
    return count;
}

unsigned smt_unwind_walk(const struct smt_unwind_point *point, uintptr_t *ret_frames, unsigned max)
{
    return walk_run(point, NULL, ret_frames, max);
}

/* --- memos --- */

static struct smt_unwind_memo *memo_place(struct smt_unwind_memos *memos,
                                          const struct smt_unwind_point *point)
{
    uint64_t hash = (point->pc ^ point->sp << 17) * 0x9E3779B97F4A7C15u;

    return &memos->memos[hash >> 59];
}

_Static_assert(SMT_UNWIND_MEMOS == 32, "a memo's place has 5 bits");

uint32_t smt_unwind_recall(struct smt_unwind_memos *memos, const struct smt_unwind_point *point)
{
    const struct smt_unwind_memo *memo = memo_place(memos, point);
    uintptr_t differs = 0;

    if (!memo->checked || memo->point.pc != point->pc || memo->point.sp != point->sp) return 0;
    if (memo->bp_matters && memo->point.bp != point->bp) return 0;
    if (memo->epoch != atomic_load_explicit(&epoch, memory_order_relaxed)) return 0;
    for (unsigned i = 0; i < memo->checked; i++) differs |= *memo->words[i].at ^ memo->words[i].word;
    return differs ? 0 : memo->value;
}

unsigned smt_unwind_walk_memo(struct smt_unwind_memos *memos, const struct smt_unwind_point *point,
                              uintptr_t *ret_frames, unsigned max,
                              struct smt_unwind_memo **ret_memo)
{
    struct smt_unwind_memo *memo = memo_place(memos, point);
    unsigned count;

    memo->point = *point;
    memo->epoch = atomic_load_explicit(&epoch, memory_order_relaxed);
    memo->value = 0;
    memo->checked = 0;
    memo->bp_matters = false;
    count = walk_run(point, memo, ret_frames, max);
    *ret_memo = memo->checked ? memo : NULL;
    return count;
}
