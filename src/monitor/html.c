#include <math.h>
#include <string.h>

#include "monitor/output.h"

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Memory monitor</title>\n<style>\n"
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:1.5rem auto;padding:0 1rem;"
    "color:#1b1f24;background:#fff}\n"
    "table{border-collapse:collapse;margin:.6rem 0}th,td{padding:.2rem .7rem;text-align:right;"
    "border-bottom:1px solid #d9dee3}th:first-child,td:first-child,.left{text-align:left}\n"
    "code,pre{font:13px/1.4 ui-monospace,monospace}pre{overflow:auto;max-height:24rem;"
    "background:#f4f6f8;padding:.6rem}\n"
    ".verdict{display:inline-block;padding:.1rem .6rem;border-radius:.3rem;color:#fff}"
    ".v0{background:#6b7280}.v1{background:#1a7f37}.v2{background:#9a6700}.v3{background:#b42318}\n"
    "svg{width:100%;height:auto;font:12px system-ui,sans-serif;fill:#444}.grid{stroke:#e3e7eb}"
    ".line{fill:none;stroke-width:2}line.fit{stroke:#111;stroke-width:1;stroke-dasharray:6 4}"
    ".band{stroke:none;opacity:.15}\n"
    ".rss{stroke:#1f77b4}.band.rss{fill:#1f77b4}.private{stroke:#d62728}.band.private{fill:#d62728}"
    ".live{stroke:#2ca02c}.band.live{fill:#2ca02c}\n"
    "</style></head><body>\n";

static void escaped_add(const char *text, struct smt_buffer *output);

/* The name of a file may be any bytes: what is no UTF-8 is shown line by line as its codes. */
static void bytes_add(const char *text, struct smt_buffer *output)
{
    struct smt_buffer line;

    smt_buffer_init(&line);
    for (size_t length; *text; text += length) {
        length = strcspn(text, "\n");
        smt_buffer_add_escaped(&line, text, length);
        if (text[length]) smt_buffer_add(&line, &text[length++], 1);
    }
    if (line.data) escaped_add(line.data, output);
    smt_buffer_clear(&line);
}

static void escaped_add(const char *text, struct smt_buffer *output)
{
    if (text && !smt_text_is_utf8(text, strlen(text))) {
        bytes_add(text, output);
        return;
    }
    for (; text && *text; text++) switch (*text) {
        case '<':
            smt_buffer_add_text(output, "&lt;");
            break;
        case '>':
            smt_buffer_add_text(output, "&gt;");
            break;
        case '&':
            smt_buffer_add_text(output, "&amp;");
            break;
        case '"':
            smt_buffer_add_text(output, "&quot;");
            break;
        default:
            smt_buffer_add(output, text, 1);
        }
}

static void element_add(const char *name, const char *text, struct smt_buffer *output)
{
    smt_buffer_addf(output, "<%s>", name);
    escaped_add(text, output);
    smt_buffer_addf(output, "</%s>\n", name);
}

static void cell_add(double bytes, bool sign, struct smt_buffer *output)
{
    smt_buffer_add_text(output, "<td>");
    if (sign && bytes > 0) smt_buffer_add_text(output, "+");
    if (isfinite(bytes))
        smt_monitor_size_text(bytes, output);
    else
        smt_buffer_add_text(output, "unknown");
    smt_buffer_add_text(output, "</td>");
}

static void badge_add(enum smt_monitor_verdict verdict, struct smt_buffer *output)
{
    smt_buffer_addf(output, "<span class=\"verdict v%d\">%s</span>", (int)verdict,
                    smt_monitor_verdict_text(verdict));
}

static void figure_cells_add(const struct smt_monitor_process *process,
                             enum smt_monitor_judged_figure figure, struct smt_buffer *output)
{
    const struct smt_monitor_judged *judged = &process->decision.figures[figure];
    size_t count = process->count;

    if (!judged->present) {
        smt_buffer_add_text(output, "<td></td><td></td><td></td>");
        return;
    }
    cell_add(smt_monitor_judged_value(smt_monitor_judged_sample(process->samples, count, figure, 0),
                                      figure),
             false, output);
    cell_add(smt_monitor_judged_value(smt_monitor_judged_sample(process->samples, count, figure,
                                                                judged->trend.samples - 1),
                                      figure),
             false, output);
    cell_add(judged->trend.slope, true, output);
}

static bool has_live(const struct smt_monitor_result *result)
{
    for (size_t i = 0; i < result->process_count; i++)
        if (result->processes[i].decision.figures[SMT_MONITOR_JUDGED_LIVE].present) return true;
    return false;
}

/* One row a process: name, verdict, start, end, slope of each figure. */
static void summary_add(const struct smt_monitor_result *result, struct smt_buffer *output)
{
    enum smt_monitor_judged_figure last =
        has_live(result) ? SMT_MONITOR_JUDGED_LIVE : SMT_MONITOR_JUDGED_PRIVATE;

    smt_buffer_add_text(output, "<table><tr><th>process</th><th class=\"left\">verdict</th>"
                                "<th>looks</th><th>resident, start</th><th>end</th><th>a round</th>"
                                "<th>private dirty, start</th><th>end</th><th>a round</th>");
    if (last == SMT_MONITOR_JUDGED_LIVE)
        smt_buffer_add_text(output, "<th>live, start</th><th>end</th><th>a round</th>");
    smt_buffer_add_text(output, "</tr>\n");
    for (size_t i = 0; i < result->process_count; i++) {
        const struct smt_monitor_process *process = &result->processes[i];

        if (!process->count) continue;
        smt_buffer_addf(output, "<tr><td>%d ", process->pid);
        escaped_add(process->name, output);
        smt_buffer_add_text(output, "</td><td class=\"left\">");
        badge_add(process->decision.verdict, output);
        smt_buffer_addf(output, "</td><td>%zu", process->count);
        if (process->looks[SMT_MONITOR_LOOK_BRIEF]) {
            smt_buffer_add_text(output, ", ");
            smt_monitor_looks_text(result, process, output);
        }
        smt_buffer_add_text(output, "</td>");
        for (enum smt_monitor_judged_figure figure = 0; figure <= last; figure++)
            figure_cells_add(process, figure, output);
        smt_buffer_add_text(output, "</tr>\n");
    }
    smt_buffer_add_text(output, "</table>\n");
}

static void all_add(const struct smt_monitor_result *result, struct smt_buffer *output)
{
    if (!result->options.all_count) return;
    smt_buffer_add_text(output, "<table><tr><th>resident memory of</th><th>start</th>"
                                "<th>processes</th><th>end</th><th>processes</th><th>change</th>"
                                "</tr>\n");
    for (size_t i = 0; i < result->options.all_count; i++) {
        const struct smt_monitor_all *all = &result->all[i];

        smt_buffer_add_text(output, "<tr><td>");
        escaped_add(all->name, output);
        smt_buffer_add_text(output, "</td>");
        cell_add((double)all->rss_start, false, output);
        smt_buffer_addf(output, "<td>%zu</td>", all->processes_start);
        cell_add((double)all->rss_end, false, output);
        smt_buffer_addf(output, "<td>%zu</td>", all->processes_end);
        cell_add((double)all->rss_end - (double)all->rss_start, true, output);
        smt_buffer_add_text(output, "</tr>\n");
    }
    smt_buffer_add_text(output, "</table>\n");
}

static void changes_add(const struct smt_monitor_changes *changes, struct smt_buffer *output)
{
    static const char *const kinds[] = {"new", "grown", "gone"};

    if (!changes->count) {
        smt_buffer_add_text(output, "<p>No mapping changed.</p>\n");
        return;
    }
    smt_buffer_add_text(output, "<table><tr><th>mappings</th><th>count</th><th>size</th>"
                                "<th>change</th><th>resident</th><th class=\"left\">what</th>"
                                "</tr>\n");
    for (size_t i = 0; i < changes->count; i++) {
        const struct smt_monitor_change *change = &changes->list[i];

        smt_buffer_addf(output, "<tr><td>%s</td><td>%zu</td>", kinds[change->kind], change->count);
        cell_add((double)change->size, false, output);
        cell_add((double)change->size_delta, true, output);
        cell_add((double)change->rss_delta, true, output);
        smt_buffer_addf(output, "<td class=\"left\"><code>%s ", change->rights);
        escaped_add(change->name, output);
        smt_buffer_add_text(output, "</code></td></tr>\n");
    }
    smt_buffer_add_text(output, "</table>\n");
}

static void details_add(const char *title, const char *text, struct smt_buffer *output)
{
    if (!text) return;
    smt_buffer_addf(output, "<details><summary>%s</summary><pre>", title);
    escaped_add(text, output);
    smt_buffer_add_text(output, "</pre></details>\n");
}

static void process_add(const struct smt_monitor_process *process, bool verbose,
                        struct smt_buffer *output)
{
    smt_buffer_addf(output, "<h2>%d ", process->pid);
    escaped_add(process->name, output);
    smt_buffer_add_text(output, " ");
    badge_add(process->decision.verdict, output);
    smt_buffer_add_text(output, "</h2>\n");
    element_add("p", process->decision.reason, output);
    smt_monitor_svg(process, output);
    if (process->stacks) {
        smt_buffer_add_text(output, "<h3>Stacks that grow</h3>");
        element_add("pre", process->stacks, output);
    }
    changes_add(&process->changes, output);
    details_add("process at the start", process->ps_start, output);
    details_add("process at the end", process->ps_end, output);
    if (!verbose) return;
    details_add("mappings at the start", process->smaps_start, output);
    details_add("mappings at the end", process->smaps_end, output);
}

enum smt_status smt_monitor_html(const struct smt_monitor_result *result, bool verbose,
                                 struct smt_buffer *output)
{
    smt_buffer_add_text(output, page_head);
    smt_buffer_add_text(output, "<h1>Memory monitor ");
    badge_add(result->verdict, output);
    smt_buffer_addf(output, "</h1>\n<p>%llu %s", (unsigned long long)result->rounds,
                    result->options.step ? "rounds of <code>" : "ticks of the clock");
    if (result->options.step) {
        escaped_add(result->options.step, output);
        smt_buffer_add_text(output, "</code>");
    }
    smt_buffer_add_text(output, result->interrupted ? "; interrupted</p>\n" : "</p>\n");
    if (result->abnormal) element_add("pre", result->abnormal, output);
    summary_add(result, output);
    all_add(result, output);
    if (result->event_count) smt_buffer_add_text(output, "<ul>\n");
    for (size_t i = 0; i < result->event_count; i++) {
        smt_buffer_addf(output, "<li>round %llu: ", (unsigned long long)result->events[i].round);
        escaped_add(result->events[i].text, output);
        smt_buffer_add_text(output, "</li>\n");
    }
    if (result->event_count) smt_buffer_add_text(output, "</ul>\n");
    for (size_t i = 0; i < result->process_count; i++)
        process_add(&result->processes[i], verbose, output);
    smt_buffer_add_text(output, "</body></html>\n");
    return output->failed ? smt_fail(SMT_ENOMEM, "out of memory for the html report") : SMT_OK;
}
