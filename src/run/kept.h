/* run/kept.h - inside run/: a worker, and the child that it keeps up. */
#ifndef SMT_RUN_KEPT_H
#define SMT_RUN_KEPT_H

#include "run/shared.h"

struct smt_worker {
    struct smt_worker_settings settings;
    struct run_shared *shared;
    struct run_context context;
    pid_t child; /* 0: none */
    int socket;
    bool bad_prime_hurts;            /* the failing priming run of this message is left out */
    bool hangs;                      /* the first run of this message did not end */
    struct smt_run_result first_run; /* of a message that hangs */
    uint32_t primed_epoch;
    uint64_t children;
    uint64_t kept_blocks; /* caches found by priming for this message */
};

/* How the child came to a stop. */
enum child_end {
    CHILD_DONE,
    CHILD_REPLACE,
    CHILD_DIED,
    CHILD_HANGS,
    CHILD_FAILED,
    CHILD_INTERRUPTED
};

/* A child that is up and primed for the message in place; or worker->hangs. */
enum smt_status smt_run_kept_ready(struct smt_worker *worker);

/* Hands over the jobs [from, end) and waits until the child answers, dies or
 * exceeds its limit. */
enum child_end smt_run_kept_feed(struct smt_worker *worker, uint32_t from, uint32_t end);

/* Reaps a child that closed its socket; false when that could not be one of the
 * parser's doings (it died between runs). */
bool smt_run_kept_reap(struct smt_worker *worker, struct smt_run_result *result);

/* Asks the child to write down where it is, then ends it. */
void smt_run_kept_end_hang(struct smt_worker *worker);

/* Fills in the result of a run that did not end. */
void smt_run_hang_note(struct smt_run_result *result);

#endif
