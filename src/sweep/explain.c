/* sweep/explain.c - replays one run of each group under close observation.
 *
 *   the run itself          stacks of refusals, of the fault or bad release
 *   damaged block guarded   the writer faults on its very instruction
 *   fill by halves          which block was read before it was written
 *   blocks watched          where they were allocated and released, their bytes
 */
#include <stdlib.h>
#include <string.h>

#include "sweep/inside.h"

static enum smt_status replay(struct smt_sweep *sweep, const struct smt_job *job,
                              struct smt_run_result *ret, struct smt_evidence *ret_evidence)
{
    enum smt_status status = smt_worker_run(sweep->worker, job, 1, ret);

    if (status == SMT_OK) *ret_evidence = *smt_worker_evidence(sweep->worker);
    return status;
}

static void watch_add(struct smt_job *job, uint64_t attempt)
{
    if (!attempt || job->watch_count == SMT_WATCH_MAX) return;
    for (uint32_t i = 0; i < job->watch_count; i++)
        if (job->watch[i] == attempt) return;
    job->watch[job->watch_count++] = attempt;
}

/* Damage shows only afterwards: put the block against an inaccessible page on
 * the damaged side, so that the writer is caught. A freed block's pages are
 * inaccessible anyhow. */
static enum smt_status writer_find(struct smt_sweep *sweep, const struct smt_job *plain,
                                   struct explained *explained)
{
    const struct smt_run_damage *damage = &explained->result.damage;
    struct smt_job job = *plain;
    struct smt_evidence evidence;
    struct smt_run_result result;
    enum smt_status status;

    if (!damage->count || explained->result.fault.signal) return SMT_OK;
    job.guard = (struct smt_guard_plan){
        .mode = damage->offset < 0 ? SMT_GUARD_HEAD : SMT_GUARD_TAIL,
        .first = damage->attempt,
        .last = damage->attempt,
    };
    watch_add(&job, damage->attempt);
    status = replay(sweep, &job, &result, &evidence);
    if (status != SMT_OK || result.fault.place != SMT_PLACE_BLOCK) return status;
    explained->first = result;
    explained->has_first = true;
    explained->evidence.failed_at = evidence.failed_at;
    explained->evidence.has_failed_at = evidence.has_failed_at;
    return SMT_OK;
}

/* Does the other fill in blocks 1..last change the result? */
static enum smt_status fill_differs(struct smt_sweep *sweep, const struct smt_job *plain,
                                    uint64_t last, bool *ret_differs)
{
    struct smt_job job = *plain;
    struct smt_run_result result;
    enum smt_status status;

    job.fill = SMT_FILL_BYTE;
    job.other_fill = plain->fill;
    job.other_first = 1;
    job.other_last = last;
    job.flags = SMT_JOB_CHECK;
    status = smt_worker_run(sweep->worker, &job, 1, &result);
    *ret_differs = status == SMT_OK && (result.verdicts & SMT_VERDICT_BIT(UNINITIALIZED));
    return status;
}

/* The block whose unwritten bytes matter, by halving; 0 when it is none alone. */
static enum smt_status unwritten_find(struct smt_sweep *sweep, const struct smt_job *plain,
                                      uint64_t attempts, uint64_t *ret_attempt)
{
    uint64_t low = 0, high = attempts; /* differs at high, not at low */
    bool differs = false;
    enum smt_status status = fill_differs(sweep, plain, high, &differs);

    *ret_attempt = 0;
    if (status != SMT_OK || !differs) return status;
    while (high - low > 1 && status == SMT_OK) {
        uint64_t middle = low + (high - low) / 2;

        status = fill_differs(sweep, plain, middle, &differs);
        if (differs)
            high = middle;
        else
            low = middle;
    }
    *ret_attempt = high;
    return status;
}

/* Runs it once more for the blocks that have to do with it. */
static enum smt_status blocks_watch(struct smt_sweep *sweep, const struct smt_job *plain,
                                    struct explained *explained)
{
    const struct smt_run_result *result = &explained->result;
    struct smt_job job = *plain;
    struct smt_evidence evidence;
    struct smt_run_result again;
    enum smt_status status = SMT_OK;
    uint64_t unwritten = 0;

    switch (explained->group->key.verdict) {
    case SMT_VERDICT_UNINITIALIZED:
        if (!result->fault.signal)
            status = unwritten_find(sweep, plain, smt_worker_baseline(sweep->worker)->heap.attempts,
                                    &unwritten);
        watch_add(&job, unwritten);
        break;
    case SMT_VERDICT_LEAK:
        for (uint64_t i = 0; i < result->leak.blocks && i < SMT_LEAKED_MAX; i++)
            watch_add(&job, result->leak.attempts[i]);
        break;
    case SMT_VERDICT_BAD_FREE:
        watch_add(&job, result->heap.bad_free_attempt);
        break;
    default:
        watch_add(&job, result->fault.place == SMT_PLACE_BLOCK ? result->fault.attempt : 0);
        watch_add(&job, result->damage.attempt);
    }
    if (status != SMT_OK || !job.watch_count) return status;
    status = replay(sweep, &job, &again, &evidence);
    if (status == SMT_OK)
        memcpy(explained->evidence.blocks, evidence.blocks, sizeof evidence.blocks);
    return status;
}

static enum smt_status loss_find(struct smt_sweep *sweep, struct explained *explained)
{
    struct smt_field_list was = {0}, now = {0};
    enum smt_status status;

    if (explained->group->key.verdict != SMT_VERDICT_SWALLOWED || !explained->result.differing_ops)
        return SMT_OK;
    status = smt_worker_fields(sweep->worker, true, &was);
    if (status == SMT_OK) status = smt_worker_fields(sweep->worker, false, &now);
    if (status == SMT_OK)
        status = smt_sweep_diff_fields(&was, &now,
                                       (enum smt_op)__builtin_ctz(explained->result.differing_ops),
                                       &explained->diff);
    smt_field_list_clear(&was);
    smt_field_list_clear(&now);
    return status;
}

/* What a run rendered, field by field; "" when it did not come to that. */
static enum smt_status text_take(struct smt_sweep *sweep, bool baseline, char **ret_text)
{
    struct smt_field_list fields = {0};
    enum smt_status status = smt_worker_fields(sweep->worker, baseline, &fields);
    struct smt_buffer text;

    if (status != SMT_OK) return status;
    smt_buffer_init(&text);
    for (size_t i = 0; i < fields.count; i++) {
        const struct smt_field *field = &fields.items[i];

        if (field->op != SMT_OP_RENDER) continue;
        smt_buffer_add_escaped(&text, field->path, strlen(field->path));
        if (text.size && text.data[text.size - 1] != ':') smt_buffer_add_text(&text, ": ");
        smt_buffer_add_escaped(&text, field->bytes, field->size_bytes);
        smt_buffer_add_text(&text, "\n");
    }
    if (fields.truncated) smt_buffer_add_text(&text, "...\n");
    smt_field_list_clear(&fields);
    *ret_text = smt_buffer_take(&text);
    return *ret_text ? SMT_OK : smt_fail(SMT_ENOMEM, "out of memory for a text");
}

static enum smt_status texts_take(struct smt_sweep *sweep, struct explained *explained)
{
    enum smt_status status = SMT_OK;

    if (!sweep->settings.texts) return SMT_OK;
    status = text_take(sweep, true, &explained->clean_text);
    return status == SMT_OK ? text_take(sweep, false, &explained->run_text) : status;
}

/* Everything but a hang is done again in a fresh child. */
static enum smt_status group_replay(struct smt_sweep *sweep, struct explained *explained)
{
    const struct group *group = explained->group;
    struct smt_job job = group->job;
    enum smt_status status;

    job.flags = SMT_JOB_EXPLAIN | SMT_JOB_RECORD | SMT_JOB_CHECK;
    job.repeat = 0;
    job.repeat_ns = 0;
    if (group->key.verdict == SMT_VERDICT_CRASH) smt_worker_replace(sweep->worker);
    status = replay(sweep, &job, &explained->result, &explained->evidence);
    if (status != SMT_OK) return status;
    explained->is_confirmed = explained->result.verdicts & (1u << group->key.verdict);
    status = loss_find(sweep, explained);
    if (status == SMT_OK) status = texts_take(sweep, explained);
    if (!smt_sweep_verdict_has_block((enum smt_verdict)group->key.verdict)) return status;
    if (status == SMT_OK && group->key.verdict != SMT_VERDICT_LEAK)
        status = writer_find(sweep, &job, explained);
    if (status == SMT_OK) status = blocks_watch(sweep, &job, explained);
    return status;
}

static enum smt_status explain_group(struct smt_sweep *sweep, const struct group *group,
                                     struct smt_finding *ret_finding)
{
    struct explained *explained = calloc(1, sizeof *explained);
    enum smt_status status = SMT_OK;

    if (!explained) return smt_fail(SMT_ENOMEM, "out of memory for a finding");
    explained->group = group;
    if (sweep->loaded != group->message + 1) status = smt_sweep_load(sweep, group->message);
    sweep->message = group->message;
    if (status == SMT_OK && !group->is_clean_run) status = smt_sweep_survey(sweep);
    explained->result = group->result;
    explained->is_confirmed = true;
    if (group->hung_at) {
        explained->evidence.failed_at = *group->hung_at;
        explained->evidence.has_failed_at = true;
    } else if (status == SMT_OK && group->key.verdict != SMT_VERDICT_POISONED &&
               group->key.verdict != SMT_VERDICT_UNEXPECTED &&
               group->key.verdict != SMT_VERDICT_NONDETERMINISTIC) {
        status = group_replay(sweep, explained);
        if (status == SMT_EINPUT) { /* more memory than there is: told is what the run showed */
            explained->result = group->result;
            explained->is_confirmed = false;
            status = SMT_OK;
        }
    }
    if (status == SMT_OK) status = smt_sweep_finding_build(sweep, explained, ret_finding);
    smt_sweep_diff_clear(&explained->diff);
    free(explained->clean_text);
    free(explained->run_text);
    free(explained);
    return status;
}

enum smt_status smt_sweep_explain(struct smt_sweep *sweep)
{
    enum smt_status status = SMT_OK;
    struct group *group, *next;

    HASH_ITER(hh, sweep->groups, group, next)
    {
        struct smt_finding finding = {0};

        if (!group->is_stale || status != SMT_OK) continue;
        status = explain_group(sweep, group, &finding);
        if (status == SMT_OK && !group->finding) group->finding = calloc(1, sizeof *group->finding);
        if (status != SMT_OK || !group->finding) { /* an older run goes on to stand for it */
            smt_finding_clear(&finding);
            if (status == SMT_EINPUT) group->is_stale = false; /* nor will it with the next */
            if (status == SMT_OK) status = smt_fail(SMT_ENOMEM, "out of memory for a finding");
            continue;
        }
        smt_finding_clear(group->finding);
        *group->finding = finding;
        group->is_stale = false;
        group->is_fresh = true;
    }
    return status;
}
