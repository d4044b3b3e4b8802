/* sweep/inject.c - one injected run for every allocation of a message. */
#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/inside.h"

static const char *const mode_names[SMT_MODE_COUNT] = {"transient", "persistent", "window",
                                                       "double", "limit"};

const char *smt_mode_name(enum smt_mode mode)
{
    return mode_names[mode];
}

enum smt_mode smt_mode_find(const char *name)
{
    unsigned mode = 0;

    while (mode < SMT_MODE_COUNT && strcmp(mode_names[mode], name) != 0) mode++;
    return (enum smt_mode)mode;
}

enum smt_status smt_mode_parse_list(const char *list, unsigned *ret_modes, uint64_t *ret_window)
{
    unsigned modes = 0;

    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",:");
        unsigned bit = 0;

        for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++)
            if (strlen(mode_names[mode]) == length && memcmp(mode_names[mode], at, length) == 0)
                bit = 1u << mode;
        at += length;
        if (bit == 1u << SMT_MODE_WINDOW && *at == ':') {
            char *end;

            *ret_window = strtoull(at + 1, &end, 10); /* it takes blanks and signs too */
            if (!isdigit((unsigned char)at[1]) || !*ret_window || (*end && *end != ',')) bit = 0;
            at = end;
        } else if (bit == 1u << SMT_MODE_WINDOW || *at == ':') {
            bit = 0;
        }
        if (!bit)
            return smt_fail(
                SMT_EUSAGE,
                "--oom-mode: bad list '%s'; known: transient, persistent, window:K, double, "
                "limit",
                list);
        modes |= bit;
        if (*at == ',') at++;
    }
    if (!modes) return smt_fail(SMT_EUSAGE, "--oom-mode: the list is empty");
    *ret_modes = modes;
    return SMT_OK;
}

/* --- survey -------------------------------------------------------------------- */

void smt_sweep_survey_clear(struct survey *survey)
{
    free(survey->site_of);
    free(survey->sites);
    free(survey->wanted);
    *survey = (struct survey){0};
}

static struct site *site_add(struct smt_sweep *sweep, const struct smt_stack *stack)
{
    uint64_t hash = smt_stack_hash(stack);
    struct site *site;

    HASH_FIND(hh, sweep->sites, &hash, sizeof hash, site);
    if (site) return site;
    site = calloc(1, sizeof *site);
    if (!site) return NULL;
    site->hash = hash;
    site->stack = *stack;
    HASH_ADD(hh, sweep->sites, hash, sizeof site->hash, site);
    return site;
}

/* Does a glob of the list match a function on the site's stack? */
static bool site_matches(const struct smt_trace *trace, const char *const *globs)
{
    for (; *globs; globs++)
        for (size_t i = 0; i < trace->count; i++)
            if (trace->frames[i].function && fnmatch(*globs, trace->frames[i].function, 0) == 0)
                return true;
    return false;
}

static enum smt_status survey_filter(struct smt_sweep *sweep)
{
    const struct smt_sweep_settings *settings = &sweep->settings;
    struct survey *survey = &sweep->survey;

    if (!settings->only_sites && !settings->skip_sites) return SMT_OK;
    survey->wanted = calloc(survey->site_count + 1, sizeof *survey->wanted);
    if (!survey->wanted) return smt_fail(SMT_ENOMEM, "out of memory for sites");
    for (uint32_t i = 0; i < survey->site_count; i++) {
        struct smt_trace trace;

        smt_sweep_trace_build(sweep, &survey->sites[i]->stack, &trace);
        survey->wanted[i] = (!settings->only_sites || site_matches(&trace, settings->only_sites)) &&
                            !(settings->skip_sites && site_matches(&trace, settings->skip_sites));
        smt_sweep_trace_clear(&trace);
    }
    return SMT_OK;
}

enum smt_status smt_sweep_survey(struct smt_sweep *sweep)
{
    static const struct smt_job job = {.flags = SMT_JOB_SURVEY};
    struct survey *survey = &sweep->survey;
    struct smt_run_result result;
    enum smt_status status;

    if (survey->done) return SMT_OK;
    status = smt_worker_run(sweep->worker, &job, 1, &result);
    if (status != SMT_OK) return status;
    survey->attempts =
        result.heap.attempts < SMT_ATTEMPTS_MAX ? result.heap.attempts : SMT_ATTEMPTS_MAX;
    survey->site_count = smt_worker_site_count(sweep->worker);
    survey->site_of = calloc(survey->attempts + 1, sizeof *survey->site_of);
    survey->sites = calloc(survey->site_count + 1, sizeof *survey->sites);
    if (!survey->site_of || !survey->sites)
        return smt_fail(SMT_ENOMEM, "out of memory for a survey");
    for (uint32_t i = 0; i < survey->site_count; i++) {
        survey->sites[i] = site_add(sweep, smt_worker_site(sweep->worker, i));
        if (!survey->sites[i]) return smt_fail(SMT_ENOMEM, "out of memory for sites");
    }
    for (uint64_t n = 1; n <= survey->attempts; n++) {
        survey->site_of[n - 1] = smt_worker_site_of(sweep->worker, n);
        if (survey->site_of[n - 1] < survey->site_count)
            survey->sites[survey->site_of[n - 1]]->seen++;
    }
    survey->done = true;
    return survey_filter(sweep);
}

/* --- plans ----------------------------------------------------------------------- */

static struct smt_job mode_job(const struct smt_sweep_settings *settings, enum smt_mode mode,
                               uint64_t first)
{
    uint64_t repeat = mode == SMT_MODE_PERSISTENT ? SMT_FAULT_FOREVER
                      : mode == SMT_MODE_WINDOW   ? settings->window
                                                  : 1;

    return (struct smt_job){.plan = {.rule_count = 1, .rules = {{first, repeat}}}};
}

bool smt_sweep_selects(const struct smt_sweep *sweep, size_t message)
{
    const struct smt_sweep_settings *settings = &sweep->settings;

    if (!settings->messages) return true;
    for (size_t i = 0; i < settings->message_span_count; i++)
        if (message + 1 >= settings->messages[i].first && message + 1 <= settings->messages[i].last)
            return true;
    return false;
}

bool smt_sweep_owns(const struct smt_sweep *sweep, size_t message)
{
    const struct smt_sweep_settings *settings = &sweep->settings;

    return !settings->shards || message % settings->shards == settings->shard - 1;
}

bool smt_sweep_attempt_is_wanted(const struct smt_sweep *sweep, uint64_t attempt)
{
    const struct survey *survey = &sweep->survey;
    uint32_t site;

    if (sweep->settings.shards &&
        (attempt - 1) % sweep->settings.shards != sweep->settings.shard - 1)
        return false;
    if (!survey->wanted) return true;
    site = survey->site_of[attempt - 1];
    return site < survey->site_count && survey->wanted[site];
}

/* --- batches ------------------------------------------------------------------------ */

static bool is_poisoned(const struct smt_run_result *check)
{
    return !check->done || !check->matches_baseline || check->verdicts & SMT_VERDICT_BIT(CRASH);
}

enum smt_status smt_sweep_injection_check(struct smt_sweep *sweep, const struct smt_job *job,
                                          struct smt_run_result *ret)
{
    const struct smt_job pair[2] = {*job, {.flags = SMT_JOB_CHECK}};
    struct smt_run_result results[2];
    enum smt_status status = smt_worker_run(sweep->worker, pair, 2, results);

    if (status != SMT_OK) return status;
    if (is_poisoned(&results[1]) && !results[0].fault.signal && !results[0].left_state) {
        results[0].verdicts |= SMT_VERDICT_BIT(POISONED);
        results[0].verdicts &= ~(SMT_VERDICT_BIT(CLEAN) | SMT_VERDICT_BIT(BENIGN));
    }
    if (is_poisoned(&results[1])) smt_worker_replace(sweep->worker);
    *ret = results[0];
    return SMT_OK;
}

/* A batch left the process changed: each injection again, in children that are
 * replaced as soon as one has been poisoned. */
static enum smt_status batch_bisect(struct smt_sweep *sweep, struct mode_tally *tally,
                                    const struct smt_job *jobs, size_t count)
{
    struct smt_run_result result;

    for (size_t i = 0; i < count; i++) {
        enum smt_status status;

        if (!i) smt_worker_replace(sweep->worker);
        status = smt_sweep_injection_check(sweep, &jobs[i], &result);
        if (status != SMT_OK) return status;
        smt_sweep_injection_note(sweep, tally, &jobs[i], &result);
    }
    return SMT_OK;
}

/* The injections in sweep->jobs; the last slot is the check. */
static enum smt_status batch_run(struct smt_sweep *sweep, struct mode_tally *tally, size_t count)
{
    enum smt_status status;

    sweep->jobs[count] = (struct smt_job){.flags = SMT_JOB_CHECK};
    status = smt_worker_run(sweep->worker, sweep->jobs, count + 1, sweep->results);
    if (status == SMT_OK && !is_poisoned(&sweep->results[count])) {
        for (size_t i = 0; i < count; i++)
            smt_sweep_injection_note(sweep, tally, &sweep->jobs[i], &sweep->results[i]);
        return SMT_OK;
    }
    if (status == SMT_OK) return batch_bisect(sweep, tally, sweep->jobs, count);
    for (size_t i = 0; i < count && sweep->results[i].done; i++)
        if (!sweep->results[i].heap.exhausted)
            smt_sweep_injection_note(sweep, tally, &sweep->jobs[i], &sweep->results[i]);
    return status;
}

void smt_sweep_progress_add(struct smt_sweep *sweep, uint64_t runs)
{
    struct smt_progress *progress = &sweep->progress;

    progress->runs_done += runs;
    if (progress->runs_planned < progress->runs_done) progress->runs_planned = progress->runs_done;
    for (size_t i = 0; i < sweep->sink_count; i++)
        if (sweep->sinks[i]->progress) sweep->sinks[i]->progress(sweep->sinks[i], progress);
}

/* Says beforehand how much there is to do. Limits, and what double faults find
 * to refuse, are not known yet. */
static void progress_begin(struct smt_sweep *sweep, uint64_t first, uint64_t last)
{
    unsigned modes = sweep->settings.modes & ~(1u << SMT_MODE_LIMIT);
    uint64_t wanted = 0;

    for (uint64_t n = first; n <= last; n++) wanted += smt_sweep_attempt_is_wanted(sweep, n);
    sweep->progress = (struct smt_progress){
        .messages_done = sweep->message,
        .messages = sweep->messages->count,
        .runs_planned = wanted * (uint64_t)__builtin_popcount(modes),
    };
    sweep->progress.expected_s = (double)sweep->progress.runs_planned *
                                 (double)smt_worker_baseline(sweep->worker)->cpu_ns / 1e9;
    smt_sweep_progress_add(sweep, 0);
}

static enum smt_status mode_sweep(struct smt_sweep *sweep, enum smt_mode mode, uint64_t first,
                                  uint64_t last)
{
    struct attempt_list list = {0};
    enum smt_status status = smt_sweep_attempts_choose(sweep, mode, first, last, &list);
    struct mode_tally tally;
    size_t count = 0;

    smt_sweep_tally_init(&tally, sweep, mode);
    for (size_t i = 0; i < list.count && status == SMT_OK && !smt_sweep_budget_is_spent(sweep);
         i++) {
        sweep->jobs[count++] = mode_job(&sweep->settings, mode, list.items[i]);
        if (count < SMT_BATCH_MAX - 1 && i + 1 < list.count) continue;
        status = batch_run(sweep, &tally, count);
        smt_sweep_progress_add(sweep, count);
        count = 0;
    }
    smt_sweep_tally_end(&tally, sweep);
    free(list.items);
    return status;
}

/* --oom-at: exactly this plan, once. */
static enum smt_status plan_run(struct smt_sweep *sweep)
{
    enum smt_mode mode = sweep->settings.plan.limit_bytes ? SMT_MODE_LIMIT : SMT_MODE_TRANSIENT;
    const struct smt_fault_rule *last =
        &sweep->settings.plan.rules[sweep->settings.plan.rule_count - 1];
    struct mode_tally tally;
    enum smt_status status;

    if (mode != SMT_MODE_LIMIT && last->repeat == SMT_FAULT_FOREVER) mode = SMT_MODE_PERSISTENT;
    smt_sweep_tally_init(&tally, sweep, mode);
    sweep->jobs[0] = (struct smt_job){.plan = sweep->settings.plan};
    status = batch_run(sweep, &tally, 1);
    smt_sweep_tally_end(&tally, sweep);
    return status;
}

bool smt_sweep_plan_is_reached(const struct smt_sweep *sweep, const struct smt_fault_plan *plan)
{
    return plan->limit_bytes || plan->rules[0].first <= sweep->survey.attempts;
}

enum smt_status smt_sweep_inject(struct smt_sweep *sweep)
{
    const struct smt_sweep_settings *settings = &sweep->settings;
    enum smt_status status = smt_sweep_survey(sweep);
    uint64_t first = settings->range.first, last = settings->range.last;

    if (last > sweep->survey.attempts) last = sweep->survey.attempts;
    if (first <= last) sweep->messages_with_range = true;
    if (status == SMT_OK && settings->has_plan && smt_sweep_owns(sweep, sweep->message) &&
        smt_sweep_plan_is_reached(sweep, &settings->plan))
        status = plan_run(sweep);
    if (status != SMT_OK || !settings->oom) return status;
    progress_begin(sweep, first, last);
    for (unsigned mode = 0; mode < SMT_MODE_COUNT && status == SMT_OK; mode++) {
        if (!(settings->modes & (1u << mode))) continue;
        if (sweep->modes_left) sweep->modes_left--;
        if (mode == SMT_MODE_DOUBLE)
            status = smt_sweep_double(sweep);
        else if (mode == SMT_MODE_LIMIT)
            status = smt_sweep_owns(sweep, sweep->message) ? smt_sweep_limit(sweep) : SMT_OK;
        else if (first <= last)
            status = mode_sweep(sweep, (enum smt_mode)mode, first, last);
    }
    return status;
}
