/* report/html.h - inside the HTML format: one page that needs nothing else.
 *
 * Every text of a run goes through smt_report_html_add(); nothing of a run ends up in a
 * style, a script or an unquoted attribute. The page's own policy forbids every
 * request, so that a hole here could not call out. */
#ifndef SMT_REPORT_HTML_H
#define SMT_REPORT_HTML_H

#include "report/inside.h"

/* A row of the matrix, with its sweeps. */
struct html_message {
    size_t index;
    char *name; /* ready to stand in the page */
    size_t bytes;
    uint64_t allocations;
    bool accepted, finished;
    uint32_t clean_verdicts; /* of its clean runs */
    uint64_t injections, counts[SMT_VERDICT_COUNT];
    struct smt_buffer sweeps; /* HTML: a paragraph a mode */
};

struct html_report {
    struct report_sink base;
    const struct smt_sweep_settings *settings; /* NULL when unknown */
    struct smt_buffer about;                   /* HTML: parser and build */
    size_t run_messages;
    struct html_message *messages;
    size_t message_count, message_capacity;
    struct smt_buffer findings; /* HTML */
    size_t finding_count, finding_verdicts[SMT_VERDICT_COUNT];
    uint32_t seen; /* verdicts that get a column */
};

/* html_page.c: the fixed parts */
extern const char smt_report_html_style[], smt_report_html_script[];

/* Adds printable text; & < > " ' become entities. */
void smt_report_html_add(const char *printable, struct smt_buffer *html);

/* Adds a buffer of printable text and clears it. */
void smt_report_html_take(struct smt_buffer *printable, struct smt_buffer *html);

/* html_finding.c */
void smt_report_html_finding(struct smt_sink *sink, const struct smt_finding *finding);

/* html_matrix.c: messages, and the sections made of them */
void smt_report_html_message(struct smt_sink *sink, const struct smt_message_report *message);
void smt_report_html_mode(struct smt_sink *sink, const struct smt_mode_report *mode);
void smt_report_html_add_matrix(const struct html_report *report, struct smt_buffer *html);
void smt_report_html_add_sweeps(const struct html_report *report, struct smt_buffer *html);
void smt_report_html_messages_clear(struct html_report *report);

#endif
