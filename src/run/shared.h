/* run/shared.h - inside run/: what parent and child share, and what a process
 * that does runs keeps to itself.
 *
 *   parent (kept.c)                       child (child.c, execute.c)
 *   jobs[], epoch, mail  --- 'R' byte -->  for each job: run, judge,
 *   poll(); CPU clock                      results[i], job_current = i + 1
 *   results[]            <-- a byte  ----  'D' done, 'X' replace me
 *
 * The child dies: the socket closes, in_run and job_current tell where. */
#ifndef SMT_RUN_SHARED_H
#define SMT_RUN_SHARED_H

#include <setjmp.h>

#include "run/run.h"

#define STREAM_BYTES    (64u << 20) /* of shown fields, recorded */
#define MAIL_BYTES      (SMT_MESSAGE_LIMIT_BYTES + 4096u)
#define SITE_BUCKETS    (2 * SMT_SITES_MAX)
#define JOB_SLOTS       (SMT_BATCH_MAX + 1)
#define PRIME_SLOT      SMT_BATCH_MAX
#define EXIT_INSIDE_RUN 93
#define ESCAPE_FAULT    1 /* siglongjmp values */
#define ESCAPE_ABANDON  2
#define PAGE_BYTES      4096u

/* Recorded fields: for each an entry head, path, value. */
struct run_stream {
    size_t used;
    bool truncated;
    char bytes[STREAM_BYTES];
};

struct run_stream_entry {
    uint32_t op, group, path_bytes;
    uint64_t value_bytes;
};

struct run_shared {
    volatile uint32_t job_current, job_end;
    volatile uint64_t progress; /* runs begun */
    volatile uint32_t in_run;
    volatile uint32_t hang_noted;
    volatile uint32_t epoch; /* of the message in mail */
    volatile pid_t runner;   /* the process at work: the child or a branch of it; 0: the child */
    size_t mail_bytes;
    struct smt_job jobs[JOB_SLOTS];
    struct smt_run_result results[JOB_SLOTS];
    bool has_baseline;
    struct smt_run_result baseline;
    struct smt_evidence evidence;
    uint64_t survey_attempts;
    uint32_t site_count;
    struct run_stream baseline_stream, record_stream;
    uint64_t prefix_count; /* of prefix_hashes, for this baseline; 0: not noted */
    uint64_t prefix_hashes[SMT_ATTEMPTS_MAX];
    uint32_t site_of[SMT_ATTEMPTS_MAX];
    uint32_t site_buckets[SITE_BUCKETS]; /* +1; open addressing */
    struct smt_stack sites[SMT_SITES_MAX];
    char mail[MAIL_BYTES];
};

/* The message as the parser sees it: read-only, between inaccessible pages. */
struct run_message {
    char *tail_area, *head_area; /* mappings, guards included */
    size_t area_bytes;
    const char *at_tail; /* the copy that ends at a guard */
    const char *at_head; /* the copy that begins after one */
    size_t size_bytes;
    uint32_t epoch;
};

/* Jobs done as branches of one walk; see branch.c. */
struct run_branch {
    struct smt_heap_turn turn;
    bool is_walking;
    bool in_place;                     /* branches go back to a checkpoint; else they are forked */
    bool is_branch;                    /* this is one, in place */
    uint32_t next, end;                /* jobs */
    struct run_checkpoint *checkpoint; /* made when first wanted */
    bool has_no_checkpoint;            /* not possible here */
    /* what the walk needs to go on */
    sigjmp_buf resume, escape;
    const void *boundary;
    int resume_errno;
    struct smt_run_result walked; /* what the walk has done so far */
};

/* What decides whether branches pay; measured once a message. */
struct run_pace {
    uint64_t run_ns, fork_ns;
    uint32_t epoch;
};

/* Of the process that does the runs. */
struct run_context {
    const struct smt_worker_settings *settings;
    struct run_shared *shared;
    struct smt_heap *heap;
    bool initialised; /* parser->init() was called */
    struct run_message message;
    void *state;
    struct smt_parser_input input;
    const struct smt_job *job;
    struct smt_run_result *result;
    enum smt_op op;  /* at work; SMT_OP_COUNT: release */
    bool clean_plan; /* the job refuses nothing */
    sigjmp_buf escape;
    const void *boundary; /* stack frame below which everything is the parser's */
    uintptr_t stack_low;  /* lowest address the stack may grow to */
    struct smt_fault_plan plan;
    struct smt_heap_observer observer;
    struct smt_heap_veto *veto; /* NULL but in runs of run/direct.c */
    struct run_branch branch;
    struct run_pace pace;
};

/* child.c: serves jobs until the socket closes; never returns. */
_Noreturn void smt_run_child(struct run_context *context, int socket);
/* Makes the parser ready, once a process; and puts the mail in place. */
enum smt_status smt_run_prepare(struct run_context *context);

/* branch.c */
bool smt_run_branches_pay(struct run_context *context, uint32_t from, uint32_t *ret_end);
void smt_run_branches(struct run_context *context, uint32_t from, uint32_t end);

/* kept.c: fills in the result of a run during which its process ended */
void smt_run_death_note(struct smt_run_result *result, int wait_status);

/* execute.c */
void smt_run_once(struct run_context *context);
void smt_run_result_init(struct smt_run_result *result);
void smt_run_job(struct run_context *context, const struct smt_job *job,
                 struct smt_run_result *result);

/* catch.c */
void smt_run_catch_install(struct run_context *context);

/* observe.c */
struct smt_heap_observer *smt_run_observer(struct run_context *context);
void smt_run_observe_blocks(struct run_context *context);

/* record.c */
struct run_digest_walk {
    struct smt_walk walk;
    uint64_t digest;
};
void smt_run_digest_init(struct run_digest_walk *walk);
void smt_run_record_op(struct run_stream *stream, enum smt_op op, const struct smt_parser_op *row,
                       const void *state);

enum smt_status smt_run_stream_fields(const struct run_stream *stream,
                                      struct smt_field_list *ret_fields);

/* judge.c */
void smt_run_judge(struct run_context *context, bool crashed);

#endif
