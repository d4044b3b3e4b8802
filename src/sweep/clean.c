/* sweep/clean.c - the checks every message gets: clean runs in several ways. */
#include "sweep/inside.h"

#define REPEAT_LIMIT_NS 2000000000u /* a message's share of --repeat */

struct clean {
    struct smt_sweep *sweep;
    struct smt_message_report report;
};

enum smt_status smt_sweep_load(struct smt_sweep *sweep, size_t message)
{
    static const struct smt_job jobs[2] = {
        {.flags = SMT_JOB_BASELINE | SMT_JOB_PREFIXES | SMT_JOB_CHECK}, {.flags = SMT_JOB_CHECK}};
    const struct smt_run_result *baseline;
    enum smt_status status;

    sweep->message = message;
    smt_sweep_survey_clear(&sweep->survey);
    status = smt_worker_load(sweep->worker, &sweep->messages->items[message]);
    if (status == SMT_OK) status = smt_worker_run(sweep->worker, jobs, 2, sweep->results);
    sweep->loaded = status == SMT_OK ? message + 1 : 0;
    if (status != SMT_OK) return status;
    baseline = &sweep->results[0];
    sweep->baseline_is_sound =
        !(baseline->verdicts & (SMT_VERDICT_BIT(CRASH) | SMT_VERDICT_BIT(HANG))) &&
        !baseline->fault.signal &&
        !(sweep->results[1].verdicts & SMT_VERDICT_BIT(NONDETERMINISTIC));
    return SMT_OK;
}

/* Runs one job and keeps what it shows beyond `expected`. */
static enum smt_status clean_job(struct clean *clean, const struct smt_job *job,
                                 struct smt_run_result *ret)
{
    struct smt_sweep *sweep = clean->sweep;
    enum smt_status status = smt_worker_run(sweep->worker, job, 1, ret);

    if (status != SMT_OK) return status;
    clean->report.runs += ret->runs;
    smt_sweep_group_note(sweep, job, ret, true, SMT_MODE_COUNT,
                         ret->verdicts & ~clean->report.verdicts);
    clean->report.verdicts |= ret->verdicts;
    return SMT_OK;
}

/* The same with blocks in first..last guarded, again and again while it finds
 * blocks that are read or written beyond their ends. */
static enum smt_status page_pass(struct clean *clean, enum smt_guard_mode mode, uint64_t first,
                                 uint64_t last)
{
    struct smt_job job = {.flags = SMT_JOB_CHECK,
                          .guard = {.mode = mode, .first = first, .last = last}};
    struct smt_run_result result;

    while (job.guard.skip_count < SMT_GUARD_SKIP_MAX) {
        enum smt_status status = smt_worker_run(clean->sweep->worker, &job, 1, &result);

        if (status != SMT_OK) return status;
        clean->report.runs++;
        if (!result.fault.signal) break;
        smt_sweep_group_note(clean->sweep, &job, &result, true, SMT_MODE_COUNT, result.verdicts);
        clean->report.verdicts |= result.verdicts;
        if (result.fault.place != SMT_PLACE_BLOCK) break;
        job.guard.skip[job.guard.skip_count++] = result.fault.attempt;
    }
    return SMT_OK;
}

static enum smt_status page_passes(struct clean *clean, uint64_t attempts)
{
    enum smt_status status = SMT_OK;

    for (uint64_t first = 1; first <= attempts && status == SMT_OK; first += PAGE_WINDOW) {
        status = page_pass(clean, SMT_GUARD_TAIL, first, first + PAGE_WINDOW - 1);
        if (status == SMT_OK)
            status = page_pass(clean, SMT_GUARD_HEAD, first, first + PAGE_WINDOW - 1);
    }
    return status;
}

/* Zero and address fill against the usual one. */
static enum smt_status fill_runs(struct clean *clean)
{
    static const struct smt_job jobs[2] = {{.flags = SMT_JOB_CHECK, .fill = SMT_FILL_ZERO},
                                           {.flags = SMT_JOB_CHECK, .fill = SMT_FILL_ADDRESS}};
    struct smt_run_result result;
    enum smt_status status = clean_job(clean, &jobs[0], &result);

    return status == SMT_OK ? clean_job(clean, &jobs[1], &result) : status;
}

static enum smt_status repeat_runs(struct clean *clean)
{
    uint64_t repeat = clean->sweep->settings.repeat;
    struct smt_job job = {.repeat = repeat > 2 ? repeat - 2 : 0, .repeat_ns = REPEAT_LIMIT_NS};
    struct smt_run_result result;
    enum smt_status status;

    if (!job.repeat) return SMT_OK;
    status = clean_job(clean, &job, &result);
    clean->report.repeat_cut = status == SMT_OK && !result.verdicts && result.runs < job.repeat;
    return status;
}

/* Accepted or rejected against the manifest. */
static void expectation_check(struct clean *clean, const struct smt_run_result *baseline)
{
    const struct smt_message *message = &clean->sweep->messages->items[clean->sweep->message];
    static const struct smt_job job = {.flags = SMT_JOB_CHECK};

    if (!message->has_expectation || message->expectation == SMT_EXPECT_EITHER) return;
    if (clean->report.accepted == (message->expectation == SMT_EXPECT_ACCEPT)) return;
    smt_sweep_group_note(clean->sweep, &job, baseline, true, SMT_MODE_COUNT,
                         SMT_VERDICT_BIT(UNEXPECTED));
    clean->report.verdicts |= SMT_VERDICT_BIT(UNEXPECTED);
}

static enum smt_status sound_checks(struct clean *clean, const struct smt_run_result *baseline)
{
    const struct smt_sweep_settings *settings = &clean->sweep->settings;
    enum smt_status status = repeat_runs(clean);

    if (status == SMT_OK && settings->checks & SMT_CHECK_UNINIT && settings->worker.check_content)
        status = fill_runs(clean);
    if (status == SMT_OK && settings->checks & SMT_CHECK_PAGES && !settings->worker.in_process)
        status = page_passes(clean, baseline->heap.attempts);
    return status;
}

/* One run on a heap with a cap, as on a small device: told as a sweep of one,
 * or of none when the cap is never reached. */
static enum smt_status limit_run(struct smt_sweep *sweep)
{
    struct smt_job job = {.plan = {.limit_bytes = sweep->settings.heap_limit_bytes}};
    enum smt_status status = smt_sweep_survey(sweep);
    struct smt_run_result result;
    struct mode_tally tally;

    if (status == SMT_OK) status = smt_worker_run(sweep->worker, &job, 1, &result);
    if (status != SMT_OK) return status;
    smt_sweep_tally_init(&tally, sweep, SMT_MODE_LIMIT);
    if (result.heap.refusals) smt_sweep_injection_note(sweep, &tally, &job, &result);
    smt_sweep_tally_end(&tally, sweep);
    return SMT_OK;
}

/* What the two runs of smt_sweep_load() showed. */
static void clean_begin(struct clean *clean, struct smt_sweep *sweep,
                        const struct smt_run_result *baseline)
{
    static const struct smt_job first = {.flags =
                                             SMT_JOB_BASELINE | SMT_JOB_PREFIXES | SMT_JOB_CHECK};
    static const struct smt_job second = {.flags = SMT_JOB_CHECK};
    const struct smt_message *message = &sweep->messages->items[sweep->message];
    const struct smt_run_result *again = &sweep->results[1];

    clean->sweep = sweep;
    clean->report = (struct smt_message_report){
        .index = sweep->message + 1,
        .name = message->name,
        .bytes = message->size_bytes,
        .baseline = baseline,
        .accepted = !baseline->fault.signal && !baseline->fault.exited &&
                    baseline->codes[SMT_OP_PARSE] == 0 &&
                    !(baseline->verdicts & SMT_VERDICT_BIT(HANG)),
        .runs = 2,
        .verdicts = baseline->verdicts,
        .cached_blocks = smt_worker_kept_blocks(sweep->worker),
    };
    if (clean->report.cached_blocks) clean->report.verdicts |= SMT_VERDICT_BIT(CACHED);
    smt_sweep_group_note(sweep, &first, baseline, true, SMT_MODE_COUNT, baseline->verdicts);
    smt_sweep_group_note(sweep, &second, again, true, SMT_MODE_COUNT,
                         again->verdicts & ~baseline->verdicts);
    clean->report.verdicts |= again->verdicts;
}

static void clean_end(struct clean *clean, const struct smt_run_result *baseline,
                      enum smt_status status)
{
    if (status == SMT_OK &&
        !(clean->report.verdicts & (SMT_VERDICT_BIT(CRASH) | SMT_VERDICT_BIT(HANG))))
        expectation_check(clean, baseline);
    clean->sweep->summary.clean_runs += clean->report.runs;
}

enum smt_status smt_sweep_clean_again(struct smt_sweep *sweep, uint32_t *ret_verdicts)
{
    struct smt_run_result baseline = sweep->results[0];
    enum smt_status status = SMT_OK;
    struct clean clean;

    clean_begin(&clean, sweep, &baseline);
    /* a debugger's or valgrind's user looks at one run, not at a thousand */
    if (sweep->baseline_is_sound && !sweep->settings.worker.in_process)
        status = repeat_runs(&clean);
    clean_end(&clean, &baseline, status);
    *ret_verdicts = clean.report.verdicts;
    return status;
}

enum smt_status smt_sweep_clean(struct smt_sweep *sweep)
{
    struct smt_run_result baseline = sweep->results[0];
    enum smt_status status = SMT_OK;
    struct clean clean;

    clean_begin(&clean, sweep, &baseline);
    if (sweep->baseline_is_sound) status = sound_checks(&clean, &baseline);
    clean_end(&clean, &baseline, status);
    if (status == SMT_EINPUT) return status; /* no message of the results */
    sweep->summary.messages++;
    for (size_t i = 0; i < sweep->sink_count; i++)
        if (sweep->sinks[i]->message) sweep->sinks[i]->message(sweep->sinks[i], &clean.report);
    if (status == SMT_OK && sweep->baseline_is_sound && sweep->settings.heap_limit_bytes)
        status = limit_run(sweep);
    return status;
}
