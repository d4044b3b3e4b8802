/* monitor/watch.h - the test itself: choose processes, repeat the step, look
 * after each round, follow what forks and restarts, and judge at the end.
 *
 * What was gathered is complete in the result whatever ended the test; only
 * processes that cannot be found or looked at when it starts give a status
 * instead. Not for several threads. */
#ifndef SMT_MONITOR_WATCH_H
#define SMT_MONITOR_WATCH_H

#include "monitor/budget.h"
#include "monitor/decide.h"
#include "monitor/engine.h"
#include "monitor/maps.h"
#include "monitor/sample.h"
#include "monitor/source.h"

/* Slopes of an earlier run, by process name (smt_monitor_baseline_load). */
struct smt_monitor_baseline_row {
    char name[SMT_MONITOR_NAME_ROOM];
    struct smt_monitor_known known;
};
struct smt_monitor_baseline {
    struct smt_monitor_baseline_row *rows;
    size_t count;
    bool stepped; /* its rounds were steps, not ticks of the clock */
};

/* Reads the json of an earlier run. */
SMT_MUST_USE enum smt_status smt_monitor_baseline_load(const char *path,
                                                       struct smt_monitor_baseline *ret_baseline);
void smt_monitor_baseline_clear(struct smt_monitor_baseline *baseline);

struct smt_monitor_result;

struct smt_monitor_options {
    const int *pids;
    size_t pid_count;
    const char *const *names; /* of programs: what the kernel calls them, or a path */
    size_t name_count;
    const char *const *all_names; /* whose memory is compared at start and end only */
    size_t all_count;
    const char *step;         /* NULL: sample on the clock */
    uint64_t rounds;          /* with a step; from 1 */
    uint64_t step_timeout_ms; /* 0: none */
    uint64_t settle_ms;       /* between the end of the step and the look */
    uint64_t interval_ms;     /* without a step; from 1 */
    uint64_t duration_ms;     /* without a step */
    double cpu_share;         /* of one core, for full looks on the clock; 0: no limit */
    uint64_t limit_bytes;     /* 0: none */
    const char *via;          /* command that opens a shell on another host; NULL: here */
    int stop_fd;              /* readable when the test is to end; -1: never */
    const struct smt_monitor_baseline *baseline; /* NULL: none */
    const struct smt_monitor_engine *engine;     /* NULL: none */

    /* Called after each look, with what there is so far; may be NULL. */
    void (*observe)(void *context, const struct smt_monitor_result *result);
    /* Called after each step with what it printed; may be NULL. */
    void (*observe_output)(void *context, uint64_t round, const char *text, size_t size_bytes);
    void *observe_context;
};

/* One process; the same pid after a restart or exec is another one. */
struct smt_monitor_process {
    int pid, parent;
    uint64_t start;                   /* see struct smt_monitor_stat */
    char name[SMT_MONITOR_NAME_ROOM]; /* as in struct smt_monitor_stat */
    bool gone;                        /* ended, or became another program, before the test did */
    bool estimated;                   /* smaps not readable: private is the anonymous part */
    bool engine_trouble;              /* its engine told none of its figures; said */
    struct smt_monitor_file rollup, stat, statm;
    struct smt_monitor_stat stood; /* just before the roll-up was read last */
    uint64_t read_ns;              /* when that was; 0: it never was */
    bool moved;                    /* does not stand still since, or `stood` is not known */
    size_t restless;               /* times in a row that it was seen to have moved */
    struct smt_monitor_pace pace;
    size_t looks[SMT_MONITOR_LOOKS]; /* of each kind; `count` together */
    struct smt_monitor_sample *samples;
    size_t count;
    char *ps_start, *ps_end; /* NULL when never read */
    char *smaps_start, *smaps_end;
    struct smt_monitor_changes changes;
    struct smt_monitor_decision decision;
    char *stacks; /* of an engine; NULL when there are none */
};

/* Something the reader must know: a fork, a restart, a fallback. */
struct smt_monitor_event {
    uint64_t round, time_ms;
    char *text;
};

/* One name of all_names. */
struct smt_monitor_all {
    const char *name; /* the caller's */
    size_t processes_start, processes_end;
    uint64_t rss_start, rss_end; /* sums, bytes */
};

struct smt_monitor_result {
    struct smt_monitor_options options; /* as given */
    struct smt_monitor_process *processes;
    size_t process_count;
    struct smt_monitor_event *events;
    size_t event_count;
    struct smt_monitor_all *all;
    uint64_t rounds;               /* completed, or ticks */
    uint64_t start_ns, started_at; /* monotonic; seconds since 1970 */
    uint64_t look_ns;              /* CPU time that all looks took */
    bool finished;                 /* judged */
    bool interrupted;
    char *abnormal;                   /* `round 7 ended abnormally: ...`; NULL when it did not */
    enum smt_monitor_verdict verdict; /* of all processes together */
};

SMT_MUST_USE enum smt_status smt_monitor_watch(const struct smt_monitor_options *options,
                                               struct smt_monitor_result **ret_result);
void smt_monitor_result_free(struct smt_monitor_result *result);

#endif
