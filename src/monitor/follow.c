/* monitor/follow.c - which processes are watched, now and later. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/session.h"

#define NAME_KERNEL 15 /* characters of a name the kernel keeps */

enum smt_status smt_monitor_event_add(struct smt_monitor_session *session, const char *format, ...)
{
    struct smt_monitor_result *result = session->result;
    struct smt_monitor_event *grown =
        realloc(result->events, (result->event_count + 1) * sizeof(*grown));
    va_list args;
    char *text = NULL;

    if (!grown) return smt_fail(SMT_ENOMEM, "out of memory");
    result->events = grown;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) text = NULL;
    va_end(args);
    if (!text) return smt_fail(SMT_ENOMEM, "out of memory");
    grown[result->event_count++] =
        (struct smt_monitor_event){.round = session->round,
                                   .time_ms = (smt_clock_ns() - result->start_ns) / 1000000,
                                   .text = text};
    return SMT_OK;
}

size_t smt_monitor_alive(const struct smt_monitor_result *result)
{
    size_t alive = 0;

    for (size_t i = 0; i < result->process_count; i++) alive += !result->processes[i].gone;
    return alive;
}

enum smt_status smt_monitor_process_add(struct smt_monitor_session *session,
                                        const struct smt_monitor_stat *stat)
{
    struct smt_monitor_result *result = session->result;
    struct smt_monitor_process *grown =
        realloc(result->processes, (result->process_count + 1) * sizeof(*grown));
    struct smt_monitor_process *process;

    if (!grown) return smt_fail(SMT_ENOMEM, "out of memory");
    result->processes = grown;
    process = &grown[result->process_count++];
    *process = (struct smt_monitor_process){.pid = stat->pid,
                                            .parent = stat->parent,
                                            .start = stat->start,
                                            .rollup = SMT_MONITOR_FILE,
                                            .stat = SMT_MONITOR_FILE,
                                            .statm = SMT_MONITOR_FILE};
    snprintf(process->name, sizeof(process->name), "%s", stat->name);
    snprintf(process->rollup.path, sizeof(process->rollup.path), "/proc/%d/smaps_rollup",
             stat->pid);
    snprintf(process->stat.path, sizeof(process->stat.path), "/proc/%d/stat", stat->pid);
    snprintf(process->statm.path, sizeof(process->statm.path), "/proc/%d/statm", stat->pid);
    return SMT_OK;
}

void smt_monitor_process_close(struct smt_monitor_process *process)
{
    process->gone = true;
    smt_monitor_file_close(&process->rollup);
    smt_monitor_file_close(&process->stat);
    smt_monitor_file_close(&process->statm);
}

static struct smt_monitor_process *process_find(const struct smt_monitor_result *result, int pid)
{
    for (size_t i = 0; i < result->process_count; i++)
        if (!result->processes[i].gone && result->processes[i].pid == pid)
            return &result->processes[i];
    return NULL;
}

static const char *name_last(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? slash + 1 : name;
}

/* Is this what the kernel keeps of `name`? */
static bool kernel_name_match(const struct smt_monitor_stat *stat, const char *name)
{
    char kept[SMT_MONITOR_NAME_ROOM];
    size_t length = smt_monitor_name_escape(name, strnlen(name, NAME_KERNEL), kept);

    /* A thread of the kernel has a longer one. */
    return strncmp(stat->name, kept, length + (strlen(name) < NAME_KERNEL)) == 0;
}

/* Is `name` the program on a command line? That of a script comes second. */
static bool command_match(const struct smt_buffer *line, const char *name, bool path)
{
    size_t from = 0;

    for (int word = 0; word < 2 && from < line->size; word++) {
        const char *text = line->data + from;

        if (strcmp(path ? text : name_last(text), name) == 0) return true;
        from += strlen(text) + 1;
    }
    return false;
}

/* Is this the program called `name`? The kernel's name decides, unless `name`
 * is a path or longer than the kernel keeps: then the command line does, too. */
static enum smt_status name_match(struct smt_monitor_session *session,
                                  const struct smt_monitor_stat *stat, const char *name,
                                  bool *ret_match)
{
    const char *last = name_last(name);
    bool whole = kernel_name_match(stat, name), path = last != name && !whole;
    struct smt_buffer line;
    enum smt_status status;
    char file[48];
    int error;

    *ret_match = whole || kernel_name_match(stat, last);
    if (!*ret_match || (!path && strlen(name) <= NAME_KERNEL)) return SMT_OK;
    smt_buffer_init(&line);
    snprintf(file, sizeof(file), "/proc/%d/cmdline", stat->pid);
    status = smt_monitor_read(session->source, file, &line, &error);
    if (!status && line.size && !error) *ret_match = command_match(&line, name, path);
    smt_buffer_clear(&line);
    return status;
}

static enum smt_status names_match(struct smt_monitor_session *session,
                                   const struct smt_monitor_stat *stat, const char *const *names,
                                   size_t count, size_t *ret_index)
{
    bool match = false;
    size_t i;

    for (i = 0; i < count; i++) {
        enum smt_status status = name_match(session, stat, names[i], &match);

        if (status) return status;
        if (match) break;
    }
    *ret_index = i;
    return SMT_OK;
}

static bool stat_is_watchable(const struct smt_monitor_session *session,
                              const struct smt_monitor_stat *stat)
{
    return stat->pid != session->source->self && stat->state != 'Z' && stat->state != 'X';
}

/* All stat lines, parsed; the caller frees. */
static enum smt_status stats_load(struct smt_monitor_session *session,
                                  struct smt_monitor_stat **ret_stats, size_t *ret_count)
{
    struct smt_monitor_stat *stats = NULL;
    size_t count = 0, room = 0;
    enum smt_status status;

    smt_buffer_empty(&session->scratch);
    status = smt_monitor_scan(session->source, &session->scratch);
    if (status) return status;
    for (const char *line = session->scratch.data; line && *line;) {
        const char *end = strchr(line, '\n');

        if (count == room) {
            void *grown = realloc(stats, (room = room ? room * 2 : 256) * sizeof(*stats));

            if (!grown) {
                free(stats);
                return smt_fail(SMT_ENOMEM, "out of memory");
            }
            stats = grown;
        }
        count += smt_monitor_stat_parse(line, &stats[count]);
        line = end ? end + 1 : NULL;
    }
    *ret_stats = stats;
    *ret_count = count;
    return SMT_OK;
}

static enum smt_status pids_select(struct smt_monitor_session *session,
                                   const struct smt_monitor_stat *stats, size_t count)
{
    const struct smt_monitor_options *options = &session->result->options;

    for (size_t i = 0; i < options->pid_count; i++) {
        int pid = options->pids[i];
        enum smt_status status;
        size_t at = 0;

        if (pid == session->source->self)
            return smt_fail(SMT_EINPUT, "process %d is the monitor itself", pid);
        while (at < count && stats[at].pid != pid) at++;
        if (at == count) return smt_fail(SMT_ENOTFOUND, "no process %d", pid);
        if (!stat_is_watchable(session, &stats[at]))
            return smt_fail(SMT_ENOTFOUND, "process %d (%s) has ended: a zombie", pid,
                            stats[at].name);
        if (process_find(session->result, pid)) continue;
        status = smt_monitor_process_add(session, &stats[at]);
        if (status) return status;
    }
    return SMT_OK;
}

static enum smt_status name_select(struct smt_monitor_session *session, const char *name,
                                   const struct smt_monitor_stat *stats, size_t count)
{
    size_t found = 0;
    bool self = false;

    for (size_t i = 0; i < count; i++) {
        enum smt_status status;
        bool match;

        status = name_match(session, &stats[i], name, &match);
        if (status) return status;
        if (!match) continue;
        self = self || stats[i].pid == session->source->self;
        if (!stat_is_watchable(session, &stats[i])) continue;
        found++;
        if (process_find(session->result, stats[i].pid)) continue;
        status = smt_monitor_process_add(session, &stats[i]);
        if (status) return status;
    }
    if (found) return SMT_OK;
    if (self) return smt_fail(SMT_ENOTFOUND, "only the monitor itself is called %s", name);
    return smt_fail(SMT_ENOTFOUND, "no process is called %s", name);
}

enum smt_status smt_monitor_select(struct smt_monitor_session *session)
{
    const struct smt_monitor_options *options = &session->result->options;
    struct smt_monitor_stat *stats;
    enum smt_status status;
    size_t count;

    status = stats_load(session, &stats, &count);
    if (status) return status;
    status = pids_select(session, stats, count);
    for (size_t i = 0; !status && i < options->name_count; i++)
        status = name_select(session, options->names[i], stats, count);
    free(stats);
    return status;
}

/* Marks who is no longer there. */
static enum smt_status gone_mark(struct smt_monitor_session *session,
                                 const struct smt_monitor_stat *stats, size_t count)
{
    struct smt_monitor_result *result = session->result;

    for (size_t i = 0; i < result->process_count; i++) {
        struct smt_monitor_process *process = &result->processes[i];
        enum smt_status status;
        size_t at = 0;

        if (process->gone) continue;
        while (at < count && (stats[at].pid != process->pid || stats[at].start != process->start))
            at++;
        if (at < count && stat_is_watchable(session, &stats[at])) continue;
        smt_monitor_process_close(process);
        status =
            smt_monitor_event_add(session, "process %d (%s) ended", process->pid, process->name);
        if (status) return status;
    }
    return SMT_OK;
}

static bool name_was_gone(const struct smt_monitor_result *result, const char *name)
{
    for (size_t i = 0; i < result->process_count; i++)
        if (result->processes[i].gone && strcmp(result->processes[i].name, name) == 0) return true;
    return false;
}

/* A child that runs another program is mentioned once a program, not watched. */
static enum smt_status other_mention(struct smt_monitor_session *session,
                                     const struct smt_monitor_stat *stat)
{
    char name[68];

    snprintf(name, sizeof(name), "\n%s\n", stat->name);
    if (session->said.data && strstr(session->said.data, name)) return SMT_OK;
    smt_buffer_add_text(&session->said, name);
    return smt_monitor_event_add(session,
                                 "process %d started another program, %s (%d): not watched",
                                 stat->parent, stat->name, stat->pid);
}

static enum smt_status newcomer_take(struct smt_monitor_session *session,
                                     const struct smt_monitor_stat *stat)
{
    struct smt_monitor_result *result = session->result;
    const struct smt_monitor_options *options = &result->options;
    const struct smt_monitor_process *parent = process_find(result, stat->parent);
    enum smt_status status;
    size_t index;

    status = names_match(session, stat, options->names, options->name_count, &index);
    if (status) return status;
    if (index == options->name_count) {
        if (!parent) return SMT_OK;
        if (strcmp(parent->name, stat->name) != 0) return other_mention(session, stat);
    }
    status = parent ? smt_monitor_event_add(session, "process %d (%s) forked by %d: watched too",
                                            stat->pid, stat->name, stat->parent)
                    : smt_monitor_event_add(
                          session, "process %d (%s) %s: watched from now on", stat->pid, stat->name,
                          name_was_gone(result, stat->name) ? "restarted" : "appeared");
    return status ? status : smt_monitor_process_add(session, stat);
}

enum smt_status smt_monitor_follow(struct smt_monitor_session *session)
{
    struct smt_monitor_stat *stats;
    enum smt_status status;
    size_t count;

    status = stats_load(session, &stats, &count);
    if (status) return status;
    status = gone_mark(session, stats, count);
    for (size_t i = 0; !status && i < count; i++)
        if (stat_is_watchable(session, &stats[i]) && !process_find(session->result, stats[i].pid))
            status = newcomer_take(session, &stats[i]);
    free(stats);
    return status;
}

/* Resident bytes of a process: the roll-up's, else what stat says. */
static enum smt_status rss_read(struct smt_monitor_session *session,
                                const struct smt_monitor_stat *stat, uint64_t *ret_rss)
{
    struct smt_monitor_sample sample = {0};
    struct smt_buffer text;
    enum smt_status status;
    char path[48];
    int error;

    smt_buffer_init(&text);
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", stat->pid);
    status = smt_monitor_read(session->source, path, &text, &error);
    if (!status && text.size) smt_monitor_sample_rollup(&sample, text.data);
    if (!status)
        *ret_rss = smt_monitor_sample_has(&sample, SMT_MONITOR_RSS)
                       ? sample.value[SMT_MONITOR_RSS]
                       : stat->rss_pages * (uint64_t)sysconf(_SC_PAGESIZE);
    smt_buffer_clear(&text);
    return status;
}

enum smt_status smt_monitor_all_sum(struct smt_monitor_session *session, bool at_end)
{
    const struct smt_monitor_options *options = &session->result->options;
    struct smt_monitor_stat *stats;
    enum smt_status status;
    size_t count, index;

    if (!options->all_count) return SMT_OK;
    status = stats_load(session, &stats, &count);
    if (status) return status;
    for (size_t i = 0; !status && i < count; i++) {
        struct smt_monitor_all *all;
        uint64_t rss;

        if (!stat_is_watchable(session, &stats[i])) continue;
        status = names_match(session, &stats[i], options->all_names, options->all_count, &index);
        if (status || index == options->all_count) continue;
        status = rss_read(session, &stats[i], &rss);
        if (status) continue;
        all = &session->result->all[index];
        *(at_end ? &all->processes_end : &all->processes_start) += 1;
        *(at_end ? &all->rss_end : &all->rss_start) += rss;
    }
    free(stats);
    return status;
}
