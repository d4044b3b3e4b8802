/* run/branch.c - many injections out of one walk.
 *
 * An injected run repeats the clean run up to its refusal. The child walks that
 * prefix once and branches off at each allocation that a job wants refused: the
 * branch arms the job's plan, goes on from there and judges itself; then the
 * walk goes on.
 *
 *   walk    ---1----2----3----4----5---|  abandoned behind the last job
 *                    \         \
 *   branches          x---!     x-----------|
 *
 * In place: the parser is put back to a checkpoint (checkpoint.c) after each
 * branch; costs a copy of what the run has used so far. Forked: the branch is a
 * process; costs a fork, but no copy of much memory. Neither can leave anything
 * behind for the next. If the parser's static data differs after a branch from
 * what it was before the walk, a clean run tells whether it is poisoned.
 *
 * Which of them pays, if any, is decided by what they cost on this message
 * (docs/performance.md). */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xxhash.h> /* not inline: an instrumented one trips over the redzones between variables */

#include "run/checkpoint.h"
#include "run/shared.h"
#include "run/static_data.h"

#define FORK_WALK_LEAST_NS  500000u /* shorter runs are never forked for */
#define FORK_FACTOR         4u      /* pages copied on write come on top of the fork */
#define IN_PLACE_BYTES_MOST (4u << 20)
#define CHECKPOINT_NS       1500 /* of a checkpoint without the copy of the range */
#define JOBS_LEAST          4u

static bool job_can_branch(const struct smt_job *job)
{
    return !job->flags && job->plan.rule_count == 1 && !job->plan.limit_bytes && !job->repeat &&
           job->fill == SMT_FILL_BYTE && !job->other_first && job->guard.mode == SMT_GUARD_NONE;
}

/* Times a clean run; once a message. */
static void pace_measure(struct run_context *context)
{
    static const struct smt_job check = {.flags = SMT_JOB_CHECK};
    struct smt_run_result result;
    uint64_t start;

    if (context->pace.epoch == context->shared->epoch) return;
    smt_run_job(context, &check, &result);
    start = smt_clock_ns();
    smt_run_job(context, &check, &result);
    context->pace =
        (struct run_pace){.run_ns = smt_clock_ns() - start, .epoch = context->shared->epoch};
}

/* Times a fork, with a run's pages in place; once a message. */
static void fork_measure(struct run_context *context)
{
    uint64_t start = smt_clock_ns();
    pid_t process;

    if (context->pace.fork_ns) return;
    process = fork();
    if (process == 0) _exit(0);
    if (process > 0) waitpid(process, NULL, 0);
    context->pace.fork_ns = process > 0 ? smt_clock_ns() - start : UINT64_MAX / FORK_FACTOR;
}

enum branch_kind { BRANCH_NONE, BRANCH_IN_PLACE, BRANCH_FORK };

/* A checkpoint copies what the prefix used of the range there and back, at
 * about 20 bytes a nanosecond, and little else. */
static bool checkpoint_pays(struct run_context *context, double prefix_ns, double share)
{
    struct run_branch *branch = &context->branch;
    const struct smt_heap_stats *heap = &context->shared->baseline.heap;

    if (context->settings->is_opaque) return false;
    if (branch->has_no_checkpoint || heap->used_bytes > IN_PLACE_BYTES_MOST) return false;
    if (prefix_ns < CHECKPOINT_NS + (double)heap->used_bytes * share / 10) return false;
    if (!branch->checkpoint) branch->checkpoint = smt_run_checkpoint_new(context);
    branch->has_no_checkpoint = !branch->checkpoint;
    return branch->checkpoint;
}

static enum branch_kind branch_choose(struct run_context *context, uint64_t attempt)
{
    const struct smt_run_result *baseline = &context->shared->baseline;
    double share = (double)attempt / (double)(baseline->heap.attempts + 1), prefix_ns;

    pace_measure(context);
    prefix_ns = (double)context->pace.run_ns * share;
    if (checkpoint_pays(context, prefix_ns, share)) return BRANCH_IN_PLACE;
    if (baseline->cpu_ns < FORK_WALK_LEAST_NS) return BRANCH_NONE;
    fork_measure(context);
    return prefix_ns > (double)(FORK_FACTOR * context->pace.fork_ns) ? BRANCH_FORK : BRANCH_NONE;
}

bool smt_run_branches_pay(struct run_context *context, uint32_t from, uint32_t *ret_end)
{
    const struct run_shared *shared = context->shared;
    enum branch_kind kind;
    uint32_t end = from;

    if (!shared->has_baseline || context->settings->libc_backend || shared->baseline.fault.signal ||
        !job_can_branch(&shared->jobs[from]))
        return false;
    while (end < shared->job_end && job_can_branch(&shared->jobs[end]) &&
           !shared->results[end].done &&
           (end == from ||
            shared->jobs[end].plan.rules[0].first > shared->jobs[end - 1].plan.rules[0].first))
        end++;
    if (end - from < JOBS_LEAST) return false;
    kind = branch_choose(context, shared->jobs[from + (end - from) / 2].plan.rules[0].first);
    context->branch.in_place = kind == BRANCH_IN_PLACE;
    *ret_end = end;
    return kind != BRANCH_NONE;
}

static void stretch_hash(void *context, uintptr_t object_base, uintptr_t from, uintptr_t to)
{
    uint64_t *hash = context;

    (void)object_base;
    *hash = XXH3_64bits_withSeed((const void *)from, to - from, *hash);
}

static uint64_t static_data_hash(const struct run_context *context)
{
    uint64_t hash = 0;

    smt_run_static_data_each(context->settings->parser, stretch_hash, &hash);
    return hash;
}

static const struct smt_job walk; /* a clean run that nobody looks at */

/* --- branches ------------------------------------------------------------------------ */

static struct run_context *context_of(struct smt_heap_turn *turn)
{
    struct run_branch *branch =
        (struct run_branch *)((char *)turn - offsetof(struct run_branch, turn));

    return (struct run_context *)((char *)branch - offsetof(struct run_context, branch));
}

/* The attempt at which the next branch leaves the walk. */
static uint64_t branch_attempt(const struct run_context *context)
{
    return context->shared->jobs[context->branch.next].plan.rules[0].first;
}

/* The branch takes over where the walk is. */
static const struct smt_fault_plan *branch_begin(struct run_context *context, uint32_t number)
{
    struct run_shared *shared = context->shared;

    context->branch.is_walking = false;
    context->branch.turn.next = SMT_FAULT_FOREVER;
    context->job = &shared->jobs[number];
    context->result = &shared->results[number];
    *context->result = context->branch.walked;
    context->plan = context->job->plan;
    context->clean_plan = false;
    shared->progress++;
    return &context->plan;
}

/* The walk takes over again where it was. */
static void walk_resume(struct run_context *context)
{
    context->branch.is_walking = true;
    context->branch.is_branch = false;
    context->job = &walk;
    context->result = &context->branch.walked;
    context->plan = walk.plan;
    context->clean_plan = true;
    context->op = context->branch.walked.last_op;
    context->boundary = context->branch.boundary;
    memcpy(&context->escape, &context->branch.escape,
           sizeof context->escape); /* a check set its own */
    context->shared->in_run = 1;
    context->shared->progress++;
}

/* Where the parser ignores SIGCHLD or waits for all itself, nobody is told how a
 * branch ended: well, if it has judged itself. */
static void branch_wait(struct run_context *context, pid_t branch, uint32_t number)
{
    struct run_shared *shared = context->shared;
    int wait_status = 0;
    pid_t ended;

    do ended = waitpid(branch, &wait_status, 0);
    while (ended < 0 && errno == EINTR);
    if (ended < 0) wait_status = shared->results[number].done ? 0 : SIGKILL;
    shared->runner = 0;
    shared->in_run = 1; /* the walk's own */
    shared->progress++;
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status)) {
        smt_run_death_note(&shared->results[number], wait_status);
        shared->results[number].left_state = false;
    }
    shared->results[number].done = true;
}

/* A SIGKILL from outside says nothing about the message: once more. */
static const struct smt_fault_plan *fork_branch(struct run_context *context, uint32_t number)
{
    struct smt_run_result *result = &context->shared->results[number];

    for (int times = 0; times < 2; times++) {
        pid_t process;

        smt_run_result_init(result); /* it may die before it has begun */
        process = fork();
        if (process < 0) siglongjmp(context->escape, ESCAPE_ABANDON);
        if (process == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            context->shared->runner = getpid();
            return branch_begin(context, number);
        }
        branch_wait(context, process, number);
        if (!result->killed_from_outside) break;
    }
    context->shared->job_current = number + 1;
    return NULL;
}

static const struct smt_fault_plan *branch_before(struct smt_heap_turn *turn, uint64_t attempt)
{
    struct run_context *context = context_of(turn);
    struct run_branch *branch = &context->branch;
    const struct smt_fault_plan *plan;

    (void)attempt;
    if (!branch->in_place) {
        plan = fork_branch(context, branch->next);
        if (plan) return plan;
    } else {
        branch->walked.last_op = context->op;
        branch->resume_errno = errno;
        branch->boundary = context->boundary;
        memcpy(&branch->escape, &context->escape, sizeof branch->escape);
        if (sigsetjmp(branch->resume, 0) == 0) {
            if (!smt_run_checkpoint_take(branch->checkpoint, context))
                siglongjmp(context->escape, ESCAPE_ABANDON);
            branch->is_branch = true;
            return branch_begin(context, branch->next);
        }
        errno = branch->resume_errno;
        walk_resume(context);
    }
    if (++branch->next == branch->end) siglongjmp(context->escape, ESCAPE_ABANDON);
    turn->next = branch_attempt(context);
    return NULL;
}

/* A clean run after a branch that changed static data: is the parser poisoned? */
static void poison_check(struct run_context *context)
{
    static const struct smt_job check = {.flags = SMT_JOB_CHECK};
    struct smt_run_result *result = context->result, after;

    smt_run_job(context, &check, &after);
    if (!(after.verdicts & ~context->shared->baseline.verdicts) && after.matches_baseline) return;
    result->verdicts |= SMT_VERDICT_BIT(POISONED);
    result->verdicts &= ~(SMT_VERDICT_BIT(CLEAN) | SMT_VERDICT_BIT(BENIGN));
}

/* In the branch that went on in place, after its run: back to the walk. */
_Noreturn static void branch_return(struct run_context *context)
{
    struct run_branch *branch = &context->branch;
    struct smt_run_result *result = context->result;

    if (!result->fault.signal && !smt_run_checkpoint_is_clean(branch->checkpoint))
        poison_check(context);
    result->left_state = false;
    result->done = true;
    context->shared->job_current = branch->next + 1;
    smt_run_checkpoint_return(branch->checkpoint, context);
}

/* In the branch that is a process, after its run. */
_Noreturn static void branch_exit(struct run_context *context, uint64_t data_before)
{
    if (!context->result->fault.signal && static_data_hash(context) != data_before)
        poison_check(context);
    context->result->left_state = false;
    _exit(0);
}

void smt_run_branches(struct run_context *context, uint32_t from, uint32_t end)
{
    struct run_branch *branch = &context->branch;
    uint64_t data_before = branch->in_place ? 0 : static_data_hash(context);
    pid_t walker = getpid();

    branch->is_walking = true;
    branch->is_branch = false;
    branch->next = from;
    branch->end = end;
    branch->turn = (struct smt_heap_turn){branch_attempt(context), branch_before};
    context->job = &walk;
    context->result = &branch->walked;
    if (branch->in_place) smt_run_checkpoint_begin(branch->checkpoint, __builtin_frame_address(0));
    smt_run_once(context);
    if (branch->is_branch) branch_return(context);
    if (getpid() != walker) branch_exit(context, data_before);
    branch->is_walking = false;
    context->shared->in_run = 0;
    if (branch->in_place) smt_run_checkpoint_end(branch->checkpoint);
    while (branch->next < branch->end) { /* the walk went another way: one by one */
        uint32_t number = branch->next++;

        smt_run_job(context, &context->shared->jobs[number], &context->shared->results[number]);
        context->shared->job_current = number + 1;
        if (context->shared->results[number].left_state) return;
    }
}
