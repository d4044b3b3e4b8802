/* sweep/inside.h - inside sweep/: the state of a sweep and its parts. */
#ifndef SMT_SWEEP_INSIDE_H
#define SMT_SWEEP_INSIDE_H

#include <uthash.h>

#include "sweep/sweep.h"

#define PAGE_WINDOW 20000u /* guarded allocations per pass: the system allows about 32,000 */

/* What makes two runs show the same thing, before anything has a name. */
struct group_key {
    uint64_t site;  /* of the exact hashes of the injection's sites; 0 for clean runs */
    uint64_t place; /* of failure, by address or code */
    uint64_t verdict;
};

/* Runs that show the same; the smallest stands for all of them. */
struct group {
    struct group_key key;
    uint64_t occurrences;
    size_t message; /* index into the list */
    size_t message_bytes;
    enum smt_mode mode;
    bool is_clean_run;
    uint64_t allocation; /* refused first */
    struct smt_job job;
    struct smt_run_result result;
    struct smt_stack *hung_at;   /* HANG: not worth hanging again for; else NULL */
    struct smt_finding *finding; /* what explaining gave; NULL until then */
    uint64_t told_occurrences;   /* to sinks that take parts */
    bool is_fresh;               /* explained since they were told */
    bool is_stale;               /* another run stands for the group since it was explained */
    UT_hash_handle hh;
};

/* A call stack that allocates, over all messages. */
struct site {
    uint64_t hash;
    uint64_t seen, refused[SMT_MODE_COUNT];
    bool was_told; /* to sinks that take parts, with these counts */
    uint64_t told_seen, told_refused[SMT_MODE_COUNT];
    struct smt_stack stack;
    UT_hash_handle hh;
};

/* The survey of the message at work. */
struct survey {
    bool done;
    uint64_t attempts;
    uint32_t *site_of; /* [attempt - 1] -> index into sites */
    uint32_t site_count;
    struct site **sites; /* by the worker's numbers */
    bool *wanted;        /* per site: passes --only-site and --skip-site; NULL: all do */
};

struct smt_sweep {
    struct smt_sweep_settings settings;
    const struct smt_message_list *messages;
    struct smt_sink *const *sinks;
    size_t sink_count;
    struct smt_worker *worker;
    struct group *groups;
    struct site *sites;
    struct survey survey;
    struct smt_finding *findings;
    size_t finding_count, finding_capacity;
    struct smt_summary summary, told; /* told: to sinks that take parts */
    uint64_t started_ns, injections_planned;
    size_t message;                 /* at work: index into the list */
    size_t loaded;                  /* message + 1 that is in the worker */
    bool baseline_is_sound;         /* it crashes not, hangs not, repeats exactly */
    struct smt_run_result *results; /* SMT_BATCH_MAX */
    struct smt_job *jobs;
    struct smt_progress progress;
    uint64_t modes_left; /* mode sweeps to come: a budget is shared among them */
    struct smt_random random;
    uint64_t second_site;     /* where the run at work was refused again: exact hash; 0 nowhere */
    bool messages_with_range; /* some message had an allocation in --oom's range */
};

/* sweep.c: drops groups and findings; sites and worker stay */
void smt_sweep_forget(struct smt_sweep *sweep);

/* inject.c: so many more runs with refusals are done */
void smt_sweep_progress_add(struct smt_sweep *sweep, uint64_t runs);

/* clean.c */
SMT_MUST_USE enum smt_status smt_sweep_load(struct smt_sweep *sweep, size_t message);
SMT_MUST_USE enum smt_status smt_sweep_clean(struct smt_sweep *sweep);
/* Only what the plain runs show, of which one may differ from the others. */
SMT_MUST_USE enum smt_status smt_sweep_clean_again(struct smt_sweep *sweep, uint32_t *ret_verdicts);

/* inject.c */
SMT_MUST_USE enum smt_status smt_sweep_inject(struct smt_sweep *sweep);
SMT_MUST_USE enum smt_status smt_sweep_survey(struct smt_sweep *sweep);
void smt_sweep_survey_clear(struct survey *survey);
/* A run and a clean one behind it, which tells whether the first left poison. */
SMT_MUST_USE enum smt_status smt_sweep_injection_check(struct smt_sweep *sweep,
                                                       const struct smt_job *job,
                                                       struct smt_run_result *ret);
bool smt_sweep_attempt_is_wanted(const struct smt_sweep *sweep, uint64_t attempt);
/* A run that never gets there refuses nothing, and says nothing. */
bool smt_sweep_plan_is_reached(const struct smt_sweep *sweep, const struct smt_fault_plan *plan);
/* Does this shard do what cannot be divided for the message: clean runs, limits? */
bool smt_sweep_owns(const struct smt_sweep *sweep, size_t message);
bool smt_sweep_selects(const struct smt_sweep *sweep, size_t message);

/* modes.c: modes whose plans depend on what came before */
SMT_MUST_USE enum smt_status smt_sweep_double(struct smt_sweep *sweep);
SMT_MUST_USE enum smt_status smt_sweep_limit(struct smt_sweep *sweep);

/* record.c: an injection that was done; counts, signs, groups */
struct mode_tally {
    enum smt_mode mode;
    struct smt_mode_report report;
    struct smt_buffer
        signs; /* modes that refuse one attempt each: by attempt; a blank where none was made */
    bool by_attempt;
};
void smt_sweep_tally_init(struct mode_tally *tally, struct smt_sweep *sweep, enum smt_mode mode);
/* Double faults: all of one first refusal are noted. */
void smt_sweep_tally_gap(struct mode_tally *tally);
void smt_sweep_tally_end(struct mode_tally *tally, struct smt_sweep *sweep);
void smt_sweep_injection_note(struct smt_sweep *sweep, struct mode_tally *tally,
                              const struct smt_job *job, const struct smt_run_result *result);

/* budget.c: which attempts, in which order, when not all can be done */
struct attempt_list {
    uint64_t *items;
    size_t count;
};
SMT_MUST_USE enum smt_status smt_sweep_attempts_choose(struct smt_sweep *sweep, enum smt_mode mode,
                                                       uint64_t first, uint64_t last,
                                                       struct attempt_list *ret_list);
bool smt_sweep_budget_is_spent(struct smt_sweep *sweep);

/* group.c */
void smt_sweep_group_note(struct smt_sweep *sweep, const struct smt_job *job,
                          const struct smt_run_result *result, bool is_clean_run,
                          enum smt_mode mode, uint32_t verdicts);
struct site *smt_sweep_site_of(const struct smt_sweep *sweep, uint64_t attempt);

/* explain.c: the groups for which the message at work stands now */
SMT_MUST_USE enum smt_status smt_sweep_explain(struct smt_sweep *sweep);
/* part.c: tells what the message at work added */
void smt_sweep_part_tell(struct smt_sweep *sweep, bool is_complete);

/* findings.c: one finding a signature, worst first */
SMT_MUST_USE enum smt_status smt_sweep_findings_collect(struct smt_sweep *sweep);
/* describe.c */
struct explained { /* what the replays of one group gave */
    const struct group *group;
    struct smt_run_result result; /* of the replay */
    struct smt_evidence evidence; /* of the replay; blocks from the last one */
    struct smt_run_result first;  /* of a replay that met the bad access itself, if any */
    bool has_first;
    struct smt_diff_list diff;   /* moved into the finding */
    char *clean_text, *run_text; /* moved into the finding */
    bool is_confirmed;
};
SMT_MUST_USE enum smt_status smt_sweep_finding_build(struct smt_sweep *sweep,
                                                     struct explained *explained,
                                                     struct smt_finding *ret_finding);

/* signature.c */
void smt_sweep_trace_build(const struct smt_sweep *sweep, const struct smt_stack *stack,
                           struct smt_trace *ret_trace);
void smt_sweep_trace_clear(struct smt_trace *trace);
/* Does what a run of this verdict shows include a place in the code, a block?
 * What else went wrong in the same run is the evidence of another finding. */
bool smt_sweep_verdict_has_place(enum smt_verdict verdict);
bool smt_sweep_verdict_has_block(enum smt_verdict verdict);
void smt_sweep_finding_sign(const struct smt_sweep *sweep, struct smt_finding *finding,
                            const char *place, bool is_chance);
uint64_t smt_sweep_stack_loose_hash(const struct smt_sweep *sweep, const struct smt_stack *stack);

/* diff.c */
SMT_MUST_USE enum smt_status smt_sweep_diff_fields(const struct smt_field_list *was,
                                                   const struct smt_field_list *now, enum smt_op op,
                                                   struct smt_diff_list *ret_diff);
void smt_sweep_diff_clear(struct smt_diff_list *diff);

/* token.c */
struct token {
    char parser[64];
    unsigned ops;
    uint64_t decoys;
    bool is_clean;
    enum smt_mode mode;
    struct smt_job job;                        /* what a clean token or a limit stands for */
    uint64_t exact, loose, occurrence, number; /* of the first refusal */
    uint64_t distance;                         /* to the second; 0 none */
    uint64_t window;
};
SMT_MUST_USE enum smt_status
smt_sweep_token_format(struct smt_sweep *sweep, const struct group *group, struct smt_buffer *text);
SMT_MUST_USE enum smt_status smt_sweep_token_parse(const char *text, struct token *ret_token);
/* The job a token means for the message that is loaded and surveyed. */
SMT_MUST_USE enum smt_status smt_sweep_token_resolve(struct smt_sweep *sweep,
                                                     const struct token *token,
                                                     struct smt_job *ret_job);

#endif
