/* run/run.h - front door of run/: one message through one parser under one
 * plan, and what it showed.
 *
 * A worker owns a child process that stays up for many runs; jobs and results
 * travel through shared memory, many at a time. A synchronous fault is left by
 * siglongjmp, the heap starts afresh, and a clean run must then still match
 * the baseline, else the child is replaced. A hang is ended by the parent. A
 * child killed from outside loses nothing: the run is done again.
 *
 * Run 1 of a message is the baseline: codes, shown fields and allocations that
 * every later run of that message is compared with.
 *
 * What this room does not do: choose plans, group findings, name symbols.
 * One thread per worker. */
#ifndef SMT_RUN_RUN_H
#define SMT_RUN_RUN_H

#include <sys/types.h>

#include "heap/heap.h"
#include "message/message.h"
#include "parser/parser.h"
#include "run/verdict.h"

#define SMT_BATCH_MAX     256 /* jobs handed over at once */
#define SMT_WATCH_MAX     16  /* blocks whose stacks one run can collect */
#define SMT_HEXDUMP_BYTES 128
#define SMT_LEAKED_MAX    16
#define SMT_ATTEMPTS_MAX  (4u << 20) /* allocations of a message that can be swept */
#define SMT_SITES_MAX     (64u << 10)

struct smt_worker;

struct smt_worker_settings {
    const struct smt_parser *parser;
    unsigned ops;            /* bits 1u << enum smt_op */
    bool check_content;      /* fences, fills, patterns */
    bool libc_backend;       /* --heap=libc */
    bool in_process;         /* no child, no signal handlers */
    bool is_alone;           /* the child keeps no descriptors but the standard streams' */
    bool show_parser_output; /* the parser's standard output goes to ours of errors, else away */
    size_t quarantine_bytes;
    uint64_t decoys;         /* behind each block, see smt_heap_place_decoys() */
    uint64_t timeout_ns;     /* CPU time of a message's first run */
    bool is_opaque;          /* the parser keeps state outside of its module: never put it back */
    void (*on_escape)(void); /* a run was left in the middle of the parser's call; may be NULL */
    /* Asked after a refusal when blocks are left: false: nobody cares whether anything
     * still leads to them, which is a search through all static data; LEAK then. May
     * be NULL: yes. */
    bool (*are_leaks_wanted)(void);
};

enum smt_job_flag {
    SMT_JOB_BASELINE = 1,   /* clean run that becomes the baseline, recorded */
    SMT_JOB_SURVEY = 2,     /* clean run that unwinds every allocation */
    SMT_JOB_RECORD = 4,     /* keep the shown fields for comparison field by field */
    SMT_JOB_EXPLAIN = 8,    /* collect stacks: refusals, faults, bad frees, watched blocks */
    SMT_JOB_KEEP = 16,      /* afterwards what static data reaches becomes the kept zone */
    SMT_JOB_CHECK = 32,     /* clean run that must match the baseline */
    SMT_JOB_BREAK = 64,     /* SIGTRAP at the first refusal */
    SMT_JOB_PREFIXES = 128, /* with BASELINE: note the sequence hash before every attempt */
    SMT_JOB_DIGESTS = 256,  /* with BASELINE: shown fields are not kept, only their digests */
};

struct smt_job {
    uint32_t flags;
    struct smt_fault_plan plan;
    enum smt_fill fill, other_fill;
    uint64_t other_first, other_last;
    struct smt_guard_plan guard;
    uint32_t watch_count;
    uint64_t watch[SMT_WATCH_MAX]; /* attempts whose blocks' stacks and bytes are wanted */
    uint64_t repeat;    /* runs at most; 0 means 1; ends at the first that is not clean */
    uint64_t repeat_ns; /* and after this long; 0 = no limit */
};

enum smt_place {
    SMT_PLACE_NONE,
    SMT_PLACE_BLOCK,   /* in, before or behind a block */
    SMT_PLACE_MESSAGE, /* the message buffer */
    SMT_PLACE_NULL,    /* the first page */
    SMT_PLACE_STACK,   /* the guard of the stack: recursion too deep */
    SMT_PLACE_WILD,
};

/* A fault that ended a run. */
struct smt_run_fault {
    int signal; /* 0: none */
    int code;   /* si_code */
    bool is_write;
    bool exited;       /* exit() or _exit(): status in code */
    bool holds_fill;   /* a register held the fill of fresh blocks */
    bool holds_poison; /* a register held the fill of freed blocks */
    enum smt_place place;
    uintptr_t address, pc;
    uint64_t stack_hash;    /* of the whole stack there; 0 unknown */
    uintptr_t block_caller; /* PLACE_BLOCK: that asked for the block */
    uint64_t attempt;       /* PLACE_BLOCK: of that block */
    ptrdiff_t offset;       /* PLACE_BLOCK, PLACE_MESSAGE: from its first byte */
    size_t size_bytes;      /* of that block or message */
};

struct smt_run_damage {
    uint64_t attempt, count; /* count: damaged blocks; 0 none */
    uintptr_t caller;        /* that asked for the block */
    size_t size_bytes;
    ptrdiff_t offset, last_offset;
    unsigned char expected, found;
    bool after_free;
};

struct smt_run_leak {
    uint64_t blocks, bytes; /* unreachable */
    uint64_t cached_blocks, cached_bytes;
    uint64_t hash;                     /* over sizes and callers, in order */
    uint64_t attempts[SMT_LEAKED_MAX]; /* the first of them */
};

struct smt_run_result {
    uint32_t verdicts; /* bits 1u << enum smt_verdict */
    bool done;
    bool matches_baseline; /* codes, fields and allocations */
    bool left_state;       /* the process cannot be trusted for another run */
    unsigned ops_done;     /* bits */
    int codes[SMT_OP_COUNT];
    uint64_t digests[SMT_OP_COUNT]; /* of the shown fields */
    enum smt_op refused_op;         /* in which the first refusal fell; SMT_OP_COUNT none */
    enum smt_op failed_op;          /* that reported an error; SMT_OP_COUNT none */
    enum smt_op last_op;            /* begun last; SMT_OP_COUNT: release */
    unsigned differing_ops;         /* success though refused, fields differ: bits */
    const char *contradiction;      /* static text, NULL none */
    enum smt_op contradiction_op;
    struct smt_heap_stats heap;
    struct smt_run_fault fault;
    struct smt_run_damage damage;
    struct smt_run_leak leak;
    uint64_t runs;   /* done of job.repeat */
    uint64_t cpu_ns; /* CPU time, only of BASELINE without DIGESTS */
    bool killed_from_outside;
};

/* A watched block's evidence. */
struct smt_block_evidence {
    uint64_t attempt; /* 0: unused */
    size_t size_bytes;
    bool was_freed;
    struct smt_stack allocated_at, freed_at;
    ptrdiff_t bytes_from; /* payload offset of bytes[0] */
    uint32_t byte_count;
    unsigned char bytes[SMT_HEXDUMP_BYTES];
};

/* Collected by an EXPLAIN job. */
struct smt_evidence {
    uint32_t refused_count;
    uint64_t refused_attempts[SMT_FAULT_RULES_MAX];
    struct smt_stack refused_at[SMT_FAULT_RULES_MAX];
    bool has_failed_at;
    struct smt_stack failed_at; /* where it faulted or was released badly */
    struct smt_block_evidence blocks[SMT_WATCH_MAX];
};

/* One shown field, in order. */
struct smt_field {
    enum smt_op op;
    uint32_t group;   /* outermost thing it is in: equal for all fields of Via[0] */
    const char *path; /* "Via[0] ;branch" */
    const char *bytes;
    size_t size_bytes;
};

struct smt_field_list {
    struct smt_field *items;
    size_t count;
    bool truncated; /* more than there was room for */
};

SMT_MUST_USE enum smt_status smt_worker_new(const struct smt_worker_settings *settings,
                                            struct smt_worker **ret_worker);
void smt_worker_free(struct smt_worker *worker);

/* Puts a message in place; the next job should be its BASELINE. SMT_EINPUT when
 * it is too large. */
SMT_MUST_USE enum smt_status smt_worker_load(struct smt_worker *worker,
                                             const struct smt_message *message);

/* Does `count` (1..SMT_BATCH_MAX) jobs in order. A status speaks of the tool
 * only; ret_results then hold what was done (`done` set). SMT_EINPUT: a run used
 * up the arena, the message needs more than there is; it has no verdicts, the
 * others have theirs. */
SMT_MUST_USE enum smt_status smt_worker_run(struct smt_worker *worker, const struct smt_job *jobs,
                                            size_t count, struct smt_run_result *ret_results);

/* Ends the child; the next job starts another one. */
void smt_worker_replace(struct smt_worker *worker);

/* Blocks that the parser's static data kept when the message in place was
 * primed: caches, out of the arena's resets since. */
uint64_t smt_worker_kept_blocks(const struct smt_worker *worker);

/* How many children were started. */
uint64_t smt_worker_children(const struct smt_worker *worker);

/* The child at work, 0 when none is up or the worker runs in-process. */
pid_t smt_worker_pid(const struct smt_worker *worker);

/* Of the last BASELINE job. */
const struct smt_run_result *smt_worker_baseline(const struct smt_worker *worker);

/* Of the last EXPLAIN job; valid until the next job. */
const struct smt_evidence *smt_worker_evidence(const struct smt_worker *worker);

/* Fields shown by the last BASELINE (baseline) or RECORD job. The texts point
 * into the worker's memory, valid until the next job; items is the caller's. */
SMT_MUST_USE enum smt_status smt_worker_fields(const struct smt_worker *worker, bool baseline,
                                               struct smt_field_list *ret_fields);
void smt_field_list_clear(struct smt_field_list *fields);

/* Of the last SURVEY job: site number (0-based) of attempt n (1-based), and a
 * site's stack; UINT32_MAX and NULL past the end. */
uint32_t smt_worker_site_of(const struct smt_worker *worker, uint64_t attempt);
const struct smt_stack *smt_worker_site(const struct smt_worker *worker, uint32_t site);
uint32_t smt_worker_site_count(const struct smt_worker *worker);

/* --- runs in the caller's own process ----------------------------------------
 *
 * For who calls a parser hundreds of thousands of times a second, and has its own
 * means to survive a crash: a fuzzing engine. No child, no handlers, no priming, no
 * limit; a fault ends the process. The library's caches count as leaks unless
 * they stem from smt_direct_new(). One of them a process, one thread. */
struct smt_direct;

/* ops, check_content, libc_backend, parser and quarantine_bytes count of the
 * settings. libc_backend: what a run leaves behind is given back after it.
 * veto: may be NULL; asked before each refusal. */
SMT_MUST_USE enum smt_status smt_direct_new(const struct smt_worker_settings *settings,
                                            struct smt_heap_veto *veto,
                                            struct smt_direct **ret_direct);
void smt_direct_free(struct smt_direct *direct);

/* From now on, bumps one of `count` counters (a power of two) at each request and
 * release, chosen by who asked and who did before: a picture of the way through a
 * parser that nothing else looks into. Equal for equal ways, wherever the parser was
 * loaded. NULL ends it. Costs a little. */
void smt_direct_count_sites(struct smt_direct *direct, uint8_t *counters, size_t count);

/* Puts a message of at most SMT_DIRECT_BYTES_MOST in place, a copy that ends at an
 * inaccessible page; with a zero byte in between when asked for. `data` stays the
 * caller's and is compared with the copy after each run: CORRUPT, without damage
 * to a block, says that the parser wrote to it. */
#define SMT_DIRECT_BYTES_MOST (1u << 20)
void smt_direct_load(struct smt_direct *direct, const void *data, size_t size_bytes,
                     bool zero_ended);

/* Does one job; its result is valid until the next. */
const struct smt_run_result *smt_direct_run(struct smt_direct *direct, const struct smt_job *job);

/* The stack of the request in progress: for a veto, with the caller it was given. */
void smt_direct_stack(const struct smt_direct *direct, uintptr_t caller,
                      struct smt_stack *ret_stack);

/* Of the last SURVEY job: the stack of attempt n (1-based), NULL when unknown. */
const struct smt_stack *smt_direct_site(const struct smt_direct *direct, uint64_t attempt);

/* Set by a signal handler of the program: running jobs end soon, with
 * SMT_EINTERRUPTED. */
extern volatile int smt_run_interrupted;

#endif
