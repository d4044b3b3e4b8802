#include <math.h>
#include <string.h>

#include "monitor/output.h"

/* The most lines of mapping changes and of steps in time without -v. */
#define CHANGES_SHOWN 12

const struct smt_monitor_format smt_monitor_formats[] = {
    {"text", "for the reader", smt_monitor_text},
    {"json", "every sample and the mappings of both ends", smt_monitor_json},
    {"html", "one file with the picture, the tables and the mapping changes", smt_monitor_html},
    {NULL, NULL, NULL},
};

const struct smt_monitor_format *smt_monitor_format_find(const char *name)
{
    const struct smt_monitor_format *format = smt_monitor_formats;

    while (format->name && strcmp(format->name, name) != 0) format++;
    return format->name ? format : NULL;
}

static void rate_add(double bytes, struct smt_buffer *output)
{
    if (isinf(bytes))
        smt_buffer_add_text(output, bytes < 0 ? "-inf" : "inf");
    else
        smt_monitor_size_text(bytes, output);
}

static void duration_add(double seconds, struct smt_buffer *output)
{
    if (seconds < 120)
        smt_buffer_addf(output, "%.0f s", seconds);
    else if (seconds < 7200)
        smt_buffer_addf(output, "%.0f min", seconds / 60);
    else if (seconds < 48 * 3600)
        smt_buffer_addf(output, "%.1f h", seconds / 3600);
    else
        smt_buffer_addf(output, "%.1f days", seconds / 86400);
}

static void range_add(const struct smt_monitor_sample *first, const struct smt_monitor_sample *last,
                      enum smt_monitor_judged_figure figure, struct smt_buffer *output)
{
    smt_monitor_size_text(smt_monitor_judged_value(first, figure), output);
    smt_buffer_add_text(output, " -> ");
    smt_monitor_size_text(smt_monitor_judged_value(last, figure), output);
}

/* To the byte and the block. */
static void exact_add(const struct smt_monitor_sample *first, const struct smt_monitor_sample *last,
                      struct smt_buffer *output)
{
    smt_buffer_addf(output, "%llu -> %llu byte%s, %llu -> %llu block%s",
                    (unsigned long long)first->value[SMT_MONITOR_LIVE_BYTES],
                    (unsigned long long)last->value[SMT_MONITOR_LIVE_BYTES],
                    smt_number_ending(last->value[SMT_MONITOR_LIVE_BYTES]),
                    (unsigned long long)first->value[SMT_MONITOR_LIVE_BLOCKS],
                    (unsigned long long)last->value[SMT_MONITOR_LIVE_BLOCKS],
                    smt_number_ending(last->value[SMT_MONITOR_LIVE_BLOCKS]));
}

/* One row: start, end, slope with its interval, growth in each third. */
static void figure_add(const struct smt_monitor_process *process, const char *title,
                       enum smt_monitor_judged_figure figure, struct smt_buffer *output)
{
    const struct smt_monitor_judged *judged = &process->decision.figures[figure];
    const struct smt_monitor_trend *trend = &judged->trend;

    const struct smt_monitor_sample *first, *last;

    if (!judged->present) return;
    first = smt_monitor_judged_sample(process->samples, process->count, figure, 0);
    last = smt_monitor_judged_sample(process->samples, process->count, figure, trend->samples - 1);
    smt_buffer_addf(output, "   %-15s ", title);
    if (figure == SMT_MONITOR_JUDGED_LIVE)
        exact_add(first, last, output);
    else
        range_add(first, last, figure, output);
    if (trend->samples >= 3) {
        smt_buffer_add_text(output, "   slope ");
        rate_add(trend->slope, output);
        smt_buffer_add_text(output, " a round [");
        rate_add(trend->low, output);
        smt_buffer_add_text(output, " .. ");
        rate_add(trend->high, output);
        smt_buffer_add_text(output, "]   thirds");
        for (size_t i = 0; i < 3; i++) {
            smt_buffer_add_text(output, trend->thirds[i] < 0 ? " " : " +");
            smt_monitor_size_text(trend->thirds[i], output);
        }
        if (trend->warmup) smt_buffer_addf(output, "   (warm-up: %zu dropped)", trend->warmup);
    }
    smt_buffer_add_text(output, "\n");
}

static void sparkline_add(const struct smt_monitor_process *process, struct smt_buffer *output)
{
    double values[60];
    size_t count = smt_monitor_judged_tail(process->samples, process->count, SMT_MONITOR_JUDGED_RSS,
                                           values, 60);

    smt_buffer_add_text(output, "   ");
    smt_monitor_sparkline(values, count, 60, output);
    smt_buffer_add_text(output, "\n");
}

static void changes_add(const struct smt_monitor_process *process, bool verbose,
                        struct smt_buffer *output)
{
    const struct smt_monitor_changes *changes = &process->changes;
    size_t shown = verbose || changes->count <= CHANGES_SHOWN ? changes->count : CHANGES_SHOWN;

    if (changes->count) smt_buffer_add_text(output, "   mappings, start to end:\n");
    for (size_t i = 0; i < shown; i++) {
        smt_buffer_add_text(output, "     ");
        smt_monitor_change_text(&changes->list[i], output);
        smt_buffer_add_text(output, "\n");
    }
    if (shown < changes->count)
        smt_buffer_addf(output, "     and %zu more (-v shows them)\n", changes->count - shown);
}

static void limit_add(const struct smt_monitor_result *result,
                      const struct smt_monitor_decision *decision, struct smt_buffer *output)
{
    if (decision->bytes_per_round <= 0) return;
    smt_buffer_add_text(output, "   at this rate ");
    if (decision->seconds_per_round > 0) {
        smt_monitor_size_text(decision->bytes_per_round / decision->seconds_per_round * 3600,
                              output);
        smt_buffer_add_text(output, " an hour");
    }
    if (result->options.limit_bytes) {
        smt_buffer_add_text(output, "; ");
        smt_monitor_size_text((double)result->options.limit_bytes, output);
        smt_buffer_addf(output, " resident in %llu round%s, ",
                        (unsigned long long)decision->rounds_to_limit,
                        smt_number_ending(decision->rounds_to_limit));
        duration_add(decision->seconds_to_limit, output);
    }
    smt_buffer_add_text(output, "\n");
}

static void full_add(const char *title, const char *text, struct smt_buffer *output)
{
    if (text)
        smt_buffer_addf(output, "   %s\n%s%s", title, text,
                        text[0] && text[strlen(text) - 1] == '\n' ? "" : "\n");
}

void smt_monitor_looks_text(const struct smt_monitor_result *result,
                            const struct smt_monitor_process *process, struct smt_buffer *output)
{
    smt_buffer_addf(output, "%zu of them full", process->looks[SMT_MONITOR_LOOK_FULL]);
    if (process->looks[SMT_MONITOR_LOOK_SAME])
        smt_buffer_addf(output, " and %zu of no change", process->looks[SMT_MONITOR_LOOK_SAME]);
    smt_buffer_addf(output, ": budget of %.3g %% of a core", result->options.cpu_share * 100);
}

static void process_add(const struct smt_monitor_result *result,
                        const struct smt_monitor_process *process, bool verbose,
                        struct smt_buffer *output)
{
    const struct smt_monitor_decision *decision = &process->decision;

    smt_buffer_addf(output, "%d %s: %s%s (%zu look%s", process->pid, process->name,
                    smt_monitor_verdict_text(decision->verdict), process->gone ? ", ended" : "",
                    process->count, smt_number_ending(process->count));
    if (process->looks[SMT_MONITOR_LOOK_BRIEF]) {
        smt_buffer_add_text(output, ", ");
        smt_monitor_looks_text(result, process, output);
    }
    smt_buffer_add_text(output, ")\n");
    if (process->count) {
        figure_add(process, "resident", SMT_MONITOR_JUDGED_RSS, output);
        figure_add(process, process->estimated ? "private dirty ~" : "private dirty",
                   SMT_MONITOR_JUDGED_PRIVATE, output);
        figure_add(process, "live", SMT_MONITOR_JUDGED_LIVE, output);
        sparkline_add(process, output);
    }
    smt_buffer_addf(output, "   %s\n", decision->reason);
    limit_add(result, decision, output);
    if (process->stacks) smt_buffer_addf(output, "   stacks that grow:\n%s", process->stacks);
    changes_add(process, verbose, output);
    if (!verbose) return;
    full_add("at the start:", process->ps_start, output);
    full_add("at the end:", process->ps_end, output);
    full_add("mappings at the start:", process->smaps_start, output);
    full_add("mappings at the end:", process->smaps_end, output);
}

static void all_add(const struct smt_monitor_result *result, struct smt_buffer *output)
{
    if (!result->options.all_count) return;
    smt_buffer_addf(output, "%-16s %20s %20s %12s\n", "resident memory", "start", "end", "change");
    for (size_t i = 0; i < result->options.all_count; i++) {
        const struct smt_monitor_all *all = &result->all[i];
        struct smt_buffer text[3];
        double values[3] = {(double)all->rss_start, (double)all->rss_end,
                            (double)all->rss_end - (double)all->rss_start};

        for (size_t column = 0; column < 3; column++) {
            smt_buffer_init(&text[column]);
            if (column == 2 && values[2] > 0) smt_buffer_add_text(&text[column], "+");
            smt_monitor_size_text(values[column], &text[column]);
        }
        smt_buffer_addf(&text[0], " (%zu)", all->processes_start);
        smt_buffer_addf(&text[1], " (%zu)", all->processes_end);
        smt_buffer_addf(output, "%-16s %20s %20s %12s\n", all->name, text[0].data, text[1].data,
                        text[2].data);
        for (size_t column = 0; column < 3; column++) smt_buffer_clear(&text[column]);
    }
}

enum smt_status smt_monitor_text(const struct smt_monitor_result *result, bool verbose,
                                 struct smt_buffer *output)
{
    for (size_t i = 0; i < result->event_count; i++)
        smt_buffer_addf(output, "round %llu: %s\n", (unsigned long long)result->events[i].round,
                        result->events[i].text);
    for (size_t i = 0; i < result->process_count; i++)
        process_add(result, &result->processes[i], verbose, output);
    all_add(result, output);
    if (result->abnormal) smt_buffer_addf(output, "%s\n", result->abnormal);
    if (result->interrupted) smt_buffer_add_text(output, "interrupted; results so far\n");
    smt_buffer_addf(output, "%s after %llu %s%s%s\n", smt_monitor_verdict_text(result->verdict),
                    (unsigned long long)result->rounds, result->options.step ? "round" : "tick",
                    smt_number_ending(result->rounds), result->options.step ? "" : " of the clock");
    return output->failed ? smt_fail(SMT_ENOMEM, "out of memory for the report") : SMT_OK;
}
