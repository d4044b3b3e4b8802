/* report/cases.h - a run as the test cases that CI systems show: one for the
 * clean runs of each message, one for each mode of its sweep.
 *
 * A new finding fails the one case that its replay command repeats, so that the
 * cases fail exactly when the tool says so, and each finding shows up once. The
 * same fault seen in other messages is counted in the findings' own text. */
#ifndef SMT_REPORT_CASES_H
#define SMT_REPORT_CASES_H

#include "report/inside.h"

struct report_case {
    size_t index;  /* of the message, from 1 */
    char *message; /* printable */
    char *mode;    /* NULL: the clean runs */
    bool is_skipped;
    struct smt_buffer note; /* one line: what was done */
    size_t new_findings;
    struct smt_buffer headline; /* of the worst new finding */
    enum smt_verdict worst;
    struct smt_buffer failures; /* all new findings, in full */
    struct smt_buffer known;    /* a line for each known one, or no defect */
};

struct case_list {
    struct report_case *items; /* by message, clean runs first */
    size_t count, capacity;
    bool out_of_memory;
    const struct smt_sweep_settings *settings; /* as told by begin(); may be NULL */
};

void smt_report_cases_message(struct case_list *list, const struct smt_message_report *message);
void smt_report_cases_mode(struct case_list *list, const struct smt_mode_report *mode);
void smt_report_cases_finding(struct case_list *list, const struct smt_finding *finding);
void smt_report_cases_clear(struct case_list *list);

/* "clean runs", "OOM transient". */
void smt_report_case_name(const struct report_case *item, struct smt_buffer *text);

#endif
