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
    tally->by_attempt =
        mode != SMT_MODE_DOUBLE && mode != SMT_MODE_LIMIT && !sweep->settings.has_plan;
    smt_buffer_init(&tally->signs);
}

static void sign_put(struct mode_tally *tally, uint64_t attempt, char sign)
{
    static const char none[256];

    if (!tally->by_attempt || !attempt) {
        smt_buffer_add(&tally->signs, &sign, 1);
        return;
    }
    while (tally->signs.size < attempt && !tally->signs.failed)
        smt_buffer_add(&tally->signs, none,
                       attempt - tally->signs.size < 256 ? attempt - tally->signs.size : 256);
    if (!tally->signs.failed) tally->signs.data[attempt - 1] = sign;
}

/* Closes the gaps where nothing was refused. */
static void signs_pack(struct mode_tally *tally)
{
    size_t kept = 0;

    for (size_t i = 0; i < tally->signs.size; i++)
        if (tally->signs.data[i]) tally->signs.data[kept++] = tally->signs.data[i];
    if (tally->signs.data) tally->signs.data[kept] = 0;
    tally->signs.size = kept;
}

void tally_end(struct mode_tally *tally, struct smt_sweep *sweep)
{
    signs_pack(tally);
    tally->report.signs = tally->signs.data ? tally->signs.data : "";
    if (tally->mode != SMT_MODE_DOUBLE && tally->mode != SMT_MODE_LIMIT &&
        tally->report.allocations > tally->report.injections)
        tally->report.skipped = tally->report.allocations - tally->report.injections;
    sweep->summary.skipped_injections += tally->report.skipped;
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
    char sign = '?';

    if (!allocation && job->plan.rule_count) allocation = job->plan.rules[0].first;
    tally->report.injections++;
    sweep->summary.injections++;
    if (naming != SMT_VERDICT_COUNT) {
        sign = smt_verdicts[naming].sign;
        tally->report.counts[naming]++;
        sweep->summary.verdicts[naming]++;
    }
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (result->verdicts & (1u << v)) sweep->summary.verdicts_all[v]++;
    sign_put(tally, job->plan.rule_count ? job->plan.rules[0].first : 0, sign);
    site = sweep_site_of(sweep, allocation);
    if (site) site->refused[tally->mode]++;
    group_note(sweep, job, result, false, tally->mode, result->verdicts);
    injection_tell(sweep, tally, allocation, result->verdicts);
}
