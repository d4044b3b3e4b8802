/* monitor/decide: from samples to a verdict; exact figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "monitor/monitor.h"

#define ROUNDS 60
#define PAGE   4096ull

static struct smt_monitor_sample samples[ROUNDS];

/* Resident and private grow by these many pages a round, live by bytes. */
static void samples_fill(uint64_t rss, uint64_t private, int64_t live)
{
    memset(samples, 0, sizeof(samples));
    for (uint64_t i = 0; i < ROUNDS; i++) {
        samples[i].round = i;
        samples[i].time_ms = i * 2000;
        smt_monitor_sample_set(&samples[i], SMT_MONITOR_RSS, (1000 + rss * i) * PAGE);
        smt_monitor_sample_set(&samples[i], SMT_MONITOR_PRIVATE_DIRTY, (500 + private * i) * PAGE);
        if (live >= 0)
            smt_monitor_sample_set(&samples[i], SMT_MONITOR_LIVE_BYTES, 10000 + (uint64_t)live * i);
    }
}

static struct smt_monitor_decision decide(size_t count, const struct smt_monitor_known *known)
{
    struct smt_monitor_decision decision;

    assert_int_equal(smt_monitor_decide(samples, count, 8000 * PAGE, known, &decision), SMT_OK);
    return decision;
}

static void both_rising_is_suspected(void **state)
{
    struct smt_monitor_decision decision;

    (void)state;
    samples_fill(2, 2, -1);

    decision = decide(ROUNDS, NULL);

    assert_int_equal(decision.verdict, SMT_MONITOR_SUSPECTED);
    assert_true(decision.bytes_per_round == 2 * (double)PAGE);
}

/* Leaves only the sizes that the kernel counts, nonsense here, in two of three samples. */
static void samples_thin(void)
{
    for (size_t i = 0; i < ROUNDS; i++) {
        if (i % 3 == 0) continue;
        samples[i].look = SMT_MONITOR_LOOK_BRIEF;
        samples[i].has = 0;
        smt_monitor_sample_set(&samples[i], SMT_MONITOR_VM_RSS, i % 2 * 9000 * PAGE);
    }
}

static void brief_looks_are_not_judged(void **state)
{
    struct smt_monitor_decision decision;

    (void)state;
    samples_fill(2, 2, -1);
    samples_thin();

    decision = decide(ROUNDS, NULL);

    assert_int_equal(decision.verdict, SMT_MONITOR_SUSPECTED);
    assert_int_equal(decision.figures[SMT_MONITOR_JUDGED_RSS].trend.samples, ROUNDS / 3);
    assert_true(decision.bytes_per_round == 2 * (double)PAGE);
    /* the limit is met from where the last full look was */
    assert_int_equal(decision.rounds_to_limit, (8000 - (1000 + 2 * (ROUNDS - 3))) / 2);
}

static void brief_looks_at_a_healthy_process_are_steady(void **state)
{
    (void)state;
    samples_fill(0, 0, -1);
    samples_thin();

    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_STEADY);
}

static void last_judged_values_leave_brief_looks_out(void **state)
{
    double values[4] = {0};

    (void)state;
    samples_fill(1, 1, -1);
    samples_thin();

    assert_int_equal(smt_monitor_judged_tail(samples, ROUNDS, SMT_MONITOR_JUDGED_RSS, values, 3),
                     3);

    assert_true(values[0] == (1000 + ROUNDS - 9) * (double)PAGE);
    assert_true(values[2] == (1000 + ROUNDS - 3) * (double)PAGE);
    assert_int_equal(smt_monitor_judged_tail(samples, 4, SMT_MONITOR_JUDGED_RSS, values, 4), 2);
    assert_int_equal(smt_monitor_judged_tail(samples, 0, SMT_MONITOR_JUDGED_RSS, values, 4), 0);
}

static void time_to_the_limit_follows_from_the_slope(void **state)
{
    struct smt_monitor_decision decision;

    (void)state;
    samples_fill(2, 2, -1); /* ends at 1118 pages; 6882 pages to go, two a round */

    decision = decide(ROUNDS, NULL);

    assert_int_equal(decision.rounds_to_limit, 3441);
    assert_true(decision.seconds_to_limit == 6882);
}

static void one_rising_means_look_further(void **state)
{
    (void)state;

    samples_fill(2, 0, -1);
    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_LOOK_FURTHER);
    samples_fill(0, 2, -1);
    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_LOOK_FURTHER);
}

/* Adds bytes that come ever more slowly. */
static void samples_settle(enum smt_monitor_metric metric, uint64_t bytes)
{
    for (size_t i = 0; i < ROUNDS; i++)
        samples[i].value[metric] += bytes * i / (ROUNDS / 2 + i) / PAGE * PAGE;
}

static void growth_that_slows_down_means_look_further(void **state)
{
    struct smt_monitor_decision decision;

    (void)state;
    samples_fill(0, 0, -1);
    samples_settle(SMT_MONITOR_RSS, 2000 * PAGE);
    samples_settle(SMT_MONITOR_PRIVATE_DIRTY, 2000 * PAGE);

    decision = decide(ROUNDS, NULL);

    assert_int_equal(decision.verdict, SMT_MONITOR_LOOK_FURTHER);
    assert_non_null(strstr(decision.reason, "ever more slowly"));
}

static void exact_figure_that_settles_is_suspected(void **state)
{
    struct smt_monitor_decision decision;

    (void)state;
    samples_fill(0, 0, 0);
    samples_settle(SMT_MONITOR_RSS, 2000 * PAGE);
    samples_settle(SMT_MONITOR_PRIVATE_DIRTY, 2000 * PAGE);
    samples_settle(SMT_MONITOR_LIVE_BYTES, 2000 * PAGE);

    decision = decide(ROUNDS, NULL);

    assert_int_equal(decision.verdict, SMT_MONITOR_SUSPECTED);
}

static void none_rising_is_steady(void **state)
{
    (void)state;
    samples_fill(0, 0, -1);

    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_STEADY);
}

/* Another program that shared a library ended: its pages became ours alone. */
static void clean_pages_are_not_judged(void **state)
{
    (void)state;
    samples_fill(2, 2, -1);
    for (size_t i = 0; i < ROUNDS; i++)
        smt_monitor_sample_set(&samples[i], SMT_MONITOR_PRIVATE, (i < 30 ? 500 : 900) * PAGE);

    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_SUSPECTED);
}

static void few_rounds_are_undecided(void **state)
{
    (void)state;
    samples_fill(2, 2, -1);

    assert_int_equal(decide(9, NULL).verdict, SMT_MONITOR_UNDECIDED);
    assert_int_equal(decide(0, NULL).verdict, SMT_MONITOR_UNDECIDED);
}

static void swapped_out_growth_still_counts(void **state)
{
    struct smt_monitor_decision decision;

    (void)state;
    samples_fill(0, 0, -1);
    for (uint64_t i = 0; i < ROUNDS; i++)
        smt_monitor_sample_set(&samples[i], SMT_MONITOR_SWAP, i * PAGE);

    decision = decide(ROUNDS, NULL);

    assert_int_equal(decision.verdict, SMT_MONITOR_SUSPECTED);
    assert_true(decision.swap_counted);
}

static void one_exact_byte_a_round_is_suspected_at_once(void **state)
{
    (void)state;
    samples_fill(0, 0, 1);

    assert_int_equal(decide(10, NULL).verdict, SMT_MONITOR_SUSPECTED);
    assert_true(decide(ROUNDS, NULL).bytes_per_round == 1);
}

static void exact_figures_that_come_back_are_steady(void **state)
{
    (void)state;
    samples_fill(0, 0, 0);

    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_STEADY);
}

static void exact_figure_that_rose_once_is_steady(void **state)
{
    (void)state;
    samples_fill(0, 0, 0);
    for (size_t i = 40; i < ROUNDS; i++) samples[i].value[SMT_MONITOR_LIVE_BYTES] += 64;

    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_STEADY);
}

static void one_step_hides_no_exact_leak(void **state)
{
    for (size_t at = 1; at < ROUNDS; at += 29) {
        (void)state;
        samples_fill(0, 0, 8);
        for (size_t i = at; i < ROUNDS; i++) samples[i].value[SMT_MONITOR_LIVE_BYTES] += 100000;

        assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_SUSPECTED);
    }
}

/* Never falls, and rises in each third, but ever less. */
static void exact_peak_demand_is_steady(void **state)
{
    uint64_t peak = 0;

    (void)state;
    samples_fill(0, 0, 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        if (i == 2 || i == 9 || i == 30 || i == 50) peak += 6000 / i;
        samples[i].value[SMT_MONITOR_LIVE_BYTES] += peak;
    }

    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_STEADY);
}

static void pages_that_grow_around_exact_figures_need_a_look(void **state)
{
    (void)state;
    samples_fill(2, 2, 0);

    assert_int_equal(decide(ROUNDS, NULL).verdict, SMT_MONITOR_LOOK_FURTHER);
}

static void known_slope_is_no_longer_suspected(void **state)
{
    struct smt_monitor_known known = {true, {3 * (double)PAGE, 3 * (double)PAGE, 0}, 0};

    (void)state;

    samples_fill(2, 2, -1);
    assert_int_equal(decide(ROUNDS, &known).verdict, SMT_MONITOR_LOOK_FURTHER);
    samples_fill(5, 5, -1);
    assert_int_equal(decide(ROUNDS, &known).verdict, SMT_MONITOR_SUSPECTED);
}

/* samples_fill() has two seconds between rounds. */
static void known_slope_of_another_interval_is_compared_by_time(void **state)
{
    struct smt_monitor_known known = {true, {1.5 * (double)PAGE, 1.5 * (double)PAGE, 0}, 1};

    (void)state;

    samples_fill(2, 2, -1);
    assert_int_equal(decide(ROUNDS, &known).verdict, SMT_MONITOR_LOOK_FURTHER);
    samples_fill(4, 4, -1);
    assert_int_equal(decide(ROUNDS, &known).verdict, SMT_MONITOR_SUSPECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_rising_is_suspected),
        cmocka_unit_test(brief_looks_are_not_judged),
        cmocka_unit_test(brief_looks_at_a_healthy_process_are_steady),
        cmocka_unit_test(last_judged_values_leave_brief_looks_out),
        cmocka_unit_test(time_to_the_limit_follows_from_the_slope),
        cmocka_unit_test(one_rising_means_look_further),
        cmocka_unit_test(growth_that_slows_down_means_look_further),
        cmocka_unit_test(exact_figure_that_settles_is_suspected),
        cmocka_unit_test(none_rising_is_steady),
        cmocka_unit_test(clean_pages_are_not_judged),
        cmocka_unit_test(few_rounds_are_undecided),
        cmocka_unit_test(swapped_out_growth_still_counts),
        cmocka_unit_test(one_exact_byte_a_round_is_suspected_at_once),
        cmocka_unit_test(exact_figures_that_come_back_are_steady),
        cmocka_unit_test(exact_figure_that_rose_once_is_steady),
        cmocka_unit_test(one_step_hides_no_exact_leak),
        cmocka_unit_test(exact_peak_demand_is_steady),
        cmocka_unit_test(pages_that_grow_around_exact_figures_need_a_look),
        cmocka_unit_test(known_slope_is_no_longer_suspected),
        cmocka_unit_test(known_slope_of_another_interval_is_compared_by_time),
    };

    return cmocka_run_group_tests_name("monitor decide", tests, NULL, NULL);
}
