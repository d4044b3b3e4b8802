/* monitor/trend: slope, interval, warm-up, and what counts as a rise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "monitor/monitor.h"

#define PAGE 4096.0

static double x[2000], y[2000];
static struct smt_random numbers;

static double noise(double size)
{
    return size * ((double)smt_random_below(&numbers, 2001) - 1000) / 1000;
}

static int series_setup(void **state)
{
    (void)state;
    smt_random_init(&numbers, 7);
    for (size_t i = 0; i < 2000; i++) {
        x[i] = (double)i;
        y[i] = 1000 * PAGE;
    }
    return 0;
}

static struct smt_monitor_trend fit(size_t count)
{
    struct smt_monitor_trend trend;

    assert_int_equal(smt_monitor_trend_fit(&smt_monitor_page_rules, x, y, count, &trend), SMT_OK);
    return trend;
}

static enum smt_monitor_rise judge(size_t count)
{
    struct smt_monitor_trend trend = fit(count);

    return smt_monitor_trend_judge(&smt_monitor_page_rules, &trend);
}

static void near(double value, double expected)
{
    if (fabs(value - expected) > 1e-6 * (1 + fabs(expected)))
        fail_msg("%.9g, expected %.9g", value, expected);
}

static void slope_is_the_median_of_all_pairs(void **state)
{
    static const double values[] = {0, 1, 2, 9}; /* slopes 1 1 1 3 4 7 */
    struct smt_monitor_trend trend;

    (void)state;
    memcpy(y, values, sizeof(values));

    trend = fit(4);

    near(trend.slope, 2);
    near(trend.level, -0.5); /* median of 0 -1 -2 3 */
}

/* Ten points on 100 x, every second one 10 higher. Of the 45 slopes, sorted,
 * the 99 % interval reaches from the 8th to the 38th: 2.576 sqrt(125) = 28.8;
 * those are 100 - 10/5 and 100 + 10/3. */
static void interval_takes_the_pairs_kendall_s_variance_says(void **state)
{
    struct smt_monitor_trend trend;

    (void)state;
    for (size_t i = 0; i < 10; i++) y[i] = 100 * (double)i + (i % 2 ? 10 : 0);

    trend = fit(10);

    near(trend.slope, 100);
    near(trend.low, 98);
    near(trend.high, 100 + 10.0 / 3);
    near(trend.inflation, 1);
}

static void neighbours_that_resemble_each_other_widen_the_interval(void **state)
{
    double level = 0;
    struct smt_monitor_trend trend;

    (void)state;
    for (size_t i = 0; i < 200; i++) y[i] += (level = 0.9 * level + noise(20 * PAGE));

    trend = fit(200);

    assert_true(trend.inflation > 3);
}

static void independent_noise_hardly_widens_the_interval(void **state)
{
    struct smt_monitor_trend trend;

    (void)state;
    for (size_t i = 0; i < 200; i++) y[i] += noise(20 * PAGE);

    trend = fit(200);

    assert_true(trend.inflation < 2);
}

static void fewer_than_three_points_give_no_slope(void **state)
{
    (void)state;

    near(fit(2).slope, 0);
    assert_int_equal(judge(2), SMT_MONITOR_TOO_FEW);
    assert_int_equal(judge(0), SMT_MONITOR_TOO_FEW);
}

static void flat_series_is_flat(void **state)
{
    (void)state;

    assert_int_equal(judge(100), SMT_MONITOR_FLAT);
}

static void noise_is_flat(void **state)
{
    (void)state;
    for (size_t i = 0; i < 300; i++) y[i] += noise(30 * PAGE);

    assert_int_equal(judge(300), SMT_MONITOR_FLAT);
}

static void steady_growth_rises(void **state)
{
    (void)state;
    for (size_t i = 0; i < 40; i++) y[i] += 2 * PAGE * (double)i;

    assert_int_equal(judge(40), SMT_MONITOR_RISES);
    near(fit(40).slope, 2 * PAGE);
}

static void growth_below_a_page_a_round_rises_in_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2000; i++) y[i] += floor(64.0 * (double)i / PAGE) * PAGE;

    assert_int_equal(judge(2000), SMT_MONITOR_RISES);
    assert_true(fabs(fit(2000).slope - 64) < 6);
}

static void three_page_steps_are_too_few(void **state)
{
    (void)state;
    for (size_t i = 0; i < 300; i++) y[i] += floor((double)i / 80) * PAGE;

    assert_int_not_equal(judge(300), SMT_MONITOR_RISES);
}

static void fewer_than_sixteen_pages_mean_nothing_yet(void **state)
{
    (void)state;

    for (size_t i = 0; i < 200; i++) y[i] = (1000 + floor((double)i * 14 / 199)) * PAGE;
    assert_int_equal(judge(200), SMT_MONITOR_LITTLE);
    for (size_t i = 0; i < 200; i++) y[i] = (1000 + floor((double)i * 24 / 199)) * PAGE;
    assert_int_equal(judge(200), SMT_MONITOR_RISES);
}

static void one_step_is_no_leak_wherever_it_falls(void **state)
{
    (void)state;

    for (size_t at = 1; at < 100; at++) {
        for (size_t i = 0; i < 100; i++) y[i] = (1000 + (i >= at ? 500 : 0)) * PAGE;
        assert_int_not_equal(judge(100), SMT_MONITOR_RISES);
    }
}

static void warm_up_is_found_and_dropped(void **state)
{
    struct smt_monitor_trend trend;

    (void)state;
    for (size_t i = 0; i < 100; i++) y[i] += 1000 * PAGE * (1 - exp(-(double)i / 5));

    trend = fit(100);

    assert_in_range(trend.warmup, 20, 50);
    assert_int_not_equal(smt_monitor_trend_judge(&smt_monitor_page_rules, &trend),
                         SMT_MONITOR_RISES);
}

static void leak_behind_a_warm_up_rises(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++)
        y[i] += 1000 * PAGE * (1 - exp(-(double)i / 5)) + 3 * PAGE * (double)i;

    assert_int_equal(judge(100), SMT_MONITOR_RISES);
}

static void growth_that_levels_off_is_no_leak(void **state)
{
    (void)state;
    for (size_t i = 0; i < 90; i++) y[i] += 10 * PAGE * fmin((double)i, 55);

    assert_int_not_equal(judge(90), SMT_MONITOR_RISES);
}

static void growth_that_slows_down_may_still_be_settling(void **state)
{
    (void)state;
    for (size_t i = 0; i < 200; i++) y[i] += floor(500 * (1 - exp(-(double)i / 200))) * PAGE;

    assert_int_equal(judge(200), SMT_MONITOR_SLOWS);
}

static void cache_that_is_full_towards_the_end_has_settled(void **state)
{
    (void)state;
    for (size_t i = 0; i < 120; i++) y[i] += 10 * PAGE * fmin((double)i, 100);

    assert_int_equal(judge(120), SMT_MONITOR_SLOWS);
}

static void leak_of_any_size_each_time_does_not_slow_down(void **state)
{
    double lost = 0;

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        lost += smt_random_below(&numbers, 4) ? 0 : (double)smt_random_below(&numbers, 50);
        y[i] += lost * PAGE;
    }

    assert_int_equal(judge(200), SMT_MONITOR_RISES);
}

static void leak_that_is_seen_ever_more_often_does_not_slow_down(void **state)
{
    (void)state;
    for (size_t i = 1; i < 200; i++) x[i] = x[i - 1] + 10 - (double)i / 25;
    for (size_t i = 0; i < 200; i++) y[i] += floor(x[i]) * PAGE;

    assert_int_equal(judge(200), SMT_MONITOR_RISES);
}

static void leak_behind_what_is_left_of_a_warm_up_does_not_slow_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < 200; i++)
        y[i] += floor((double)i + 300 * (1 - exp(-(double)i / 15))) * PAGE;

    assert_int_equal(judge(200), SMT_MONITOR_RISES);
}

static void shrinking_is_no_leak(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++) y[i] -= 2 * PAGE * (double)i;

    assert_int_equal(judge(100), SMT_MONITOR_FLAT);
}

static void thirds_tell_where_it_grew(void **state)
{
    struct smt_monitor_trend trend;

    (void)state;
    for (size_t i = 0; i < 4; i++) y[i] = (double)(i * i) * PAGE;

    trend = fit(4);

    near(trend.thirds[0], PAGE);
    near(trend.thirds[1], 3 * PAGE);
    near(trend.thirds[2], 5 * PAGE);
    near(trend.growth, 9 * PAGE);
}

static void more_samples_than_points_keep_the_slope(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2000; i++) y[i] += PAGE * (double)i + noise(PAGE);

    assert_true(fabs(fit(2000).slope - PAGE) < 20);
}

/* In 6000 rounds, looked at in each one, then ever more rarely; returns how many. */
static size_t rarer_fill(double (*level)(double round))
{
    size_t count = 0;

    for (double round = 0; round < 6000; round += 1 + floor(round / 60)) {
        x[count] = round;
        y[count++] = floor(1000 + level(round) + noise(2)) * PAGE;
    }
    return count;
}

static double level_rising(double round)
{
    return round * 30;
}

static double level_flat(double round)
{
    (void)round;
    return 0;
}

static double level_early(double round)
{
    return fmin(round, 1500) * 30;
}

static void steady_growth_seen_ever_more_rarely_rises(void **state)
{
    size_t count;

    (void)state;

    count = rarer_fill(level_rising);

    assert_int_equal(judge(count), SMT_MONITOR_RISES);
    assert_true(fabs(fit(count).slope / PAGE - 30) < 0.5);
}

static void flat_seen_ever_more_rarely_is_flat(void **state)
{
    (void)state;

    assert_int_equal(judge(rarer_fill(level_flat)), SMT_MONITOR_FLAT);
}

/* Most samples are of the first quarter of the time, in which it grew. */
static void growth_where_most_samples_are_is_no_leak(void **state)
{
    (void)state;

    assert_int_not_equal(judge(rarer_fill(level_early)), SMT_MONITOR_RISES);
}

static void one_late_sample_says_nothing(void **state)
{
    (void)state;
    x[1999] = 1e6;
    y[1999] += 500 * PAGE;

    assert_int_not_equal(judge(2000), SMT_MONITOR_RISES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(slope_is_the_median_of_all_pairs, series_setup),
        cmocka_unit_test_setup(interval_takes_the_pairs_kendall_s_variance_says, series_setup),
        cmocka_unit_test_setup(neighbours_that_resemble_each_other_widen_the_interval,
                               series_setup),
        cmocka_unit_test_setup(independent_noise_hardly_widens_the_interval, series_setup),
        cmocka_unit_test_setup(fewer_than_three_points_give_no_slope, series_setup),
        cmocka_unit_test_setup(flat_series_is_flat, series_setup),
        cmocka_unit_test_setup(noise_is_flat, series_setup),
        cmocka_unit_test_setup(steady_growth_rises, series_setup),
        cmocka_unit_test_setup(growth_below_a_page_a_round_rises_in_steps, series_setup),
        cmocka_unit_test_setup(three_page_steps_are_too_few, series_setup),
        cmocka_unit_test_setup(fewer_than_sixteen_pages_mean_nothing_yet, series_setup),
        cmocka_unit_test_setup(one_step_is_no_leak_wherever_it_falls, series_setup),
        cmocka_unit_test_setup(warm_up_is_found_and_dropped, series_setup),
        cmocka_unit_test_setup(leak_behind_a_warm_up_rises, series_setup),
        cmocka_unit_test_setup(growth_that_levels_off_is_no_leak, series_setup),
        cmocka_unit_test_setup(growth_that_slows_down_may_still_be_settling, series_setup),
        cmocka_unit_test_setup(cache_that_is_full_towards_the_end_has_settled, series_setup),
        cmocka_unit_test_setup(leak_of_any_size_each_time_does_not_slow_down, series_setup),
        cmocka_unit_test_setup(leak_that_is_seen_ever_more_often_does_not_slow_down, series_setup),
        cmocka_unit_test_setup(leak_behind_what_is_left_of_a_warm_up_does_not_slow_down,
                               series_setup),
        cmocka_unit_test_setup(shrinking_is_no_leak, series_setup),
        cmocka_unit_test_setup(thirds_tell_where_it_grew, series_setup),
        cmocka_unit_test_setup(more_samples_than_points_keep_the_slope, series_setup),
        cmocka_unit_test_setup(steady_growth_seen_ever_more_rarely_rises, series_setup),
        cmocka_unit_test_setup(flat_seen_ever_more_rarely_is_flat, series_setup),
        cmocka_unit_test_setup(growth_where_most_samples_are_is_no_leak, series_setup),
        cmocka_unit_test_setup(one_late_sample_says_nothing, series_setup),
    };

    return cmocka_run_group_tests_name("monitor trend", tests, NULL, NULL);
}
