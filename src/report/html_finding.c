/* report/html_finding.c - one finding of the page. */
#include "report/html.h"

#define HEX_COLUMNS 56 /* of a hexdump's row, in front of its characters */

static void stack_add(const char *heading, const struct smt_trace *trace, struct smt_buffer *html)
{
    struct smt_buffer text;

    if (!trace->count) return;
    smt_buffer_init(&text);
    smt_buffer_addf(html, "<div class=\"stack\"><h4>%s</h4><ol>\n", heading);
    for (size_t i = 0, alike; i < trace->count; i += alike) {
        alike = smt_report_frames_alike(trace, i);
        smt_buffer_addf(html, "<li data-frame=\"%zu\"><code>", i);
        smt_report_show_function(&trace->frames[i], &text);
        smt_report_html_take(&text, html);
        smt_buffer_add_text(html, "</code> <span>");
        smt_report_show_place(&trace->frames[i], &text);
        if (alike > 1) smt_buffer_addf(&text, " (%zu frames)", alike);
        smt_report_html_take(&text, html);
        smt_buffer_add_text(html, "</span></li>\n");
    }
    smt_buffer_add_text(html, "</ol></div>\n");
}

static void value_add(const char *escaped, const char *class, struct smt_buffer *html)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_addf(html, "<td class=\"%s\">", class);
    if (escaped) {
        smt_buffer_add_text(html, "<code>");
        smt_report_show_text(escaped, &text);
        smt_report_html_take(&text, html);
        smt_buffer_add_text(html, "</code>");
    }
    smt_buffer_add_text(html, "</td>");
}

static void diffs_add(const struct smt_diff_list *diff, struct smt_buffer *html)
{
    struct smt_buffer text;

    if (!diff->count) return;
    smt_buffer_init(&text);
    smt_buffer_add_text(html, "<div class=\"scroll\"><table class=\"diff\"><thead><tr><th></th>"
                              "<th>where</th><th>was</th><th>now</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < diff->count; i++) {
        const struct smt_diff *item = &diff->items[i];

        smt_buffer_addf(html, "<tr class=\"%s\"><td>%s</td><td>",
                        smt_report_show_diff_kind(item->kind),
                        smt_report_show_diff_kind(item->kind));
        smt_report_show_text(item->where, &text);
        smt_report_html_take(&text, html);
        smt_buffer_add_text(html, "</td>");
        value_add(item->was, "was", html);
        value_add(item->now, "now", html);
        smt_buffer_add_text(html, "</tr>\n");
    }
    smt_buffer_add_text(html, "</tbody></table></div>\n");
}

/* The hexdump with its bad byte, "[41]" among the columns, as a mark. */
static void hexdump_add(const struct smt_finding_block *block, struct smt_buffer *html)
{
    struct smt_buffer text;
    size_t column = 0;

    smt_buffer_init(&text);
    smt_report_show_hexdump(block, "", &text);
    smt_buffer_add_text(html, "<pre class=\"scroll\">");
    for (size_t i = 0; i < text.size; i++) {
        char c[2] = {text.data[i], '\0'};

        if (c[0] == '[' && column < HEX_COLUMNS)
            smt_buffer_add_text(html, "<mark>[");
        else if (c[0] == ']' && column <= HEX_COLUMNS)
            smt_buffer_add_text(html, "]</mark>");
        else
            smt_report_html_add(c, html);
        column = c[0] == '\n' ? 0 : column + 1;
    }
    smt_buffer_add_text(html, "</pre>\n");
    html->failed |= text.failed;
    smt_buffer_clear(&text);
}

static void block_add(const struct smt_finding_block *block, struct smt_buffer *html)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_report_show_block(block, &text);
    smt_buffer_add_text(html, "<h4>");
    smt_report_html_take(&text, html);
    smt_buffer_add_text(html, "</h4>\n");
    if (block->byte_count) hexdump_add(block, html);
    if (!block->allocated_at.count && !block->freed_at.count) return;
    smt_buffer_add_text(html, "<div class=\"stacks\">\n");
    stack_add("Allocated", &block->allocated_at, html);
    stack_add("Released", &block->freed_at, html);
    smt_buffer_add_text(html, "</div>\n");
}

static void head_add(const struct smt_finding *finding, bool is_open, struct smt_buffer *html)
{
    const char *verdict = smt_verdicts[finding->verdict].name;
    const char *summary = finding->summary && *finding->summary
                              ? finding->summary
                              : smt_verdicts[finding->verdict].text;
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_addf(html,
                    "<details class=\"finding\" data-verdict=\"%s\" data-known=\"%d\"%s>\n"
                    "<summary><span class=\"tag v-%s\">%s</span> <span class=\"what\">",
                    verdict, finding->is_known, is_open ? " open" : "", verdict, verdict);
    smt_report_show_text(summary, &text);
    smt_report_html_take(&text, html);
    smt_buffer_add_text(html, "</span> <code>");
    smt_report_show_where(finding, &text);
    smt_report_html_take(&text, html);
    smt_buffer_add_text(html, "</code> <span class=\"meta\">");
    smt_report_show_times(finding->occurrences, &text);
    smt_buffer_add_text(&text, finding->occurrences == 1 ? ", in " : ", shown by ");
    smt_report_show_bytes(finding->message, &text);
    if (finding->is_known) smt_buffer_add_text(&text, ", known");
    if (finding->is_unconfirmed) smt_buffer_add_text(&text, ", unconfirmed");
    smt_report_html_take(&text, html);
    smt_buffer_add_text(html, "</span></summary>\n<div class=\"body\">\n");
}

static void tail_add(const struct smt_finding *finding, struct smt_buffer *html)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_add_text(html, "<h4>See it again</h4>\n<pre class=\"cmd\">");
    smt_report_show_replay(finding, &text);
    smt_report_html_take(&text, html);
    smt_buffer_add_text(html, "</pre>\n<p class=\"meta\">");
    smt_report_show_bytes(finding->signature, &text);
    smt_report_html_take(&text, html);
    smt_buffer_add_text(html, "</p>\n</div></details>\n");
}

void smt_report_html_finding(struct smt_sink *sink, const struct smt_finding *finding)
{
    struct html_report *report = (struct html_report *)sink;
    struct smt_buffer *html = &report->findings;
    char heading[80];

    head_add(finding, !report->finding_count, html);
    report->finding_count++;
    report->finding_verdicts[finding->verdict]++;
    report->seen |= 1u << finding->verdict;
    smt_buffer_add_text(html, "<p class=\"help\">");
    smt_report_html_add(smt_report_show_help(finding->verdict), html);
    smt_buffer_add_text(html, "</p>\n");
    diffs_add(&finding->diff, html);
    smt_buffer_add_text(html, "<div class=\"stacks\">\n");
    snprintf(heading, sizeof heading, "Memory refused, allocation %llu (%.20s)",
             (unsigned long long)finding->allocation, finding->mode ? finding->mode : "");
    stack_add(heading, &finding->injected_at, html);
    stack_add("Memory refused again", &finding->second_at, html);
    stack_add("Failed", &finding->failed_at, html);
    smt_buffer_add_text(html, "</div>\n");
    for (size_t i = 0; i < finding->block_count; i++) block_add(&finding->blocks[i], html);
    tail_add(finding, html);
}
