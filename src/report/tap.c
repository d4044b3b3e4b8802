/* report/tap.c - the Test Anything Protocol, version 13 of which every harness
 * reads: a point for the clean runs of each message, one for each mode, and a
 * last one that fails when the run is not whole. What failed follows as YAML.
 *
 * No point's description holds a '#', which would begin a directive. */
#include "report/cases.h"

struct tap_report {
    struct report_sink base;
    struct case_list cases;
    size_t messages;
};

/* A '#' becomes \x23, as --message-data reads it. */
static void description_add(const char *printable, struct smt_buffer *text)
{
    for (const char *c = printable; *c; c++)
        if (*c == '#')
            smt_buffer_add_text(text, "\\x23");
        else
            smt_buffer_add(text, c, 1);
}

/* A line of text in YAML's single quotes. */
static void yaml_quote(const struct smt_buffer *line, struct smt_buffer *text)
{
    smt_buffer_add_text(text, "'");
    for (size_t i = 0; i < line->size; i++)
        if (line->data[i] == '\'')
            smt_buffer_add_text(text, "''");
        else
            smt_buffer_add(text, &line->data[i], 1);
    smt_buffer_add_text(text, "'");
}

/* Lines of text as a literal block, without the empty ones, at which Perl's
 * reader ends it. The first line must not be indented, which headlines are not. */
static void yaml_block(const struct smt_buffer *lines, struct smt_buffer *text)
{
    bool begins = true;

    for (size_t i = 0; i < lines->size; i++) {
        if (begins && lines->data[i] == '\n') continue;
        if (begins) smt_buffer_add_text(text, "    ");
        smt_buffer_add(text, &lines->data[i], 1);
        begins = lines->data[i] == '\n';
    }
}

static void case_add_yaml(struct report_case *item, struct smt_buffer *text)
{
    smt_buffer_add_text(text, "  ---\n  message: ");
    yaml_quote(&item->headline, text);
    smt_buffer_addf(text, "\n  severity: fail\n  verdict: %s\n  findings: %zu\n  did: ",
                    smt_verdicts[item->worst].name, item->new_findings);
    yaml_quote(&item->note, text);
    smt_buffer_add_text(text, "\n  details: |\n");
    yaml_block(&item->failures, text);
    smt_buffer_add_text(text, "  ...\n");
}

/* Comments come before their point: they belong to what is being done. */
static void known_add(const struct report_case *item, struct smt_buffer *text)
{
    bool begins = true;

    for (size_t i = 0; i < item->known.size; i++) {
        if (begins) smt_buffer_add_text(text, "# ");
        smt_buffer_add(text, &item->known.data[i], 1);
        begins = item->known.data[i] == '\n';
    }
}

static void case_add_point(struct report_case *item, size_t number, struct smt_buffer *text)
{
    struct smt_buffer name;

    smt_buffer_init(&name);
    smt_buffer_addf(&name, "%s: ", item->message);
    smt_report_case_name(item, &name);
    known_add(item, text);
    smt_buffer_addf(text, "%sok %zu - ", item->new_findings ? "not " : "", number);
    description_add(name.data ? name.data : "", text);
    if (item->is_skipped)
        smt_buffer_add_text(text, " # SKIP nothing was refused");
    else if (!item->new_findings && item->note.size)
        smt_buffer_addf(text, " (%s)", item->note.data);
    smt_buffer_add_text(text, "\n");
    if (item->new_findings) case_add_yaml(item, text);
    smt_buffer_clear(&name);
}

static void whole_add(const struct tap_report *report, const struct smt_summary *summary,
                      struct smt_buffer *text)
{
    bool is_whole = !summary->truncated && !summary->unusable_inputs;

    if (summary->budget_spent) {
        smt_buffer_add_text(text, "# ");
        smt_report_show_budget(summary, text);
        smt_buffer_add_text(text, "\n");
    }
    smt_buffer_addf(text, "%sok %zu - the run is whole\n", is_whole ? "" : "not ",
                    report->cases.count + 1);
    if (summary->truncated) {
        smt_buffer_add_text(text, "# TRUNCATED ");
        smt_report_show_truncation(summary, report->messages, text);
        smt_buffer_add_text(text, "\n");
    }
    if (summary->unusable_inputs) {
        smt_buffer_add_text(text, "# ");
        smt_report_show_count(summary->unusable_inputs, "input", text);
        smt_buffer_add_text(text, " could not be used\n");
    }
}

/* --- the sink ---------------------------------------------------------------- */

static void tap_begin(struct smt_sink *sink, const struct smt_sweep_run *run)
{
    struct tap_report *report = (struct tap_report *)sink;
    struct smt_buffer text;

    report->messages = run->messages;
    smt_buffer_init(&text);
    smt_buffer_add_text(&text, "TAP version 13\n# sipmemtest " SMT_VERSION ", parser ");
    smt_report_show_bytes(run->parser, &text);
    smt_buffer_add_text(&text, " ");
    smt_report_show_bytes(run->parser_version, &text);
    smt_buffer_add_text(&text, "\n");
    smt_report_write(&report->base, &text);
}

static void tap_message(struct smt_sink *sink, const struct smt_message_report *message)
{
    smt_report_cases_message(&((struct tap_report *)sink)->cases, message);
}

static void tap_mode(struct smt_sink *sink, const struct smt_mode_report *mode)
{
    smt_report_cases_mode(&((struct tap_report *)sink)->cases, mode);
}

static void tap_finding(struct smt_sink *sink, const struct smt_finding *finding)
{
    smt_report_cases_finding(&((struct tap_report *)sink)->cases, finding);
}

static void tap_end(struct smt_sink *sink, const struct smt_summary *summary)
{
    struct tap_report *report = (struct tap_report *)sink;
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_addf(&text, "1..%zu\n", report->cases.count + 1);
    for (size_t i = 0; i < report->cases.count; i++)
        case_add_point(&report->cases.items[i], i + 1, &text);
    whole_add(report, summary, &text);
    report->base.out_of_memory |= report->cases.out_of_memory;
    smt_report_write(&report->base, &text);
}

static void tap_clear(struct smt_sink *sink)
{
    smt_report_cases_clear(&((struct tap_report *)sink)->cases);
}

const struct smt_report_format smt_report_tap = {
    .name = "tap",
    .summary = "Test Anything Protocol 13, for prove and other harnesses",
    .callbacks =
        {
            .begin = tap_begin,
            .message = tap_message,
            .mode = tap_mode,
            .finding = tap_finding,
            .end = tap_end,
        },
    .size_bytes = sizeof(struct tap_report),
    .clear = tap_clear,
};
