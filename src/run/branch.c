/* run/branch.c - many injections out of one walk.
 *
 * An injected run repeats the clean run up to its refusal. For long messages
 * that prefix is nearly all of the cost, so the child walks it once and forks at
 * each allocation that a job wants refused: the branch arms the job's plan, goes
 * on from there, judges itself and ends; the walk waits for it and goes on.
 *
 *   walk    ---1----2----3----4----5---|  abandoned behind the last job
 *                    \         \
 *   branches          x---!     x-----------|
 *
 * A branch is a process of its own: it cannot harm the walk, so what it left in
 * the parser's static data matters only to itself. If that data differs from
 * before, a clean run in the branch tells whether it is poisoned.
 *
 * Worth it when the prefix costs more than a fork, which grows with the memory
 * a run touches: a fork is timed once a message (docs/performance.md). */
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "run/shared.h"

#define WALK_LEAST_NS 500000u /* shorter prefixes are not even considered */
#define FORK_FACTOR   4u      /* pages copied on write come on top of the fork */
#define JOBS_LEAST    4u

static bool job_can_branch(const struct smt_job *job)
{
    return !job->flags && job->plan.rule_count == 1 && !job->plan.limit_bytes && !job->repeat &&
           job->fill == SMT_FILL_BYTE && !job->other_first && job->guard.mode == SMT_GUARD_NONE;
}

/* Times a fork, with a run's pages in place, and a clean run; once a message. */
static void pace_measure(struct run_context *context)
{
    static const struct smt_job check = {.flags = SMT_JOB_CHECK};
    struct run_pace *pace = &context->pace;
    struct smt_run_result result;
    uint64_t start;
    pid_t process;

    if (pace->epoch == context->shared->epoch) return;
    run_job(context, &check, &result);
    start = smt_clock_ns();
    run_job(context, &check, &result);
    pace->run_ns = smt_clock_ns() - start;
    start = smt_clock_ns();
    process = fork();
    if (process == 0) _exit(0);
    if (process > 0) waitpid(process, NULL, 0);
    pace->fork_ns = process > 0 ? smt_clock_ns() - start : UINT64_MAX / FORK_FACTOR;
    pace->epoch = context->shared->epoch;
}

static bool prefix_pays(struct run_context *context, uint64_t attempt)
{
    const struct smt_run_result *baseline = &context->shared->baseline;

    if (baseline->cpu_ns < WALK_LEAST_NS) return false;
    pace_measure(context);
    return (double)context->pace.run_ns * (double)attempt / (double)(baseline->heap.attempts + 1) >
           (double)(FORK_FACTOR * context->pace.fork_ns);
}

bool run_branches_pay(struct run_context *context, uint32_t from, uint32_t *ret_end)
{
    const struct run_shared *shared = context->shared;
    uint32_t end = from;

    if (!shared->has_baseline || context->settings->libc_backend ||
        !job_can_branch(&shared->jobs[from]) ||
        !prefix_pays(context, shared->jobs[from].plan.rules[0].first))
        return false;
    while (end < shared->job_end && job_can_branch(&shared->jobs[end]) &&
           !shared->results[end].done &&
           (end == from ||
            shared->jobs[end].plan.rules[0].first > shared->jobs[end - 1].plan.rules[0].first))
        end++;
    *ret_end = end;
    return end - from >= JOBS_LEAST;
}

/* --- the parser's static data ---------------------------------------------------- */

struct data_hash {
    uintptr_t anchor;
    uint64_t hash;
};

static int object_hash(struct dl_phdr_info *info, size_t size, void *context)
{
    struct data_hash *data = context;
    uintptr_t relro_from = 0, relro_to = 0;
    bool is_parser = false;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr;

        if (header->p_type == PT_LOAD && data->anchor - from < header->p_memsz) is_parser = true;
        if (header->p_type != PT_GNU_RELRO) continue;
        relro_from = from;
        relro_to = from + header->p_memsz;
    }
    for (int i = 0; is_parser && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr, to = from + header->p_memsz;

        if (header->p_type != PT_LOAD || !(header->p_flags & PF_W)) continue;
        if (relro_from <= from && from < relro_to) from = relro_to;
        if (from < to) data->hash = XXH3_64bits_withSeed((const void *)from, to - from, data->hash);
    }
    return is_parser;
}

static uint64_t static_data_hash(const struct run_context *context)
{
    struct data_hash data = {(uintptr_t)context->settings->parser->anchor, 0};

    dl_iterate_phdr(object_hash, &data);
    return data.hash;
}

/* --- branches ------------------------------------------------------------------------ */

static struct run_context *context_of(struct smt_heap_turn *turn)
{
    struct run_branch *branch =
        (struct run_branch *)((char *)turn - offsetof(struct run_branch, turn));

    return (struct run_context *)((char *)branch - offsetof(struct run_context, branch));
}

/* The branch takes over where the walk is. */
static const struct smt_fault_plan *branch_begin(struct run_context *context, uint32_t number)
{
    struct run_shared *shared = context->shared;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    context->branch.is_walking = false;
    context->job = &shared->jobs[number];
    context->result = &shared->results[number];
    *context->result = context->branch.walked;
    context->plan = context->job->plan;
    context->clean_plan = false;
    shared->runner = getpid();
    shared->progress++;
    return &context->plan;
}

static void branch_wait(struct run_context *context, pid_t branch, uint32_t number)
{
    struct run_shared *shared = context->shared;
    int wait_status = 0;

    while (waitpid(branch, &wait_status, 0) < 0) continue;
    shared->runner = 0;
    shared->in_run = 1; /* the walk's own */
    shared->progress++;
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status)) {
        run_death_note(&shared->results[number], context->op, wait_status);
        shared->results[number].left_state = false;
    }
    shared->results[number].done = true;
    shared->job_current = number + 1;
}

static const struct smt_fault_plan *branch_before(struct smt_heap_turn *turn, uint64_t attempt)
{
    struct run_context *context = context_of(turn);
    struct run_branch *branch = &context->branch;
    uint32_t number = branch->next;
    pid_t process;

    if (!branch->is_walking || number == branch->end ||
        context->shared->jobs[number].plan.rules[0].first != attempt)
        return NULL;
    process = fork();
    if (process == 0) return branch_begin(context, number);
    if (process < 0) siglongjmp(context->escape, ESCAPE_ABANDON);
    branch_wait(context, process, number);
    if (++branch->next == branch->end) siglongjmp(context->escape, ESCAPE_ABANDON);
    return NULL;
}

/* In the branch, after its run. */
_Noreturn static void branch_end(struct run_context *context, uint64_t data_before)
{
    static const struct smt_job check = {.flags = SMT_JOB_CHECK};
    struct smt_run_result *result = context->result, after;

    if (!result->fault.signal && static_data_hash(context) != data_before) {
        run_job(context, &check, &after);
        if (after.verdicts & ~context->shared->baseline.verdicts || !after.matches_baseline) {
            result->verdicts |= SMT_VERDICT_BIT(POISONED);
            result->verdicts &= ~(SMT_VERDICT_BIT(CLEAN) | SMT_VERDICT_BIT(BENIGN));
        }
    }
    result->left_state = false;
    _exit(0);
}

void run_branches(struct run_context *context, uint32_t from, uint32_t end)
{
    static const struct smt_job walk = {0};
    pid_t walker = getpid();
    uint64_t data_before = static_data_hash(context);

    context->branch =
        (struct run_branch){.turn = {branch_before}, .is_walking = true, .next = from, .end = end};
    context->job = &walk;
    context->result = &context->branch.walked;
    run_once(context);
    if (getpid() != walker) branch_end(context, data_before);
    context->branch.is_walking = false;
    context->shared->in_run = 0;
    while (context->branch.next < end) { /* the walk went another way: one by one */
        uint32_t number = context->branch.next++;

        run_job(context, &context->shared->jobs[number], &context->shared->results[number]);
        context->shared->job_current = number + 1;
        if (context->shared->results[number].left_state) return;
    }
}
