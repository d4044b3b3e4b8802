#include "monitor/trend.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Fewest samples after the warm-up that may be called a rise. */
#define TREND_LEAST_KEPT 10
/* Fewest separate rises: a staircase of pages shows its tread only then. */
#define TREND_LEAST_RISES 5
/* Least growth, in quanta: allocators and thread stacks touch a handful of new
 * pages now and then in the healthiest of programs. */
#define TREND_GROWTH_LEAST 16
/* Parts whose steps must agree (see series_drift), and by how much: about the
 * 99 % point of Student's t with 7 degrees of freedom. */
#define TREND_DRIFT_BLOCKS 9
#define TREND_DRIFT_LEAST  3.0
/* Samples are uneven when the longest gap is so many times the mean one; they are
 * then weighed by time, in no fewer parts than this. */
#define TREND_GAP_MOST    4.0
#define TREND_PARTS_LEAST 60
/* What each third must contribute, of an even share of the growth. */
#define TREND_THIRD_LEAST 0.4
/* Parts whose steps are compared for growth that slows down, how much smaller they must be in the
 * last third than in the middle one, and how sure that must be: the 99.9 % point of Student's t. */
#define TREND_SLOWING_PARTS      24
#define TREND_SLOWING_LEAST_KEPT 16
#define TREND_SLOWING_MOST       0.85
#define TREND_SLOWING_LEAST      3.5
/* The most that one move may contribute to the growth. */
#define TREND_JUMP_MOST 0.4

const struct smt_monitor_trend_rules smt_monitor_page_rules = {4096, 0.5, 0.99};
const struct smt_monitor_trend_rules smt_monitor_byte_rules = {1, 0, 0.99};

/* The series being worked on: at most SMT_MONITOR_TREND_POINTS block medians. */
struct series {
    double x[SMT_MONITOR_TREND_POINTS];
    double y[SMT_MONITOR_TREND_POINTS];
    double residual[SMT_MONITOR_TREND_POINTS];
    size_t start[SMT_MONITOR_TREND_POINTS]; /* first sample of the block */
    size_t count;
    double *slopes; /* room for all pairs */
};

static int double_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

double smt_monitor_median(double *values, size_t count)
{
    if (!count) return 0;
    qsort(values, count, sizeof(*values), double_compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double median_copy(const double *values, size_t count)
{
    double copy[SMT_MONITOR_TREND_POINTS];

    memcpy(copy, values, count * sizeof(*copy));
    return smt_monitor_median(copy, count);
}

/* Parts of the run as long as the longest gap, so that few are empty. */
static size_t series_parts(double span, double gap, size_t count)
{
    size_t most = count < SMT_MONITOR_TREND_POINTS ? count : SMT_MONITOR_TREND_POINTS;
    size_t least = count < TREND_PARTS_LEAST ? count : TREND_PARTS_LEAST;
    size_t parts = (size_t)(span / gap) + 1;

    return parts < least ? least : parts > most ? most : parts;
}

/* Cuts the samples into blocks: by number where they come evenly, else by time.
 * What follows takes a third of the blocks for a third of the run, and a budget
 * lets samples come ever less often while a process grows. */
static void series_cut(struct series *series, const double *x, size_t count)
{
    double gap = 0, span = x[count - 1] - x[0];
    size_t parts, part, last = SIZE_MAX;

    for (size_t i = 1; i < count; i++) gap = fmax(gap, x[i] - x[i - 1]);
    if (gap * (double)(count - 1) <= TREND_GAP_MOST * span) {
        series->count = count < SMT_MONITOR_TREND_POINTS ? count : SMT_MONITOR_TREND_POINTS;
        for (size_t i = 0; i < series->count; i++) series->start[i] = i * count / series->count;
        return;
    }
    parts = series_parts(span, gap, count);
    series->count = 0;
    for (size_t i = 0; i < count; i++) {
        part = (size_t)((x[i] - x[0]) / span * (double)parts);
        if (part >= parts) part = parts - 1;
        if (part != last) series->start[series->count++] = i;
        last = part;
    }
}

/* Reduces the points to block medians: pairs grow with the square. */
static enum smt_status series_load(struct series *series, const double *x, const double *y,
                                   size_t count)
{
    double *scratch = malloc(count * sizeof(*scratch));
    size_t blocks;

    series_cut(series, x, count);
    blocks = series->count;
    series->slopes = malloc(blocks * (blocks - 1) / 2 * sizeof(*series->slopes));
    if (!scratch || !series->slopes) {
        free(scratch);
        free(series->slopes);
        return smt_fail(SMT_ENOMEM, "out of memory for a series of %zu samples", count);
    }
    for (size_t block = 0; block < blocks; block++) {
        size_t from = series->start[block];
        size_t to = block + 1 < blocks ? series->start[block + 1] : count;
        double sum = 0;

        for (size_t i = from; i < to; i++) sum += x[i];
        series->x[block] = sum / (double)(to - from);
        memcpy(scratch, y + from, (to - from) * sizeof(*scratch));
        series->y[block] = smt_monitor_median(scratch, to - from);
    }
    free(scratch);
    return SMT_OK;
}

/* Slopes of all pairs from `from` on, sorted; returns how many. */
static size_t series_slopes(struct series *series, size_t from)
{
    size_t pairs = 0;

    for (size_t i = from; i < series->count; i++)
        for (size_t j = i + 1; j < series->count; j++)
            series->slopes[pairs++] = (series->y[j] - series->y[i]) / (series->x[j] - series->x[i]);
    qsort(series->slopes, pairs, sizeof(*series->slopes), double_compare);
    return pairs;
}

static double sorted_middle(const double *values, size_t count)
{
    if (!count) return 0;
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Level of the line of this slope through the points from `from` on (the
 * median of what is left); fills in the residuals of all points. */
static double series_level(struct series *series, size_t from, double slope)
{
    double level;

    for (size_t i = 0; i < series->count; i++)
        series->residual[i] = series->y[i] - slope * series->x[i];
    level = median_copy(series->residual + from, series->count - from);
    for (size_t i = 0; i < series->count; i++) series->residual[i] -= level;
    return level;
}

static double series_noise(const struct series *series, size_t from)
{
    double size[SMT_MONITOR_TREND_POINTS];

    for (size_t i = from; i < series->count; i++) size[i - from] = fabs(series->residual[i]);
    return 1.4826 * smt_monitor_median(size, series->count - from);
}

/* Where the warm-up ends: the line of the second half, drawn to the front, is
 * met there within three times the noise and one quantum. */
static size_t series_warmup(struct series *series, double quantum)
{
    size_t half = series->count / 2, pairs = series_slopes(series, half), at;
    double tolerance;

    series_level(series, half, sorted_middle(series->slopes, pairs));
    tolerance = 3 * series_noise(series, half) + quantum;
    for (at = 0; at < half; at++)
        if (fabs(median_copy(series->residual + at, 3)) <= tolerance) break;
    return at;
}

/* How much wider the spread of the slope is than independent points would have
 * it: the residuals' autocorrelations, summed while pairs stay positive. */
static double series_inflation(const struct series *series, size_t from)
{
    const double *r = series->residual + from;
    size_t n = series->count - from;
    double mean = 0, power = 0, factor = 1, held = 0;

    for (size_t i = 0; i < n; i++) mean += r[i] / (double)n;
    for (size_t i = 0; i < n; i++) power += (r[i] - mean) * (r[i] - mean);
    if (power <= 0) return 1;
    for (size_t lag = 1; lag < n / 2; lag++) {
        double product = 0;

        for (size_t i = 0; i + lag < n; i++) product += (r[i] - mean) * (r[i + lag] - mean);
        held += 2 * (1 - (double)lag / (double)n) * product / power;
        if (lag % 2) continue;
        if (held <= 0) break;
        factor += held;
        held = 0;
    }
    return factor;
}

/* Variance of Kendall's S without a trend; ties make it smaller. */
static double series_variance(const struct series *series, size_t from)
{
    double sorted[SMT_MONITOR_TREND_POINTS];
    size_t n = series->count - from;
    double variance = (double)n * (double)(n - 1) * (double)(2 * n + 5);

    memcpy(sorted, series->y + from, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), double_compare);
    for (size_t i = 0, ties; i < n; i += ties) {
        for (ties = 1; i + ties < n && sorted[i + ties] == sorted[i];) ties++;
        variance -= (double)ties * (double)(ties - 1) * (double)(2 * ties + 5);
    }
    return variance / 18;
}

/* The normal quantile of a two-sided confidence, by bisection of erf(). */
static double normal_quantile(double confidence)
{
    double low = 0, high = 10;

    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;

        if (erf(middle / M_SQRT2) < confidence)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static void series_interval(struct series *series, size_t from, double confidence,
                            struct smt_monitor_trend *trend)
{
    size_t pairs = series_slopes(series, from);
    double reach, low, high;

    trend->slope = sorted_middle(series->slopes, pairs);
    trend->level = series_level(series, from, trend->slope);
    trend->noise = series_noise(series, from);
    trend->inflation = series_inflation(series, from);
    reach = normal_quantile(confidence) * sqrt(series_variance(series, from) * trend->inflation);
    low = floor(((double)pairs - reach) / 2);
    high = ceil(((double)pairs + reach) / 2);
    trend->low = low >= 1 ? series->slopes[(size_t)low - 1] : -INFINITY;
    trend->high = high < (double)pairs ? series->slopes[(size_t)high] : INFINITY;
}

/* Growth of each third between the medians around its ends. */
static void series_thirds(const struct series *series, size_t from, struct smt_monitor_trend *trend)
{
    size_t n = series->count - from, width = n / 8 ? n / 8 : 1;
    double level[4];

    for (size_t i = 0; i < 4; i++) {
        size_t middle = i * (n - 1) / 3;
        size_t start = middle < width / 2 ? 0 : middle - width / 2;

        if (start + width > n) start = n - width;
        level[i] = median_copy(series->y + from + start, width);
    }
    for (size_t i = 0; i < 3; i++) trend->thirds[i] = level[i + 1] - level[i];
    trend->growth = level[3] - level[0];
}

/* How much higher the three points from `at` on are than the three before:
 * neighbours alone would make every spike a step. */
static double series_jump(const struct series *series, size_t at)
{
    return median_copy(series->y + at, 3) - median_copy(series->y + at - 3, 3);
}

static void series_moves(const struct series *series, size_t from, double quantum,
                         struct smt_monitor_trend *trend)
{
    for (size_t i = from + 1; i < series->count; i++) {
        double move = series->y[i] - series->y[i - 1];

        if (move >= quantum / 2) trend->rises++;
        if (-move >= quantum / 2) trend->falls++;
        if (i >= from + 3 && i + 3 <= series->count)
            trend->biggest_rise = fmax(trend->biggest_rise, series_jump(series, i));
    }
}

/* Student's t of the steps between the medians of nine equal parts. Where the
 * series is a walk the steps are independent and this is an honest test; where
 * it fluctuates around a level they take each other back and it is a mild one. */
static double series_drift(const struct series *series, size_t from)
{
    size_t n = series->count - from;
    double part[TREND_DRIFT_BLOCKS], mean, spread = 0;

    if (n < TREND_DRIFT_BLOCKS) return 0;
    for (size_t i = 0; i < TREND_DRIFT_BLOCKS; i++) {
        size_t start = i * n / TREND_DRIFT_BLOCKS, end = (i + 1) * n / TREND_DRIFT_BLOCKS;

        part[i] = median_copy(series->y + from + start, end - start);
    }
    mean = (part[TREND_DRIFT_BLOCKS - 1] - part[0]) / (TREND_DRIFT_BLOCKS - 1);
    for (size_t i = 1; i < TREND_DRIFT_BLOCKS; i++) {
        double off = part[i] - part[i - 1] - mean;

        spread += off * off / (TREND_DRIFT_BLOCKS - 2);
    }
    if (spread <= 0) return mean > 0 ? INFINITY : 0;
    return mean / sqrt(spread / (TREND_DRIFT_BLOCKS - 1));
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) sum += values[i];
    return count ? sum / (double)count : 0;
}

/* Do the steps become smaller? Student's t of their regression on time: of a leak, however
 * irregular, they are as good in any order. Because what is left of a warm-up at the front makes
 * steps smaller there only, they must still do so at the end. */
static double series_slowing(const struct series *series, size_t from)
{
    size_t n = series->count - from;
    size_t parts = n < 2 * TREND_SLOWING_PARTS ? n : TREND_SLOWING_PARTS, steps = parts - 1;
    double part[2 * TREND_SLOWING_PARTS], at[2 * TREND_SLOWING_PARTS];
    double step[2 * TREND_SLOWING_PARTS], mean;
    double across = 0, spread = 0, along = 0, middle = (double)(steps - 1) / 2, left;

    if (n < TREND_SLOWING_LEAST_KEPT) return 0;
    for (size_t i = 0; i < parts; i++) {
        size_t start = i * n / parts, end = (i + 1) * n / parts;

        part[i] = median_copy(series->y + from + start, end - start);
        at[i] = mean_of(series->x + from + start, end - start);
    }
    /* Looks may come more often later on. */
    for (size_t i = 0; i < steps; i++) step[i] = (part[i + 1] - part[i]) / (at[i + 1] - at[i]);
    mean = mean_of(step, steps);
    for (size_t i = 0; i < steps; i++) {
        across += ((double)i - middle) * (step[i] - mean);
        along += ((double)i - middle) * ((double)i - middle);
        spread += (step[i] - mean) * (step[i] - mean);
    }
    if (across >= 0 || mean_of(step + steps - steps / 3, steps / 3) >
                           TREND_SLOWING_MOST * mean_of(step + steps / 3, steps / 3))
        return 0;
    left = spread - across * across / along;
    if (left <= 0) return INFINITY;
    return -across / sqrt(along) / sqrt(left / (double)(steps - 2));
}

enum smt_status smt_monitor_trend_fit(const struct smt_monitor_trend_rules *rules, const double *x,
                                      const double *y, size_t count,
                                      struct smt_monitor_trend *ret_trend)
{
    struct smt_monitor_trend trend = {.samples = count, .kept = count, .inflation = 1};
    struct series series;
    enum smt_status status;
    size_t from;

    if (count < 3) {
        *ret_trend = trend;
        return SMT_OK;
    }
    status = series_load(&series, x, y, count);
    if (status) return status;
    from = series.count >= 6 ? series_warmup(&series, rules->quantum) : 0;
    trend.warmup = series.start[from];
    trend.kept = count - trend.warmup;
    series_interval(&series, from, rules->confidence, &trend);
    series_thirds(&series, from, &trend);
    series_moves(&series, from, rules->quantum, &trend);
    trend.drift = series_drift(&series, from);
    trend.slowing = series_slowing(&series, from);
    free(series.slopes);
    *ret_trend = trend;
    return SMT_OK;
}

enum smt_monitor_rise smt_monitor_trend_judge(const struct smt_monitor_trend_rules *rules,
                                              const struct smt_monitor_trend *trend)
{
    double share = trend->growth / 3 * TREND_THIRD_LEAST;

    if (trend->kept < TREND_LEAST_KEPT) return SMT_MONITOR_TOO_FEW;
    if (!(trend->low > 0) || trend->slope < rules->minimum_effect) return SMT_MONITOR_FLAT;
    if (trend->growth < TREND_GROWTH_LEAST * rules->quantum) return SMT_MONITOR_LITTLE;
    if (trend->biggest_rise > TREND_JUMP_MOST * trend->growth) return SMT_MONITOR_ONE_STEP;
    if (trend->rises < TREND_LEAST_RISES) return SMT_MONITOR_FEW_STEPS;
    for (size_t i = 0; i < 3; i++)
        if (trend->thirds[i] < share) return SMT_MONITOR_LEVELS_OFF;
    if (trend->drift < TREND_DRIFT_LEAST) return SMT_MONITOR_WANDERS;
    if (trend->slowing > TREND_SLOWING_LEAST) return SMT_MONITOR_SLOWS;
    return SMT_MONITOR_RISES;
}

const char *smt_monitor_rise_text(enum smt_monitor_rise rise)
{
    static const char *const texts[SMT_MONITOR_RISE_COUNT] = {
        [SMT_MONITOR_RISES] = "rises steadily",
        [SMT_MONITOR_TOO_FEW] = "too few samples after the warm-up to tell",
        [SMT_MONITOR_FLAT] = "no slope that could be told from zero",
        [SMT_MONITOR_LITTLE] = "grew by too little to mean anything yet",
        [SMT_MONITOR_FEW_STEPS] = "grew in too few separate steps",
        [SMT_MONITOR_ONE_STEP] = "most of the growth came in one step",
        [SMT_MONITOR_LEVELS_OFF] = "the growth is not spread over all thirds of the run",
        [SMT_MONITOR_SLOWS] = "grows ever more slowly: it may still be settling",
        [SMT_MONITOR_WANDERS] = "goes up and down too much for its growth to mean anything",
    };

    return rise < SMT_MONITOR_RISE_COUNT ? texts[rise] : "";
}
