/* report/html_matrix.c - verdict by message, and each message's sweeps. */
#include <stdlib.h>
#include <string.h>

#include "report/html.h"

/* NULL when out of memory. */
static struct html_message *message_add(struct html_report *report)
{
    if (report->message_count == report->message_capacity) {
        size_t capacity = report->message_capacity ? 2 * report->message_capacity : 64;
        struct html_message *messages = realloc(report->messages, capacity * sizeof *messages);

        if (!messages) {
            report->base.out_of_memory = true;
            return NULL;
        }
        report->messages = messages;
        report->message_capacity = capacity;
    }
    memset(&report->messages[report->message_count], 0, sizeof *report->messages);
    return &report->messages[report->message_count++];
}

void smt_report_html_message(struct smt_sink *sink, const struct smt_message_report *message)
{
    struct html_report *report = (struct html_report *)sink;
    struct html_message *row = message_add(report);
    struct smt_buffer printable, name;

    if (!row) return;
    smt_buffer_init(&printable);
    smt_buffer_init(&name);
    smt_report_show_bytes(message->name, &printable);
    smt_report_html_take(&printable, &name);
    row->index = message->index;
    row->name = smt_buffer_take(&name);
    row->bytes = message->bytes;
    row->allocations = message->baseline ? message->baseline->heap.attempts : 0;
    row->accepted = message->accepted;
    row->clean_verdicts = smt_verdict_defects(message->verdicts);
    row->finished = !(message->verdicts & (SMT_VERDICT_BIT(CRASH) | SMT_VERDICT_BIT(HANG)));
    report->seen |= row->clean_verdicts;
    if (!row->name) report->base.out_of_memory = true;
}

/* The signs, equal neighbours in one element. */
static void strip_add(const char *signs, struct smt_buffer *html)
{
    smt_buffer_add_text(html, "<p class=\"strip\">");
    while (*signs) {
        size_t run = 1;
        const char *name = "unknown";
        char sign[2] = {*signs, '\0'};

        while (signs[run] == *signs) run++;
        for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
            if (smt_verdicts[v].sign == *signs) name = smt_verdicts[v].name;
        smt_buffer_addf(html, "<span class=\"v-%s\">", name);
        for (size_t i = 0; i < run; i++) smt_report_html_add(sign, html);
        smt_buffer_add_text(html, "</span>");
        signs += run;
    }
    smt_buffer_add_text(html, "</p>\n");
}

void smt_report_html_mode(struct smt_sink *sink, const struct smt_mode_report *mode)
{
    struct html_report *report = (struct html_report *)sink;
    struct html_message *row = NULL;
    struct smt_buffer text;

    for (size_t i = report->message_count; i-- > 0 && !row;)
        if (report->messages[i].index == mode->index) row = &report->messages[i];
    if (!row) return;
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++) {
        row->counts[v] += mode->counts[v];
        if (mode->counts[v]) report->seen |= 1u << v;
    }
    row->injections += mode->injections;
    smt_buffer_init(&text);
    smt_report_show_mode(mode->mode, report->settings, &text);
    smt_buffer_add_text(&row->sweeps, "<p class=\"mode\"><b>");
    smt_report_html_take(&text, &row->sweeps);
    smt_buffer_add_text(&row->sweeps, "</b> ");
    if (mode->injections)
        smt_report_show_counts(mode->counts, &text);
    else
        smt_buffer_add_text(&text, "nothing refused");
    if (mode->skipped) smt_buffer_addf(&text, "; %llu left out", (unsigned long long)mode->skipped);
    smt_report_html_take(&text, &row->sweeps);
    smt_buffer_add_text(&row->sweeps, "</p>\n");
    if (mode->injections) strip_add(mode->signs, &row->sweeps);
}

void smt_report_html_messages_clear(struct html_report *report)
{
    for (size_t i = 0; i < report->message_count; i++) {
        free(report->messages[i].name);
        smt_buffer_clear(&report->messages[i].sweeps);
    }
    free(report->messages);
}

/* --- the sections -------------------------------------------------------------- */

static void matrix_head(const struct html_report *report, struct smt_buffer *html)
{
    smt_buffer_add_text(html, "<thead><tr><th scope=\"col\">message</th>"
                              "<th scope=\"col\" class=\"n\">allocations</th>");
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++) {
        const struct smt_verdict_row *row = &smt_verdicts[v];

        if (!(report->seen & (1u << v))) continue;
        smt_buffer_addf(html, "<th scope=\"col\" class=\"n\" title=\"%s\">", row->text);
        if (report->finding_verdicts[v])
            smt_buffer_addf(html, "<button type=\"button\" data-only=\"%s\">%s</button></th>",
                            row->name, row->name);
        else
            smt_buffer_addf(html, "%s</th>", row->name);
    }
    smt_buffer_add_text(html, "</tr></thead>\n");
}

/* A cell is tinted by the share of the injections that ended like this. */
static void matrix_cell(const struct html_message *row, unsigned v, struct smt_buffer *html)
{
    bool in_clean_run = row->clean_verdicts & (1u << v);
    unsigned share = row->injections ? (unsigned)(10 + 60 * row->counts[v] / row->injections) : 10;

    if (!row->counts[v] && !in_clean_run) {
        smt_buffer_add_text(html, "<td class=\"n none\">&middot;</td>");
        return;
    }
    smt_buffer_addf(html, "<td class=\"n v-%s\" style=\"--share:%u%%\">", smt_verdicts[v].name,
                    in_clean_run ? 70 : share);
    if (in_clean_run) smt_buffer_add_text(html, "<b title=\"without any refusal\">clean run</b> ");
    if (row->counts[v]) smt_buffer_addf(html, "%llu", (unsigned long long)row->counts[v]);
    smt_buffer_add_text(html, "</td>");
}

void smt_report_html_add_matrix(const struct html_report *report, struct smt_buffer *html)
{
    if (!report->message_count) return;
    smt_buffer_add_text(html,
                        "<section>\n<h2>Verdict by message</h2>\n"
                        "<p class=\"hint\">Injections by the verdict that names them; a "
                        "verdict's name shows its findings.</p>\n"
                        "<div class=\"scroll tall\" tabindex=\"0\"><table class=\"matrix\">\n");
    matrix_head(report, html);
    smt_buffer_add_text(html, "<tbody>\n");
    for (size_t i = 0; i < report->message_count; i++) {
        const struct html_message *row = &report->messages[i];

        smt_buffer_addf(html,
                        "<tr><th scope=\"row\"><span class=\"no\">%zu</span> %s%s</th>"
                        "<td class=\"n\">%llu</td>",
                        row->index, row->name ? row->name : "",
                        row->accepted   ? ""
                        : row->finished ? " <i>rejected</i>"
                                        : " <i>not finished</i>",
                        (unsigned long long)row->allocations);
        for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
            if (report->seen & (1u << v)) matrix_cell(row, v, html);
        smt_buffer_add_text(html, "</tr>\n");
    }
    smt_buffer_add_text(html, "</tbody></table></div>\n</section>\n");
}

void smt_report_html_add_sweeps(const struct html_report *report, struct smt_buffer *html)
{
    bool has_sweeps = false;

    for (size_t i = 0; i < report->message_count; i++)
        has_sweeps |= report->messages[i].sweeps.size > 0;
    if (!has_sweeps) return;
    smt_buffer_add_text(html, "<section>\n<h2>Sweeps</h2>\n<p class=\"hint\">One sign for each "
                              "refused allocation, in order.</p>\n<p class=\"legend\">");
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (report->seen & (1u << v))
            smt_buffer_addf(html,
                            "<span title=\"%s\"><span class=\"sign v-%s\">%c</span> %s</span>\n",
                            smt_verdicts[v].text, smt_verdicts[v].name, smt_verdicts[v].sign,
                            smt_verdicts[v].name);
    smt_buffer_add_text(html, "</p>\n");
    for (size_t i = 0; i < report->message_count; i++) {
        const struct html_message *row = &report->messages[i];

        if (!row->sweeps.size) continue;
        smt_buffer_addf(html,
                        "<details%s><summary>%s <span class=\"meta\">%zu byte%s, %llu "
                        "allocation%s, %s</span></summary>\n",
                        report->message_count == 1 ? " open" : "", row->name ? row->name : "",
                        row->bytes, smt_number_ending(row->bytes),
                        (unsigned long long)row->allocations, smt_number_ending(row->allocations),
                        row->accepted   ? "accepted"
                        : row->finished ? "rejected"
                                        : "not finished");
        smt_buffer_add(html, row->sweeps.data, row->sweeps.size);
        smt_buffer_add_text(html, "</details>\n");
    }
    smt_buffer_add_text(html, "</section>\n");
}
