/* monitor/output.h - a result as text, json, html, plot and on a terminal.
 *
 * Formats are rows of one table. Writers add to a buffer and decide nothing. */
#ifndef SMT_MONITOR_OUTPUT_H
#define SMT_MONITOR_OUTPUT_H

#include <stdio.h>

#include "monitor/watch.h"

struct smt_monitor_format {
    const char *name;
    const char *summary;
    /* `verbose` adds the full ps lines and mappings where they are optional. */
    enum smt_status (*write)(const struct smt_monitor_result *result, bool verbose,
                             struct smt_buffer *output);
};

/* The formats, ended by a row without a name. */
extern const struct smt_monitor_format smt_monitor_formats[];
const struct smt_monitor_format *smt_monitor_format_find(const char *name);

SMT_MUST_USE enum smt_status smt_monitor_text(const struct smt_monitor_result *result, bool verbose,
                                              struct smt_buffer *output);
SMT_MUST_USE enum smt_status smt_monitor_json(const struct smt_monitor_result *result, bool verbose,
                                              struct smt_buffer *output);
SMT_MUST_USE enum smt_status smt_monitor_html(const struct smt_monitor_result *result, bool verbose,
                                              struct smt_buffer *output);

/* `97 of them full: budget of 0.1 % of a core`, for a process that had brief looks, too. */
void smt_monitor_looks_text(const struct smt_monitor_result *result,
                            const struct smt_monitor_process *process, struct smt_buffer *output);

/* The picture of one process as an SVG element, for html. */
void smt_monitor_svg(const struct smt_monitor_process *process, struct smt_buffer *output);

/* Draws PATH, .svg or .png, with gnuplot (or the program named). Without one
 * the script with its data is kept in PATH.gp, and the status says so. */
SMT_MUST_USE enum smt_status smt_monitor_plot(const struct smt_monitor_result *result,
                                              const char *path, const char *gnuplot);

/* Can a plot of this name be drawn? */
bool smt_monitor_plot_is_known(const char *path);

/* Eight levels, the last `width` values, scaled between their extremes. */
void smt_monitor_sparkline(const double *values, size_t count, size_t width,
                           struct smt_buffer *output);

/* A table on a terminal, drawn over again after each look; on the clock at most
 * four times a second. */
struct smt_monitor_live {
    FILE *stream;
    size_t lines; /* drawn last time */
    uint64_t drawn_ns;
};
void smt_monitor_live_draw(struct smt_monitor_live *live, const struct smt_monitor_result *result);
void smt_monitor_live_clear(struct smt_monitor_live *live);

#endif
