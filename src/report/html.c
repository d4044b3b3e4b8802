/* report/html.c - one self-contained page: what it adds up to, verdict by
 * message, the findings, each sweep. Written at the end. */
#include "report/html.h"

#include <string.h>

void smt_report_html_add(const char *printable, struct smt_buffer *html)
{
    static const char special[] = "&<>\"'";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

    while (*printable) {
        size_t plain = strcspn(printable, special);

        smt_buffer_add(html, printable, plain);
        printable += plain;
        if (*printable)
            smt_buffer_add_text(html, entities[strchr(special, *printable++) - special]);
    }
}

void smt_report_html_take(struct smt_buffer *printable, struct smt_buffer *html)
{
    if (printable->data) smt_report_html_add(printable->data, html);
    html->failed |= printable->failed;
    smt_buffer_clear(printable);
}

static void html_begin(struct smt_sink *sink, const struct smt_sweep_run *run)
{
    struct html_report *report = (struct html_report *)sink;
    struct smt_buffer text;

    report->settings = run->settings;
    report->run_messages = run->messages;
    smt_buffer_init(&text);
    smt_buffer_add_text(&text, "parser ");
    smt_report_show_bytes(run->parser, &text);
    smt_buffer_add_text(&text, " ");
    smt_report_show_bytes(run->parser_version, &text);
    if (run->build_id) {
        smt_buffer_add_text(&text, ", build-id ");
        smt_report_show_bytes(run->build_id, &text);
    }
    smt_report_html_take(&text, &report->about);
}

/* --- sections ------------------------------------------------------------------- */

static void head_add(const struct html_report *report, struct smt_buffer *html)
{
    smt_buffer_add_text(
        html, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
              "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
              "<title>sipmemtest report</title>\n<style>\n");
    smt_buffer_add_text(html, smt_report_html_style);
    smt_buffer_add_text(html, "</style>\n</head>\n<body>\n<header>\n<h1>sipmemtest</h1>\n<p>");
    if (report->about.size) smt_buffer_add(html, report->about.data, report->about.size);
    smt_buffer_add_text(html, "</p>\n</header>\n");
}

static void banner_add(const char *class, const char *word, struct smt_buffer *text,
                       struct smt_buffer *html)
{
    if (!text->size) return;
    smt_buffer_addf(html, "<p class=\"banner %s\" role=\"alert\"><b>%s</b> ", class, word);
    smt_report_html_take(text, html);
    smt_buffer_add_text(html, "</p>\n");
}

static void banners_add(const struct html_report *report, const struct smt_summary *summary,
                        struct smt_buffer *html)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_report_show_truncation(summary, report->run_messages, &text);
    banner_add("bad", "TRUNCATED", &text, html);
    smt_report_show_budget(summary, &text);
    banner_add("note", "Budget:", &text, html);
    if (summary->unusable_inputs) {
        smt_report_show_count(summary->unusable_inputs, "input", &text);
        smt_buffer_add_text(&text, " could not be used");
    }
    banner_add("bad", "Input:", &text, html);
    if (summary->unsound_messages) {
        smt_report_show_count(summary->unsound_messages, "message", &text);
        smt_buffer_add_text(&text, " without a sweep: the clean run crashes, hangs or varies");
    }
    banner_add("note", "Not swept:", &text, html);
}

static void tile_add(const char *class, const char *value, const char *label,
                     struct smt_buffer *html)
{
    smt_buffer_addf(html, "<div class=\"tile %s\"><b>%s</b><span>%s</span></div>\n", class, value,
                    label);
}

static void tile_add_number(uint64_t number, const char *label, struct smt_buffer *html)
{
    char value[32];

    snprintf(value, sizeof value, "%llu", (unsigned long long)number);
    tile_add("", value, label, html);
}

static void tiles_add(const struct smt_summary *summary, struct smt_buffer *html)
{
    char value[64], label[128];

    smt_buffer_add_text(html, "<section class=\"tiles\">\n");
    snprintf(value, sizeof value, "%zu", summary->findings);
    snprintf(label, sizeof label, "unique finding%s", smt_number_ending(summary->findings));
    if (summary->known_findings || summary->fixed_findings)
        snprintf(label, sizeof label, "unique findings: %zu new, %zu known, %zu fixed",
                 summary->new_findings, summary->known_findings, summary->fixed_findings);
    tile_add(summary->new_findings ? "bad" : summary->truncated ? "" : "good", value, label, html);
    tile_add_number(summary->messages, summary->messages == 1 ? "message" : "messages", html);
    tile_add_number(summary->clean_runs, "clean runs", html);
    tile_add_number(summary->injections, "injections", html);
    for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++) {
        if (!summary->sites_refused[mode]) continue;
        snprintf(value, sizeof value, "%zu of %zu", summary->sites_refused[mode], summary->sites);
        snprintf(label, sizeof label, "allocation sites refused, %s",
                 smt_mode_name((enum smt_mode)mode));
        tile_add("", value, label, html);
    }
    snprintf(value, sizeof value, "%.2f s", summary->seconds);
    tile_add("", value, "run time", html);
    smt_buffer_add_text(html, "</section>\n");
}

static void chips_add(const struct html_report *report, const struct smt_summary *summary,
                      struct smt_buffer *html)
{
    smt_buffer_add_text(html, "<div class=\"tools\">\n<input type=\"search\" id=\"filter\" "
                              "placeholder=\"Filter by function, header, message ...\" "
                              "aria-label=\"Filter findings\">\n<div class=\"chips\">\n");
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (report->finding_verdicts[v])
            smt_buffer_addf(html,
                            "<button type=\"button\" class=\"chip v-%s\" data-verdict=\"%s\" "
                            "aria-pressed=\"true\" title=\"%s\">%s %zu</button>\n",
                            smt_verdicts[v].name, smt_verdicts[v].name, smt_verdicts[v].text,
                            smt_verdicts[v].name, report->finding_verdicts[v]);
    if (summary->known_findings)
        smt_buffer_addf(html,
                        "<button type=\"button\" class=\"chip\" id=\"known\" "
                        "aria-pressed=\"true\">known %zu</button>\n",
                        summary->known_findings);
    smt_buffer_add_text(html, "<button type=\"button\" class=\"chip plain\" id=\"all\">show all"
                              "</button>\n<button type=\"button\" class=\"chip plain\" "
                              "id=\"unfold\">unfold</button>\n</div>\n"
                              "<p class=\"meta\" id=\"shown\" aria-live=\"polite\"></p>\n</div>\n");
}

static void findings_add(const struct html_report *report, const struct smt_summary *summary,
                         struct smt_buffer *html)
{
    smt_buffer_add_text(html, "<section id=\"findings\">\n<h2>Findings, worst first</h2>\n");
    if (!report->finding_count) {
        smt_buffer_addf(html, "<p class=\"empty\">%s</p>\n</section>\n",
                        summary->truncated ? "None before the run stopped." : "None.");
        return;
    }
    chips_add(report, summary, html);
    smt_buffer_add(html, report->findings.data, report->findings.size);
    smt_buffer_add_text(html, "</section>\n");
}

static void fixed_add(const struct html_report *report, const struct smt_summary *summary,
                      struct smt_buffer *html)
{
    const struct smt_known_row *row;
    struct smt_buffer text;
    size_t at = 0;

    if (!summary->fixed_findings || !(row = smt_report_fixed_next(report->settings, &at))) return;
    smt_buffer_init(&text);
    smt_buffer_add_text(html, "<section>\n<h2>Known findings not seen any more</h2>\n"
                              "<pre class=\"scroll\">");
    for (; row; row = smt_report_fixed_next(report->settings, &at)) {
        smt_report_show_known_row(row, &text);
        smt_buffer_add_text(&text, "\n");
        smt_report_html_take(&text, html);
    }
    smt_buffer_add_text(html, "</pre>\n</section>\n");
}

static void html_end(struct smt_sink *sink, const struct smt_summary *summary)
{
    struct html_report *report = (struct html_report *)sink;
    struct smt_buffer html;

    smt_buffer_init(&html);
    head_add(report, &html);
    banners_add(report, summary, &html);
    tiles_add(summary, &html);
    smt_report_html_add_matrix(report, &html);
    findings_add(report, summary, &html);
    fixed_add(report, summary, &html);
    smt_report_html_add_sweeps(report, &html);
    smt_buffer_add_text(&html, "<footer>sipmemtest " SMT_VERSION "</footer>\n<script>\n");
    smt_buffer_add_text(&html, smt_report_html_script);
    smt_buffer_add_text(&html, "</script>\n</body>\n</html>\n");
    html.failed |= report->findings.failed || report->about.failed;
    smt_report_write(&report->base, &html);
}

static void html_clear(struct smt_sink *sink)
{
    struct html_report *report = (struct html_report *)sink;

    smt_buffer_clear(&report->about);
    smt_buffer_clear(&report->findings);
    smt_report_html_messages_clear(report);
}

const struct smt_report_format smt_report_html = {
    .name = "html",
    .summary = "one page with everything, for a browser",
    .callbacks =
        {
            .begin = html_begin,
            .message = smt_report_html_message,
            .mode = smt_report_html_mode,
            .finding = smt_report_html_finding,
            .end = html_end,
        },
    .size_bytes = sizeof(struct html_report),
    .clear = html_clear,
};
