/* monitor/session.h - a test under way; shared by watch.c (the loop), look.c
 * (one process) and follow.c (which processes). Not for other rooms. */
#ifndef SMT_MONITOR_SESSION_H
#define SMT_MONITOR_SESSION_H

#include "monitor/watch.h"

struct smt_monitor_session {
    struct smt_monitor_source *source;
    struct smt_monitor_result *result;
    struct smt_buffer scratch; /* text being read */
    uint64_t round;            /* under way */
    struct smt_buffer said;    /* names of other programs that were mentioned, each in \n */
    struct smt_monitor_budget budget;
    struct smt_random random; /* for the moments of full looks */
    double all_ns;            /* what a full look at each process costs together */
};

/* Notes what the reader must know. */
SMT_MUST_USE enum smt_status smt_monitor_event_add(struct smt_monitor_session *session,
                                                   const char *format, ...) SMT_PRINTF(2, 3);

/* Chooses the processes to watch at the start. */
SMT_MUST_USE enum smt_status smt_monitor_select(struct smt_monitor_session *session);

/* Notices who ended, appeared or forked since. */
SMT_MUST_USE enum smt_status smt_monitor_follow(struct smt_monitor_session *session);

/* Takes up a process; a pointer into result->processes, which moves. */
SMT_MUST_USE enum smt_status smt_monitor_process_add(struct smt_monitor_session *session,
                                                     const struct smt_monitor_stat *stat);

/* It is gone: nothing is read of it any more. */
void smt_monitor_process_close(struct smt_monitor_process *process);

/* Takes a sample of result->processes[index], or marks it as gone; `detailed`
 * reads the mappings and the rest of /proc, too. */
SMT_MUST_USE enum smt_status smt_monitor_look(struct smt_monitor_session *session, size_t index,
                                              bool detailed);

/* Sums up the processes of all_names, for the start or the end. */
SMT_MUST_USE enum smt_status smt_monitor_all_sum(struct smt_monitor_session *session, bool at_end);

/* Processes still watched. */
size_t smt_monitor_alive(const struct smt_monitor_result *result);

#endif
