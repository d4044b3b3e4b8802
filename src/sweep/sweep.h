/* sweep/sweep.h - front door of sweep/: plans -> runs -> verdicts -> findings.
 *
 * Detects cheaply, replays to explain. Every message is run clean in several
 * ways, then, when asked to, once for each refused allocation. What goes wrong
 * is only sorted into groups on the way: by verdict, injection site and place
 * of failure. At the end one run of each group is done again under close
 * observation and becomes a finding; findings of one signature become one.
 *
 * Results go to sinks as they come. One thread. */
#ifndef SMT_SWEEP_SWEEP_H
#define SMT_SWEEP_SWEEP_H

#include "sweep/finding.h"
#include "sweep/known.h"

enum smt_mode {
    SMT_MODE_TRANSIENT,
    SMT_MODE_PERSISTENT,
    SMT_MODE_WINDOW,
    SMT_MODE_DOUBLE,
    SMT_MODE_LIMIT,
    SMT_MODE_COUNT
};

enum smt_check {
    SMT_CHECK_FENCES = 1,
    SMT_CHECK_PAGES = 2,
    SMT_CHECK_UNINIT = 4,
    SMT_CHECK_ALL = 7
};

/* Numbers from first to last, both counted in. */
struct smt_span {
    uint64_t first, last;
};

struct smt_sweep_settings {
    struct smt_worker_settings worker;
    unsigned checks;       /* enum smt_check bits */
    uint64_t repeat;       /* clean runs per message */
    bool oom;              /* sweep allocations */
    unsigned modes;        /* bits 1u << enum smt_mode */
    uint64_t window;       /* refusals of SMT_MODE_WINDOW */
    struct smt_span range; /* of allocations; 1..UINT64_MAX is all */
    bool has_plan;         /* --oom-at: one run with exactly this plan */
    struct smt_fault_plan plan;
    uint64_t heap_limit_bytes; /* one run on a small device; 0 none */
    const char *const *only_sites, *const
                                       *skip_sites; /* function globs, NULL-terminated; NULL none */
    const struct smt_span *messages;                /* --range: numbers to run; NULL all */
    size_t message_span_count;
    uint64_t budget_injections, budget_ns; /* 0: none */
    uint64_t seed;                         /* of a budget's choice */
    uint32_t shard, shards;                /* 1-based share of the injections; shards 0: all */
    const char *ops_text;                  /* --ops as given, for replay lines; NULL default */
    const char *replay_words;              /* options besides that a replay needs; NULL none */
    const char *function;                  /* what is swept, in sentences; NULL: a parser */
    struct smt_known *known;               /* may be NULL */
    const bool *done;                      /* by message: has been run before; NULL none */
    bool texts;                            /* findings bring both runs' texts */
    size_t unusable_inputs;                /* that gave no message: for the summary */
};

struct smt_sweep_run {
    const struct smt_sweep_settings *settings;
    const char *parser, *parser_version, *build_id;
    size_t messages;
    uint64_t messages_hash; /* over names and bytes of all of them, in order */
};

/* A message after its clean runs; told by the shard that does them. */
struct smt_message_report {
    size_t index; /* from 1 */
    const char *name;
    size_t bytes;
    const struct smt_run_result *baseline;
    bool accepted;
    uint32_t verdicts;      /* of all its clean runs together */
    uint64_t runs;          /* clean runs done */
    bool repeat_cut;        /* --repeat stopped early for time */
    uint64_t cached_blocks; /* that the library keeps: a cache */
};

/* A message that was given up, at once or after a part of its runs: one of them
 * needs more memory than there is, and what comes of that says nothing. */
struct smt_unusable_report {
    size_t index;
    const char *name;
    const char *why;
};

/* One mode's sweep over one message. */
struct smt_mode_report {
    size_t index;
    enum smt_mode mode;
    uint64_t allocations; /* of the baseline */
    uint64_t injections;  /* done */
    uint64_t skipped;     /* left out: range, shard, globs, budget */
    const char *signs;    /* one character each, in order */
    /* The same where shards can be laid over each other, a blank being what was
     * not done. Modes that refuse one allocation: a character for each. Double:
     * a group for each first refusal, a blank between. */
    const char *sign_map;
    uint64_t counts[SMT_VERDICT_COUNT]; /* by naming verdict */
};

/* An injection whose stack --oom-trace prints. */
struct smt_injection_report {
    enum smt_mode mode;
    uint64_t allocation;
    uint32_t verdicts;
    struct smt_trace refused_at;
};

/* Injection coverage of one site. */
struct smt_site_report {
    uint64_t hash;                    /* exact */
    uint64_t seen;                    /* allocations */
    uint64_t refused[SMT_MODE_COUNT]; /* refusals that fell here, as the first one */
    struct smt_trace trace;
};

struct smt_summary {
    size_t messages;
    size_t unusable_inputs;  /* that gave no message, and messages that were given up */
    size_t unsound_messages; /* not swept: their clean run crashes, hangs or varies */
    uint64_t injections;
    uint64_t verdicts[SMT_VERDICT_COUNT], verdicts_all[SMT_VERDICT_COUNT];
    uint64_t clean_runs;
    size_t findings, new_findings, known_findings, fixed_findings;
    size_t sites, sites_refused[SMT_MODE_COUNT];
    bool truncated; /* stopped early */
    const char *truncated_by;
    uint64_t skipped_injections;
    bool budget_spent;
    bool replayed_by_number; /* the token's call stack was not found: its bare number was refused */
    uint64_t children;
    double seconds;
};

/* What one message added, for who keeps a journal: told when the message is
 * done, or given up. */
struct smt_part_finding {
    const struct smt_finding *finding;
    uint64_t occurrences; /* added */
    bool is_fresh;        /* explained just now: another run stands for it than before */
};
struct smt_part_report {
    size_t index;
    bool is_complete;
    const struct smt_part_finding *findings;
    size_t finding_count;
    const struct smt_site_report *sites; /* counts added; the trace only the first time */
    size_t site_count;
    struct smt_summary added; /* counts of runs, injections and verdicts alone: a message
                               * that was given up has been told */
};

/* How far a sweep has come. */
struct smt_progress {
    size_t messages_done, messages;
    uint64_t runs_done, runs_planned; /* with refusals, of the message at work; planned 0: none */
    double expected_s; /* what those planned take at most: as much as the clean run each */
};

struct smt_sink {
    void (*begin)(struct smt_sink *sink, const struct smt_sweep_run *run);
    void (*message)(struct smt_sink *sink, const struct smt_message_report *report);
    /* When no sink takes it, the sweep ends there with SMT_ENOMEM. */
    void (*unusable)(struct smt_sink *sink, const struct smt_unusable_report *report);
    void (*mode)(struct smt_sink *sink, const struct smt_mode_report *report);
    void (*injection)(struct smt_sink *sink, const struct smt_injection_report *report);
    void (*part)(struct smt_sink *sink, const struct smt_part_report *report);
    void (*finding)(struct smt_sink *sink, const struct smt_finding *finding);
    void (*site)(struct smt_sink *sink, const struct smt_site_report *report);
    void (*end)(struct smt_sink *sink, const struct smt_summary *summary);
    void (*progress)(struct smt_sink *sink, const struct smt_progress *progress);
    unsigned trace; /* 1: stacks of injections that are findings, 2: of all */
};

struct smt_sweep;

SMT_MUST_USE enum smt_status smt_sweep_new(const struct smt_sweep_settings *settings,
                                           const struct smt_message_list *messages,
                                           struct smt_sink *const *sinks, size_t sink_count,
                                           struct smt_sweep **ret_sweep);

/* Runs everything; results reach the sinks also when it returns early. */
SMT_MUST_USE enum smt_status smt_sweep_run(struct smt_sweep *sweep);

/* Repeats the run of a token on the first message; its finding goes to the
 * sinks even when it is no defect. SMT_EINPUT for a token that does not fit. */
SMT_MUST_USE enum smt_status smt_sweep_replay(struct smt_sweep *sweep, const char *token,
                                              bool do_break);

/* Adds to ret_message the smallest message found that shows the finding's
 * signature (at worst the one it came from), and gives that one's token, which
 * the caller frees. */
SMT_MUST_USE enum smt_status smt_sweep_minimize(struct smt_sweep *sweep,
                                                const struct smt_finding *finding,
                                                struct smt_buffer *ret_message, char **ret_replay);

/* Marks the findings that are known and counts them in the summary; of a whole
 * sweep also which rows are fixed. Rows of other parsers are nobody's. */
void smt_findings_mark(struct smt_known *known, const char *parser, bool is_whole,
                       struct smt_finding *findings, size_t count, struct smt_summary *summary);

/* Would the sweep, unless it was cut short, show everything there is to know of
 * its messages? */
bool smt_sweep_is_whole(const struct smt_sweep_settings *settings,
                        const struct smt_summary *summary);

/* SMT_EINPUT when nothing was refused though it was asked for: no sweep passes
 * by doing nothing. `had_range`: some message has allocations in the range. */
SMT_MUST_USE enum smt_status smt_sweep_check_done(const struct smt_sweep_settings *settings,
                                                  const struct smt_summary *summary,
                                                  bool had_range);

/* What stands in a report's first line of this run; the text of build_id goes
 * to `build_id`. */
struct smt_sweep_run smt_sweep_run_of(const struct smt_sweep_settings *settings,
                                      const struct smt_message_list *messages, char *build_id,
                                      size_t size_bytes);

/* What a token says of its run: the parser's name, the operations as --ops takes
 * them ("" when the usual ones were done), and the decoys behind each block. */
struct smt_token_subject {
    char parser[64], ops[128];
    uint64_t decoys;
};
SMT_MUST_USE enum smt_status smt_token_subject_parse(const char *token,
                                                     struct smt_token_subject *ret_subject);

const struct smt_summary *smt_sweep_summary(const struct smt_sweep *sweep);
const struct smt_finding *smt_sweep_finding(const struct smt_sweep *sweep, size_t index);
size_t smt_sweep_finding_count(const struct smt_sweep *sweep);

void smt_sweep_free(struct smt_sweep *sweep);

const char *smt_mode_name(enum smt_mode mode);
enum smt_mode smt_mode_find(const char *name); /* SMT_MODE_COUNT: none */

/* The map's signs without its blanks; the caller frees, NULL when out of memory. */
char *smt_signs_pack(const char *sign_map);

/* Comma list as --oom-mode takes it: transient,persistent,window:K,double,limit. */
SMT_MUST_USE enum smt_status smt_mode_parse_list(const char *list, unsigned *ret_modes,
                                                 uint64_t *ret_window);

#endif
