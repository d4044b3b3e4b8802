/* report/text_finding.c - one finding, as a person reads it: what, where memory
 * was refused, where it went wrong, what it did, how to see it again. */
#include <string.h>

#include "report/text.h"

#define FRAMES_MOST    5  /* of a stack, unless verbose */
#define FRAMES_OF_MANY 3  /* of a stack, when there are several blocks */
#define BLOCKS_MOST    3  /* of a finding, unless verbose */
#define DIFFS_MOST     12 /* of a finding, unless verbose */
#define NAME_WIDTH     34 /* of a function, before its place */

/* A stack, a frame a line; `most` frames unless verbose, and how many more. */
static void text_trace(const struct text_report *report, const struct smt_trace *trace, size_t most,
                       struct smt_buffer *text)
{
    size_t lines = 0, at = 0;

    while (at < trace->count && (report->base.settings.verbose || lines < most ||
                                 (lines == most && at + 1 == trace->count))) {
        size_t alike = smt_report_frames_alike(trace, at);
        struct smt_buffer name;

        smt_buffer_init(&name);
        smt_report_show_function(&trace->frames[at], &name);
        smt_buffer_addf(text, "      #%-2zu %-*s ", at, NAME_WIDTH, name.data ? name.data : "?");
        smt_report_text_style(report, STYLE_FAINT, text);
        smt_report_show_place(&trace->frames[at], text);
        smt_report_text_plain(report, text);
        if (alike > 1) smt_buffer_addf(text, " (%zu frames)", alike);
        smt_buffer_add_text(text, "\n");
        smt_buffer_clear(&name);
        lines++;
        at += alike;
    }
    if (at < trace->count) smt_buffer_addf(text, "      ... and %zu more\n", trace->count - at);
}

static void headline_add(const struct text_report *report, const struct smt_finding *finding,
                         struct smt_buffer *text)
{
    const struct smt_verdict_row *verdict = &smt_verdicts[finding->verdict];
    bool has_summary = finding->summary && *finding->summary;

    smt_buffer_addf(text, "%zu) ", report->findings);
    smt_report_text_style(report, verdict->is_defect ? STYLE_BAD : STYLE_GOOD, text);
    if (verdict->is_defect)
        smt_report_show_verdicts(1u << finding->verdict, text);
    else
        smt_buffer_add_text(text, verdict->name);
    smt_report_text_plain(report, text);
    smt_buffer_add_text(text, " ");
    smt_report_show_times(finding->occurrences, text);
    smt_buffer_add_text(text, finding->occurrences == 1 ? ", in " : ", shown by ");
    smt_report_show_bytes(finding->message, text);
    if (finding->is_known) smt_buffer_add_text(text, " (known)");
    if (finding->is_unconfirmed)
        smt_buffer_add_text(text, " (unconfirmed: a fresh process did not show it again)");
    smt_buffer_add_text(text, "\n   ");
    smt_report_text_style(report, STYLE_BOLD, text);
    smt_report_show_text(has_summary ? finding->summary : verdict->text, text);
    smt_report_text_plain(report, text);
    smt_buffer_add_text(text, "\n");
}

static void stack_add(const struct text_report *report, const char *heading,
                      const struct smt_trace *trace, size_t most, struct smt_buffer *text)
{
    if (!trace->count) return;
    smt_buffer_addf(text, "   %s\n", heading);
    text_trace(report, trace, most, text);
}

static void stacks_add(const struct text_report *report, const struct smt_finding *finding,
                       struct smt_buffer *text)
{
    if (finding->mode) {
        smt_buffer_addf(text, "   refused: allocation %llu (%s)\n",
                        (unsigned long long)finding->allocation, finding->mode);
        text_trace(report, &finding->injected_at, FRAMES_MOST, text);
    }
    stack_add(report, "refused again:", &finding->second_at, FRAMES_MOST, text);
    stack_add(report, "failed:", &finding->failed_at, FRAMES_MOST, text);
}

static void diffs_add(const struct text_report *report, const struct smt_finding *finding,
                      struct smt_buffer *text)
{
    size_t count = finding->diff.count,
           shown = report->base.settings.verbose || count <= DIFFS_MOST + 1 ? count : DIFFS_MOST;

    for (size_t i = 0; i < shown; i++) {
        smt_buffer_add_text(text, "   ");
        smt_report_show_diff(&finding->diff.items[i], text);
        smt_buffer_add_text(text, "\n");
    }
    if (shown < count)
        smt_buffer_addf(text, "   ... and %zu more difference%s\n", count - shown,
                        smt_number_ending(count - shown));
}

/* Bytes are worth their room when a clean run went wrong, or on request. */
static bool block_wants_bytes(const struct text_report *report, const struct smt_finding *finding,
                              const struct smt_finding_block *block)
{
    if (!block->byte_count) return false;
    return report->base.settings.verbose || (!finding->mode && block->has_bad_offset);
}

static void blocks_add(const struct text_report *report, const struct smt_finding *finding,
                       struct smt_buffer *text)
{
    size_t count = finding->block_count,
           shown = report->base.settings.verbose || count <= BLOCKS_MOST ? count : BLOCKS_MOST,
           frames = count == 1 ? FRAMES_MOST : FRAMES_OF_MANY;

    for (size_t i = 0; i < shown; i++) {
        const struct smt_finding_block *block = &finding->blocks[i];

        smt_buffer_add_text(text, "   ");
        smt_report_show_block(block, text);
        smt_buffer_add_text(text, block->allocated_at.count ? ", allocated:\n" : "\n");
        text_trace(report, &block->allocated_at, frames, text);
        stack_add(report, "released:", &block->freed_at, frames, text);
        if (block_wants_bytes(report, finding, block))
            smt_report_show_hexdump(block, "      ", text);
    }
    if (shown == count) return;
    smt_buffer_add_text(text, "   ... and ");
    smt_report_show_count(count - shown, "more block", text);
    smt_buffer_add_text(text, "\n");
}

static void rendering_add(const char *heading, const char *rendering, struct smt_buffer *text)
{
    if (!rendering) return;
    smt_buffer_addf(text, "   %s%s\n", heading, *rendering ? ":" : ": none");
    for (size_t length; *rendering; rendering += length) {
        length = strcspn(rendering, "\n") + 1;
        smt_buffer_add_text(text, "      | ");
        smt_buffer_add(text, rendering, length);
    }
}

/* Everything below the headline. */
static void details_add(const struct text_report *report, const struct smt_finding *finding,
                        struct smt_buffer *text)
{
    struct smt_buffer reader;

    stacks_add(report, finding, text);
    diffs_add(report, finding, text);
    rendering_add("text of the clean run", finding->clean_text, text);
    rendering_add("text of this run", finding->run_text, text);
    blocks_add(report, finding, text);
    smt_buffer_add_text(text, "   signature: ");
    smt_report_show_bytes(finding->signature, text);
    smt_buffer_add_text(text, "\n   replay: ");
    smt_report_show_replay(finding, text);
    smt_buffer_add_text(text, "\n");
    smt_buffer_init(&reader);
    if (smt_report_show_reader(finding, &reader))
        smt_buffer_addf(text, "   who read it: %s\n", reader.data);
    smt_buffer_clear(&reader);
}

void smt_report_show_finding(const struct smt_finding *finding, struct smt_buffer *text)
{
    static const struct text_report plain;

    details_add(&plain, finding, text);
}

void smt_report_text_finding(struct smt_sink *sink, const struct smt_finding *finding)
{
    struct text_report *report = (struct text_report *)sink;
    struct smt_buffer text;

    smt_buffer_init(&text);
    if (!report->findings) {
        smt_buffer_add_text(&text, report->base.settings.quiet ? "" : "\n");
        smt_report_text_style(report, STYLE_BOLD, &text);
        smt_buffer_add_text(&text, "Findings, worst first");
        smt_report_text_plain(report, &text);
        smt_buffer_add_text(&text, "\n");
    }
    report->findings++;
    report->finding_verdicts[finding->verdict]++;
    report->verdicts |= 1u << finding->verdict;
    smt_buffer_add_text(&text, "\n");
    headline_add(report, finding, &text);
    details_add(report, finding, &text);
    smt_report_write(&report->base, &text);
    fflush(report->base.out);
}
