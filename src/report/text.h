/* report/text.h - inside the text format: its state and colours. */
#ifndef SMT_REPORT_TEXT_H
#define SMT_REPORT_TEXT_H

#include "report/inside.h"

enum style { STYLE_BAD, STYLE_GOOD, STYLE_BOLD, STYLE_FAINT, STYLE_COUNT };

struct text_report {
    struct report_sink base;
    const struct smt_sweep_settings *run_settings; /* of begin(); NULL before */
    size_t messages;                               /* of the whole run */
    size_t findings;                               /* told so far */
    uint64_t finding_verdicts[SMT_VERDICT_COUNT];
    uint32_t verdicts; /* that the reader has met */
};

/* Switches a style on and off; nothing without colours. */
void smt_report_text_style(const struct text_report *report, enum style style,
                           struct smt_buffer *text);
void smt_report_text_plain(const struct text_report *report, struct smt_buffer *text);

/* text_finding.c */
void smt_report_text_finding(struct smt_sink *sink, const struct smt_finding *finding);

#endif
