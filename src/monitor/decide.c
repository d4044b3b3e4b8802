#include "monitor/decide.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rounds after the warm-up that exact figures need: two in each third. */
#define EXACT_LEAST_KEPT 6
/* What each third must contribute, of an even share of their growth, and the
 * most that one round may. */
#define EXACT_THIRD_LEAST 0.5
#define EXACT_JUMP_MOST   0.34

static const struct figure {
    const char *title;
    enum smt_monitor_metric metric;
    bool add_swap;
} figures[SMT_MONITOR_JUDGED_COUNT] = {
    [SMT_MONITOR_JUDGED_RSS] = {"resident memory", SMT_MONITOR_RSS, true},
    [SMT_MONITOR_JUDGED_PRIVATE] = {"private dirty memory", SMT_MONITOR_PRIVATE_DIRTY, true},
    [SMT_MONITOR_JUDGED_LIVE] = {"live bytes", SMT_MONITOR_LIVE_BYTES, false},
};

const char *smt_monitor_verdict_text(enum smt_monitor_verdict verdict)
{
    static const char *const texts[] = {"undecided", "steady", "look further", "leak suspected"};

    return verdict <= SMT_MONITOR_SUSPECTED ? texts[verdict] : "";
}

double smt_monitor_judged_value(const struct smt_monitor_sample *sample,
                                enum smt_monitor_judged_figure figure)
{
    double value = (double)sample->value[figures[figure].metric];

    if (figures[figure].add_swap && smt_monitor_sample_has(sample, SMT_MONITOR_SWAP))
        value += (double)sample->value[SMT_MONITOR_SWAP];
    return value;
}

bool smt_monitor_judged_has(const struct smt_monitor_sample *sample,
                            enum smt_monitor_judged_figure figure)
{
    return smt_monitor_sample_has(sample, figures[figure].metric);
}

void smt_monitor_judged_range(const struct smt_monitor_sample *samples, size_t count,
                              enum smt_monitor_judged_figure figure, double least_range,
                              double *ret_low, double *ret_high)
{
    double low = INFINITY, high = 0, room;

    for (size_t i = 0; i < count; i++) {
        if (!smt_monitor_judged_has(&samples[i], figure)) continue;
        low = fmin(low, smt_monitor_judged_value(&samples[i], figure));
        high = fmax(high, smt_monitor_judged_value(&samples[i], figure));
    }
    room = fmax((high - low) * 0.1, (least_range - (high - low)) / 2);
    *ret_low = fmax(0, low - room);
    *ret_high = high + room;
}

const struct smt_monitor_sample *smt_monitor_judged_sample(const struct smt_monitor_sample *samples,
                                                           size_t count,
                                                           enum smt_monitor_judged_figure figure,
                                                           size_t nth)
{
    for (size_t i = 0; i < count; i++)
        if (smt_monitor_judged_has(&samples[i], figure) && !nth--) return &samples[i];
    return NULL;
}

size_t smt_monitor_judged_tail(const struct smt_monitor_sample *samples, size_t count,
                               enum smt_monitor_judged_figure figure, double *ret_values,
                               size_t most)
{
    size_t from = count, found = 0, used = 0;

    while (from && found < most) found += smt_monitor_judged_has(&samples[--from], figure);
    for (size_t i = from; i < count; i++)
        if (smt_monitor_judged_has(&samples[i], figure))
            ret_values[used++] = smt_monitor_judged_value(&samples[i], figure);
    return used;
}

/* Round in which the most came at once, from 1; `besides` is left out. */
static size_t biggest_rise(const double *kept, size_t n, size_t besides)
{
    size_t biggest = besides == 1 ? 2 : 1;

    for (size_t i = 1; i < n; i++)
        if (i != besides && kept[i] - kept[i - 1] > kept[biggest] - kept[biggest - 1]) biggest = i;
    return biggest;
}

/* Spread over the run? What came in round `besides`, 0 for none, does not count. */
static enum smt_monitor_rise spread_judge(const double *kept, size_t n, size_t besides)
{
    double apart = besides ? kept[besides] - kept[besides - 1] : 0;
    double growth = kept[n - 1] - kept[0] - apart;
    size_t biggest = biggest_rise(kept, n, besides);

    if (growth <= 0) return besides ? SMT_MONITOR_ONE_STEP : SMT_MONITOR_FLAT;
    if (kept[biggest] - kept[biggest - 1] > EXACT_JUMP_MOST * growth)
        return besides ? SMT_MONITOR_ONE_STEP : spread_judge(kept, n, biggest);
    for (size_t third = 0; third < 3; third++) {
        size_t from = third * (n - 1) / 3, to = (third + 1) * (n - 1) / 3;
        double part = kept[to] - kept[from] - (besides > from && besides <= to ? apart : 0);

        if (part < EXACT_THIRD_LEAST * growth / 3) return SMT_MONITOR_LEVELS_OFF;
    }
    return SMT_MONITOR_RISES;
}

/* Exact figures that never fall after the warm-up: a byte is a byte, but they must
 * have come in each third of the run, and not most of them at once: a pool that keeps
 * the highest demand so far never falls either. One step, a cache that is made, hides
 * no leak besides it. Where figures do fall (caches), they are judged like pages,
 * but of one byte, and nothing is put down to settling. */
static enum smt_monitor_rise exact_judge(const struct smt_monitor_trend *trend, const double *y)
{
    const double *kept = y + trend->warmup;
    enum smt_monitor_rise rise;
    size_t n = trend->kept;

    if (n < EXACT_LEAST_KEPT) return SMT_MONITOR_TOO_FEW;
    for (size_t i = 1; i < n; i++) {
        if (kept[i] >= kept[i - 1]) continue;
        rise = smt_monitor_trend_judge(&smt_monitor_byte_rules, trend);
        return rise == SMT_MONITOR_SLOWS ? SMT_MONITOR_RISES : rise;
    }
    return spread_judge(kept, n, 0);
}

static enum smt_status figure_judge(const struct smt_monitor_sample *samples, size_t count,
                                    enum smt_monitor_judged_figure figure,
                                    struct smt_monitor_judged *ret_judged)
{
    bool exact = figure == SMT_MONITOR_JUDGED_LIVE;
    const struct smt_monitor_trend_rules *rules =
        exact ? &smt_monitor_byte_rules : &smt_monitor_page_rules;
    double *x = malloc((count + 1) * 2 * sizeof(*x)), *y = x + count;
    enum smt_status status;
    size_t used = 0;

    if (!x) return smt_fail(SMT_ENOMEM, "out of memory for %zu samples", count);
    for (size_t i = 0; i < count; i++)
        if (smt_monitor_judged_has(&samples[i], figure)) {
            x[used] = (double)samples[i].round;
            y[used++] = smt_monitor_judged_value(&samples[i], figure);
        }
    status = smt_monitor_trend_fit(rules, x, y, used, &ret_judged->trend);
    ret_judged->present = used > 0;
    if (!status)
        ret_judged->rise = exact ? exact_judge(&ret_judged->trend, y)
                                 : smt_monitor_trend_judge(rules, &ret_judged->trend);
    free(x);
    return status;
}

static void reason_add(struct smt_monitor_decision *decision, const char *format, ...)
    SMT_PRINTF(2, 3);

static void reason_add(struct smt_monitor_decision *decision, const char *format, ...)
{
    size_t used = strlen(decision->reason);
    va_list args;

    if (used && used + 2 < sizeof(decision->reason)) {
        memcpy(decision->reason + used, " ", 2);
        used++;
    }
    va_start(args, format);
    vsnprintf(decision->reason + used, sizeof(decision->reason) - used, format, args);
    va_end(args);
}

static bool figure_rises(const struct smt_monitor_decision *decision,
                         enum smt_monitor_judged_figure figure)
{
    return decision->figures[figure].present && decision->figures[figure].rise == SMT_MONITOR_RISES;
}

/* Rises, or may still be settling. */
static bool figure_grows(const struct smt_monitor_decision *decision,
                         enum smt_monitor_judged_figure figure)
{
    return figure_rises(decision, figure) || (decision->figures[figure].present &&
                                              decision->figures[figure].rise == SMT_MONITOR_SLOWS);
}

static void reason_explain(struct smt_monitor_decision *decision,
                           enum smt_monitor_judged_figure figure)
{
    const struct smt_monitor_judged *judged = &decision->figures[figure];
    const struct smt_monitor_trend *trend = &judged->trend;
    char title[32];

    if (!judged->present) return;
    snprintf(title, sizeof(title), "%s", figures[figure].title);
    title[0] = (char)(title[0] - 'a' + 'A');
    if (judged->rise == SMT_MONITOR_RISES)
        reason_add(decision, "%s %s by %.*f bytes a round in all thirds of the run%s.", title,
                   figure == SMT_MONITOR_JUDGED_LIVE ? "rise" : "rises", trend->slope < 10 ? 2 : 0,
                   trend->slope, figure == SMT_MONITOR_JUDGED_LIVE ? " (exact)" : "");
    else
        reason_add(decision, "%s: %s.", title, smt_monitor_rise_text(judged->rise));
}

/* Resident and private memory together. */
static enum smt_monitor_verdict pages_verdict(struct smt_monitor_decision *decision)
{
    if (figure_rises(decision, SMT_MONITOR_JUDGED_RSS) &&
        figure_rises(decision, SMT_MONITOR_JUDGED_PRIVATE))
        return SMT_MONITOR_SUSPECTED;
    if (figure_grows(decision, SMT_MONITOR_JUDGED_RSS) ||
        figure_grows(decision, SMT_MONITOR_JUDGED_PRIVATE))
        return SMT_MONITOR_LOOK_FURTHER;
    if (decision->figures[SMT_MONITOR_JUDGED_RSS].rise == SMT_MONITOR_TOO_FEW)
        return SMT_MONITOR_UNDECIDED;
    return SMT_MONITOR_STEADY;
}

static enum smt_monitor_judged_figure decision_weigh(struct smt_monitor_decision *decision)
{
    const struct smt_monitor_judged *live = &decision->figures[SMT_MONITOR_JUDGED_LIVE];
    enum smt_monitor_verdict pages = pages_verdict(decision);

    if (live->present) reason_explain(decision, SMT_MONITOR_JUDGED_LIVE);
    reason_explain(decision, SMT_MONITOR_JUDGED_RSS);
    reason_explain(decision, SMT_MONITOR_JUDGED_PRIVATE);
    decision->verdict = pages;
    if (live->present && live->rise != SMT_MONITOR_TOO_FEW) {
        decision->verdict = live->rise == SMT_MONITOR_RISES     ? SMT_MONITOR_SUSPECTED
                            : pages >= SMT_MONITOR_LOOK_FURTHER ? SMT_MONITOR_LOOK_FURTHER
                                                                : SMT_MONITOR_STEADY;
        if (live->rise != SMT_MONITOR_RISES && pages >= SMT_MONITOR_LOOK_FURTHER)
            reason_add(decision, "Pages grow outside what the program has allocated: "
                                 "fragmentation, another allocator or mappings of its own.");
        if (live->rise == SMT_MONITOR_RISES) return SMT_MONITOR_JUDGED_LIVE;
    }
    return figure_rises(decision, SMT_MONITOR_JUDGED_PRIVATE) ? SMT_MONITOR_JUDGED_PRIVATE
                                                              : SMT_MONITOR_JUDGED_RSS;
}

/* What rose no faster in an earlier run is known, and only mentioned. */
static void known_apply(struct smt_monitor_decision *decision,
                        const struct smt_monitor_known *known)
{
    bool faster = false;
    double scale = 1; /* another interval */

    if (!known || !known->present || decision->verdict != SMT_MONITOR_SUSPECTED) return;
    if (known->seconds_per_round > 0 && decision->seconds_per_round > 0)
        scale = decision->seconds_per_round / known->seconds_per_round;
    for (size_t i = 0; i < SMT_MONITOR_JUDGED_COUNT; i++)
        if (figure_rises(decision, i) && decision->figures[i].trend.low > known->high[i] * scale)
            faster = true;
    if (faster) {
        reason_add(decision, "Faster than in the baseline.");
        return;
    }
    decision->known = true;
    decision->verdict = SMT_MONITOR_LOOK_FURTHER;
    reason_add(decision, "No faster than in the baseline.");
}

static void limit_apply(struct smt_monitor_decision *decision,
                        const struct smt_monitor_sample *samples, size_t count,
                        uint64_t limit_bytes)
{
    const struct smt_monitor_sample *first = &samples[0], *last = &samples[count - 1];
    double rss = 0, left;

    smt_monitor_judged_tail(samples, count, SMT_MONITOR_JUDGED_RSS, &rss, 1);
    left = (double)limit_bytes - rss;
    decision->seconds_to_limit = -1;
    if (last->round > first->round)
        decision->seconds_per_round =
            (double)(last->time_ms - first->time_ms) / 1000 / (double)(last->round - first->round);
    if (!limit_bytes || decision->bytes_per_round <= 0) return;
    if (left < 0) left = 0;
    decision->rounds_to_limit = (uint64_t)ceil(left / decision->bytes_per_round);
    decision->seconds_to_limit = left / decision->bytes_per_round * decision->seconds_per_round;
}

enum smt_status smt_monitor_decide(const struct smt_monitor_sample *samples, size_t count,
                                   uint64_t limit_bytes, const struct smt_monitor_known *known,
                                   struct smt_monitor_decision *ret_decision)
{
    struct smt_monitor_decision decision = {.seconds_to_limit = -1};
    enum smt_monitor_judged_figure decisive;

    for (size_t i = 0; i < SMT_MONITOR_JUDGED_COUNT; i++) {
        enum smt_status status = figure_judge(samples, count, i, &decision.figures[i]);

        if (status) return status;
    }
    if (!count) {
        reason_add(&decision, "No sample.");
        *ret_decision = decision;
        return SMT_OK;
    }
    decisive = decision_weigh(&decision);
    for (size_t i = 0; i < count; i++)
        if (smt_monitor_sample_has(&samples[i], SMT_MONITOR_SWAP) &&
            samples[i].value[SMT_MONITOR_SWAP])
            decision.swap_counted = true;
    if (decision.swap_counted) reason_add(&decision, "Swapped-out bytes are counted in.");
    if (figure_rises(&decision, decisive))
        decision.bytes_per_round = decision.figures[decisive].trend.slope;
    limit_apply(&decision, samples, count, limit_bytes);
    known_apply(&decision, known);
    *ret_decision = decision;
    return SMT_OK;
}
