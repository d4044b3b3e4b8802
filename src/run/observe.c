/* run/observe.c - close observation: an EXPLAIN or SURVEY job's view of every
 * request. Runs in the middle of the parser's call: nothing here may allocate. */
#include <signal.h>
#include <stddef.h>

#include "run/shared.h"

static struct run_context *context_of(struct smt_heap_observer *observer)
{
    return (struct run_context *)((char *)observer - offsetof(struct run_context, observer));
}

/* The number of this stack among the sites, adding it when it is new. */
static uint32_t site_intern(struct run_shared *shared, const struct smt_stack *stack)
{
    uint64_t hash = smt_stack_hash(stack);
    uint32_t bucket = (uint32_t)(hash % SITE_BUCKETS);

    while (shared->site_buckets[bucket]) {
        uint32_t site = shared->site_buckets[bucket] - 1;

        if (smt_stack_hash(&shared->sites[site]) == hash) return site;
        bucket = (bucket + 1) % SITE_BUCKETS;
    }
    if (shared->site_count == SMT_SITES_MAX) return UINT32_MAX;
    shared->sites[shared->site_count] = *stack;
    shared->site_buckets[bucket] = shared->site_count + 1;
    return shared->site_count++;
}

static void survey_event(struct smt_heap_observer *observer, enum smt_heap_event event,
                         uint64_t attempt, const struct smt_block *block, uintptr_t caller)
{
    struct run_context *context = context_of(observer);
    struct smt_stack stack;

    (void)block;
    if (event != SMT_EVENT_ALLOCATED && event != SMT_EVENT_REFUSED) return;
    if (attempt > SMT_ATTEMPTS_MAX) return;
    smt_stack_capture_from(&stack, (const void *)caller, context->boundary);
    context->shared->site_of[attempt - 1] = site_intern(context->shared, &stack);
    context->shared->survey_attempts = attempt;
}

static void refusal_explain(struct run_context *context, uint64_t attempt, uintptr_t caller)
{
    struct smt_evidence *evidence = &context->shared->evidence;
    uint32_t n = evidence->refused_count;

    if (n < SMT_FAULT_RULES_MAX) {
        evidence->refused_attempts[n] = attempt;
        smt_stack_capture_from(&evidence->refused_at[n], (const void *)caller, context->boundary);
        evidence->refused_count++;
    }
    if (!n && context->job->flags & SMT_JOB_BREAK) raise(SIGTRAP);
}

static struct smt_block_evidence *watched(struct run_context *context, uint64_t attempt)
{
    for (uint32_t i = 0; i < context->job->watch_count; i++)
        if (context->job->watch[i] == attempt) return &context->shared->evidence.blocks[i];
    return NULL;
}

static void explain_event(struct smt_heap_observer *observer, enum smt_heap_event event,
                          uint64_t attempt, const struct smt_block *block, uintptr_t caller)
{
    struct run_context *context = context_of(observer);
    struct smt_evidence *evidence = &context->shared->evidence;
    struct smt_block_evidence *seen;

    if (event == SMT_EVENT_REFUSED) {
        refusal_explain(context, attempt, caller);
        return;
    }
    if (event == SMT_EVENT_BAD_FREE) {
        if (!evidence->has_failed_at)
            smt_stack_capture_from(&evidence->failed_at, (const void *)caller, context->boundary);
        evidence->has_failed_at = true;
        return;
    }
    if (!block || !(seen = watched(context, block->attempt))) return;
    seen->attempt = block->attempt;
    seen->size_bytes = block->size_bytes;
    if (event == SMT_EVENT_ALLOCATED)
        smt_stack_capture_from(&seen->allocated_at, (const void *)caller, context->boundary);
    else
        smt_stack_capture_from(&seen->freed_at, (const void *)caller, context->boundary);
    seen->was_freed = event == SMT_EVENT_FREED;
}

struct smt_heap_observer *smt_run_observer(struct run_context *context)
{
    if (context->job->flags & SMT_JOB_SURVEY)
        context->observer.event = survey_event;
    else if (context->job->flags & SMT_JOB_EXPLAIN)
        context->observer.event = explain_event;
    else
        return NULL;
    return &context->observer;
}

/* After the run: the bytes of the watched blocks, a window around what is bad. */
void smt_run_observe_blocks(struct run_context *context)
{
    const struct smt_run_result *result = context->result;

    for (uint32_t i = 0; i < context->job->watch_count; i++) {
        struct smt_block_evidence *seen = &context->shared->evidence.blocks[i];
        const struct smt_block *block =
            smt_heap_block_of_attempt(context->heap, context->job->watch[i]);
        ptrdiff_t bad = 0;

        if (!block || !seen->attempt) continue;
        if (result->damage.count && result->damage.attempt == seen->attempt)
            bad = result->damage.offset;
        else if (result->fault.place == SMT_PLACE_BLOCK && result->fault.attempt == seen->attempt)
            bad = result->fault.offset;
        seen->bytes_from = bad > 64 ? (bad - 64) & ~(ptrdiff_t)15 : bad < 0 ? -16 : 0;
        seen->byte_count = (uint32_t)smt_heap_peek(context->heap, block, seen->bytes_from,
                                                   seen->bytes, SMT_HEXDUMP_BYTES);
        if (seen->byte_count || seen->bytes_from >= 0) continue;
        seen->bytes_from = 0; /* in front of it is a guard page */
        seen->byte_count =
            (uint32_t)smt_heap_peek(context->heap, block, 0, seen->bytes, SMT_HEXDUMP_BYTES);
    }
}
