/* bench_monitor_decision - how often the monitor's decision is wrong.
 *
 * Prints tables for docs/monitor.md: false alarms on simulated healthy
 * series, shape by shape, of whole pages, of exact bytes, and of pages looked at as the
 * budget allows; the same for shapes that
 * no test can tell from a leak while it looks; what becomes of leaks that are no straight line; and
 * after how many rounds a leak of a given size is caught. Same seed, same tables. Exit status 1
 * when more than 1 % of the healthy series are suspected, over all shapes or of one of them. Usage:
 * bench_monitor_decision [SERIES [SEED [--alarms]]]; --alarms leaves out what is no false alarm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/monitor.h"

#define PAGE       4096.0
#define ROUNDS_MAX 150000

static struct smt_random random_state;
static double series_x[ROUNDS_MAX], series_y[ROUNDS_MAX];

static double uniform(double low, double high)
{
    return low + (high - low) * ((double)(smt_random_next(&random_state) >> 11) * 0x1p-53);
}

static double log_uniform(double low, double high)
{
    return exp(uniform(log(low), log(high)));
}

static double gauss(void)
{
    return sqrt(-2 * log(1 - uniform(0, 1))) * cos(2 * M_PI * uniform(0, 1));
}

static void noise_add(size_t n, double spread)
{
    for (size_t i = 0; i < n; i++) series_y[i] += spread * gauss();
}

/* All shapes work in bytes; the caller rounds to pages afterwards. */
static void shape_flat(size_t n)
{
    noise_add(n, uniform(0, 50) * PAGE);
}

static void shape_warmup(size_t n)
{
    double height = log_uniform(10, 5000) * PAGE, time = uniform(1, (double)n / 6);

    for (size_t i = 0; i < n; i++) series_y[i] += height * (1 - exp(-(double)i / time));
    noise_add(n, uniform(0, 20) * PAGE);
}

/* Grows and is collected, each time at a slightly different fill. */
static void shape_sawtooth(size_t n)
{
    double period = uniform(2, (double)n / 4), height = log_uniform(5, 5000) * PAGE;
    double fill = uniform(0, 1), limit = 1;

    for (size_t i = 0; i < n; i++) {
        fill += 1 / period;
        if (fill >= limit) {
            fill = uniform(0, 0.1);
            limit = uniform(0.9, 1.1);
        }
        series_y[i] += height * fill;
    }
    noise_add(n, uniform(0, 5) * PAGE);
}

static void shape_step(size_t n)
{
    double height = log_uniform(1, 5000) * PAGE;
    size_t at = (size_t)uniform(0, (double)n);

    for (size_t i = at; i < n; i++) series_y[i] += height;
    noise_add(n, uniform(0, 10) * PAGE);
}

/* Between two walls; it must have time to meet them in the run. */
static void shape_walk(size_t n)
{
    double width = uniform(4, 2 + sqrt((double)n) / 2), at = uniform(0, width);
    double page = log_uniform(1, 20) * PAGE;

    for (size_t i = 0; i < n; i++) {
        at += gauss();
        if (at < 0) at = -at;
        if (at > width) at = 2 * width - at;
        series_y[i] += at * page;
    }
}

static void shape_revert(size_t n)
{
    double time = uniform(2, (double)n / 8), keep = exp(-1 / time), at = gauss();
    double height = log_uniform(1, 200) * PAGE;

    for (size_t i = 0; i < n; i++) {
        at = keep * at + sqrt(1 - keep * keep) * gauss();
        series_y[i] += at * height;
    }
}

/* A few levels, whole pages apart, held for a while each; no noise at all. */
static void shape_plateaus(size_t n)
{
    double dwell = uniform(2, (double)n / 6), level = 0;

    for (size_t i = 0; i < n; i++) {
        if (uniform(0, 1) < 1 / dwell) level = floor(uniform(0, 12)) * PAGE;
        series_y[i] += level;
    }
}

/* What is freed is never returned: the peak demand so far. */
static void shape_peak(size_t n)
{
    double height = log_uniform(1, 500) * PAGE, peak = 0;

    for (size_t i = 0; i < n; i++) {
        peak = fmax(peak, gauss() * height);
        series_y[i] += peak;
    }
}

/* A pool that doubles while demand settles. */
static void shape_doubling(size_t n)
{
    double size = log_uniform(1, 64) * PAGE, demand, height = size * log_uniform(2, 200);
    double time = uniform(1, (double)n / 8);

    for (size_t i = 0; i < n; i++) {
        demand = height * (1 - exp(-(double)i / time));
        while (size < demand) size *= 2;
        series_y[i] += size;
    }
    noise_add(n, uniform(0, 2) * PAGE);
}

/* What follows looks like a leak for as long as the run lasts. */
static void shape_slow(size_t n)
{
    double height = log_uniform(10, 5000) * PAGE, time = uniform((double)n / 2, 2 * (double)n);

    for (size_t i = 0; i < n; i++) series_y[i] += height * (1 - exp(-(double)i / time));
}

static void shape_log(size_t n)
{
    double height = log_uniform(10, 500) * PAGE;

    for (size_t i = 0; i < n; i++) series_y[i] += height * log1p((double)i);
}

static void shape_free_walk(size_t n)
{
    double at = 0, page = log_uniform(1, 20) * PAGE;

    for (size_t i = 0; i < n; i++) series_y[i] += (at += gauss()) * page;
}

/* Leaks of any shape: this much in the run. */
static double leak_size(void)
{
    return log_uniform(40, 4000) * PAGE;
}

/* Now and then, each time as much. */
static void leak_rare(size_t n)
{
    double chance = log_uniform(0.05, 0.9), lost = 0, each = leak_size() / (double)n / chance;

    for (size_t i = 0; i < n; i++) {
        if (uniform(0, 1) < chance) lost += each;
        series_y[i] += lost;
    }
}

static void leak_uneven(size_t n)
{
    double lost = 0, each = leak_size() / (double)n;

    for (size_t i = 0; i < n; i++) series_y[i] += lost += each * exp(1.2 * gauss() - 0.72);
}

static void leak_tenth(size_t n)
{
    double each = leak_size() / (double)n * 10;

    for (size_t i = 0; i < n; i++) series_y[i] += each * (double)(i / 10);
}

/* With the load, which goes up and down for a twentieth of the run. */
static void leak_load(size_t n)
{
    double keep = exp(-20 / (double)n), load = gauss(), lost = 0, each = leak_size() / (double)n;

    for (size_t i = 0; i < n; i++) {
        load = keep * load + sqrt(1 - keep * keep) * gauss();
        series_y[i] += lost += each * fmax(0, 1 + 0.5 * load);
    }
}

static void leak_warm(size_t n)
{
    double size = leak_size(), height = size * log_uniform(0.1, 20);
    double time = (double)n * log_uniform(0.005, 1.0 / 6);

    for (size_t i = 0; i < n; i++)
        series_y[i] += size * (double)i / (double)n + height * (1 - exp(-(double)i / time));
}

struct shape {
    const char *name, *text;
    void (*fill)(size_t n);
};

static const struct shape shapes[] = {
    {"flat", "a level, noise of 0 to 50 pages", shape_flat},
    {"warm-up", "exponential approach, time constant up to a sixth of the run", shape_warmup},
    {"sawtooth", "fills and is collected, period up to a quarter of the run", shape_sawtooth},
    {"step", "one step anywhere, noise of 0 to 10 pages", shape_step},
    {"bounded walk", "random walk between walls it meets within the run", shape_walk},
    {"mean-reverting", "correlated noise, memory up to an eighth of the run", shape_revert},
    {"plateaus", "levels of whole pages held for a while, no noise", shape_plateaus},
    {"peak demand", "highest of all demands so far, never returned", shape_peak},
    {"doubling pool", "doubles while demand settles", shape_doubling},
};

static const struct shape limits[] = {
    {"slow warm-up", "exponential, time constant half to twice the run", shape_slow},
    {"logarithm", "grows ever more slowly, without end", shape_log},
    {"free walk", "random walk without walls", shape_free_walk},
};

static const struct shape leak_shapes[] = {
    {"now and then", "in each 20th round or more often, each time as much", leak_rare},
    {"uneven", "in each round, log-normal sizes", leak_uneven},
    {"each tenth round", "as much each time", leak_tenth},
    {"with the load", "which goes up and down by half for a 20th of the run", leak_load},
    {"after a warm-up", "up to 20 times as high, time constant up to a sixth", leak_warm},
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void series_start(size_t n)
{
    double base = floor(log_uniform(200, 100000)) * PAGE;

    for (size_t i = 0; i < n; i++) series_y[i] = base;
}

static enum smt_monitor_rise series_rise(size_t n)
{
    struct smt_monitor_trend trend;

    for (size_t i = 0; i < n; i++) series_y[i] = floor(series_y[i] / PAGE) * PAGE;
    if (smt_monitor_trend_fit(&smt_monitor_page_rules, series_x, series_y, n, &trend)) abort();
    return smt_monitor_trend_judge(&smt_monitor_page_rules, &trend);
}

static bool series_suspected(size_t n)
{
    return series_rise(n) == SMT_MONITOR_RISES;
}

/* The same shapes as live bytes of an engine: 1/64 as high, whole bytes. */
static bool exact_suspected(size_t n)
{
    static struct smt_monitor_sample samples[2000];
    struct smt_monitor_decision decision;

    memset(samples, 0, n * sizeof(*samples));
    for (size_t i = 0; i < n; i++) {
        samples[i].round = i;
        smt_monitor_sample_set(&samples[i], SMT_MONITOR_LIVE_BYTES,
                               (uint64_t)fmax(0, series_y[i] / 64));
    }
    if (smt_monitor_decide(samples, n, 0, NULL, &decision)) abort();
    return decision.verdict == SMT_MONITOR_SUSPECTED;
}

/* Ten looks a second, of which the budget makes full ones of some: of a process
 * of so many pages, each of which costs 100 ns: the processor slept. While nothing
 * changes, looks tell the same for a second. */
static bool budget_suspected(size_t n)
{
    static double x[2000], y[2000];
    struct smt_monitor_budget budget = {smt_monitor_budget_share(100), 100000000, n - 1};
    struct smt_monitor_pace pace = {0};
    struct smt_monitor_trend trend;
    size_t used = 0, read_at = 0;
    bool moved = true; /* since it was read */

    for (size_t i = 0; i < n; i++) {
        uint64_t now_ns = 1 + i * budget.interval_ns;
        double now = floor(series_y[i] / PAGE) * PAGE;

        moved = moved || i - read_at >= 10 || fabs(now - y[used - 1]) > 0;
        if (moved && i + 1 < n &&
            !smt_monitor_budget_due(&budget, &pace, smt_monitor_pace_cost(&pace), now_ns, i))
            continue;
        if (moved || i + 1 == n) {
            smt_monitor_pace_add(&pace, fmax(0, now) / PAGE * 100, now_ns, i, uniform(0, 1));
            read_at = i;
            moved = false;
        }
        x[used] = (double)i;
        y[used++] = now;
    }
    if (smt_monitor_trend_fit(&smt_monitor_page_rules, x, y, used, &trend)) abort();
    return smt_monitor_trend_judge(&smt_monitor_page_rules, &trend) == SMT_MONITOR_RISES;
}

/* The highest rate of all rows, the sum included. */
static double table_alarms(const struct shape *rows, size_t count, size_t total,
                           bool (*suspected)(size_t n))
{
    size_t all = 0, each = (total + count - 1) / count;
    double worst = 0;

    printf("| shape | what it does | series | suspected | %% |\n|---|---|---:|---:|---:|\n");
    for (size_t s = 0; s < count; s++) {
        size_t alarms = 0;

        for (size_t i = 0; i < each; i++) {
            size_t n = (size_t)log_uniform(20, 2000);

            series_start(n);
            rows[s].fill(n);
            alarms += suspected(n);
        }
        all += alarms;
        worst = fmax(worst, (double)alarms / (double)each);
        printf("| %s | %s | %zu | %zu | %.2f |\n", rows[s].name, rows[s].text, each, alarms,
               100.0 * (double)alarms / (double)each);
    }
    printf("| **all** | | %zu | %zu | %.2f |\n\n", each * count, all,
           100.0 * (double)all / (double)(each * count));
    return worst;
}

/* What grows for as long as it is looked at: a leak, or not yet told from one. */
static void table_growth(const struct shape *rows, size_t count, size_t total)
{
    size_t each = (total + count - 1) / count;

    printf("| shape | what it does | series | suspected | look further | steady |\n"
           "|---|---|---:|---:|---:|---:|\n");
    for (size_t s = 0; s < count; s++) {
        size_t suspected = 0, slow = 0;

        for (size_t i = 0; i < each; i++) {
            size_t n = (size_t)log_uniform(20, 2000);
            enum smt_monitor_rise rise;

            series_start(n);
            rows[s].fill(n);
            rise = series_rise(n);
            suspected += rise == SMT_MONITOR_RISES;
            slow += rise == SMT_MONITOR_SLOWS;
        }
        printf("| %s | %s | %zu | %.1f %% | %.1f %% | %.1f %% |\n", rows[s].name, rows[s].text,
               each, 100.0 * (double)suspected / (double)each, 100.0 * (double)slow / (double)each,
               100.0 * (double)(each - suspected - slow) / (double)each);
    }
    printf("\n");
}

/* How a leaking process fluctuates besides: quiet, noisy, collected. */
static void leak_fill(size_t n, double leak, size_t profile)
{
    static const double noises[] = {0, 8 * PAGE, 0};
    double phase = uniform(0, PAGE), fill = uniform(0, 20);

    for (size_t i = 0; i < n; i++) {
        series_y[i] = 1000 * PAGE + phase + leak * (double)i;
        if (profile == 2) series_y[i] += fmod(fill + (double)i, 20) * 8 * PAGE;
    }
    if (noises[profile] > 0) noise_add(n, noises[profile]);
}

/* Rounds after which at least 95 % of the series are suspected; 0 for never. */
static size_t leak_rounds(double leak, size_t profile, size_t series)
{
    for (double n = 12; n <= ROUNDS_MAX; n *= 1.2) {
        size_t caught = 0, rounds = (size_t)n;

        for (size_t i = 0; i < series; i++) {
            leak_fill(rounds, leak, profile);
            caught += series_suspected(rounds);
        }
        if (caught * 100 >= series * 95) return rounds;
    }
    return 0;
}

static void table_leaks(size_t series)
{
    static const double leaks[] = {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 1048576};

    printf("| leak, bytes a round | quiet process | noise of 8 pages | sawtooth of 160 pages |\n"
           "|---:|---:|---:|---:|\n");
    for (size_t l = 0; l < sizeof(leaks) / sizeof(*leaks); l++) {
        printf("| %.0f |", leaks[l]);
        for (size_t profile = 0; profile < 3; profile++) {
            size_t rounds = leak_rounds(leaks[l], profile, series);

            if (rounds)
                printf(" %zu |", rounds);
            else
                printf(" over %d |", ROUNDS_MAX);
        }
        printf("\n");
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    size_t total = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    double rate;

    for (size_t i = 0; i < ROUNDS_MAX; i++) series_x[i] = (double)i;
    smt_random_init(&random_state, seed);
    printf("seed %llu\n\nlooked at as a budget allows:\n\n", (unsigned long long)seed);
    rate = table_alarms(shapes, COUNT(shapes), total, budget_suspected);
    smt_random_init(&random_state, seed);
    printf("looked at in each round:\n\n");
    rate = fmax(rate, table_alarms(shapes, COUNT(shapes), total, series_suspected));
    printf("exact bytes:\n\n");
    rate = fmax(rate,
                table_alarms(shapes, COUNT(shapes), argc > 3 ? total / 5 : total, exact_suspected));
    if (argc > 3) return rate > 0.01;
    table_growth(limits, COUNT(limits), total / 3);
    table_leaks(20);
    printf("\n");
    table_growth(leak_shapes, COUNT(leak_shapes), total / 2);
    return rate > 0.01;
}
