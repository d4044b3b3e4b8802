/* stress/tests.h - timed allocation tests (mt.mem_test_*).
 *
 *      start ──> running ──(total_time, stop)──> stopped ──destroy──> gone
 *                   └───────────────destroy────────────────────────────┘
 *
 * A running test makes one random allocation each min_interval..max_interval
 * ms in a set of its own; when `total` bytes are allocated it frees them all,
 * counts an overflow and begins again. A stopped test keeps its memory and its
 * figures until it is destroyed. Ids count from 1 and are never used twice.
 *
 * All timers run in one libuv loop on a thread of their own, started with the
 * first test, so that they tick in a shell that waits for its user as well as
 * in a server. The functions may be called from any other thread; stop and
 * destroy wait for a step that is being made. */
#ifndef SMT_STRESS_TESTS_H
#define SMT_STRESS_TESTS_H

#include "stress/stress.h"

struct smt_stress_tests;

struct smt_stress_test_plan {
    uint64_t min, max, total;                  /* bytes; 0 < max, min <= max <= total */
    uint64_t min_interval_ms, max_interval_ms; /* min <= max */
    uint64_t total_time_ms;
};

struct smt_stress_test_state {
    uint64_t id;
    bool running;
    uint64_t run_ms, remaining_ms;
    uint64_t allocations; /* done, resizes included */
    uint64_t errors;      /* refused */
    uint64_t overflows;   /* times total was reached */
    uint64_t total_alloc; /* bytes, over all rounds */
    uint64_t used;        /* bytes held now */
    struct smt_stress_test_plan plan;
};

SMT_MUST_USE enum smt_status smt_stress_tests_new(struct smt_stress *stress,
                                                  struct smt_stress_tests **ret_tests);
void smt_stress_tests_free(struct smt_stress_tests *tests); /* destroys them all */

/* SMT_ENOMEM, SMT_ESYS: no thread or no memory for it. */
SMT_MUST_USE enum smt_status smt_stress_tests_start(struct smt_stress_tests *tests,
                                                    const struct smt_stress_test_plan *plan,
                                                    uint64_t *ret_id);

/* SMT_ENOTFOUND when there is no such test; stopping twice is fine. */
SMT_MUST_USE enum smt_status smt_stress_tests_stop(struct smt_stress_tests *tests, uint64_t id);
SMT_MUST_USE enum smt_status smt_stress_tests_destroy(struct smt_stress_tests *tests, uint64_t id);
void smt_stress_tests_destroy_all(struct smt_stress_tests *tests);

/* Copies the states, newest first, of test `id` or of all (0), up to `room`;
 * returns how many there are. */
size_t smt_stress_tests_list(struct smt_stress_tests *tests, uint64_t id,
                             struct smt_stress_test_state *ret_states, size_t room);

/* Blocks until no test runs, or until smt_stress_cancel() and a wake-up. */
void smt_stress_tests_wait(struct smt_stress_tests *tests);

/* Bytes and chunks all tests hold together. */
void smt_stress_tests_held(struct smt_stress_tests *tests, uint64_t *ret_bytes,
                           uint64_t *ret_chunks);

#endif
