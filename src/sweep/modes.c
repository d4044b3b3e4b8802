/* sweep/modes.c - modes whose next plan depends on what the last run did. */
#include <stdlib.h>

#include "sweep/inside.h"

/* --- limit: every size of memory at which the behaviour changes -------------- */

/* Between a limit and the least that any refused request needed, every request
 * is decided alike: the next limit to try is that need. Each depends on the one
 * before, so a shard does all of a message's or none. */
enum smt_status smt_sweep_limit(struct smt_sweep *sweep)
{
    struct smt_job job = {.plan = {.limit_bytes = 1}};
    struct smt_run_result result;
    struct mode_tally tally;
    enum smt_status status = SMT_OK;

    smt_sweep_tally_init(&tally, sweep, SMT_MODE_LIMIT);
    while (status == SMT_OK) {
        status = smt_worker_run(sweep->worker, &job, 1, &result);
        if (status != SMT_OK || !result.heap.refusals) break;
        smt_sweep_injection_note(sweep, &tally, &job, &result);
        if (result.heap.least_needed <= job.plan.limit_bytes ||
            result.heap.least_needed == UINT64_MAX)
            break;
        job.plan.limit_bytes = result.heap.least_needed;
    }
    smt_sweep_tally_end(&tally, sweep);
    return status;
}

/* --- double: a second fault in the code that only runs after the first ------- */

/* Is this stack one of the message's own survey? */
static bool site_is_usual(const struct smt_sweep *sweep, const struct smt_stack *stack)
{
    uint64_t hash = smt_stack_hash(stack);

    for (uint32_t i = 0; i < sweep->survey.site_count; i++)
        if (sweep->survey.sites[i]->hash == hash) return true;
    return false;
}

/* Attempts after `first` whose sites the clean run does not have. */
static uint64_t second_next(const struct smt_sweep *sweep, const bool *usual, uint64_t from,
                            uint64_t last)
{
    for (uint64_t n = from; n <= last; n++) {
        uint32_t site = smt_worker_site_of(sweep->worker, n);

        if (site != UINT32_MAX && !usual[site]) return n;
    }
    return 0;
}

/* The injected run's own survey: which of its sites are unusual? Caller frees. */
static bool *sites_compare(const struct smt_sweep *sweep)
{
    uint32_t count = smt_worker_site_count(sweep->worker);
    bool *usual = calloc(count + 1, sizeof *usual);

    for (uint32_t i = 0; usual && i < count; i++)
        usual[i] = site_is_usual(sweep, smt_worker_site(sweep->worker, i));
    return usual;
}

/* All second faults after one first: collected before any is run, because a
 * run overwrites the worker's survey. */
static enum smt_status doubles_of(struct smt_sweep *sweep, struct mode_tally *tally, uint64_t first)
{
    struct smt_job survey = {.flags = SMT_JOB_SURVEY,
                             .plan = {.rule_count = 1, .rules = {{first, 1}}}};
    struct smt_run_result result;
    enum smt_status status = smt_worker_run(sweep->worker, &survey, 1, &result);
    uint64_t sites[SMT_BATCH_MAX];
    size_t count = 0;
    bool *usual;

    if (status != SMT_OK || result.heap.attempts <= first) return status;
    usual = sites_compare(sweep);
    if (!usual) return smt_fail(SMT_ENOMEM, "out of memory for sites");
    for (uint64_t n = first + 1; (n = second_next(sweep, usual, n, result.heap.attempts)); n++) {
        if (count == SMT_BATCH_MAX - 1) break;
        sites[count] =
            smt_stack_hash(smt_worker_site(sweep->worker, smt_worker_site_of(sweep->worker, n)));
        sweep->jobs[count++] =
            (struct smt_job){.plan = {.rule_count = 2, .rules = {{first, 1}, {n, 1}}}};
    }
    free(usual);
    for (size_t i = 0; i < count && status == SMT_OK; i++) {
        status = smt_worker_run(sweep->worker, &sweep->jobs[i], 1, &result);
        sweep->second_site = sites[i];
        if (status == SMT_OK) smt_sweep_injection_note(sweep, tally, &sweep->jobs[i], &result);
    }
    sweep->progress.runs_planned += count;
    smt_sweep_progress_add(sweep, count);
    sweep->second_site = 0;
    return status;
}

enum smt_status smt_sweep_double(struct smt_sweep *sweep)
{
    enum smt_status status = SMT_OK;
    uint64_t last = sweep->settings.range.last;
    struct mode_tally tally;

    if (last > sweep->survey.attempts) last = sweep->survey.attempts;
    smt_sweep_tally_init(&tally, sweep, SMT_MODE_DOUBLE);
    for (uint64_t n = sweep->settings.range.first; n <= last && status == SMT_OK; n++) {
        if (!sweep->settings.shards ||
            (n - 1) % sweep->settings.shards == sweep->settings.shard - 1)
            status = doubles_of(sweep, &tally, n);
        smt_sweep_progress_add(sweep, 1); /* the run that looks for second faults */
        if (n < last) smt_sweep_tally_gap(&tally);
    }
    smt_sweep_tally_end(&tally, sweep);
    return status;
}
