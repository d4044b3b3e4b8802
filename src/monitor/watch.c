#include "monitor/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "monitor/session.h"

/* On the clock, looking for newcomers and the detailed look may each take one part in so
 * many of the time at most, and happen once a second at most. */
#define FOLLOW_SHARE  2000
#define DETAILS_SHARE 5000
#define EXTRA_LEAST   1000000000u
/* Ticks this late are made up for; what is later is left out. */
#define LATE_MOST 1000000000u
/* How long a program may take to restart before the test ends for want of it. */
#define RESTART_TRIES 20
#define RESTART_MS    100
/* Bytes of what a failed step printed that are told. */
#define LAST_WORDS 500

static void process_clear(struct smt_monitor_process *process)
{
    smt_monitor_file_close(&process->rollup);
    smt_monitor_file_close(&process->stat);
    smt_monitor_file_close(&process->statm);
    free(process->samples);
    free(process->ps_start);
    free(process->ps_end);
    free(process->smaps_start);
    free(process->smaps_end);
    free(process->stacks);
    smt_monitor_changes_clear(&process->changes);
}

void smt_monitor_result_free(struct smt_monitor_result *result)
{
    if (!result) return;
    for (size_t i = 0; i < result->process_count; i++) process_clear(&result->processes[i]);
    for (size_t i = 0; i < result->event_count; i++) free(result->events[i].text);
    free(result->processes);
    free(result->events);
    free(result->all);
    free(result->abnormal);
    free(result);
}

/* Ends the test; the first reason stays. */
static void abnormal_set(struct smt_monitor_session *session, const char *format, ...)
    SMT_PRINTF(2, 3);

static void abnormal_set(struct smt_monitor_session *session, const char *format, ...)
{
    struct smt_buffer text;
    char *reason = NULL;
    va_list args;

    if (session->result->abnormal) return;
    va_start(args, format);
    if (vasprintf(&reason, format, args) < 0) reason = NULL;
    va_end(args);
    smt_buffer_init(&text);
    smt_buffer_addf(&text, "round %llu ended abnormally: %s", (unsigned long long)session->round,
                    reason ? reason : "out of memory");
    session->result->abnormal = smt_buffer_take(&text);
    free(reason);
}

/* What a full look at each process costs together. */
static double all_cost(const struct smt_monitor_result *result)
{
    double all_ns = 0;

    for (size_t i = 0; i < result->process_count; i++)
        if (!result->processes[i].gone) all_ns += smt_monitor_pace_cost(&result->processes[i].pace);
    return all_ns;
}

static enum smt_status all_look(struct smt_monitor_session *session, bool detailed)
{
    struct smt_monitor_result *result = session->result;
    uint64_t began_ns = smt_clock_cpu_ns();

    session->all_ns = all_cost(result);
    for (size_t i = 0; i < result->process_count; i++) {
        enum smt_status status;

        if (result->processes[i].gone) continue;
        status = smt_monitor_look(session, i, detailed || !result->processes[i].count);
        if (status) return status;
    }
    result->rounds = session->round;
    result->look_ns += smt_clock_cpu_ns() - began_ns;
    if (result->options.observe) result->options.observe(result->options.observe_context, result);
    return SMT_OK;
}

/* Follows the processes; when none is left, waits a little for a restart. */
static enum smt_status follow(struct smt_monitor_session *session)
{
    bool by_name = session->result->options.name_count > 0;

    for (int i = 0; i < (by_name ? RESTART_TRIES : 1); i++) {
        enum smt_status status = smt_monitor_follow(session);

        if (status || smt_monitor_alive(session->result)) return status;
        if (by_name && smt_monitor_sleep(session->source, RESTART_MS)) break;
    }
    return SMT_OK;
}

/* The test is over when nobody is left to watch. */
static bool nobody_left(struct smt_monitor_session *session)
{
    const struct smt_monitor_result *result = session->result;

    if (smt_monitor_alive(result)) return false;
    abnormal_set(session, "%s, no process is left to watch",
                 result->event_count ? result->events[result->event_count - 1].text
                                     : "the process ended");
    return true;
}

/* The last whole lines of it, without what a terminal or a reader of UTF-8 would stumble over. */
static void last_words_add(const struct smt_buffer *said, struct smt_buffer *text)
{
    size_t end = said->size, from;
    const char *cut;

    while (end && strchr("\r\n", said->data[end - 1])) end--;
    from = end > LAST_WORDS ? end - LAST_WORDS : 0;
    cut = from ? memchr(said->data + from, '\n', end - from) : NULL;
    if (cut) from = (size_t)(cut - said->data);
    smt_buffer_add_text(text, !end ? "" : from ? ": ..." : ": ");
    for (size_t length; from < end; from += length) {
        length = strcspn(said->data + from, "\t\n\\");
        if (from + length > end) length = end - from;
        smt_buffer_add_escaped(text, said->data + from, length);
        if (from + length < end) smt_buffer_add(text, said->data + from + length++, 1);
    }
}

/* Tells why the step did not end well; true when it did. */
static bool step_is_good(struct smt_monitor_session *session, const struct smt_monitor_step *step)
{
    const struct smt_monitor_options *options = &session->result->options;
    bool signalled = step->code > 128 && step->code <= 128 + SIGRTMAX;
    struct smt_buffer said, words;

    smt_buffer_init(&said);
    smt_buffer_init(&words);
    smt_monitor_source_output(session->source, &said);
    if (options->observe_output && said.size)
        options->observe_output(options->observe_context, session->round, said.data, said.size);
    last_words_add(&said, &words);
    if (step->outcome == SMT_MONITOR_STEP_STOPPED) session->result->interrupted = true;
    if (step->outcome == SMT_MONITOR_STEP_HUNG)
        abnormal_set(session, "the step did not end within %.3g s and was killed",
                     (double)options->step_timeout_ms / 1000);
    if (step->outcome == SMT_MONITOR_STEP_FAILED)
        abnormal_set(session, "the step %s %d%s%s",
                     signalled ? "was ended by signal" : "gave exit status",
                     signalled ? step->code - 128 : step->code,
                     step->code == 127 ? " (command not found)" : "", words.size ? words.data : "");
    smt_buffer_clear(&said);
    smt_buffer_clear(&words);
    return step->outcome == SMT_MONITOR_STEP_DONE;
}

static enum smt_status rounds_run(struct smt_monitor_session *session)
{
    const struct smt_monitor_options *options = &session->result->options;

    for (session->round = 1; session->round <= options->rounds; session->round++) {
        struct smt_monitor_step step = {0};
        enum smt_status status = smt_monitor_step_run(
            session->source, options->step, session->round, options->step_timeout_ms, &step);

        if (status) return status;
        if (!step_is_good(session, &step)) return SMT_OK;
        if (smt_monitor_sleep(session->source, options->settle_ms)) {
            session->result->interrupted = true;
            return SMT_OK;
        }
        status = follow(session);
        if (status) return status;
        if (nobody_left(session)) return SMT_OK;
        status = all_look(session, true);
        /* It may have ended just now, and be about to restart. */
        if (!status && !smt_monitor_alive(session->result)) status = follow(session);
        if (status) return status;
        if (nobody_left(session)) return SMT_OK;
    }
    return SMT_OK;
}

/* When something that took from `began` until now, and may take one part in `share` of the time,
 * may be done again. */
static uint64_t extra_next(uint64_t began, uint64_t share)
{
    uint64_t now = smt_clock_ns(), pause = (now - began) * share;

    return now + (pause > EXTRA_LEAST ? pause : EXTRA_LEAST);
}

/* The tick that it is now time for: after the last one, or the first that is not long past, for
 * looks that follow each other at once would all tell the same moment. */
static uint64_t tick_next(const struct smt_monitor_session *session, uint64_t ticks)
{
    uint64_t interval_ns = session->budget.interval_ns, next = session->round + 1;
    uint64_t past_ns = smt_clock_ns() - session->result->start_ns;
    uint64_t now = past_ns / interval_ns;

    if (past_ns < next * interval_ns + LATE_MOST || now <= next) return next;
    return now < ticks ? now : ticks;
}

static enum smt_status clock_run(struct smt_monitor_session *session)
{
    const struct smt_monitor_options *options = &session->result->options;
    uint64_t ticks = options->duration_ms / options->interval_ms, follow_at, details_at;

    follow_at = details_at = smt_clock_ns() + EXTRA_LEAST;
    while (session->round < ticks) {
        uint64_t due =
            session->result->start_ns + (session->round + 1) * session->budget.interval_ns;
        uint64_t now = smt_clock_ns();
        enum smt_status status = SMT_OK;
        bool detailed, last;

        if (smt_monitor_sleep(session->source, due > now ? (due - now + 999999) / 1000000 : 0)) {
            session->result->interrupted = true;
            return SMT_OK;
        }
        session->round = tick_next(session, ticks);
        last = session->round == ticks;
        now = smt_clock_ns();
        if (now >= follow_at || last) {
            status = follow(session);
            follow_at = extra_next(now, FOLLOW_SHARE);
        }
        if (status) return status;
        if (nobody_left(session)) return SMT_OK;
        now = smt_clock_ns();
        detailed = now >= details_at || last;
        status = all_look(session, detailed);
        if (detailed) details_at = extra_next(now, DETAILS_SHARE);
        if (status) return status;
        if (!smt_monitor_alive(session->result)) status = follow(session);
        if (status) return status;
        if (nobody_left(session)) return SMT_OK;
    }
    return SMT_OK;
}

static enum smt_status changes_find(struct smt_monitor_process *process)
{
    struct smt_monitor_maps before = {0}, after = {0};
    enum smt_status status;

    if (!process->smaps_start || !process->smaps_end) return SMT_OK;
    status = smt_monitor_maps_parse(process->smaps_start, &before);
    if (!status) status = smt_monitor_maps_parse(process->smaps_end, &after);
    if (!status) status = smt_monitor_maps_compare(&before, &after, &process->changes);
    smt_monitor_maps_clear(&before);
    smt_monitor_maps_clear(&after);
    return status;
}

static const struct smt_monitor_known *known_find(const struct smt_monitor_baseline *baseline,
                                                  const char *name)
{
    for (size_t i = 0; baseline && i < baseline->count; i++)
        if (strcmp(baseline->rows[i].name, name) == 0) return &baseline->rows[i].known;
    return NULL;
}

static void stacks_name(const struct smt_monitor_engine *engine,
                        struct smt_monitor_process *process)
{
    const struct smt_monitor_judged *live = &process->decision.figures[SMT_MONITOR_JUDGED_LIVE];
    const struct smt_monitor_sample *from;
    struct smt_buffer text;

    if (!engine || !engine->stacks || !live->present) return;
    if (live->rise != SMT_MONITOR_RISES) return;
    from = smt_monitor_judged_sample(process->samples, process->count, SMT_MONITOR_JUDGED_LIVE,
                                     live->trend.warmup);
    smt_buffer_init(&text);
    engine->stacks(engine->context, process->pid, from->round, live->trend.slope, &text);
    if (text.size) process->stacks = smt_buffer_take(&text);
    smt_buffer_clear(&text);
}

static enum smt_status process_judge(const struct smt_monitor_options *options,
                                     struct smt_monitor_process *process)
{
    enum smt_status status =
        smt_monitor_decide(process->samples, process->count, options->limit_bytes,
                           known_find(options->baseline, process->name), &process->decision);

    if (!status) status = changes_find(process);
    if (!status) stacks_name(options->engine, process);
    return status;
}

/* Where some have an engine, those without are told apart. */
static enum smt_status engines_tell(struct smt_monitor_session *session)
{
    const struct smt_monitor_result *result = session->result;
    size_t with = 0;

    for (size_t i = 0; i < result->process_count; i++)
        with += result->processes[i].decision.figures[SMT_MONITOR_JUDGED_LIVE].present;
    for (size_t i = 0; with && i < result->process_count; i++) {
        const struct smt_monitor_process *process = &result->processes[i];
        enum smt_status status;

        if (process->decision.figures[SMT_MONITOR_JUDGED_LIVE].present || !process->count ||
            process->engine_trouble)
            continue;
        status = smt_monitor_event_add(session,
                                       "process %d (%s) has no engine in it: judged by its pages",
                                       process->pid, process->name);
        if (status) return status;
    }
    return SMT_OK;
}

/* A baseline that says nothing of a process does not hold for it. */
static enum smt_status unknown_tell(struct smt_monitor_session *session)
{
    const struct smt_monitor_result *result = session->result;

    for (size_t i = 0; result->options.baseline && i < result->process_count; i++) {
        const struct smt_monitor_process *process = &result->processes[i];
        enum smt_status status;

        if (known_find(result->options.baseline, process->name)) continue;
        status = smt_monitor_event_add(session,
                                       "process %d (%s): the baseline knows none of that "
                                       "name",
                                       process->pid, process->name);
        if (status) return status;
    }
    return SMT_OK;
}

static enum smt_status judge(struct smt_monitor_session *session)
{
    struct smt_monitor_result *result = session->result;
    enum smt_status status;

    session->round = result->rounds;
    for (size_t i = 0; i < result->process_count; i++) {
        status = process_judge(&result->options, &result->processes[i]);
        if (status) return status;
        if (result->processes[i].decision.verdict > result->verdict)
            result->verdict = result->processes[i].decision.verdict;
    }
    result->finished = true;
    status = engines_tell(session);
    return status ? status : unknown_tell(session);
}

/* Everything up to the first look, from which on a result is always given. */
static enum smt_status session_start(struct smt_monitor_session *session)
{
    enum smt_status status = smt_monitor_select(session);

    if (!status) status = smt_monitor_all_sum(session, false);
    if (!status) status = all_look(session, true);
    if (!status && !smt_monitor_alive(session->result))
        status = smt_fail(SMT_EINPUT, "process %d (%s) has no memory of its own to look at",
                          session->result->processes[0].pid, session->result->processes[0].name);
    return status;
}

static enum smt_status session_run(struct smt_monitor_session *session)
{
    struct smt_monitor_result *result = session->result;
    enum smt_status status = session_start(session);

    if (status) return status;
    status = result->options.step ? rounds_run(session) : clock_run(session);
    if (status == SMT_EINTERRUPTED) result->interrupted = true;
    if (status && status != SMT_EINTERRUPTED) abnormal_set(session, "%s", smt_fail_text());
    session->source->stop_fd = -1; /* heard; the end must still be read */
    if (!status || status == SMT_EINTERRUPTED) status = smt_monitor_all_sum(session, true);
    if (status && !result->abnormal) abnormal_set(session, "%s", smt_fail_text());
    return judge(session);
}

enum smt_status smt_monitor_watch(const struct smt_monitor_options *options,
                                  struct smt_monitor_result **ret_result)
{
    struct smt_monitor_session session = {0};
    struct smt_monitor_result *result = calloc(1, sizeof(*result));
    enum smt_status status;

    if (!result) return smt_fail(SMT_ENOMEM, "out of memory");
    result->options = *options;
    result->start_ns = smt_clock_ns();
    result->started_at = (uint64_t)time(NULL);
    result->all = calloc(options->all_count + 1, sizeof(*result->all));
    if (!result->all) {
        smt_monitor_result_free(result);
        return smt_fail(SMT_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < options->all_count; i++) result->all[i].name = options->all_names[i];
    session.result = result;
    session.budget = (struct smt_monitor_budget){
        .share = options->cpu_share,
        .interval_ns = options->interval_ms * 1000000,
        .ticks = options->interval_ms ? options->duration_ms / options->interval_ms : 0};
    smt_random_init(&session.random, 1);
    status = options->via ? smt_monitor_via_new(options->via, options->stop_fd, &session.source)
                          : smt_monitor_local_new(options->stop_fd, &session.source);
    result->start_ns = smt_clock_ns(); /* connecting may have taken a while */
    if (!status) status = session_run(&session);
    smt_monitor_source_free(session.source);
    smt_buffer_clear(&session.scratch);
    smt_buffer_clear(&session.said);
    if (status)
        smt_monitor_result_free(result);
    else
        *ret_result = result;
    return status;
}
