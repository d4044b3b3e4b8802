/* sweep/record.c - an injection that was done: counted, signed, grouped. */
#include <string.h>

#include "sweep/inside.h"

void tally_init(struct mode_tally *tally, struct smt_sweep *sweep, enum smt_mode mode)
{
    memset(tally, 0, sizeof *tally);
    tally->mode = mode;
    tally->report.index = sweep->message + 1;
    tally->report.mode = mode;
    tally->report.allocations = smt_worker_baseline(sweep->worker)->heap.attempts;
    smt_buffer_init(&tally->signs);
}

void tally_end(struct mode_tally *tally, struct smt_sweep *sweep)
{
    tally->report.signs = tally->signs.data ? tally->signs.data : "";
    if (tally->mode != SMT_MODE_DOUBLE && tally->mode != SMT_MODE_LIMIT &&
        tally->report.allocations > tally->report.injections)
        tally->report.skipped = tally->report.allocations - tally->report.injections;
    for (size_t i = 0; i < sweep->sink_count; i++)
        if (sweep->sinks[i]->mode) sweep->sinks[i]->mode(sweep->sinks[i], &tally->report);
    smt_buffer_clear(&tally->signs);
}

static void injection_tell(struct smt_sweep *sweep, struct mode_tally *tally, uint64_t allocation,
                           uint32_t verdicts)
{
    struct smt_injection_report report = {
        .mode = tally->mode, .allocation = allocation, .verdicts = verdicts};
    const struct site *site = sweep_site_of(sweep, allocation);

    for (size_t i = 0; i < sweep->sink_count; i++) {
        struct smt_sink *sink = sweep->sinks[i];

        if (!sink->injection || !sink->trace) continue;
        if (sink->trace == 1 && !smt_verdict_defects(verdicts)) continue;
        if (site && !report.refused_at.count) trace_build(sweep, &site->stack, &report.refused_at);
        sink->injection(sink, &report);
    }
    trace_clear(&report.refused_at);
}

void injection_note(struct smt_sweep *sweep, struct mode_tally *tally, const struct smt_job *job,
                    const struct smt_run_result *result)
{
    enum smt_verdict naming = smt_verdict_naming(result->verdicts);
    uint64_t allocation = result->heap.first_refused;
    struct site *site;
    char sign[2] = "?";

    if (!allocation && job->plan.rule_count) allocation = job->plan.rules[0].first;
    tally->report.injections++;
    sweep->summary.injections++;
    if (naming != SMT_VERDICT_COUNT) {
        sign[0] = smt_verdicts[naming].sign;
        tally->report.counts[naming]++;
        sweep->summary.verdicts[naming]++;
    }
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (result->verdicts & (1u << v)) sweep->summary.verdicts_all[v]++;
    smt_buffer_add(&tally->signs, sign, 1);
    site = sweep_site_of(sweep, allocation);
    if (site) site->refused[tally->mode]++;
    group_note(sweep, job, result, false, tally->mode, result->verdicts);
    injection_tell(sweep, tally, allocation, result->verdicts);
}
