/* report/github.c - workflow commands of GitHub Actions: one ::error line for
 * each new finding, a ::warning for what is missing, a ::notice that sums up.
 * A line's text has %, CR and LF as %25, %0D, %0A; its properties also : and ,
 * as %3A and %2C, or a name could end them. */
#include "report/inside.h"

struct github_report {
    struct report_sink base;
    size_t messages;
};

/* Adds the buffer as a property's value, or as the command's text; clears it. */
static void value_take(struct smt_buffer *value, bool is_property, struct smt_buffer *line)
{
    for (size_t i = 0; i < value->size; i++) {
        char c = value->data[i];

        if (c == '%' || c == '\r' || c == '\n' || (is_property && (c == ':' || c == ',')))
            smt_buffer_addf(line, "%%%02X", (unsigned)c);
        else
            smt_buffer_add(line, &c, 1);
    }
    line->failed |= value->failed;
    smt_buffer_clear(value);
}

static void github_begin(struct smt_sink *sink, const struct smt_sweep_run *run)
{
    ((struct github_report *)sink)->messages = run->messages;
}

static void github_finding(struct smt_sink *sink, const struct smt_finding *finding)
{
    struct github_report *report = (struct github_report *)sink;
    struct smt_buffer line, value;

    if (finding->is_known || !smt_verdicts[finding->verdict].is_defect) return;
    smt_buffer_init(&line);
    smt_buffer_init(&value);
    smt_buffer_add_text(&line, "::error file=");
    smt_report_show_bytes(finding->message, &value);
    value_take(&value, true, &line);
    smt_buffer_add_text(&line, ",title=");
    smt_report_show_headline(finding, &value);
    value_take(&value, true, &line);
    smt_buffer_add_text(&line, "::");
    smt_report_show_headline(finding, &value);
    smt_buffer_add_text(&value, "\n");
    smt_report_show_finding(finding, &value);
    value_take(&value, false, &line);
    smt_buffer_add_text(&line, "\n");
    smt_report_write(&report->base, &line);
}

static void github_end(struct smt_sink *sink, const struct smt_summary *summary)
{
    struct github_report *report = (struct github_report *)sink;
    struct smt_buffer line, value;

    smt_buffer_init(&line);
    smt_buffer_init(&value);
    smt_report_show_truncation(summary, report->messages, &value);
    if (value.size) {
        smt_buffer_add_text(&line, "::warning title=sipmemtest TRUNCATED::");
        value_take(&value, false, &line);
        smt_buffer_add_text(&line, "\n");
    }
    smt_buffer_add_text(&line, "::notice title=sipmemtest::");
    smt_report_show_count(summary->messages, "message", &line);
    smt_buffer_add_text(&line, ", ");
    smt_report_show_count(summary->injections, "injection", &line);
    smt_buffer_add_text(&line, ", ");
    smt_report_show_count(summary->findings, "unique finding", &line);
    smt_buffer_addf(&line, ": %zu new, %zu known, %zu fixed", summary->new_findings,
                    summary->known_findings, summary->fixed_findings);
    smt_report_show_budget(summary, &value);
    if (value.size) smt_buffer_add_text(&line, "; ");
    value_take(&value, false, &line);
    smt_buffer_add_text(&line, "\n");
    smt_report_write(&report->base, &line);
}

const struct smt_report_format smt_report_github = {
    .name = "github",
    .summary = "GitHub Actions: an annotation for each new finding",
    .callbacks = {.begin = github_begin, .finding = github_finding, .end = github_end},
    .size_bytes = sizeof(struct github_report),
};
