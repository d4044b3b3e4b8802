/* run/judge.c - from what a run did to its verdicts. */
#include "run/shared.h"

static uint64_t hash_add(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 0x9FB21C651E98DF25u ^ (hash >> 29);
}

/* Where the faulting address lies. */
static void fault_place(struct run_context *context)
{
    struct smt_run_fault *fault = &context->result->fault;
    uintptr_t message = (uintptr_t)context->input.data, address = fault->address;
    bool guard_page;
    const struct smt_block *block = smt_heap_block_at(context->heap, address, &guard_page);

    if (block && guard_page) {
        fault->place = SMT_PLACE_BLOCK;
        fault->attempt = block->attempt;
        fault->block_caller = block->caller;
        fault->offset = (ptrdiff_t)(address - block->address);
        fault->size_bytes = block->size_bytes;
    } else if (address + PAGE_BYTES >= message &&
               address < message + context->input.size_bytes + PAGE_BYTES) {
        fault->place = SMT_PLACE_MESSAGE;
        fault->offset = (ptrdiff_t)(address - message);
        fault->size_bytes = context->input.size_bytes;
    } else if (address < PAGE_BYTES) {
        fault->place = SMT_PLACE_NULL;
    } else if (address + (1u << 20) >= context->stack_low &&
               address < context->stack_low + (64u << 10)) {
        fault->place = SMT_PLACE_STACK;
    } else {
        fault->place = SMT_PLACE_WILD;
    }
}

static uint32_t fault_verdict(struct run_context *context)
{
    const struct smt_run_fault *fault = &context->result->fault;
    const struct smt_block *block;

    if (fault->exited || !fault->signal) return SMT_VERDICT_BIT(CRASH);
    fault_place(context);
    if (fault->place == SMT_PLACE_BLOCK) {
        block = smt_heap_block_of_attempt(context->heap, fault->attempt);
        if (block && block->flags & SMT_BLOCK_FREED) return SMT_VERDICT_BIT(USE_AFTER_FREE);
    }
    if (fault->place == SMT_PLACE_BLOCK || fault->place == SMT_PLACE_MESSAGE)
        return fault->is_write ? SMT_VERDICT_BIT(CORRUPT) : SMT_VERDICT_BIT(OVER_READ);
    if (fault->holds_poison) return SMT_VERDICT_BIT(USE_AFTER_FREE);
    if (fault->holds_fill) return SMT_VERDICT_BIT(UNINITIALIZED);
    return SMT_VERDICT_BIT(CRASH);
}

static uint32_t damage_verdict(struct run_context *context)
{
    struct smt_run_damage *noted = &context->result->damage;
    struct smt_damage damage;
    uint64_t count = smt_heap_check(context->heap, &damage);

    if (!count) return 0;
    *noted = (struct smt_run_damage){
        .count = count,
        .attempt = damage.block->attempt,
        .caller = damage.block->caller,
        .size_bytes = damage.block->size_bytes,
        .offset = damage.offset,
        .last_offset = damage.last_offset,
        .expected = damage.expected,
        .found = damage.found,
        .after_free = damage.after_free,
    };
    return damage.after_free ? SMT_VERDICT_BIT(USE_AFTER_FREE) : SMT_VERDICT_BIT(CORRUPT);
}

/* Whether blocks that are left are leaks or a cache is not to be told, or cannot. */
static bool is_any_leak(const struct run_context *context)
{
    const struct smt_worker_settings *settings = context->settings;

    return settings->libc_backend || (context->result->heap.refusals &&
                                      settings->are_leaks_wanted && !settings->are_leaks_wanted());
}

/* What is left after release: leaks, and caches of the library. */
static uint32_t leak_verdict(struct run_context *context)
{
    struct smt_run_leak *leak = &context->result->leak;
    const struct smt_block *block;

    if (!context->result->heap.live_blocks) return 0;
    if (is_any_leak(context)) {
        leak->blocks = context->result->heap.live_blocks;
        return SMT_VERDICT_BIT(LEAK);
    }
    smt_reach_mark(context->heap);
    for (uint64_t i = 0; (block = smt_heap_block(context->heap, i)); i++) {
        if (block->flags & SMT_BLOCK_FREED) continue;
        /* a block released by a wrong pointer stays: that is the bad free's doing, no leak */
        if (block->attempt == context->result->heap.bad_free_attempt) continue;
        if (block->flags & SMT_BLOCK_REACHED) {
            leak->cached_blocks++;
            leak->cached_bytes += block->size_bytes;
            continue;
        }
        if (leak->blocks < SMT_LEAKED_MAX) leak->attempts[leak->blocks] = block->attempt;
        leak->blocks++;
        leak->bytes += block->size_bytes;
        leak->hash = hash_add(leak->hash, block->caller);
    }
    if (leak->cached_blocks) context->result->left_state = true;
    return (leak->blocks ? SMT_VERDICT_BIT(LEAK) : 0) |
           (leak->cached_blocks ? SMT_VERDICT_BIT(CACHED) : 0);
}

/* Did the run go as the baseline did up to its first refusal? */
static bool prefix_matches(const struct run_context *context)
{
    const struct smt_run_result *result = context->result, *baseline = &context->shared->baseline;
    uint64_t first = result->heap.first_refused;

    if (!context->shared->has_baseline || !context->shared->prefix_count) return true;
    if (first > SMT_ATTEMPTS_MAX) return true;
    return first <= baseline->heap.attempts &&
           context->shared->prefix_hashes[first - 1] == result->heap.refused_hash;
}

/* After a refusal: what did the parser make of it? */
static uint32_t refusal_verdict(struct run_context *context)
{
    const struct smt_run_result *result = context->result, *baseline = &context->shared->baseline;
    uint32_t verdicts = result->differing_ops ? SMT_VERDICT_BIT(SWALLOWED) : 0;

    if (!prefix_matches(context)) verdicts |= SMT_VERDICT_BIT(NONDETERMINISTIC);
    if (result->failed_op != SMT_OP_COUNT) {
        bool right = context->settings->parser->is_out_of_memory(result->codes[result->failed_op]);

        /* an operation that fails because an earlier one lost something is that one's doing */
        if (right) return verdicts ? verdicts : SMT_VERDICT_BIT(CLEAN);
        if (!result->differing_ops || result->refused_op == result->failed_op)
            verdicts |= SMT_VERDICT_BIT(WRONG_CODE);
        return verdicts;
    }
    if (verdicts) return verdicts;
    if (context->shared->has_baseline && baseline->codes[SMT_OP_PARSE] != 0)
        return SMT_VERDICT_BIT(CLEAN);
    return SMT_VERDICT_BIT(BENIGN);
}

static bool baseline_matches(const struct run_context *context)
{
    const struct smt_run_result *result = context->result, *baseline = &context->shared->baseline;

    if (!context->shared->has_baseline) return true;
    if (result->ops_done != baseline->ops_done ||
        result->heap.sequence_hash != baseline->heap.sequence_hash ||
        result->heap.attempts != baseline->heap.attempts)
        return false;
    for (unsigned op = 0; op < SMT_OP_COUNT; op++) {
        if (result->codes[op] != baseline->codes[op]) return false;
        if (result->digests[op] && result->digests[op] != baseline->digests[op]) return false;
    }
    return true;
}

/* A run in which nothing was refused. */
static uint32_t clean_verdict(struct run_context *context)
{
    struct smt_run_result *result = context->result;
    const struct smt_job *job = context->job;
    uint32_t verdicts = result->contradiction ? SMT_VERDICT_BIT(MISMATCH) : 0;

    if (!context->clean_plan && !job->plan.limit_bytes)
        verdicts |= SMT_VERDICT_BIT(NONDETERMINISTIC);
    result->matches_baseline = baseline_matches(context);
    if (!result->matches_baseline && !(job->flags & (SMT_JOB_BASELINE | SMT_JOB_KEEP)))
        verdicts |= job->fill != SMT_FILL_BYTE || job->other_first
                        ? SMT_VERDICT_BIT(UNINITIALIZED)
                        : SMT_VERDICT_BIT(NONDETERMINISTIC);
    return verdicts;
}

void smt_run_judge(struct run_context *context, bool crashed)
{
    struct smt_run_result *result = context->result;
    uint32_t others;

    smt_heap_stats(context->heap, &result->heap);
    if (result->heap.kept_changed) result->left_state = true;
    if (result->heap.exhausted) { /* every later run of the parser would be judged by this one */
        result->left_state = result->done = true;
        return;
    }
    if (crashed) result->verdicts |= fault_verdict(context);
    result->verdicts |= damage_verdict(context);
    if (result->heap.bad_free) result->verdicts |= SMT_VERDICT_BIT(BAD_FREE);
    if (!crashed) {
        result->verdicts |= leak_verdict(context);
        others = result->heap.refusals ? refusal_verdict(context) : clean_verdict(context);
        if (result->verdicts) others &= ~(SMT_VERDICT_BIT(CLEAN) | SMT_VERDICT_BIT(BENIGN));
        result->verdicts |= others;
    }
    result->done = true;
}
