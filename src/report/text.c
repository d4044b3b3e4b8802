/* report/text.c - for people: a line a message and mode as they are done, then
 * the findings, worst first, then what it adds up to.
 *
 *     1) invite.sip ... OK (182 allocations, accepted)
 *        OOM transient, 182 allocations ...S.SSL.. 47 swallowed, 42 clean */
#include <string.h>

#include "report/text.h"

#define SIGNS_ON_LINE 64 /* more are wrapped, with the number of each row's first */

void smt_report_text_style(const struct text_report *report, enum style style,
                           struct smt_buffer *text)
{
    static const char *const codes[STYLE_COUNT] = {"\033[1;31m", "\033[32m", "\033[1m", "\033[2m"};

    if (report->base.settings.color) smt_buffer_add_text(text, codes[style]);
}

void smt_report_text_plain(const struct text_report *report, struct smt_buffer *text)
{
    if (report->base.settings.color) smt_buffer_add_text(text, "\033[0m");
}

static void text_write(struct text_report *report, struct smt_buffer *text)
{
    smt_report_write(&report->base, text);
    fflush(report->base.out);
}

/* --- begin, messages ---------------------------------------------------------- */

static void text_begin(struct smt_sink *sink, const struct smt_sweep_run *run)
{
    struct text_report *report = (struct text_report *)sink;
    struct smt_buffer text;

    report->run_settings = run->settings;
    report->messages = run->messages;
    if (report->base.settings.quiet) return;
    smt_buffer_init(&text);
    smt_report_text_style(report, STYLE_FAINT, &text);
    smt_buffer_add_text(&text, "sipmemtest " SMT_VERSION ", parser ");
    smt_report_show_bytes(run->parser, &text);
    smt_buffer_add_text(&text, " ");
    smt_report_show_bytes(run->parser_version, &text);
    if (run->build_id && report->base.settings.verbose) {
        smt_buffer_add_text(&text, " (build-id ");
        smt_report_show_bytes(run->build_id, &text);
        smt_buffer_add_text(&text, ")");
    }
    smt_buffer_add_text(&text, ", ");
    smt_report_show_count(run->messages, "message", &text);
    smt_report_text_plain(report, &text);
    smt_buffer_add_text(&text, "\n");
    text_write(report, &text);
}

/* "accepted", "rejected: OSIP_SYNTAXERROR (-5)". */
static void baseline_add(const struct text_report *report, const struct smt_message_report *message,
                         struct smt_buffer *text)
{
    const struct smt_sweep_settings *settings = report->run_settings;
    const struct smt_parser *parser = settings ? settings->worker.parser : NULL;
    int code = message->baseline->codes[SMT_OP_PARSE];
    const char *name = parser && parser->code_name ? parser->code_name(code) : NULL;

    smt_report_show_count(message->baseline->heap.attempts, "allocation", text);
    if (message->accepted) {
        smt_buffer_add_text(text, ", accepted");
    } else if (message->baseline->fault.signal || message->baseline->fault.exited ||
               message->baseline->verdicts & SMT_VERDICT_BIT(HANG)) {
        smt_buffer_add_text(text, ", not finished");
    } else if (name) {
        smt_buffer_addf(text, ", rejected: %s (%d)", name, code);
    } else {
        smt_buffer_addf(text, ", rejected with code %d", code);
    }
}

static void text_message(struct smt_sink *sink, const struct smt_message_report *message)
{
    struct text_report *report = (struct text_report *)sink;
    bool is_bad = smt_verdict_defects(message->verdicts);
    struct smt_buffer text;

    report->verdicts |= message->verdicts;
    if (report->base.settings.quiet) return;
    smt_buffer_init(&text);
    smt_buffer_addf(&text, "%zu) ", message->index);
    smt_report_show_bytes(message->name, &text);
    smt_buffer_add_text(&text, " ... ");
    smt_report_text_style(report, is_bad ? STYLE_BAD : STYLE_GOOD, &text);
    if (is_bad)
        smt_report_show_verdicts(message->verdicts, &text);
    else
        smt_buffer_add_text(&text, "OK");
    smt_report_text_plain(report, &text);
    smt_buffer_add_text(&text, " (");
    if (message->baseline) baseline_add(report, message, &text);
    if (message->repeat_cut) {
        smt_buffer_add_text(&text, ", repeats stopped for time after ");
        smt_report_show_count(message->runs, "run", &text);
    }
    if (message->cached_blocks) {
        smt_buffer_add_text(&text, ", the library keeps ");
        smt_report_show_count(message->cached_blocks, "block", &text);
    }
    smt_buffer_add_text(&text, ")\n");
    text_write(report, &text);
}

/* --- modes -------------------------------------------------------------------- */

/* Does sign k stand for allocation first + k? */
static bool signs_are_numbered(const struct smt_mode_report *mode,
                               const struct smt_sweep_settings *settings)
{
    uint64_t first, last;

    if (!settings || settings->has_plan || mode->mode == SMT_MODE_DOUBLE ||
        mode->mode == SMT_MODE_LIMIT)
        return false;
    first = settings->range.first ? settings->range.first : 1;
    last = settings->range.last && settings->range.last < mode->allocations ? settings->range.last
                                                                            : mode->allocations;
    return last >= first && mode->injections == last - first + 1;
}

static void signs_wrap(const struct text_report *report, const struct smt_mode_report *mode,
                       struct smt_buffer *text)
{
    bool is_numbered = signs_are_numbered(mode, report->run_settings);
    uint64_t first =
        is_numbered && report->run_settings->range.first ? report->run_settings->range.first : 1;

    for (size_t at = 0, left = strlen(mode->signs); left;) {
        size_t row = left < SIGNS_ON_LINE ? left : SIGNS_ON_LINE;

        if (is_numbered)
            smt_buffer_addf(text, "\n  %8llu ", (unsigned long long)(first + at));
        else
            smt_buffer_add_text(text, "\n           ");
        smt_buffer_add(text, mode->signs + at, row);
        at += row;
        left -= row;
    }
    smt_buffer_add_text(text, "\n          ");
}

static void text_mode(struct smt_sink *sink, const struct smt_mode_report *mode)
{
    struct text_report *report = (struct text_report *)sink;
    struct smt_buffer text;

    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (mode->counts[v]) report->verdicts |= 1u << v;
    if (report->base.settings.quiet) return;
    smt_buffer_init(&text);
    smt_buffer_add_text(&text, "   OOM ");
    smt_report_show_mode(mode->mode, report->run_settings, &text);
    smt_buffer_add_text(&text, ", ");
    smt_report_show_count(mode->allocations, "allocation", &text);
    if (strlen(mode->signs) <= SIGNS_ON_LINE)
        smt_buffer_addf(&text, " %s", mode->signs);
    else
        signs_wrap(report, mode, &text);
    smt_buffer_add_text(&text, *mode->signs ? " " : "");
    if (mode->injections) {
        smt_report_show_counts(mode->counts, &text);
        if (mode->skipped)
            smt_buffer_addf(&text, "; %llu left out", (unsigned long long)mode->skipped);
    } else {
        smt_buffer_add_text(&text, "nothing refused");
    }
    smt_buffer_add_text(&text, "\n");
    text_write(report, &text);
}

/* --- --oom-trace --------------------------------------------------------------- */

/* As libvirt's OOM tests printed them: `!` opens a stack, a function and a
 * place follow by turns, for scripts that collapse equal stacks. */
static void text_injection(struct smt_sink *sink, const struct smt_injection_report *injection)
{
    struct text_report *report = (struct text_report *)sink;
    enum smt_verdict naming = smt_verdict_naming(injection->verdicts);
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_add_text(&text, "   ");
    smt_report_show_mode(injection->mode, report->run_settings, &text);
    smt_buffer_addf(&text, " %llu: %s\n", (unsigned long long)injection->allocation,
                    naming == SMT_VERDICT_COUNT ? "?" : smt_verdicts[naming].name);
    for (size_t i = 0; i < injection->refused_at.count; i++) {
        smt_buffer_add_text(&text, i ? "" : "!");
        smt_report_show_function(&injection->refused_at.frames[i], &text);
        smt_buffer_add_text(&text, "\n");
        smt_report_show_place(&injection->refused_at.frames[i], &text);
        smt_buffer_add_text(&text, "\n");
    }
    text_write(report, &text);
}

/* --- summary -------------------------------------------------------------------- */

static void summary_findings(const struct text_report *report, const struct smt_summary *summary,
                             struct smt_buffer *text)
{
    const struct smt_sweep_settings *settings = report->run_settings;
    bool is_good = !summary->new_findings && !summary->truncated && !summary->unusable_inputs;

    smt_report_text_style(report,
                          summary->new_findings ? STYLE_BAD
                          : is_good             ? STYLE_GOOD
                                                : STYLE_BOLD,
                          text);
    if (!summary->findings)
        smt_buffer_add_text(text, summary->truncated ? "no findings so far" : "no findings");
    else
        smt_report_show_count(summary->findings, "unique finding", text);
    smt_report_text_plain(report, text);
    if (summary->findings && report->findings) {
        smt_buffer_add_text(text, " (");
        smt_report_show_counts(report->finding_verdicts, text);
        smt_buffer_add_text(text, ")");
    }
    if ((settings && settings->known) || summary->known_findings || summary->fixed_findings) {
        smt_buffer_addf(text, ": %zu new, %zu known", summary->new_findings,
                        summary->known_findings);
        if (summary->fixed_findings)
            smt_buffer_addf(text, "; %zu known, not seen any more", summary->fixed_findings);
    }
    smt_buffer_add_text(text, "\n");
}

static void summary_coverage(const struct text_report *report, const struct smt_summary *summary,
                             struct smt_buffer *text)
{
    const char *between = "";

    if (!summary->sites) return;
    smt_buffer_add_text(text, "allocation sites refused: ");
    for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++) {
        if (!summary->sites_refused[mode]) continue;
        smt_buffer_add_text(text, between);
        smt_report_show_mode((enum smt_mode)mode, report->run_settings, text);
        smt_buffer_addf(text, " %zu of %zu", summary->sites_refused[mode], summary->sites);
        between = ", ";
    }
    if (!*between) smt_buffer_addf(text, "none of %zu", summary->sites);
    smt_buffer_add_text(text, "\n");
}

/* What is missing, in sentences that nobody takes for a pass. */
static void summary_gaps(const struct text_report *report, const struct smt_summary *summary,
                         struct smt_buffer *text)
{
    if (summary->unusable_inputs) {
        smt_report_show_count(summary->unusable_inputs, "input", text);
        smt_buffer_add_text(text, " could not be used\n");
    }
    if (summary->unsound_messages) {
        smt_report_show_count(summary->unsound_messages, "message", text);
        smt_buffer_add_text(text, " without a sweep: the clean run crashes, hangs or varies\n");
    }
    if (summary->budget_spent) {
        smt_report_text_style(report, STYLE_BOLD, text);
        smt_report_show_budget(summary, text);
        smt_report_text_plain(report, text);
        if (report->run_settings)
            smt_buffer_addf(text, " (seed %llu)", (unsigned long long)report->run_settings->seed);
        smt_buffer_add_text(text, "\n");
    }
    if (summary->truncated) {
        smt_report_text_style(report, STYLE_BAD, text);
        smt_buffer_add_text(text, "TRUNCATED");
        smt_report_text_plain(report, text);
        smt_buffer_add_text(text, " ");
        smt_report_show_truncation(summary, report->messages, text);
        smt_buffer_add_text(text, "\n");
    }
}

/* What the words and signs above mean, for who meets them the first time. */
static void legend_add(const struct text_report *report, struct smt_buffer *text)
{
    if (report->base.settings.quiet || !smt_verdict_defects(report->verdicts)) return;
    smt_buffer_add_text(text, "\nSigns and verdicts\n");
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (report->verdicts & (1u << v))
            smt_buffer_addf(text, "   %c  %-16s %s\n", smt_verdicts[v].sign, smt_verdicts[v].name,
                            smt_verdicts[v].text);
}

/* Known findings of which this run showed nothing. */
static void fixed_add(const struct text_report *report, const struct smt_summary *summary,
                      struct smt_buffer *text)
{
    const struct smt_known_row *row;
    size_t at = 0;

    if (!summary->fixed_findings || !(row = smt_report_fixed_next(report->run_settings, &at)))
        return;
    smt_buffer_add_text(text, "\nKnown findings not seen any more\n");
    for (; row; row = smt_report_fixed_next(report->run_settings, &at)) {
        smt_buffer_add_text(text, "   ");
        smt_report_show_known_row(row, text);
        smt_buffer_add_text(text, "\n");
    }
}

static void text_end(struct smt_sink *sink, const struct smt_summary *summary)
{
    struct text_report *report = (struct text_report *)sink;
    struct smt_buffer text;

    smt_buffer_init(&text);
    fixed_add(report, summary, &text);
    legend_add(report, &text);
    smt_buffer_add_text(&text, report->base.settings.quiet && !report->findings ? "" : "\n");
    smt_report_show_count(summary->messages, "message", &text);
    smt_buffer_add_text(&text, ", ");
    smt_report_show_count(summary->clean_runs, "clean run", &text);
    smt_buffer_add_text(&text, ", ");
    smt_report_show_count(summary->injections, "injection", &text);
    smt_buffer_addf(&text, " in %.2f s\n", summary->seconds);
    if (summary->injections) {
        smt_buffer_add_text(&text, "injections: ");
        smt_report_show_counts(summary->verdicts, &text);
        smt_buffer_add_text(&text, "\n");
    }
    summary_coverage(report, summary, &text);
    summary_findings(report, summary, &text);
    summary_gaps(report, summary, &text);
    text_write(report, &text);
}

const struct smt_report_format smt_report_text = {
    .name = "text",
    .summary = "for people: a line a message, then findings and summary",
    .callbacks =
        {
            .begin = text_begin,
            .message = text_message,
            .mode = text_mode,
            .injection = text_injection,
            .finding = smt_report_text_finding,
            .end = text_end,
        },
    .size_bytes = sizeof(struct text_report),
};
