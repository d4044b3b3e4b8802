/* run/execute.c - does one job: the operations of a run, then its judgement. */
#include <string.h>

#include "run/shared.h"

static uint64_t refusals(const struct run_context *context)
{
    struct smt_heap_stats stats;

    smt_heap_stats(context->heap, &stats);
    return stats.refusals;
}

/* Shows what an operation produced to those who compare; after a refusal that
 * is always the oracle. Nothing is allocated, so no plan can interfere. */
static void op_show(struct run_context *context, enum smt_op op, bool refused)
{
    const struct smt_parser_op *row = &context->settings->parser->ops[op];
    const struct smt_run_result *baseline = &context->shared->baseline;
    uint32_t flags = context->job->flags;
    struct run_digest_walk digest;

    if (!row->show) return;
    if (!refused && !(flags & (SMT_JOB_BASELINE | SMT_JOB_RECORD | SMT_JOB_CHECK))) return;
    smt_run_digest_init(&digest);
    row->show(context->state, &digest.walk);
    context->result->digests[op] = digest.digest;
    if ((flags & (SMT_JOB_BASELINE | SMT_JOB_DIGESTS)) == SMT_JOB_BASELINE)
        smt_run_record_op(&context->shared->baseline_stream, op, row, context->state);
    if (flags & SMT_JOB_RECORD)
        smt_run_record_op(&context->shared->record_stream, op, row, context->state);
    if (refused && context->shared->has_baseline && digest.digest != baseline->digests[op])
        context->result->differing_ops |= 1u << op;
}

static void op_contradiction(struct run_context *context, enum smt_op op)
{
    const struct smt_parser_op *row = &context->settings->parser->ops[op];
    const char *text;

    if (!row->contradiction || context->result->contradiction) return;
    text = row->contradiction(context->state);
    if (!text) return;
    context->result->contradiction = text;
    context->result->contradiction_op = op;
}

/* What the parser does lies below this frame; its stacks are cut here. */
__attribute__((noinline)) static int op_call(struct run_context *context, enum smt_op op)
{
    context->boundary = __builtin_frame_address(0);
    context->op = context->result->last_op = op;
    if (op != SMT_OP_COUNT)
        return context->settings->parser->ops[op].run(context->state, &context->input);
    context->settings->parser->release(context->state);
    return 0;
}

/* One operation; false when the run ends with it. */
static bool op_run(struct run_context *context, enum smt_op op)
{
    const struct smt_run_result *baseline = &context->shared->baseline;
    struct smt_run_result *result;
    bool was_refused = context->result->refused_op != SMT_OP_COUNT, refused;
    int code = op_call(context, op);

    result = context->result; /* a branch (branch.c) came out of the call with its own */
    result->codes[op] = code;
    result->ops_done |= 1u << op;
    refused = !context->clean_plan && refusals(context);
    if (refused && !was_refused) result->refused_op = op;
    if (refused && code && !(context->shared->has_baseline && code == baseline->codes[op])) {
        result->failed_op = op;
        return false;
    }
    if (!code) {
        op_show(context, op, refused);
        if (!refused)
            op_contradiction(context, op);
        else if (context->shared->has_baseline && baseline->codes[op] != 0)
            result->differing_ops |= 1u << op; /* accepted what the baseline rejects */
    }
    return !(code && op == SMT_OP_PARSE);
}

__attribute__((noinline)) static void run_ops(struct run_context *context)
{
    const struct smt_parser *parser = context->settings->parser;

    for (unsigned op = 0; op < SMT_OP_COUNT; op++) {
        if (!(context->settings->ops & (1u << op)) || !parser->ops[op].run) continue;
        if (!op_run(context, (enum smt_op)op)) break;
    }
    op_call(context, SMT_OP_COUNT);
}

void smt_run_result_init(struct smt_run_result *result)
{
    memset(result, 0, sizeof *result);
    result->refused_op = result->failed_op = result->last_op = SMT_OP_COUNT;
}

static void heap_arm(struct run_context *context)
{
    const struct smt_job *job = context->job;
    struct smt_heap_settings heap = {
        .check_content = context->settings->check_content,
        .fill = job->fill,
        .other_fill = job->other_fill,
        .other_first = job->other_first,
        .other_last = job->other_last,
        .guard = job->guard,
        .observer = smt_run_observer(context),
        .plan = &context->plan,
        .veto = context->veto,
        .turn = context->branch.is_walking ? &context->branch.turn : NULL,
    };

    context->plan = job->plan;
    context->clean_plan = smt_fault_plan_is_empty(&context->plan);
    heap.guard.least_alignment = context->settings->parser->least_alignment;
    if (job->flags & SMT_JOB_PREFIXES) {
        heap.prefix_hashes = context->shared->prefix_hashes;
        heap.prefix_capacity = SMT_ATTEMPTS_MAX;
    }
    smt_heap_begin(context->heap, &heap);
}

/* One run. Everything that must survive the jump lives in context. */
__attribute__((noinline)) void smt_run_once(struct run_context *context)
{
    int escaped;

    const struct smt_worker_settings *settings = context->settings;
    bool at_head = context->job->guard.mode == SMT_GUARD_HEAD;

    smt_run_result_init(context->result);
    heap_arm(context);
    memset(context->state, 0, settings->parser->state_size_bytes);
    context->input.data = at_head ? context->message.at_head : context->message.at_tail;
    context->input.size_bytes = context->message.size_bytes;
    context->shared->progress++;
    context->shared->in_run = 1;
    escaped = settings->in_process ? 0 : sigsetjmp(context->escape, 0);
    if (!escaped) run_ops(context);
    context->shared->in_run = 0;
    if (escaped && settings->on_escape) settings->on_escape();
    if (escaped == ESCAPE_ABANDON) return;
    smt_run_judge(context, escaped);
}

static void recording_begin(struct run_context *context)
{
    struct run_shared *shared = context->shared;
    uint32_t flags = context->job->flags;

    if (flags & SMT_JOB_BASELINE) {
        shared->has_baseline = false;
        shared->prefix_count = 0;
        shared->baseline_stream.used = 0;
        shared->baseline_stream.truncated = false;
    }
    if (flags & SMT_JOB_RECORD) {
        shared->record_stream.used = 0;
        shared->record_stream.truncated = false;
    }
    if (flags & SMT_JOB_SURVEY) {
        memset(shared->site_buckets, 0, sizeof shared->site_buckets);
        shared->site_count = 0;
        shared->survey_attempts = 0;
    }
    if (flags & SMT_JOB_EXPLAIN) memset(&shared->evidence, 0, sizeof shared->evidence);
}

static void recording_end(struct run_context *context)
{
    struct run_shared *shared = context->shared;

    if (context->job->flags & SMT_JOB_EXPLAIN) smt_run_observe_blocks(context);
    if (context->job->flags & SMT_JOB_KEEP && !context->settings->libc_backend &&
        smt_reach_mark(context->heap)) {
        smt_heap_keep(context->heap);
        context->result->left_state = false;
    }
    if (context->job->flags & SMT_JOB_BASELINE) {
        shared->baseline = *context->result;
        shared->has_baseline = !context->result->fault.signal;
        if (context->job->flags & SMT_JOB_PREFIXES)
            shared->prefix_count = context->result->heap.attempts;
    }
}

void smt_run_job(struct run_context *context, const struct smt_job *job,
                 struct smt_run_result *result)
{
    uint64_t most = job->repeat ? job->repeat : 1, runs = 0;
    bool timed = (job->flags & (SMT_JOB_BASELINE | SMT_JOB_DIGESTS)) == SMT_JOB_BASELINE;
    uint64_t cpu_start = 0, start = job->repeat_ns ? smt_clock_ns() : 0;

    context->job = job;
    context->result = result;
    recording_begin(context);
    if (timed) cpu_start = smt_clock_cpu_ns();
    do {
        smt_run_once(context);
        runs++;
        if (job->repeat_ns && !(runs % 16) && smt_clock_ns() - start > job->repeat_ns) break;
    } while (runs < most && !result->verdicts);
    result->runs = runs;
    if (timed) result->cpu_ns = smt_clock_cpu_ns() - cpu_start;
    recording_end(context);
}
