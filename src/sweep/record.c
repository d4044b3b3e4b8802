/* sweep/record.c - an injection that was done: counted, signed, grouped. */
#include <stdlib.h>
#include <string.h>

#include "sweep/inside.h"

void smt_sweep_tally_init(struct mode_tally *tally, struct smt_sweep *sweep, enum smt_mode mode)
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

static void blanks_add(struct smt_buffer *signs, uint64_t size)
{
    while (signs->size < size && !signs->failed)
        smt_buffer_add(signs, "                                ",
                       size - signs->size < 32 ? size - signs->size : 32);
}

static void sign_put(struct mode_tally *tally, uint64_t attempt, char sign)
{
    if (!tally->by_attempt || !attempt) {
        smt_buffer_add(&tally->signs, &sign, 1);
        return;
    }
    blanks_add(&tally->signs, attempt);
    if (!tally->signs.failed) tally->signs.data[attempt - 1] = sign;
}

void smt_sweep_tally_gap(struct mode_tally *tally)
{
    smt_buffer_add_text(&tally->signs, " ");
}

char *smt_signs_pack(const char *sign_map)
{
    char *signs = strdup(sign_map);
    size_t kept = 0;

    for (size_t i = 0; signs && signs[i]; i++)
        if (signs[i] != ' ') signs[kept++] = signs[i];
    if (signs) signs[kept] = '\0';
    return signs;
}

void smt_sweep_tally_end(struct mode_tally *tally, struct smt_sweep *sweep)
{
    char *signs;

    if (tally->by_attempt) blanks_add(&tally->signs, tally->report.allocations);
    tally->report.sign_map = tally->signs.data ? tally->signs.data : "";
    signs = smt_signs_pack(tally->report.sign_map);
    tally->report.signs = signs ? signs : "";
    if (tally->mode != SMT_MODE_DOUBLE && tally->mode != SMT_MODE_LIMIT &&
        tally->report.allocations > tally->report.injections)
        tally->report.skipped = tally->report.allocations - tally->report.injections;
    sweep->summary.skipped_injections += tally->report.skipped;
    for (size_t i = 0; i < sweep->sink_count; i++)
        if (sweep->sinks[i]->mode) sweep->sinks[i]->mode(sweep->sinks[i], &tally->report);
    free(signs);
    smt_buffer_clear(&tally->signs);
}

static void injection_tell(struct smt_sweep *sweep, struct mode_tally *tally, uint64_t allocation,
                           uint32_t verdicts)
{
    struct smt_injection_report report = {
        .mode = tally->mode, .allocation = allocation, .verdicts = verdicts};
    const struct site *site = smt_sweep_site_of(sweep, allocation);

    for (size_t i = 0; i < sweep->sink_count; i++) {
        struct smt_sink *sink = sweep->sinks[i];

        if (!sink->injection || !sink->trace) continue;
        if (sink->trace == 1 && !smt_verdict_defects(verdicts)) continue;
        if (site && !report.refused_at.count)
            smt_sweep_trace_build(sweep, &site->stack, &report.refused_at);
        sink->injection(sink, &report);
    }
    smt_sweep_trace_clear(&report.refused_at);
}

void smt_sweep_injection_note(struct smt_sweep *sweep, struct mode_tally *tally,
                              const struct smt_job *job, const struct smt_run_result *result)
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
    site = smt_sweep_site_of(sweep, allocation);
    if (site) site->refused[tally->mode]++;
    smt_sweep_group_note(sweep, job, result, false, tally->mode, result->verdicts);
    injection_tell(sweep, tally, allocation, result->verdicts);
}
