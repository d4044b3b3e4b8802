/* report/results.c - parts of several sources laid together. */
#include <stdlib.h>
#include <string.h>

#include "report/results.h"

struct smt_results *smt_report_results_new(size_t sources)
{
    struct smt_results *results = calloc(1, sizeof *results);

    if (results) results->sources = sources ? sources : 1;
    return results;
}

static void sites_free(struct smt_results *results)
{
    struct results_site *site, *next;

    HASH_ITER(hh, results->sites, site, next)
    {
        HASH_DEL(results->sites, site);
        free(site->trace.frames);
        free(site->seen);
        free(site);
    }
}

static void findings_free(struct smt_results *results)
{
    struct results_finding *row, *next;

    HASH_ITER(hh, results->findings, row, next)
    {
        HASH_DEL(results->findings, row);
        smt_finding_clear(&row->finding);
        free(row);
    }
    for (size_t i = 0; i < results->finding_count; i++) smt_finding_clear(&results->sorted[i]);
    free(results->sorted);
}

void smt_results_free(struct smt_results *results)
{
    struct results_text *text, *next;

    if (!results) return;
    sites_free(results);
    findings_free(results);
    for (size_t i = 0; i < results->mode_count; i++) {
        free(results->modes[i].sign_map);
        free(results->modes[i].signs);
    }
    HASH_ITER(hh, results->texts, text, next)
    {
        HASH_DEL(results->texts, text);
        free(text);
    }
    smt_report_json_settings_clear(&results->read);
    free(results->messages);
    free(results->unusable);
    free(results->modes);
    json_decref(results->run);
    free(results);
}

const char *smt_report_results_text(struct smt_results *results, const char *text)
{
    struct results_text *kept;
    size_t length = strlen(text);

    HASH_FIND(hh, results->texts, text, length, kept);
    if (kept) return kept->text;
    kept = calloc(1, sizeof *kept + length + 1);
    if (!kept) return NULL;
    memcpy(kept->text, text, length);
    HASH_ADD(hh, results->texts, text, length, kept);
    return kept->text;
}

struct results_site *smt_report_results_site_of(struct smt_results *results, uint64_t hash)
{
    struct results_site *site;

    HASH_FIND(hh, results->sites, &hash, sizeof hash, site);
    if (site) return site;
    site = calloc(1, sizeof *site);
    if (site) site->seen = calloc(results->sources, sizeof *site->seen);
    if (!site || !site->seen) {
        free(site);
        return NULL;
    }
    site->hash = hash;
    HASH_ADD(hh, results->sites, hash, sizeof site->hash, site);
    return site;
}

enum smt_status smt_report_results_keep(struct smt_results *results, struct smt_finding *finding)
{
    struct results_finding *row;
    struct smt_finding *same, other;

    HASH_FIND_STR(results->findings, finding->signature, row);
    if (!row) {
        row = calloc(1, sizeof *row);
        if (!row) return smt_fail(SMT_ENOMEM, "out of memory for results");
        row->finding = *finding;
        *finding = (struct smt_finding){0};
        HASH_ADD_STR(results->findings, finding.signature, row);
        return SMT_OK;
    }
    same = &row->finding;
    finding->occurrences = same->occurrences += finding->occurrences;
    finding->is_known = same->is_known |= finding->is_known;
    if (!smt_finding_stands_better(finding, same)) return SMT_OK;
    other = *same; /* the signature, which is the key, is the same */
    *same = *finding;
    *finding = other;
    return SMT_OK;
}

/* --- laying together ------------------------------------------------------------ */

static int message_order(const void *a, const void *b)
{
    size_t left = ((const struct results_message *)a)->report.index,
           right = ((const struct results_message *)b)->report.index;

    return left < right ? -1 : left > right;
}

static int mode_order(const void *a, const void *b)
{
    const struct smt_mode_report *left = &((const struct results_mode *)a)->report,
                                 *right = &((const struct results_mode *)b)->report;

    if (left->index != right->index) return left->index < right->index ? -1 : 1;
    return (int)left->mode - (int)right->mode;
}

static int unusable_order(const void *a, const void *b)
{
    const struct results_unusable *left = a, *right = b;

    if (left->report.index != right->report.index)
        return left->report.index < right->report.index ? -1 : 1;
    return left->source < right->source ? -1 : left->source > right->source;
}

/* What several sources could not use is one message. */
static void unusable_finish(struct smt_results *results)
{
    struct results_unusable *items = results->unusable;
    size_t kept = 0;

    if (results->unusable_count)
        qsort(items, results->unusable_count, sizeof *items, unusable_order);
    for (size_t i = 0; i < results->unusable_count; i++)
        if (!kept || items[kept - 1].report.index != items[i].report.index)
            items[kept++] = items[i];
    results->unusable_count = kept;
    results->summary.unusable_inputs += kept;
}

/* A character for each allocation: what one shard left blank another filled. */
static bool signs_overlay(char **map, const char *other)
{
    size_t length = strlen(*map), most = strlen(other) > length ? strlen(other) : length;
    char *both = calloc(most + 1, 1);

    if (!both) return false;
    for (size_t i = 0; i < most; i++) {
        both[i] = i < length ? (*map)[i] : ' ';
        if (both[i] == ' ' && i < strlen(other)) both[i] = other[i];
    }
    free(*map);
    *map = both;
    return true;
}

/* A group of signs for each first refusal, a blank between: one shard has it. */
static bool groups_overlay(char **map, const char *other)
{
    struct smt_buffer both;
    const char *a = *map, *b = other;

    smt_buffer_init(&both);
    for (;;) {
        size_t first = strcspn(a, " "), second = strcspn(b, " ");

        smt_buffer_add(&both, first ? a : b, first ? first : second);
        a += first;
        b += second;
        if (!*a && !*b) break;
        smt_buffer_add_text(&both, " ");
        a += *a == ' ';
        b += *b == ' ';
    }
    if (both.failed) return false;
    free(*map);
    *map = smt_buffer_take(&both);
    return *map;
}

/* Adds a shard's share of the same mode and message. */
static enum smt_status mode_add(struct results_mode *mode, struct results_mode *other)
{
    bool is_good;

    if (mode->report.allocations != other->report.allocations)
        return smt_fail(SMT_EINPUT,
                        "message %zu makes %llu allocations in one shard and %llu in another",
                        mode->report.index, (unsigned long long)mode->report.allocations,
                        (unsigned long long)other->report.allocations);
    is_good = mode->report.mode == SMT_MODE_DOUBLE
                  ? groups_overlay(&mode->sign_map, other->sign_map)
                  : signs_overlay(&mode->sign_map, other->sign_map);
    if (!is_good) return smt_fail(SMT_ENOMEM, "out of memory for results");
    mode->report.injections += other->report.injections;
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        mode->report.counts[v] += other->report.counts[v];
    free(other->sign_map);
    other->sign_map = NULL;
    return SMT_OK;
}

static enum smt_status modes_finish(struct smt_results *results)
{
    enum smt_status status = SMT_OK;
    size_t kept = 0;

    if (results->mode_count)
        qsort(results->modes, results->mode_count, sizeof *results->modes, mode_order);
    for (size_t i = 0; i < results->mode_count && status == SMT_OK; i++) {
        struct results_mode *mode = &results->modes[i];

        if (kept && mode_order(&results->modes[kept - 1], mode) == 0) {
            status = mode_add(&results->modes[kept - 1], mode);
        } else {
            if (kept != i) {
                results->modes[kept] = *mode;
                *mode = (struct results_mode){0};
            }
            kept++;
        }
    }
    if (status != SMT_OK) return status;
    results->mode_count = kept;
    results->summary.skipped_injections = 0;
    for (size_t i = 0; i < kept; i++) {
        struct results_mode *mode = &results->modes[i];
        struct smt_mode_report *report = &mode->report;

        mode->signs = smt_signs_pack(mode->sign_map);
        if (!mode->signs) return smt_fail(SMT_ENOMEM, "out of memory for results");
        report->sign_map = mode->sign_map;
        report->signs = mode->signs;
        if (report->mode != SMT_MODE_DOUBLE && report->mode != SMT_MODE_LIMIT &&
            report->allocations > report->injections)
            report->skipped = report->allocations - report->injections;
        results->summary.skipped_injections += report->skipped;
    }
    return SMT_OK;
}

static int finding_order(const void *a, const void *b)
{
    return smt_finding_compare(a, b);
}

static enum smt_status findings_finish(struct smt_results *results)
{
    struct results_finding *row, *next;

    results->sorted = calloc(HASH_COUNT(results->findings) + 1, sizeof *results->sorted);
    if (!results->sorted) return smt_fail(SMT_ENOMEM, "out of memory for results");
    HASH_ITER(hh, results->findings, row, next)
    {
        HASH_DEL(results->findings, row);
        results->sorted[results->finding_count++] = row->finding;
        free(row);
    }
    if (results->finding_count)
        qsort(results->sorted, results->finding_count, sizeof *results->sorted, finding_order);
    return SMT_OK;
}

static int site_order(struct results_site *a, struct results_site *b)
{
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

enum smt_status smt_report_results_finish(struct smt_results *results)
{
    enum smt_status status = modes_finish(results);
    struct results_site *site, *next;

    if (status == SMT_OK) status = findings_finish(results);
    if (results->message_count)
        qsort(results->messages, results->message_count, sizeof *results->messages, message_order);
    unusable_finish(results);
    for (size_t i = 0; i < results->message_count; i++)
        results->messages[i].report.baseline = &results->messages[i].baseline;
    HASH_SORT(results->sites, site_order);
    HASH_ITER(hh, results->sites, site, next)
    {
        results->summary.sites++;
        for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++)
            if (site->refused[mode]) results->summary.sites_refused[mode]++;
    }
    return status;
}

/* --- telling ------------------------------------------------------------------- */

static void sites_tell(struct smt_results *results, struct smt_sink *const *sinks, size_t count)
{
    struct results_site *site, *next;

    HASH_ITER(hh, results->sites, site, next)
    {
        struct smt_site_report report = {.hash = site->hash, .trace = site->trace};

        memcpy(report.refused, site->refused, sizeof report.refused);
        for (size_t i = 0; i < results->sources; i++)
            if (site->seen[i] > report.seen) report.seen = site->seen[i];
        for (size_t i = 0; i < count; i++)
            if (sinks[i]->site) sinks[i]->site(sinks[i], &report);
    }
}

/* How far the list of messages has been told. */
struct told {
    size_t modes, unusable;
};

static void modes_tell(struct smt_results *results, struct smt_sink *const *sinks, size_t count,
                       size_t below, struct told *told)
{
    for (size_t n; (n = told->modes) < results->mode_count; told->modes++) {
        if (results->modes[n].report.index >= below) return;
        for (size_t i = 0; i < count; i++)
            if (sinks[i]->mode) sinks[i]->mode(sinks[i], &results->modes[n].report);
    }
}

/* What there is of the messages before `below` besides their own lines. */
static void others_tell(struct smt_results *results, struct smt_sink *const *sinks, size_t count,
                        size_t below, struct told *told)
{
    for (size_t n; (n = told->unusable) < results->unusable_count; told->unusable++) {
        const struct smt_unusable_report *report = &results->unusable[n].report;

        if (report->index >= below) break;
        modes_tell(results, sinks, count, report->index + 1, told);
        for (size_t i = 0; i < count; i++)
            if (sinks[i]->unusable) sinks[i]->unusable(sinks[i], report);
    }
    modes_tell(results, sinks, count, below, told);
}

void smt_results_tell(struct smt_results *results, const struct smt_sweep_run *run,
                      struct smt_sink *const *sinks, size_t count)
{
    struct told told = {0};

    for (size_t i = 0; i < count; i++)
        if (sinks[i]->begin) sinks[i]->begin(sinks[i], run);
    for (size_t n = 0; n < results->message_count; n++) {
        others_tell(results, sinks, count, results->messages[n].report.index, &told);
        for (size_t i = 0; i < count; i++)
            if (sinks[i]->message) sinks[i]->message(sinks[i], &results->messages[n].report);
    }
    others_tell(results, sinks, count, SIZE_MAX, &told);
    for (size_t n = 0; n < results->finding_count; n++)
        for (size_t i = 0; i < count; i++)
            if (sinks[i]->finding) sinks[i]->finding(sinks[i], &results->sorted[n]);
    sites_tell(results, sinks, count);
    for (size_t i = 0; i < count; i++)
        if (sinks[i]->end) sinks[i]->end(sinks[i], &results->summary);
}

struct smt_sweep_run *smt_results_run(struct smt_results *results)
{
    return &results->told;
}

void smt_results_mark(struct smt_results *results, const struct smt_sweep_run *run)
{
    struct smt_known *known = run->settings ? run->settings->known : NULL;

    smt_findings_mark(known, run->parser,
                      known && smt_sweep_is_whole(run->settings, &results->summary),
                      results->sorted, results->finding_count, &results->summary);
}

struct smt_summary *smt_results_summary(struct smt_results *results)
{
    return &results->summary;
}

const struct smt_finding *smt_results_findings(const struct smt_results *results, size_t *ret_count)
{
    *ret_count = results->finding_count;
    return results->sorted;
}
