#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "monitor/output.h"

#define SPARK_WIDTH 30
#define ROWS_MOST   12
/* Columns beside the sparkline, without and with live bytes, and what may follow it. */
#define TABLE_WIDTH (7 + 1 + 15 + 3 * 10 + 1)
#define LIVE_WIDTH  13
#define ENDED       " ended"
#define DRAW_NS     ((uint64_t)250000000)

void smt_monitor_sparkline(const double *values, size_t count, size_t width,
                           struct smt_buffer *output)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t from = count > width ? count - width : 0;
    double low, high;

    if (!count || !width) return;
    low = high = values[from];
    for (size_t i = from; i < count; i++) {
        if (values[i] < low) low = values[i];
        if (values[i] > high) high = values[i];
    }
    for (size_t i = from; i < count; i++)
        smt_buffer_add_text(
            output, bars[high > low ? (size_t)((values[i] - low) / (high - low) * 7.999) : 0]);
}

static void cell_add(double bytes, const char *sign, struct smt_buffer *row)
{
    struct smt_buffer cell;

    smt_buffer_init(&cell);
    smt_buffer_add_text(&cell, sign);
    smt_monitor_size_text(bytes, &cell);
    smt_buffer_addf(row, " %9s", cell.data ? cell.data : "");
    smt_buffer_clear(&cell);
}

/* The terminal may have become another size since the last time. */
static struct winsize window_of(FILE *stream)
{
    struct winsize window = {0};

    if (ioctl(fileno(stream), TIOCGWINSZ, &window) != 0 || !window.ws_col) window.ws_col = 80;
    if (!window.ws_row) window.ws_row = 24;
    return window;
}

/* What the terminal has room for. */
static size_t spark_width(size_t columns, bool with_live)
{
    size_t used = TABLE_WIDTH + (with_live ? LIVE_WIDTH : 0) + strlen(ENDED);
    size_t left = columns > used ? columns - used : 0;

    return left < SPARK_WIDTH ? left : SPARK_WIDTH;
}

static void row_add(const struct smt_monitor_process *process, bool with_live, size_t spark,
                    struct smt_buffer *row)
{
    const struct smt_monitor_sample *last = &process->samples[process->count - 1], *read = last;
    double values[SPARK_WIDTH], change;
    size_t count = smt_monitor_judged_tail(process->samples, process->count, SMT_MONITOR_JUDGED_RSS,
                                           values, SPARK_WIDTH);

    while (!smt_monitor_judged_has(read, SMT_MONITOR_JUDGED_RSS)) read--; /* the first has */
    change =
        values[count - 1] - smt_monitor_judged_value(&process->samples[0], SMT_MONITOR_JUDGED_RSS);
    smt_buffer_addf(row, "%7d %-15.15s", process->pid, process->name);
    cell_add((double)read->value[SMT_MONITOR_RSS], "", row);
    cell_add((double)read->value[SMT_MONITOR_PRIVATE], "", row);
    if (with_live && smt_monitor_sample_has(last, SMT_MONITOR_LIVE_BYTES))
        smt_buffer_addf(row, " %12llu", (unsigned long long)last->value[SMT_MONITOR_LIVE_BYTES]);
    else if (with_live)
        smt_buffer_addf(row, " %12s", "-");
    cell_add(change, change > 0 ? "+" : "", row);
    smt_buffer_add_text(row, " ");
    smt_monitor_sparkline(values, count, spark, row);
    smt_buffer_add_text(row, process->gone ? ENDED "\n" : "\n");
}

static bool has_live(const struct smt_monitor_process *process)
{
    return process->count &&
           smt_monitor_sample_has(&process->samples[process->count - 1], SMT_MONITOR_LIVE_BYTES);
}

void smt_monitor_live_clear(struct smt_monitor_live *live)
{
    if (live->lines) fprintf(live->stream, "\033[%zuA\033[J", live->lines);
    live->lines = 0;
    fflush(live->stream);
}

/* One line too many or too long would scroll, and the next table not meet this one. */
void smt_monitor_live_draw(struct smt_monitor_live *live, const struct smt_monitor_result *result)
{
    struct winsize window = window_of(live->stream);
    size_t rows = window.ws_row > 4 + ROWS_MOST ? ROWS_MOST
                  : window.ws_row > 5           ? window.ws_row - 4
                                                : 1;
    size_t lines = 2, skip = result->process_count > rows ? result->process_count - rows : 0;
    struct smt_buffer text;
    bool with_live = false;

    if (live->lines && !result->options.step && smt_clock_ns() - live->drawn_ns < DRAW_NS) return;
    live->drawn_ns = smt_clock_ns();
    smt_buffer_init(&text);
    if (live->lines) smt_buffer_addf(&text, "\033[%zuA\033[J", live->lines);
    smt_buffer_addf(&text, "\033[?7l" /* no wrapping */ "round %llu",
                    (unsigned long long)result->rounds);
    if (result->options.step)
        smt_buffer_addf(&text, " of %llu", (unsigned long long)result->options.rounds);
    for (size_t i = 0; i < result->process_count; i++)
        with_live = with_live || has_live(&result->processes[i]);
    smt_buffer_addf(&text, "\n%7s %-15s %9s %9s", "pid", "name", "resident", "private");
    if (with_live) smt_buffer_addf(&text, " %12s", "live bytes");
    smt_buffer_addf(&text, " %9s\n", "change");
    for (size_t i = skip; i < result->process_count; i++)
        if (result->processes[i].count) {
            row_add(&result->processes[i], with_live, spark_width(window.ws_col, with_live), &text);
            lines++;
        }
    smt_buffer_add_text(&text, "\033[?7h");
    if (!text.failed) fputs(text.data, live->stream);
    fflush(live->stream);
    live->lines = lines;
    smt_buffer_clear(&text);
}
