/* monitor/budget: when a full look is due, and what many of them cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>

#include "monitor/monitor.h"

#define MS   ((uint64_t)1000000)
#define TICK (100 * MS)

static struct smt_random numbers;

static double chance(void)
{
    return (double)smt_random_below(&numbers, 1000) / 1000;
}

/* What a run came to. */
struct run {
    size_t looks;
    uint64_t longest; /* ticks between two looks */
    double spent;     /* part of the time */
};

/* Runs through all ticks; a look at tick t costs base_ns + t * rise_ns. */
static struct run run_through(struct smt_monitor_budget budget, double base_ns, double rise_ns,
                              size_t processes)
{
    struct smt_monitor_pace pace = {0};
    struct run run = {0};
    double spent_ns = 0;

    for (uint64_t round = 0; round <= budget.ticks; round++) {
        uint64_t now_ns = 1 + round * budget.interval_ns;
        double cost_ns = base_ns + rise_ns * (double)round;

        if (!smt_monitor_budget_due(
                &budget, &pace, smt_monitor_pace_cost(&pace) * (double)processes, now_ns, round))
            continue;
        if (run.looks && round - pace.round > run.longest) run.longest = round - pace.round;
        smt_monitor_pace_add(&pace, cost_ns, now_ns, round, chance());
        run.looks++;
        spent_ns += cost_ns * (double)processes;
    }
    run.spent = spent_ns / (double)(budget.ticks * budget.interval_ns);
    return run;
}

static int random_setup(void **state)
{
    (void)state;
    smt_random_init(&numbers, 3);
    return 0;
}

static void first_look_is_always_due(void **state)
{
    struct smt_monitor_budget budget = {1e-9, TICK, 100000};
    struct smt_monitor_pace none = {0};

    (void)state;

    assert_true(smt_monitor_budget_due(&budget, &none, 1e12, 5, 0));
}

static void without_a_limit_each_tick_is_due(void **state)
{
    (void)state;

    assert_int_equal(run_through((struct smt_monitor_budget){0, TICK, 5000}, 1e9, 0, 1).looks,
                     5001);
}

static void what_fits_into_each_tick_is_taken_in_each(void **state)
{
    (void)state;

    assert_int_equal(run_through((struct smt_monitor_budget){0.001, TICK, 5000}, 99999, 0, 1).looks,
                     5001);
}

static void share_of_the_time_is_kept_to_a_tenth(void **state)
{
    (void)state;

    for (double cost_ms = 0.2; cost_ms < 50; cost_ms *= 1.3) {
        struct smt_monitor_budget budget = {0.001, TICK, 600000};
        struct run run = run_through(budget, cost_ms * (double)MS, 0, 1);

        if (run.spent > 0.0011 || run.spent < 0.0008)
            fail_msg("%g ms a look: %.5f of a core", cost_ms, run.spent);
    }
}

static void processes_share_one_budget(void **state)
{
    struct smt_monitor_budget budget = {0.001, TICK, 600000};
    struct run run;

    (void)state;

    run = run_through(budget, (double)MS, 0, 10);

    assert_true(run.spent > 0.0008 && run.spent < 0.0011);
}

static void each_slot_has_a_look_whatever_it_costs(void **state)
{
    (void)state;

    for (uint64_t ticks = 60; ticks < 20000; ticks = ticks * 7 / 6) {
        struct run run = run_through((struct smt_monitor_budget){1e-9, TICK, ticks}, 1e12, 0, 1);

        if (run.looks < SMT_MONITOR_SLOTS || run.looks > SMT_MONITOR_SLOTS + 1)
            fail_msg("%zu looks in %llu ticks", run.looks, (unsigned long long)ticks);
        if ((double)run.longest > 2 * ceil((double)ticks / SMT_MONITOR_SLOTS))
            fail_msg("%llu of %llu ticks without a look", (unsigned long long)run.longest,
                     (unsigned long long)ticks);
    }
}

static void short_run_is_looked_at_in_each_tick(void **state)
{
    (void)state;

    for (uint64_t ticks = 1; ticks <= SMT_MONITOR_SLOTS; ticks++)
        assert_int_equal(
            run_through((struct smt_monitor_budget){1e-9, TICK, ticks}, 1e12, 0, 1).looks,
            ticks + 1);
}

static void looks_come_more_rarely_as_a_process_grows(void **state)
{
    struct smt_monitor_budget budget = {0.001, TICK, 60000};
    struct run small, growing;

    (void)state;

    small = run_through(budget, 1e5, 0, 1);
    growing = run_through(budget, 1e5, 1e3, 1);

    assert_true(growing.looks < small.looks / 10);
    assert_true(growing.spent < 0.0011);
}

static void moments_follow_no_rhythm(void **state)
{
    struct smt_monitor_budget budget = {0.001, TICK, 6000};
    struct smt_monitor_pace pace = {0};
    size_t of_gap[40] = {0}, kinds = 0;

    (void)state;
    for (uint64_t round = 0; round <= budget.ticks; round++) {
        if (!smt_monitor_budget_due(&budget, &pace, 1e6, 1 + round * TICK, round)) continue;
        of_gap[round - pace.round]++;
        smt_monitor_pace_add(&pace, 1e6, 1 + round * TICK, round, chance());
    }

    for (size_t gap = 0; gap < 40; gap++) kinds += of_gap[gap] > 20;

    assert_in_range(kinds, 9, 12); /* five to fifteen ticks */
}

static void dear_look_counts_at_once_and_is_forgotten_slowly(void **state)
{
    struct smt_monitor_pace pace = {0};

    (void)state;
    assert_true(smt_monitor_pace_cost(&pace) <= 0);
    smt_monitor_pace_add(&pace, 100, 1, 0, 0);
    smt_monitor_pace_add(&pace, 900, 2, 1, 0);
    assert_true(fabs(smt_monitor_pace_cost(&pace) - 900) < 1e-6);

    smt_monitor_pace_add(&pace, 100, 3, 2, 0);

    assert_true(fabs(smt_monitor_pace_cost(&pace) - 187.5) < 1e-6);
}

static void default_keeps_all_looks_of_a_second_up_to_130_mb(void **state)
{
    struct smt_monitor_budget budget = {smt_monitor_budget_share(1000), 1000 * MS, 600};

    (void)state;

    assert_int_equal(run_through(budget, 130 * 0.03 * (double)MS, 0, 1).looks, 601);
    assert_true(run_through(budget, 260 * 0.03 * (double)MS, 0, 1).looks < 400);
}

static void default_is_a_tenth_of_a_percent_at_ten_a_second(void **state)
{
    (void)state;

    assert_true(fabs(smt_monitor_budget_share(1) - 0.001) < 1e-9);
    assert_true(fabs(smt_monitor_budget_share(100) - 0.001) < 1e-9);
    assert_true(fabs(smt_monitor_budget_share(500) - 0.002) < 1e-9);
    assert_true(fabs(smt_monitor_budget_share(86400000) - 0.004) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_look_is_always_due),
        cmocka_unit_test_setup(without_a_limit_each_tick_is_due, random_setup),
        cmocka_unit_test_setup(what_fits_into_each_tick_is_taken_in_each, random_setup),
        cmocka_unit_test_setup(share_of_the_time_is_kept_to_a_tenth, random_setup),
        cmocka_unit_test_setup(processes_share_one_budget, random_setup),
        cmocka_unit_test_setup(each_slot_has_a_look_whatever_it_costs, random_setup),
        cmocka_unit_test_setup(short_run_is_looked_at_in_each_tick, random_setup),
        cmocka_unit_test_setup(looks_come_more_rarely_as_a_process_grows, random_setup),
        cmocka_unit_test_setup(moments_follow_no_rhythm, random_setup),
        cmocka_unit_test_setup(default_keeps_all_looks_of_a_second_up_to_130_mb, random_setup),
        cmocka_unit_test(default_is_a_tenth_of_a_percent_at_ten_a_second),
        cmocka_unit_test(dear_look_counts_at_once_and_is_forgotten_slowly),
    };

    return cmocka_run_group_tests_name("monitor budget", tests, NULL, NULL);
}
