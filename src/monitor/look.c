/* monitor/look.c - one look at one process, and what to do when it cannot be
 * looked at. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/session.h"

#define STILL_NS ((uint64_t)1000000000)
#define RESTLESS 8 /* changes in a row, then stat is read for each so manieth look only */

static const enum smt_monitor_metric rollup_metrics[] = {
    SMT_MONITOR_RSS, SMT_MONITOR_PRIVATE, SMT_MONITOR_PRIVATE_CLEAN, SMT_MONITOR_PRIVATE_DIRTY,
    SMT_MONITOR_PSS, SMT_MONITOR_SWAP,    SMT_MONITOR_ANONYMOUS};

static struct smt_monitor_sample sample_now(const struct smt_monitor_session *session,
                                            enum smt_monitor_look_kind look)
{
    return (struct smt_monitor_sample){.round = session->round,
                                       .time_ms =
                                           (smt_clock_ns() - session->result->start_ns) / 1000000,
                                       .look = look};
}

static bool sample_add(struct smt_monitor_process *process, const struct smt_monitor_sample *sample)
{
    if ((process->count & (process->count - 1)) == 0) {
        size_t room = process->count ? process->count * 2 : 1;
        void *grown = realloc(process->samples, room * sizeof(*sample));

        if (!grown) return false;
        process->samples = grown;
    }
    process->samples[process->count++] = *sample;
    process->looks[sample->look]++;
    return true;
}

/* Reads /proc/PID/name into the scratch buffer; false when there is nothing. */
static enum smt_status proc_read(struct smt_monitor_session *session, int pid, const char *name,
                                 int *ret_errno)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    smt_buffer_empty(&session->scratch);
    return smt_monitor_read(session->source, path, &session->scratch, ret_errno);
}

static void text_keep(const struct smt_buffer *text, char **start, char **end)
{
    char *copy = text->size ? strndup(text->data, text->size) : NULL;

    if (!copy) return;
    if (!*start) {
        *start = copy;
        return;
    }
    free(*end);
    *end = copy;
}

/* The line of ps: from stat, status and cmdline. */
static enum smt_status ps_keep(struct smt_monitor_session *session,
                               struct smt_monitor_process *process, const char *status_text)
{
    struct smt_monitor_stat stat;
    struct smt_buffer line;
    enum smt_status status;
    int error;

    status = proc_read(session, process->pid, "stat", &error);
    if (status) return status;
    if (!session->scratch.size || !smt_monitor_stat_parse(session->scratch.data, &stat))
        return SMT_OK;
    status = proc_read(session, process->pid, "cmdline", &error);
    if (status) return status;
    smt_buffer_init(&line);
    smt_monitor_ps_line(&stat, status_text, session->scratch.size ? session->scratch.data : "",
                        session->scratch.size, &line);
    text_keep(&line, &process->ps_start, &process->ps_end);
    smt_buffer_clear(&line);
    return SMT_OK;
}

/* What the roll-up does not tell: status, the line of ps, the mappings. */
static enum smt_status details_read(struct smt_monitor_session *session,
                                    struct smt_monitor_process *process,
                                    struct smt_monitor_sample *sample)
{
    char *status_text = NULL;
    enum smt_status status;
    int error;

    status = proc_read(session, process->pid, "status", &error);
    if (status) return status;
    if (session->scratch.size) {
        smt_monitor_sample_status(sample, session->scratch.data);
        if (!smt_monitor_sample_has(sample, SMT_MONITOR_RSS))
            smt_monitor_sample_fallback(sample, session->scratch.data);
        status_text = strdup(session->scratch.data);
    }
    status = ps_keep(session, process, status_text ? status_text : "");
    free(status_text);
    if (!status && !process->estimated) status = proc_read(session, process->pid, "smaps", &error);
    if (status || process->estimated || !session->scratch.size) return status;
    smt_monitor_sample_smaps(sample, session->scratch.data);
    text_keep(&session->scratch, &process->smaps_start, &process->smaps_end);
    return SMT_OK;
}

/* What an engine in the process says; one in trouble is mentioned once. */
static enum smt_status engine_ask(struct smt_monitor_session *session,
                                  struct smt_monitor_process *process,
                                  struct smt_monitor_sample *sample)
{
    const struct smt_monitor_engine *engine = session->result->options.engine;
    struct smt_monitor_engine_live live = {0};

    if (!engine) return SMT_OK;
    if (engine->live(engine->context, process->pid, session->round, &live)) {
        smt_monitor_sample_set(sample, SMT_MONITOR_LIVE_BYTES, live.bytes);
        smt_monitor_sample_set(sample, SMT_MONITOR_LIVE_BLOCKS, live.blocks);
        return SMT_OK;
    }
    if (!live.trouble || process->engine_trouble) return SMT_OK;
    process->engine_trouble = true;
    return smt_monitor_event_add(session, "process %d (%s): its engine tells no live bytes: %s",
                                 process->pid, process->name, live.trouble);
}

/* The sample with what an engine says besides. */
static enum smt_status sample_keep(struct smt_monitor_session *session,
                                   struct smt_monitor_process *process,
                                   struct smt_monitor_sample *sample)
{
    enum smt_status status = engine_ask(session, process, sample);

    if (status || sample_add(process, sample)) return status;
    return smt_fail(SMT_ENOMEM, "out of memory for samples");
}

/* No roll-up: whole smaps where the kernel is old, status where it is not
 * ours to read. Said once, and only of a process that is there. */
static enum smt_status fallback_read(struct smt_monitor_session *session,
                                     struct smt_monitor_process *process,
                                     struct smt_monitor_sample *sample)
{
    enum smt_status status = SMT_OK;
    int smaps_error = 0, error;

    if (!process->estimated) status = proc_read(session, process->pid, "smaps", &smaps_error);
    if (status) return status;
    if (!process->estimated && session->scratch.size) {
        smt_monitor_sample_smaps(sample, session->scratch.data);
        return SMT_OK;
    }
    status = proc_read(session, process->pid, "status", &error);
    if (status || !session->scratch.size) return status;
    smt_monitor_sample_fallback(sample, session->scratch.data);
    smt_monitor_sample_status(sample, session->scratch.data);
    if (process->estimated || !smt_monitor_sample_has(sample, SMT_MONITOR_RSS)) return SMT_OK;
    process->estimated = true;
    return smt_monitor_event_add(session,
                                 "process %d (%s): smaps is not readable (%s): resident from "
                                 "status, private estimated by its anonymous part",
                                 process->pid, process->name,
                                 smaps_error ? strerror(smaps_error) : "empty");
}

/* Does the process have memory, of whatever program? A kernel thread has none,
 * nor has one that is about to end. */
static enum smt_status memory_find(struct smt_monitor_session *session, int pid, bool *ret_found)
{
    enum smt_status status;
    int error = 0;

    status = proc_read(session, pid, "smaps_rollup", &error);
    if (!status) *ret_found = !error && session->scratch.size > 0;
    return status;
}

/* Brief looks tell the process, not its memory: those since the last other look may already
 * have been at the program that exec put there. */
static void brief_drop(struct smt_monitor_process *process)
{
    while (process->count && process->samples[process->count - 1].look == SMT_MONITOR_LOOK_BRIEF) {
        process->count--;
        process->looks[SMT_MONITOR_LOOK_BRIEF]--;
    }
}

/* The memory we looked at is gone: the process ended, or became another
 * program by exec. */
static enum smt_status process_lose(struct smt_monitor_session *session, size_t index)
{
    struct smt_monitor_process *process = &session->result->processes[index];
    struct smt_monitor_stat stat;
    enum smt_status status;
    bool exec = false;
    int error;

    smt_monitor_process_close(process);
    status = memory_find(session, process->pid, &exec);
    if (!status && exec) status = proc_read(session, process->pid, "stat", &error);
    if (status) return status;
    exec = exec && session->scratch.size && smt_monitor_stat_parse(session->scratch.data, &stat) &&
           stat.start == process->start;
    if (!exec)
        return smt_monitor_event_add(session, "process %d (%s) ended", process->pid, process->name);
    brief_drop(process);
    status = smt_monitor_event_add(session,
                                   "process %d (%s) started the program %s in its place: watched "
                                   "from now on as another process",
                                   process->pid, process->name, stat.name);
    return status ? status : smt_monitor_process_add(session, &stat);
}

/* Reads the roll-up, and notes what that costs; ESRCH: the memory is gone. */
static enum smt_status rollup_read(struct smt_monitor_session *session,
                                   struct smt_monitor_process *process,
                                   struct smt_monitor_sample *sample, int *ret_errno)
{
    uint64_t began_ns = smt_clock_cpu_ns();
    enum smt_status status;
    double chance;

    smt_buffer_empty(&session->scratch);
    status =
        smt_monitor_read_again(session->source, &process->rollup, &session->scratch, ret_errno);
    if (status || *ret_errno == ESRCH) return status;
    *sample = sample_now(session, SMT_MONITOR_LOOK_FULL);
    if (session->scratch.size && smt_monitor_sample_rollup(sample, session->scratch.data))
        process->read_ns = smt_clock_ns();
    else
        status = fallback_read(session, process, sample);
    chance = (double)(smt_random_next(&session->random) >> 11) * 0x1p-53;
    smt_monitor_pace_add(&process->pace, (double)(smt_clock_cpu_ns() - began_ns), smt_clock_ns(),
                         session->round, chance);
    return status;
}

static enum smt_status full_look(struct smt_monitor_session *session, size_t index, bool detailed)
{
    struct smt_monitor_process *process = &session->result->processes[index];
    struct smt_monitor_sample sample;
    enum smt_status status;
    int error = 0;

    status = rollup_read(session, process, &sample, &error);
    if (status) return status;
    if (error == ESRCH) return process_lose(session, index);
    if (detailed) status = details_read(session, process, &sample);
    if (status) return status;
    if (!smt_monitor_sample_has(&sample, SMT_MONITOR_RSS)) return process_lose(session, index);
    return sample_keep(session, process, &sample);
}

/* --- a process that stands still --- */

static bool stands_still(const struct smt_monitor_stat *stat, const struct smt_monitor_stat *stood)
{
    return stat->faults == stood->faults && stat->rss_pages == stood->rss_pages &&
           stat->size_bytes == stood->size_bytes;
}

/* Was the roll-up, of which the kernel looks at every page to write it, read not long ago? While
 * stat then says what it said before, the roll-up says the same. (Not quite: a page becomes shared
 * when its process forks and nobody writes. Hence not long.) */
static bool is_fresh(const struct smt_monitor_process *process)
{
    return process->read_ns && !process->moved && smt_clock_ns() - process->read_ns < STILL_NS;
}

/* The last sample once more, as far as it came from the roll-up. */
static enum smt_status same_look(struct smt_monitor_session *session,
                                 struct smt_monitor_process *process)
{
    struct smt_monitor_sample sample = sample_now(session, SMT_MONITOR_LOOK_SAME);
    const struct smt_monitor_sample *last = &process->samples[process->count - 1];

    for (size_t i = 0; i < sizeof(rollup_metrics) / sizeof(*rollup_metrics); i++)
        if (smt_monitor_sample_has(last, rollup_metrics[i]))
            smt_monitor_sample_set(&sample, rollup_metrics[i], last->value[rollup_metrics[i]]);
    return sample_keep(session, process, &sample);
}

static enum smt_status stat_read(struct smt_monitor_session *session,
                                 struct smt_monitor_process *process,
                                 struct smt_monitor_stat *ret_stat)
{
    enum smt_status status;
    int error = 0;

    smt_buffer_empty(&session->scratch);
    status = smt_monitor_read_again(session->source, &process->stat, &session->scratch, &error);
    if (!status && !error && session->scratch.size)
        smt_monitor_stat_parse(session->scratch.data, ret_stat);
    return status;
}

/* Only the two sizes: all that can be had without a look at every page. */
static enum smt_status brief_look(struct smt_monitor_session *session, size_t index)
{
    struct smt_monitor_process *process = &session->result->processes[index];
    struct smt_monitor_sample sample = sample_now(session, SMT_MONITOR_LOOK_BRIEF);
    enum smt_status status;
    int error = 0;

    smt_buffer_empty(&session->scratch);
    status = smt_monitor_read_again(session->source, &process->statm, &session->scratch, &error);
    if (status) return status;
    if (error && error != ESRCH && error != ENOENT) return SMT_OK; /* hidden from us */
    if (error || !session->scratch.size ||
        !smt_monitor_sample_statm(&sample, session->scratch.data))
        return process_lose(session, index);
    return sample_keep(session, process, &sample);
}

/* Is it worth reading stat before a full look, to compare with after it? Hardly where the process
 * was seen to change each time, and never where by the next tick the look is too old. */
static bool may_rest(const struct smt_monitor_session *session,
                     const struct smt_monitor_process *process)
{
    return session->budget.interval_ns < STILL_NS &&
           (process->restless < RESTLESS || process->looks[SMT_MONITOR_LOOK_FULL] % RESTLESS == 0);
}

/* Compares with what stat said before the last full look. */
static bool rests(struct smt_monitor_process *process, const struct smt_monitor_stat *stat)
{
    if (!is_fresh(process)) return false;
    process->moved = !stands_still(stat, &process->stood);
    process->restless = process->moved ? process->restless + 1 : 0;
    return !process->moved;
}

/* On the clock, of a process of this host: far away, reading stat is as dear as the roll-up. */
static enum smt_status clock_look(struct smt_monitor_session *session, size_t index, bool detailed)
{
    struct smt_monitor_process *process = &session->result->processes[index];
    bool due = detailed || smt_monitor_budget_due(&session->budget, &process->pace, session->all_ns,
                                                  smt_clock_ns(), session->round);
    bool told = is_fresh(process) || (due && may_rest(session, process));
    struct smt_monitor_stat stat = {0};
    enum smt_status status = SMT_OK;

    if (told) status = stat_read(session, process, &stat);
    if (status) return status;
    told = told && stat.pid;
    if (told && rests(process, &stat) && !detailed) return same_look(session, process);
    if (!due) return brief_look(session, index);
    process->moved = !told;
    process->stood = stat;
    return full_look(session, index, detailed);
}

enum smt_status smt_monitor_look(struct smt_monitor_session *session, size_t index, bool detailed)
{
    const struct smt_monitor_options *options = &session->result->options;

    return options->step || options->via ? full_look(session, index, detailed)
                                         : clock_look(session, index, detailed);
}
