/* sweep/sweep.c - the whole of a sweep, from first message to summary. */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sweep/inside.h"

static uint64_t messages_hash(const struct smt_message_list *messages)
{
    uint64_t hash = messages->count;

    for (size_t i = 0; i < messages->count; i++) {
        const struct smt_message *message = &messages->items[i];

        hash = XXH3_64bits_withSeed(message->name, strlen(message->name), hash);
        hash = XXH3_64bits_withSeed(message->data, message->size_bytes, hash);
    }
    return hash;
}

struct smt_sweep_run smt_sweep_run_of(const struct smt_sweep_settings *settings,
                                      const struct smt_message_list *messages, char *build_id,
                                      size_t size_bytes)
{
    const struct smt_parser *parser = settings->worker.parser;
    bool has_id = smt_symbol_build_id((uintptr_t)parser->anchor, build_id, size_bytes);

    return (struct smt_sweep_run){
        .settings = settings,
        .parser = parser->name,
        .parser_version = parser->version(),
        .build_id = has_id ? build_id : NULL,
        .messages = messages->count,
        .messages_hash = messages_hash(messages),
    };
}

static void tell_begin(struct smt_sweep *sweep)
{
    char build_id[128] = "";
    struct smt_sweep_run run =
        smt_sweep_run_of(&sweep->settings, sweep->messages, build_id, sizeof build_id);

    for (size_t i = 0; i < sweep->sink_count; i++)
        if (sweep->sinks[i]->begin) sweep->sinks[i]->begin(sweep->sinks[i], &run);
}

bool smt_sweep_is_whole(const struct smt_sweep_settings *settings,
                        const struct smt_summary *summary)
{
    return settings->oom && !summary->truncated && !summary->budget_spent &&
           !summary->unusable_inputs && !settings->messages && !settings->only_sites &&
           !settings->skip_sites && settings->shards < 2 && settings->range.first <= 1 &&
           settings->range.last == UINT64_MAX;
}

static void tell_findings(struct smt_sweep *sweep)
{
    for (size_t n = 0; n < sweep->finding_count; n++)
        for (size_t i = 0; i < sweep->sink_count; i++)
            if (sweep->sinks[i]->finding)
                sweep->sinks[i]->finding(sweep->sinks[i], &sweep->findings[n]);
}

static int site_order(struct site *a, struct site *b)
{
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static void tell_sites(struct smt_sweep *sweep)
{
    struct site *site, *next;

    HASH_SORT(sweep->sites, site_order);
    HASH_ITER(hh, sweep->sites, site, next)
    {
        struct smt_site_report report = {.hash = site->hash, .seen = site->seen};

        sweep->summary.sites++;
        for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++) {
            report.refused[mode] = site->refused[mode];
            if (site->refused[mode]) sweep->summary.sites_refused[mode]++;
        }
        smt_sweep_trace_build(sweep, &site->stack, &report.trace);
        for (size_t i = 0; i < sweep->sink_count; i++)
            if (sweep->sinks[i]->site) sweep->sinks[i]->site(sweep->sinks[i], &report);
        smt_sweep_trace_clear(&report.trace);
    }
}

static void findings_mark(struct smt_sweep *sweep)
{
    smt_findings_mark(sweep->settings.known, sweep->settings.worker.parser->name,
                      smt_sweep_is_whole(&sweep->settings, &sweep->summary), sweep->findings,
                      sweep->finding_count, &sweep->summary);
}

static void tell_end(struct smt_sweep *sweep)
{
    sweep->summary.seconds = (double)(smt_clock_ns() - sweep->started_ns) / 1e9;
    sweep->summary.children = smt_worker_children(sweep->worker);
    for (size_t i = 0; i < sweep->sink_count; i++)
        if (sweep->sinks[i]->end) sweep->sinks[i]->end(sweep->sinks[i], &sweep->summary);
}

enum smt_status smt_sweep_new(const struct smt_sweep_settings *settings,
                              const struct smt_message_list *messages,
                              struct smt_sink *const *sinks, size_t sink_count,
                              struct smt_sweep **ret_sweep)
{
    struct smt_sweep *sweep = calloc(1, sizeof *sweep);
    enum smt_status status;

    if (!sweep) return smt_fail(SMT_ENOMEM, "out of memory for a sweep");
    sweep->settings = *settings;
    sweep->messages = messages;
    sweep->sinks = sinks;
    sweep->sink_count = sink_count;
    sweep->started_ns = smt_clock_ns();
    sweep->summary.unusable_inputs = settings->unusable_inputs;
    sweep->jobs = calloc(SMT_BATCH_MAX, sizeof *sweep->jobs);
    sweep->results = calloc(SMT_BATCH_MAX, sizeof *sweep->results);
    if (!sweep->jobs || !sweep->results)
        status = smt_fail(SMT_ENOMEM, "out of memory for a sweep");
    else
        status = smt_worker_new(&settings->worker, &sweep->worker);
    if (status != SMT_OK) {
        smt_sweep_free(sweep);
        return status;
    }
    *ret_sweep = sweep;
    return SMT_OK;
}

void smt_sweep_forget(struct smt_sweep *sweep)
{
    struct group *group, *next;

    HASH_ITER(hh, sweep->groups, group, next)
    {
        HASH_DEL(sweep->groups, group);
        if (group->finding) smt_finding_clear(group->finding);
        free(group->finding);
        free(group->hung_at);
        free(group);
    }
    for (size_t i = 0; i < sweep->finding_count; i++) smt_finding_clear(&sweep->findings[i]);
    sweep->finding_count = 0;
}

void smt_sweep_free(struct smt_sweep *sweep)
{
    struct site *site, *next;

    if (!sweep) return;
    smt_sweep_forget(sweep);
    HASH_ITER(hh, sweep->sites, site, next)
    {
        HASH_DEL(sweep->sites, site);
        free(site);
    }
    free(sweep->findings);
    smt_sweep_survey_clear(&sweep->survey);
    smt_worker_free(sweep->worker);
    free(sweep->jobs);
    free(sweep->results);
    free(sweep);
}

static bool wants_injections(const struct smt_sweep_settings *settings)
{
    return settings->oom || settings->has_plan;
}

/* Goes on without a message, if somebody hears of it. */
static enum smt_status message_give_up(struct smt_sweep *sweep, size_t message)
{
    char *why = strdup(smt_fail_text()); /* a sink may fail with a sentence of its own */
    struct smt_unusable_report report = {message + 1, sweep->messages->items[message].name, why};
    enum smt_status status = SMT_ENOMEM;

    for (size_t i = 0; why && i < sweep->sink_count; i++) {
        if (!sweep->sinks[i]->unusable) continue;
        sweep->sinks[i]->unusable(sweep->sinks[i], &report);
        status = SMT_OK;
    }
    if (status == SMT_OK) sweep->summary.unusable_inputs++;
    free(why);
    return status;
}

static enum smt_status message_run(struct smt_sweep *sweep, size_t message)
{
    enum smt_status status = smt_sweep_load(sweep, message), explained;
    bool is_mine = smt_sweep_owns(sweep, message);
    int interrupted;

    if (status == SMT_OK && is_mine) status = smt_sweep_clean(sweep);
    if (status == SMT_OK && wants_injections(&sweep->settings)) {
        if (sweep->baseline_is_sound)
            status = smt_sweep_inject(sweep);
        else
            sweep->summary.unsound_messages += is_mine;
    }
    /* what was found is explained also after an interrupt; a second one ends that */
    interrupted = smt_run_interrupted;
    smt_run_interrupted = 0;
    explained = smt_sweep_explain(sweep);
    if (interrupted) smt_run_interrupted = 1;
    if (status == SMT_OK) status = explained;
    if (status == SMT_EINPUT) status = message_give_up(sweep, message);
    smt_sweep_part_tell(sweep, status == SMT_OK);
    if (status == SMT_ENOMEM)
        smt_fail(status, "%s: %s", sweep->messages->items[message].name, smt_fail_text());
    return status;
}

static void truncated(struct smt_sweep *sweep, enum smt_status status)
{
    sweep->summary.truncated = true;
    sweep->summary.truncated_by =
        status == SMT_EINTERRUPTED ? "interrupted" : "a failure of the tool";
}

/* Complaints about plans that refused nothing: never a silent pass. */
enum smt_status smt_sweep_check_done(const struct smt_sweep_settings *settings,
                                     const struct smt_summary *summary, bool had_range)
{
    if (!wants_injections(settings) || summary->injections || summary->truncated) return SMT_OK;
    if (summary->unsound_messages || settings->done) return SMT_OK; /* findings; done before */
    if (summary->unusable_inputs > settings->unusable_inputs) return SMT_OK; /* was said */
    if (settings->shards > 1 && (had_range || settings->has_plan)) return SMT_OK;
    if (settings->has_plan && settings->plan.rule_count)
        return smt_fail(SMT_EINPUT, "--oom-at: no message makes as many as %llu allocation%s",
                        (unsigned long long)settings->plan.rules[0].first,
                        smt_number_ending(settings->plan.rules[0].first));
    if (settings->has_plan) return smt_fail(SMT_EINPUT, "--oom-at: no message allows this plan");
    if (!had_range && settings->range.first > 1)
        return smt_fail(SMT_EINPUT, "--oom: no message makes as many as %llu allocations",
                        (unsigned long long)settings->range.first);
    if (settings->only_sites || settings->skip_sites)
        return smt_fail(SMT_EINPUT,
                        "--only-site/--skip-site: no allocation site is left to refuse");
    return smt_fail(SMT_EINPUT,
                    "--oom: nothing was refused: no message has an allocation to refuse");
}

enum smt_status smt_sweep_run(struct smt_sweep *sweep)
{
    enum smt_status status = SMT_OK, collected;
    size_t selected = 0;

    smt_random_init(&sweep->random, sweep->settings.seed);
    for (size_t i = 0; i < sweep->messages->count; i++)
        if (smt_sweep_selects(sweep, i))
            sweep->modes_left += (uint64_t)__builtin_popcount(sweep->settings.modes);
    tell_begin(sweep);
    for (size_t i = 0; i < sweep->messages->count && status == SMT_OK; i++) {
        if (!smt_sweep_selects(sweep, i)) continue;
        selected++;
        if (sweep->settings.done && sweep->settings.done[i]) continue;
        if (sweep->settings.oom || smt_sweep_owns(sweep, i)) status = message_run(sweep, i);
    }
    if (status == SMT_OK && !selected)
        status =
            smt_fail(SMT_EINPUT, "--range: the last message is number %zu", sweep->messages->count);
    if (status != SMT_OK) truncated(sweep, status);
    if (status == SMT_OK)
        status =
            smt_sweep_check_done(&sweep->settings, &sweep->summary, sweep->messages_with_range);
    collected = smt_sweep_findings_collect(sweep);
    if (status == SMT_OK) status = collected;
    findings_mark(sweep);
    tell_findings(sweep);
    tell_sites(sweep);
    tell_end(sweep);
    return status;
}

static bool is_plain(const struct smt_job *job)
{
    return job->guard.mode == SMT_GUARD_NONE && job->fill == SMT_FILL_BYTE;
}

/* A replayed run becomes a group of its own, whatever it showed. */
static enum smt_status replay_explain(struct smt_sweep *sweep, const struct token *token,
                                      const struct smt_job *job)
{
    struct smt_run_result result = {0};
    enum smt_status status;

    if (token->is_clean && is_plain(job))
        status = smt_sweep_clean_again(sweep, &result.verdicts);
    else if (token->is_clean)
        status = smt_worker_run(sweep->worker, job, 1, &result);
    else
        status = smt_sweep_injection_check(sweep, job, &result);
    if (status != SMT_OK) return status;
    sweep->summary.injections = !token->is_clean;
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (result.verdicts & (1u << v)) sweep->summary.verdicts_all[v]++;
    if (smt_verdict_naming(result.verdicts) != SMT_VERDICT_COUNT)
        sweep->summary.verdicts[smt_verdict_naming(result.verdicts)]++;
    if (!token->is_clean || !is_plain(job))
        smt_sweep_group_note(sweep, job, &result, token->is_clean, token->mode, result.verdicts);
    status = smt_sweep_explain(sweep);
    return status == SMT_OK ? smt_sweep_findings_collect(sweep) : status;
}

enum smt_status smt_sweep_replay(struct smt_sweep *sweep, const char *text, bool do_break)
{
    struct token token;
    struct smt_job job;
    enum smt_status status = smt_sweep_token_parse(text, &token);

    if (status != SMT_OK) return status;
    if (strcmp(token.parser, sweep->settings.worker.parser->name) != 0)
        return smt_fail(SMT_EINPUT, "--replay: the token is for parser %s, not %s", token.parser,
                        sweep->settings.worker.parser->name);
    status = smt_sweep_load(sweep, 0);
    if (status == SMT_OK && !token.is_clean) status = smt_sweep_survey(sweep);
    if (status == SMT_OK) status = smt_sweep_token_resolve(sweep, &token, &job);
    if (status != SMT_OK) return status;
    tell_begin(sweep);
    if (do_break) {
        struct smt_run_result result;

        job.flags |= SMT_JOB_BREAK | SMT_JOB_EXPLAIN;
        status = smt_worker_run(sweep->worker, &job, 1, &result);
        job.flags = 0;
    }
    if (status == SMT_OK) status = replay_explain(sweep, &token, &job);
    sweep->summary.messages = 1;
    findings_mark(sweep);
    tell_findings(sweep);
    tell_end(sweep);
    return status;
}

const struct smt_summary *smt_sweep_summary(const struct smt_sweep *sweep)
{
    return &sweep->summary;
}

const struct smt_finding *smt_sweep_finding(const struct smt_sweep *sweep, size_t index)
{
    return index < sweep->finding_count ? &sweep->findings[index] : NULL;
}

size_t smt_sweep_finding_count(const struct smt_sweep *sweep)
{
    return sweep->finding_count;
}
