/* monitor/svg.c - the trend of one process as an SVG element. No library: a
 * report must open anywhere, with gnuplot or without. */
#include <math.h>
#include <string.h>

#include "monitor/output.h"

#define WIDTH  860.0
#define HEIGHT 210.0
#define LEFT   92.0
#define RIGHT  14.0
#define TOP    26.0
#define BOTTOM 26.0

/* From rounds and bytes to the picture. */
struct scale {
    double x_low, x_high, y_low, y_high;
};

static const struct curve {
    enum smt_monitor_judged_figure figure;
    const char *title, *class_name;
    double least_range; /* a flat line shall look flat: never less from bottom to top */
} curves[] = {
    {SMT_MONITOR_JUDGED_RSS, "resident", "rss", 262144},
    {SMT_MONITOR_JUDGED_PRIVATE, "private dirty", "private", 262144},
    {SMT_MONITOR_JUDGED_LIVE, "live (exact)", "live", 1024},
};

#define CURVES (sizeof(curves) / sizeof(*curves))

static double scale_x(const struct scale *scale, double x)
{
    return LEFT + (x - scale->x_low) / (scale->x_high - scale->x_low) * (WIDTH - LEFT - RIGHT);
}

static double scale_y(const struct scale *scale, double y)
{
    return HEIGHT - BOTTOM -
           (y - scale->y_low) / (scale->y_high - scale->y_low) * (HEIGHT - TOP - BOTTOM);
}

static struct scale scale_find(const struct smt_monitor_process *process, const struct curve *curve)
{
    struct scale scale = {.x_low = (double)process->samples[0].round,
                          .x_high = (double)process->samples[process->count - 1].round};

    if (scale.x_high <= scale.x_low) scale.x_high = scale.x_low + 1;
    smt_monitor_judged_range(process->samples, process->count, curve->figure, curve->least_range,
                             &scale.y_low, &scale.y_high);
    return scale;
}

/* A round distance between about four lines: a power of two for bytes. */
static double bytes_step(double range)
{
    double step = 32;

    while (step * 5 < range) step *= 2;
    return step;
}

/* The same for rounds: 1, 2 or 5 times a power of ten. */
static double rounds_step(double range)
{
    static const double factors[] = {1, 2, 5};

    for (double unit = 1;; unit *= 10)
        for (size_t i = 0; i < 3; i++)
            if (unit * factors[i] * 8 >= range) return unit * factors[i];
}

/* In the unit that tells neighbouring lines apart. */
static void label_add(double y, double step, struct smt_buffer *output)
{
    if (step < 1024)
        smt_buffer_addf(output, "%.0f", y);
    else if (step < 1048576)
        smt_buffer_addf(output, "%.0fK", y / 1024);
    else
        smt_buffer_addf(output, "%.0fM", y / 1048576);
}

static void grid_add(const struct scale *scale, struct smt_buffer *output)
{
    double step = bytes_step(scale->y_high - scale->y_low);

    for (double y = ceil(scale->y_low / step) * step; y <= scale->y_high; y += step) {
        smt_buffer_addf(output,
                        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
                        LEFT, WIDTH - RIGHT, scale_y(scale, y), scale_y(scale, y), LEFT - 6,
                        scale_y(scale, y) + 4);
        label_add(y, step, output);
        smt_buffer_add_text(output, "</text>\n");
    }
    step = rounds_step(scale->x_high - scale->x_low);
    for (double x = ceil(scale->x_low / step) * step; x <= scale->x_high; x += step)
        smt_buffer_addf(output, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f</text>\n",
                        scale_x(scale, x), HEIGHT - BOTTOM + 18, x);
}

/* The fitted slope and its interval, which turns around the middle. */
static void fit_add(const struct smt_monitor_process *process, const struct curve *curve,
                    const struct scale *scale, struct smt_buffer *output)
{
    const struct smt_monitor_trend *trend = &process->decision.figures[curve->figure].trend;
    double from, middle, level, reach;

    if (trend->samples < 3) return;
    from = (double)smt_monitor_judged_sample(process->samples, process->count, curve->figure,
                                             trend->warmup)
               ->round;
    middle = (from + scale->x_high) / 2;
    level = trend->level + trend->slope * middle;
    reach = scale->x_high - middle;
    if (isfinite(trend->low) && isfinite(trend->high))
        smt_buffer_addf(output,
                        "<path class=\"band %s\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f "
                        "%.1fL%.1f %.1fZ\"/>\n",
                        curve->class_name, scale_x(scale, from),
                        scale_y(scale, level - reach * trend->low), scale_x(scale, middle),
                        scale_y(scale, level), scale_x(scale, scale->x_high),
                        scale_y(scale, level + reach * trend->high), scale_x(scale, scale->x_high),
                        scale_y(scale, level + reach * trend->low), scale_x(scale, middle),
                        scale_y(scale, level), scale_x(scale, from),
                        scale_y(scale, level - reach * trend->high));
    smt_buffer_addf(
        output, "<line class=\"fit %s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
        curve->class_name, scale_x(scale, from), scale_y(scale, level - reach * trend->slope),
        scale_x(scale, scale->x_high), scale_y(scale, level + reach * trend->slope));
}

static void curve_add(const struct smt_monitor_process *process, const struct curve *curve,
                      const struct scale *scale, struct smt_buffer *output)
{
    smt_buffer_addf(output, "<polyline class=\"line %s\" points=\"", curve->class_name);
    for (size_t i = 0; i < process->count; i++) {
        const struct smt_monitor_sample *sample = &process->samples[i];

        if (!smt_monitor_judged_has(sample, curve->figure)) continue;
        smt_buffer_addf(output, "%.1f,%.1f ", scale_x(scale, (double)sample->round),
                        scale_y(scale, smt_monitor_judged_value(sample, curve->figure)));
    }
    smt_buffer_add_text(output, "\"/>\n");
}

/* Each figure has its own scale: on a common one no slope is steep enough to be
 * seen. */
static void panel_add(const struct smt_monitor_process *process, const struct curve *curve,
                      struct smt_buffer *output)
{
    struct scale scale = scale_find(process, curve);

    smt_buffer_addf(output,
                    "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s a round\">\n"
                    "<clipPath id=\"c%d-%zu-%s\"><rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" "
                    "height=\"%.0f\"/></clipPath>\n",
                    WIDTH, HEIGHT, curve->title, process->pid, process->count, curve->class_name,
                    LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    grid_add(&scale, output);
    smt_buffer_addf(output, "<g clip-path=\"url(#c%d-%zu-%s)\">\n", process->pid, process->count,
                    curve->class_name);
    fit_add(process, curve, &scale, output);
    curve_add(process, curve, &scale, output);
    smt_buffer_addf(output,
                    "</g>\n<line class=\"line %s\" x1=\"%.0f\" x2=\"%.0f\" y1=\"12\" "
                    "y2=\"12\"/><text x=\"%.0f\" y=\"16\">%s</text>\n</svg>\n",
                    curve->class_name, LEFT, LEFT + 20, LEFT + 26, curve->title);
}

void smt_monitor_svg(const struct smt_monitor_process *process, struct smt_buffer *output)
{
    for (size_t c = 0; process->count && c < CURVES; c++)
        if (process->decision.figures[curves[c].figure].present)
            panel_add(process, &curves[c], output);
}
