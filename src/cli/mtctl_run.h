/* cli/mtctl_run.h - `mtctl run`: a program with the engine preloaded. */
#ifndef SMT_CLI_MTCTL_RUN_H
#define SMT_CLI_MTCTL_RUN_H

#include "cli/cli.h"
#include "control/control.h"

struct smt_mtctl_run {
    bool idle, at_exit, json, verbose;
    unsigned kmemleak_off; /* 0 on, 1 off */
    const char *scan;      /* seconds between scans; NULL: as it is by default */
    const char *library;   /* NULL: looked for */
    const char *oom;       /* FROM-TO or 1:FROM-TO; NULL: no plan */
    const char *oom_mode;
    const char *only_site;
    const char *suppress;
    uint64_t timeout_s;
    char **program; /* and its arguments; ended by NULL */
    struct smt_cli_request request;
};

/* How a program that was started ended. */
struct smt_mtctl_ended {
    int status;   /* as waitpid() tells */
    bool hung;    /* it was ended, after the time limit */
    int stopped;  /* the signal that told us to end, or 0 */
    char *report; /* what its engine wrote, or NULL; free() */
};

/* Becomes this program anew, with the engine in it. Returns 0 in that one, and an
 * exit status when it cannot be. */
int smt_mtctl_run_self(void);

/* Becomes the program; returns never. */
void smt_mtctl_run_exec(const struct smt_mtctl_run *run);

/* From here to the other one, SIGTERM and SIGHUP are passed on to the program that
 * smt_mtctl_run_once() waits for. `sweeps`: they, SIGINT and SIGQUIT end it. */
void smt_mtctl_signals_take(bool sweeps);
void smt_mtctl_signals_give_back(void);

/* Between these two: starts the program with variables besides (NAME=VALUE, ended
 * by NULL), and waits. `quiet`: its output is dropped. timeout_s 0: forever. */
SMT_MUST_USE enum smt_status smt_mtctl_run_once(const struct smt_mtctl_run *run,
                                                const char *const *variables, bool quiet,
                                                uint64_t timeout_s,
                                                struct smt_mtctl_ended *ret_ended);

/* One run for each allocation that is refused; the exit status. */
int smt_mtctl_run_oom(const struct smt_mtctl_run *run);

/* `-s pid:N COMMAND...`: the exit status. */
int smt_mtctl_live(const char *address, char **words, size_t count, bool json);

#endif
