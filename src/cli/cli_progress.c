#include "cli/cli_progress.h"

#include <stdio.h>

#define BAR_CELLS   30u
#define INTERVAL_NS 100000000u /* ten times a second is as fast as one reads */
#define LONG_S      60
#define PACE_S      3 /* from here on the pace so far says something */

static struct smt_cli_progress *whole(struct smt_sink *sink)
{
    return (struct smt_cli_progress *)sink;
}

void smt_cli_progress_erase(struct smt_cli_progress *progress)
{
    if (!progress->is_drawn) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->is_drawn = false;
}

/* The part of all messages that is done, each counting the same. */
static double done_part(const struct smt_progress *at)
{
    double part = at->runs_planned ? (double)at->runs_done / (double)at->runs_planned : 0;

    return at->messages ? ((double)at->messages_done + part) / (double)at->messages : 0;
}

static void bar_draw(const struct smt_progress *at, uint64_t seconds)
{
    static const char cells[] = "##############################";
    unsigned filled = (unsigned)(done_part(at) * BAR_CELLS);

    if (filled > BAR_CELLS) filled = BAR_CELLS;
    fprintf(stderr, "\r[%-*.*s] ", (int)BAR_CELLS, (int)filled, cells);
    if (at->messages > 1) fprintf(stderr, "%zu of %zu, ", at->messages_done, at->messages);
    if (at->runs_planned)
        fprintf(stderr, "%llu of %llu injections, ", (unsigned long long)at->runs_done,
                (unsigned long long)at->runs_planned);
    fprintf(stderr, "%llu s\033[K", (unsigned long long)seconds);
    fflush(stderr);
}

/* At first by what the clean run of the message took, then by the pace so far. */
static void long_note(struct smt_cli_progress *progress, const struct smt_progress *at,
                      double seconds)
{
    double part = done_part(at), expected_s = at->expected_s;

    if (seconds > PACE_S && part > 0 && seconds / part > expected_s) expected_s = seconds / part;
    if (!progress->has_note || expected_s <= LONG_S) return;
    progress->has_note = false;
    smt_cli_progress_erase(progress);
    fprintf(stderr,
            "sipmemtest: note: this may take %.0f minutes; --oom-budget and --jobs make it "
            "shorter\n",
            expected_s / 60);
}

static void progress_tell(struct smt_sink *sink, const struct smt_progress *at)
{
    struct smt_cli_progress *progress = whole(sink);
    uint64_t now = smt_clock_ns(), used = now - progress->started_ns;

    long_note(progress, at, (double)used / 1e9);
    if (!progress->has_bar || now - progress->drawn_ns < INTERVAL_NS) return;
    fflush(stdout); /* else lines kept back would later land behind the bar */
    bar_draw(at, used / 1000000000u);
    progress->drawn_ns = now;
    progress->is_drawn = true;
}

/* Every kind of line takes the bar away first. */
#define ERASER(name, type)                                                                         \
    static void name(struct smt_sink *sink, const struct type *report)                             \
    {                                                                                              \
        (void)report;                                                                              \
        smt_cli_progress_erase(whole(sink));                                                       \
    }
ERASER(message_erase, smt_message_report)
ERASER(mode_erase, smt_mode_report)
ERASER(injection_erase, smt_injection_report)
ERASER(finding_erase, smt_finding)
ERASER(site_erase, smt_site_report)
ERASER(end_erase, smt_summary)

void smt_cli_progress_init(struct smt_cli_progress *progress, bool bar, bool note)
{
    *progress = (struct smt_cli_progress){
        .sink = {.message = message_erase,
                 .mode = mode_erase,
                 .injection = injection_erase,
                 .finding = finding_erase,
                 .site = site_erase,
                 .end = end_erase,
                 .progress = progress_tell},
        .started_ns = smt_clock_ns(),
        .has_bar = bar,
        .has_note = note,
    };
    progress->drawn_ns = progress->started_ns; /* none for what takes no time */
}
