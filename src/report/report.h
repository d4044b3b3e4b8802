/* report/report.h - front door of report/: results in the formats people and
 * their systems read. One file and one table row per format; a format sees
 * findings (sweep/sweep.h, the sink) and nothing else.
 *
 * A report is a sink of the sweep. Writing problems (disk full, closed pipe)
 * are kept and told once, by smt_report_close(); after the first nothing more
 * is written. A reader that goes away raises SIGPIPE: programs that want to
 * end with a sentence ignore that signal. One thread per report. */
#ifndef SMT_REPORT_REPORT_H
#define SMT_REPORT_REPORT_H

#include <stdio.h>

#include "sweep/sweep.h"

struct smt_report_settings {
    bool quiet;     /* text: summary and findings only */
    bool verbose;   /* text: all frames, all blocks */
    bool color;     /* text on a terminal */
    unsigned trace; /* --oom-trace */
};

struct smt_report;

struct smt_report_format {
    const char *name;
    const char *summary;                  /* one line */
    struct smt_sink callbacks;            /* end() writes what is left */
    size_t size_bytes;                    /* of the format's state, which begins with its sink */
    void (*clear)(struct smt_sink *sink); /* frees what the state holds; NULL: nothing */
};

/* The table, ended by NULL. */
extern const struct smt_report_format *const smt_report_formats[];

/* Opens `spec`: a format's name, or NAME:FILE; without FILE standard output.
 * The file is made at once, so that a folder that is not there is said before
 * hours of work. SMT_EUSAGE for an unknown format, SMT_EIO for the file. */
SMT_MUST_USE enum smt_status smt_report_open(const char *spec,
                                             const struct smt_report_settings *settings,
                                             struct smt_report **ret_report);

struct smt_sink *smt_report_sink(struct smt_report *report);

/* Flushes, closes and frees; SMT_EIO when anything could not be written. NULL
 * is SMT_OK. */
SMT_MUST_USE enum smt_status smt_report_close(struct smt_report *report);

/* --- results read back: merge ------------------------------------------------ */

struct smt_results;

/* Reads the JSON lines results of all shards of one sweep (or of one whole
 * sweep) and lays them together: what one machine would have given. SMT_EINPUT
 * when they are cut off, do not belong together, or hold a shard twice. Shards
 * that are missing make the result truncated. */
SMT_MUST_USE enum smt_status smt_results_merge(const char *const *paths, size_t count,
                                               struct smt_results **ret_results);
void smt_results_free(struct smt_results *results);

/* What was run, without a shard. The settings lack what results do not depend on;
 * their parser is NULL when this program does not know it. */
struct smt_sweep_run *smt_results_run(struct smt_results *results);

/* Which findings are known and which known ones fixed, by run->settings->known. */
void smt_results_mark(struct smt_results *results, const struct smt_sweep_run *run);

/* Tells sinks all of it, in the order of a sweep. */
void smt_results_tell(struct smt_results *results, const struct smt_sweep_run *run,
                      struct smt_sink *const *sinks, size_t count);

/* May be altered until it is told. */
struct smt_summary *smt_results_summary(struct smt_results *results);
const struct smt_finding *smt_results_findings(const struct smt_results *results,
                                               size_t *ret_count);

/* --- a journal: what is done, for who continues ------------------------------- */

/* A file that keeps the results of every message as it is done. Several sources
 * (shards, each in its process) append to one journal; a process that is killed
 * loses the message at work and nothing else. */
struct smt_journal;

/* Opens the journal of this run, or makes it; a NULL path keeps it in memory
 * (which processes forked later share). SMT_EINPUT for the journal of another
 * run, which stays as it is, and for one that is in use. */
SMT_MUST_USE enum smt_status smt_journal_open(const char *path, const struct smt_sweep_run *run,
                                              size_t sources, struct smt_journal **ret_journal);
void smt_journal_free(struct smt_journal *journal);

/* Which messages the source (from 0) had done when the journal was opened, by
 * message: settings.done. */
const bool *smt_journal_done(const struct smt_journal *journal, size_t source);

/* Keeps what the source's sweep tells. One source a process. */
struct smt_sink *smt_journal_sink(struct smt_journal *journal, size_t source);

/* SMT_EIO when something could not be kept. */
SMT_MUST_USE enum smt_status smt_journal_flush(struct smt_journal *journal);

/* All that the journal has, of all sources, laid together. */
SMT_MUST_USE enum smt_status smt_journal_results(struct smt_journal *journal,
                                                 struct smt_results **ret_results);

/* Saves a finding as DIRECTORY/PARSER-VERDICT-HASH/: message.sip (these bytes),
 * replay (the command that repeats it there), finding.json. Makes the folders.
 * `token`: what --replay takes for these bytes. */
SMT_MUST_USE enum smt_status smt_report_save_finding(const char *directory,
                                                     const struct smt_finding *finding,
                                                     const char *token, const void *message,
                                                     size_t message_bytes);

#endif
