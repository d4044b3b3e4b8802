/* monitor/trend.h - does a series of memory figures keep rising?
 *
 * Pure arithmetic on numbers; reads no file. A series is what one figure of
 * one process was after each round. Three habits of resident memory make the
 * usual trend tests cry wolf: it rises while a program warms up, it moves in
 * pages, and neighbouring samples resemble each other. So: the warm-up is found
 * and dropped, a page is the smallest rise that counts, and the interval of the
 * slope is widened by how much the residuals resemble their neighbours.
 *
 * Slope: Theil 1950, Sen 1968 (median of the slopes of all pairs of points).
 * Interval: Sen's, from the variance of Kendall's S with ties; multiplied by
 * the variance inflation 1 + 2 sum (1 - k/n) r_k of the residuals, summed while
 * pairs of neighbouring terms are positive (Geyer 1992). */
#ifndef SMT_MONITOR_TREND_H
#define SMT_MONITOR_TREND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

/* More samples than this are first reduced to this many block medians. */
#define SMT_MONITOR_TREND_POINTS 240

/* What counts as a rise. */
struct smt_monitor_trend_rules {
    double quantum;        /* bytes the figure moves in: the page; 1 for exact figures */
    double minimum_effect; /* bytes per round below which a slope is no leak */
    double confidence;     /* of the interval, two-sided: 0.99 */
};

struct smt_monitor_trend {
    size_t samples;          /* given */
    size_t warmup;           /* of them dropped at the front */
    size_t kept;             /* samples - warmup */
    double slope, low, high; /* bytes per round, and its interval */
    double level;            /* of the fitted line at round 0 */
    double noise;            /* spread of the residuals (1.4826 x their median size) */
    double inflation;        /* factor on the variance because neighbours resemble each other */
    double thirds[3];        /* growth in each third of the kept part */
    double growth;           /* over the kept part */
    double biggest_rise;     /* from three neighbouring points to the next three */
    double drift;            /* mean step between the medians of nine parts, in standard errors */
    double slowing;      /* by how many standard errors the steps become smaller; 0: they don't */
    size_t rises, falls; /* moves of at least half a quantum between neighbours */
};

/* Why a series does not count as rising; SMT_MONITOR_RISES when it does. */
enum smt_monitor_rise {
    SMT_MONITOR_RISES,
    SMT_MONITOR_TOO_FEW,    /* samples after the warm-up */
    SMT_MONITOR_FLAT,       /* the interval includes zero, or the slope is below the minimum */
    SMT_MONITOR_LITTLE,     /* fewer than 16 quanta over the kept part */
    SMT_MONITOR_FEW_STEPS,  /* grew, but in too few separate steps */
    SMT_MONITOR_ONE_STEP,   /* most of the growth came at once */
    SMT_MONITOR_LEVELS_OFF, /* a third of the run hardly took part in the growth */
    SMT_MONITOR_SLOWS,      /* grows in all thirds, but ever more slowly */
    SMT_MONITOR_WANDERS,    /* rises and falls over the run explain the growth as well */
    SMT_MONITOR_RISE_COUNT
};

/* Describes `count` points; x counts rounds and rises, y is in bytes. Fewer
 * than three give zeros. Fails with SMT_ENOMEM only. */
SMT_MUST_USE enum smt_status smt_monitor_trend_fit(const struct smt_monitor_trend_rules *rules,
                                                   const double *x, const double *y, size_t count,
                                                   struct smt_monitor_trend *ret_trend);

enum smt_monitor_rise smt_monitor_trend_judge(const struct smt_monitor_trend_rules *rules,
                                              const struct smt_monitor_trend *trend);

/* Half a sentence for the reader; static. */
const char *smt_monitor_rise_text(enum smt_monitor_rise rise);

/* The rules for figures that move in pages: 4096, 0.5 bytes a round, 99 %. */
extern const struct smt_monitor_trend_rules smt_monitor_page_rules;

/* The rules for exact figures that go up and down: a byte counts. */
extern const struct smt_monitor_trend_rules smt_monitor_byte_rules;

/* Median; sorts `values`. 0 when there is none. */
double smt_monitor_median(double *values, size_t count);

#endif
