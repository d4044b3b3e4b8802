/* monitor/svg.c - the trend of one process as an SVG element. No library: a
 * report must open anywhere, with gnuplot or without. */
#include <math.h>
#include <string.h>

#include "monitor/output.h"

#define WIDTH  860.0
#define HEIGHT 280.0
#define LEFT   76.0
#define RIGHT  14.0
#define TOP    14.0
#define BOTTOM 34.0

/* From rounds and bytes to the picture. */
struct scale {
    double x_low, x_high, y_low, y_high;
};

static const struct curve {
    enum smt_monitor_judged_figure figure;
    const char *title, *class_name;
} curves[] = {
    {SMT_MONITOR_JUDGED_RSS, "resident", "rss"},
    {SMT_MONITOR_JUDGED_PRIVATE, "private dirty", "private"},
    {SMT_MONITOR_JUDGED_LIVE, "live (exact)", "live"},
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

static struct scale scale_find(const struct smt_monitor_process *process)
{
    struct scale scale = {.x_low = (double)process->samples[0].round,
                          .x_high = (double)process->samples[process->count - 1].round,
                          .y_low = INFINITY,
                          .y_high = 0};
    double room;

    for (size_t c = 0; c < CURVES; c++)
        for (size_t i = 0;
             process->decision.figures[curves[c].figure].present && i < process->count; i++) {
            double y = smt_monitor_judged_value(&process->samples[i], curves[c].figure);

            scale.y_low = fmin(scale.y_low, y);
            scale.y_high = fmax(scale.y_high, y);
        }
    if (scale.x_high <= scale.x_low) scale.x_high = scale.x_low + 1;
    /* A flat line shall look flat: never less than 64 pages from bottom to top. */
    room = fmax((scale.y_high - scale.y_low) * 0.05, (262144 - (scale.y_high - scale.y_low)) / 2);
    scale.y_low = fmax(0, scale.y_low - room);
    scale.y_high += room;
    return scale;
}

/* A round distance between about six lines: a power of two for bytes. */
static double bytes_step(double range)
{
    double step = 1024;

    while (step * 7 < range) step *= 2;
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

static void grid_add(const struct scale *scale, struct smt_buffer *output)
{
    double step = bytes_step(scale->y_high - scale->y_low);

    for (double y = ceil(scale->y_low / step) * step; y <= scale->y_high; y += step) {
        smt_buffer_addf(output,
                        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
                        LEFT, WIDTH - RIGHT, scale_y(scale, y), scale_y(scale, y), LEFT - 6,
                        scale_y(scale, y) + 4);
        smt_monitor_size_text(y, output);
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
    from = (double)process->samples[trend->warmup].round;
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
    for (size_t i = 0; i < process->count; i++)
        smt_buffer_addf(
            output, "%.1f,%.1f ", scale_x(scale, (double)process->samples[i].round),
            scale_y(scale, smt_monitor_judged_value(&process->samples[i], curve->figure)));
    smt_buffer_add_text(output, "\"/>\n");
}

void smt_monitor_svg(const struct smt_monitor_process *process, struct smt_buffer *output)
{
    struct scale scale;
    double key = LEFT + 10;

    if (!process->count) return;
    scale = scale_find(process);
    smt_buffer_addf(output,
                    "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"memory a round\">\n"
                    "<clipPath id=\"c%d-%zu\"><rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" "
                    "height=\"%.0f\"/></clipPath>\n",
                    WIDTH, HEIGHT, process->pid, process->count, LEFT, TOP, WIDTH - LEFT - RIGHT,
                    HEIGHT - TOP - BOTTOM);
    grid_add(&scale, output);
    smt_buffer_addf(output, "<g clip-path=\"url(#c%d-%zu)\">\n", process->pid, process->count);
    for (size_t c = 0; c < CURVES; c++)
        if (process->decision.figures[curves[c].figure].present) {
            fit_add(process, &curves[c], &scale, output);
            curve_add(process, &curves[c], &scale, output);
        }
    smt_buffer_add_text(output, "</g>\n");
    for (size_t c = 0; c < CURVES; c++)
        if (process->decision.figures[curves[c].figure].present) {
            smt_buffer_addf(output,
                            "<line class=\"line %s\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.0f\" "
                            "y2=\"%.0f\"/><text x=\"%.0f\" y=\"%.0f\">%s</text>\n",
                            curves[c].class_name, key, key + 20, HEIGHT - 6, HEIGHT - 6, key + 26,
                            HEIGHT - 2, curves[c].title);
            key += 120;
        }
    smt_buffer_add_text(output, "</svg>\n");
}
