#include "cli/cli_progress.h"

#include <stdio.h>

#define BAR_CELLS   30u
#define INTERVAL_NS 100000000u /* ten times a second is as fast as one reads */

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

static void bar_draw(uint64_t done, uint64_t total, uint64_t seconds)
{
    static const char cells[] = "##############################";
    uint64_t filled = total ? done * BAR_CELLS / total : 0;

    if (filled > BAR_CELLS) filled = BAR_CELLS;
    fprintf(stderr, "\r[%-*.*s] %llu of %llu, %llu s\033[K", (int)BAR_CELLS, (int)filled, cells,
            (unsigned long long)done, (unsigned long long)total, (unsigned long long)seconds);
    fflush(stderr);
}

static void progress_tell(struct smt_sink *sink, uint64_t done, uint64_t total)
{
    struct smt_cli_progress *progress = whole(sink);
    uint64_t now = smt_clock_ns();

    if (now - progress->drawn_ns < INTERVAL_NS) return;
    fflush(stdout); /* else lines kept back would later land behind the bar */
    bar_draw(done, total, (now - progress->started_ns) / 1000000000u);
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

void smt_cli_progress_init(struct smt_cli_progress *progress)
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
    };
    progress->drawn_ns = progress->started_ns; /* none for what takes no time */
}
