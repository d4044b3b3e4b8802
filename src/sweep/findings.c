/* sweep/findings.c - from groups to findings: one a signature, worst first. */
#include <stdlib.h>
#include <string.h>

#include "sweep/inside.h"

static int finding_order(const void *a, const void *b)
{
    return smt_finding_compare(a, b);
}

/* The finding this one is another show of, or NULL. */
static struct smt_finding *finding_same(struct smt_sweep *sweep, const struct smt_finding *finding)
{
    for (size_t i = 0; i < sweep->finding_count; i++)
        if (strcmp(sweep->findings[i].signature, finding->signature) == 0)
            return &sweep->findings[i];
    return NULL;
}

void smt_findings_mark(struct smt_known *known, const char *parser, bool is_whole,
                       struct smt_finding *findings, size_t count, struct smt_summary *summary)
{
    summary->findings = count;
    summary->known_findings = summary->new_findings = summary->fixed_findings = 0;
    for (size_t n = 0; n < count; n++) {
        if (known) findings[n].is_known = smt_known_see(known, findings[n].signature);
        if (findings[n].is_known)
            summary->known_findings++;
        else
            summary->new_findings++;
    }
    for (size_t n = 0; known && is_whole && n < known->count; n++) {
        struct smt_known_row *row = &known->rows[n];

        if (!smt_known_row_is_of(row, parser)) row->was_seen = true;
        if (!row->was_seen) summary->fixed_findings++;
    }
}

static unsigned mode_rank(const struct smt_finding *finding)
{
    return finding->mode ? 1 + (unsigned)smt_mode_find(finding->mode) : 0;
}

bool smt_finding_stands_better(const struct smt_finding *a, const struct smt_finding *b)
{
    if (a->message_bytes != b->message_bytes) return a->message_bytes < b->message_bytes;
    if (a->message_index != b->message_index) return a->message_index < b->message_index;
    if (a->allocation != b->allocation) return a->allocation < b->allocation;
    return mode_rank(a) < mode_rank(b);
}

static void finding_swap(struct smt_finding *a, struct smt_finding *b)
{
    struct smt_finding other = *a;

    *a = *b;
    *b = other;
}

/* Moves the finding into the list. */
static enum smt_status finding_keep(struct smt_sweep *sweep, struct smt_finding *finding)
{
    struct smt_finding *same = finding_same(sweep, finding);

    if (same) {
        uint64_t occurrences = same->occurrences + finding->occurrences;

        if (smt_finding_stands_better(finding, same)) finding_swap(finding, same);
        same->occurrences = occurrences;
        smt_finding_clear(finding);
        return SMT_OK;
    }
    if (sweep->finding_count == sweep->finding_capacity) {
        size_t capacity = sweep->finding_capacity ? 2 * sweep->finding_capacity : 64;
        struct smt_finding *findings = realloc(sweep->findings, capacity * sizeof *findings);

        if (!findings) return smt_fail(SMT_ENOMEM, "out of memory for findings");
        sweep->findings = findings;
        sweep->finding_capacity = capacity;
    }
    sweep->findings[sweep->finding_count++] = *finding;
    *finding = (struct smt_finding){0};
    return SMT_OK;
}

static int group_order(struct group *a, struct group *b)
{
    if (a->message != b->message) return a->message < b->message ? -1 : 1;
    if (a->key.verdict != b->key.verdict) return a->key.verdict < b->key.verdict ? -1 : 1;
    if (a->allocation != b->allocation) return a->allocation < b->allocation ? -1 : 1;
    return a->mode < b->mode ? -1 : a->mode > b->mode;
}

enum smt_status smt_sweep_findings_collect(struct smt_sweep *sweep)
{
    enum smt_status status = SMT_OK;
    struct group *group, *next;

    HASH_SORT(sweep->groups, group_order);
    HASH_ITER(hh, sweep->groups, group, next)
    {
        if (!group->finding || status != SMT_OK) continue;
        group->finding->occurrences = group->occurrences;
        status = finding_keep(sweep, group->finding);
    }
    if (sweep->finding_count)
        qsort(sweep->findings, sweep->finding_count, sizeof *sweep->findings, finding_order);
    return status;
}
