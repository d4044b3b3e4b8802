/* report/results.h - inside report/: results read back from JSON lines, and
 * laid together.
 *
 *   read.c      a line of JSON -> one of the parts below
 *   results.c   parts of several sources -> one result, told to sinks
 *   merge.c     sources are files, one a shard
 *   journal.c   sources are shards, their messages records of one file */
#ifndef SMT_REPORT_RESULTS_H
#define SMT_REPORT_RESULTS_H

#include <jansson.h>
#include <uthash.h>

#include "report/json.h"
#include "report/report.h"

struct results_message {
    struct smt_message_report report;
    struct smt_run_result baseline;
};

struct results_unusable {
    struct smt_unusable_report report;
    size_t source;
};

struct results_mode {
    struct smt_mode_report report;
    char *sign_map, *signs; /* owned */
};

struct results_site {
    uint64_t hash;
    uint64_t *seen; /* by source: every shard sees them all */
    uint64_t refused[SMT_MODE_COUNT];
    struct smt_trace trace;
    UT_hash_handle hh;
};

struct results_finding {
    struct smt_finding finding;
    UT_hash_handle hh; /* by signature */
};

struct results_text {
    UT_hash_handle hh;
    char text[];
};

struct smt_results {
    json_t *run; /* the first run line; NULL: none yet */
    size_t sources;
    struct results_message *messages;
    size_t message_count, message_capacity;
    struct results_unusable *unusable;
    size_t unusable_count, unusable_capacity;
    struct results_mode *modes;
    size_t mode_count, mode_capacity;
    struct results_finding *findings;
    struct results_site *sites;
    struct results_text *texts; /* of frames and names, each once */
    struct smt_summary summary; /* sums; counts of findings and sites by finish */
    struct smt_finding *sorted; /* by finish: worst first; owned, as findings is empty */
    size_t finding_count;
    struct json_settings read; /* of the run line */
    struct smt_sweep_run told; /* the run line, as sinks take it; its texts are in texts */
};

/* Where a line stands, for complaints. */
struct results_place {
    const char *path;
    size_t line; /* from 1 */
    size_t source;
};

/* Takes in one line of any type but "run". */
SMT_MUST_USE enum smt_status smt_report_results_read(struct smt_results *results,
                                                     const json_t *line,
                                                     const struct results_place *place);

/* One line of text to JSON; SMT_EINPUT with its number when it is none. */
SMT_MUST_USE enum smt_status smt_report_results_parse(const struct results_place *place,
                                                      const char *text, size_t size_bytes,
                                                      json_t **ret_line);

struct smt_results *smt_report_results_new(size_t sources);

/* Moves the finding into the results; one of its signature is added to. */
SMT_MUST_USE enum smt_status smt_report_results_keep(struct smt_results *results,
                                                     struct smt_finding *finding);
struct results_site *smt_report_results_site_of(struct smt_results *results, uint64_t hash);
const char *smt_report_results_text(struct smt_results *results, const char *text);

/* Fills results->told from results->run. */
SMT_MUST_USE enum smt_status smt_report_results_run_read(struct smt_results *results,
                                                         const struct results_place *place);

/* Sorts, overlays, counts. */
SMT_MUST_USE enum smt_status smt_report_results_finish(struct smt_results *results);

#endif
