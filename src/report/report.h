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
    bool debug;     /* print the baseline's and the injected rendering */
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

/* Saves a finding as DIRECTORY/PARSER-VERDICT-HASH/: message.sip (these bytes),
 * token (what --replay takes for them), finding.json. Makes the folders. */
SMT_MUST_USE enum smt_status smt_report_save_finding(const char *directory,
                                                     const struct smt_finding *finding,
                                                     const char *token, const void *message,
                                                     size_t message_bytes);

#endif
