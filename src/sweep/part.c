/* sweep/part.c - what one message added to the sweep, for who keeps a journal.
 *
 * Groups and sites live on from message to message; told is what changed since
 * the last time. */
#include <stdlib.h>

#include "sweep/inside.h"

static bool is_wanted(const struct smt_sweep *sweep)
{
    for (size_t i = 0; i < sweep->sink_count; i++)
        if (sweep->sinks[i]->part) return true;
    return false;
}

static size_t findings_gather(struct smt_sweep *sweep, struct smt_part_finding *findings)
{
    struct group *group, *next;
    size_t count = 0;

    HASH_ITER(hh, sweep->groups, group, next)
    {
        uint64_t added = group->occurrences - group->told_occurrences;

        if (!group->finding || (!added && !group->is_fresh)) continue;
        findings[count++] = (struct smt_part_finding){group->finding, added, group->is_fresh};
        group->told_occurrences = group->occurrences;
        group->is_fresh = false;
    }
    return count;
}

static size_t sites_gather(struct smt_sweep *sweep, struct smt_site_report *sites)
{
    const struct survey *survey = &sweep->survey;
    size_t count = 0;

    for (uint32_t i = 0; survey->done && i < survey->site_count; i++) {
        struct site *site = survey->sites[i];
        struct smt_site_report *report = &sites[count++];

        *report =
            (struct smt_site_report){.hash = site->hash, .seen = site->seen - site->told_seen};
        site->told_seen = site->seen;
        for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++) {
            report->refused[mode] = site->refused[mode] - site->told_refused[mode];
            site->told_refused[mode] = site->refused[mode];
        }
        if (!site->was_told) smt_sweep_trace_build(sweep, &site->stack, &report->trace);
        site->was_told = true;
    }
    return count;
}

static void summary_gather(struct smt_sweep *sweep, struct smt_summary *added)
{
    const struct smt_summary *now = &sweep->summary, *before = &sweep->told;

    added->messages = now->messages - before->messages;
    added->unsound_messages = now->unsound_messages - before->unsound_messages;
    added->injections = now->injections - before->injections;
    added->clean_runs = now->clean_runs - before->clean_runs;
    added->skipped_injections = now->skipped_injections - before->skipped_injections;
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++) {
        added->verdicts[v] = now->verdicts[v] - before->verdicts[v];
        added->verdicts_all[v] = now->verdicts_all[v] - before->verdicts_all[v];
    }
    sweep->told = *now;
}

void smt_sweep_part_tell(struct smt_sweep *sweep, bool is_complete)
{
    struct smt_part_report report = {.index = sweep->message + 1, .is_complete = is_complete};
    struct smt_part_finding *findings;
    struct smt_site_report *sites;

    if (!is_wanted(sweep)) return;
    findings = calloc(HASH_COUNT(sweep->groups) + 1, sizeof *findings);
    sites = calloc(sweep->survey.site_count + 1, sizeof *sites);
    if (findings && sites) { /* else the journal lacks this message: it is run again */
        report.findings = findings;
        report.finding_count = findings_gather(sweep, findings);
        report.sites = sites;
        report.site_count = sites_gather(sweep, sites);
        summary_gather(sweep, &report.added);
        for (size_t i = 0; i < sweep->sink_count; i++)
            if (sweep->sinks[i]->part) sweep->sinks[i]->part(sweep->sinks[i], &report);
        for (size_t i = 0; i < report.site_count; i++) smt_sweep_trace_clear(&sites[i].trace);
    }
    free(findings);
    free(sites);
}
