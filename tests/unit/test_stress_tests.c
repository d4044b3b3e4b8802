/* stress/tests: timed tests. */
#include "stress_fixture.h"

static void run_to_the_end(struct smt_stress_tests *tests, const struct smt_stress_test_plan *plan,
                           struct smt_stress_test_state *ret_state)
{
    uint64_t id;

    assert_int_equal(smt_stress_tests_start(tests, plan, &id), SMT_OK);
    smt_stress_tests_wait(tests);
    assert_int_equal(smt_stress_tests_list(tests, id, ret_state, 1), 1);
}

static void timed_test_frees_all_each_time_total_is_reached(void **state)
{
    const struct smt_stress_test_plan plan = {10, 20, 50, 0, 0, 300};
    struct smt_stress_test_state figures;
    struct smt_stress_tests *tests;

    assert_int_equal(smt_stress_tests_new(*state, &tests), SMT_OK);

    run_to_the_end(tests, &plan, &figures);

    assert_true(figures.overflows > 0);
    assert_int_equal(figures.total_alloc, figures.overflows * 50 + figures.used);
    assert_true(figures.allocations >= figures.overflows * 3);
    assert_false(figures.running);
    assert_int_equal(figures.remaining_ms, 0);
    assert_int_equal(figures.run_ms, 300);
    smt_stress_tests_free(tests);
}

static void timed_test_counts_refusals(void **state)
{
    const struct smt_stress_test_plan plan = {10, 20, 50000, 0, 1, 400};
    struct smt_stress_test_state figures;
    struct smt_stress_tests *tests;

    assert_int_equal(smt_stress_tests_new(*state, &tests), SMT_OK);
    refuse_after = 3;

    run_to_the_end(tests, &plan, &figures);

    assert_int_equal(figures.allocations, 2);
    assert_true(figures.errors > 0);
    smt_stress_tests_free(tests);
}

static void what_is_interrupted_is_no_error(void **state)
{
    const struct smt_stress_test_plan plan = {10, 20, 50000, 0, 0, 20};
    struct smt_stress_test_state figures;
    struct smt_stress_tests *tests;
    uint64_t id;

    assert_int_equal(smt_stress_tests_new(*state, &tests), SMT_OK);
    smt_stress_cancel(*state);

    assert_int_equal(smt_stress_tests_start(tests, &plan, &id), SMT_OK);
    do smt_stress_tests_list(tests, id, &figures, 1);
    while (figures.running);

    assert_int_equal(figures.allocations, 0);
    assert_int_equal(figures.errors, 0);
    smt_stress_tests_free(tests);
}

static void ids_are_never_used_twice_and_newest_come_first(void **state)
{
    const struct smt_stress_test_plan plan = {1, 2, 5000, 1000, 1000, 100000};
    struct smt_stress_test_state figures[4];
    struct smt_stress_tests *tests;
    uint64_t id;

    assert_int_equal(smt_stress_tests_new(*state, &tests), SMT_OK);
    assert_int_equal(smt_stress_tests_start(tests, &plan, &id), SMT_OK);
    assert_int_equal(smt_stress_tests_destroy(tests, id), SMT_OK);
    assert_int_equal(smt_stress_tests_start(tests, &plan, &id), SMT_OK);
    assert_int_equal(smt_stress_tests_start(tests, &plan, &id), SMT_OK);

    assert_int_equal(smt_stress_tests_list(tests, 0, figures, 4), 2);

    assert_int_equal(figures[0].id, 3);
    assert_int_equal(figures[1].id, 2);
    assert_int_equal(smt_stress_tests_stop(tests, 1), SMT_ENOTFOUND);
    smt_stress_tests_free(tests);
}

static void stopped_test_keeps_its_memory_until_destroyed(void **state)
{
    const struct smt_stress_test_plan plan = {1000, 1000, 100000000, 0, 0, 100000};
    struct smt_stress_test_state figures;
    struct smt_stress_tests *tests;
    uint64_t id, bytes, chunks;

    assert_int_equal(smt_stress_tests_new(*state, &tests), SMT_OK);
    assert_int_equal(smt_stress_tests_start(tests, &plan, &id), SMT_OK);
    do smt_stress_tests_held(tests, &bytes, &chunks);
    while (!chunks);

    assert_int_equal(smt_stress_tests_stop(tests, id), SMT_OK);
    assert_int_equal(smt_stress_tests_stop(tests, id), SMT_OK);

    assert_int_equal(smt_stress_tests_list(tests, id, &figures, 1), 1);
    assert_true(figures.used > 0 && !figures.running);
    assert_int_equal(smt_stress_tests_destroy(tests, id), SMT_OK);
    smt_stress_tests_held(tests, &bytes, &chunks);
    assert_int_equal(bytes, 0);
    smt_stress_tests_free(tests);
}

static void tests_keep_their_chunks_from_the_commands(void **state)
{
    const struct smt_stress_test_plan plan = {100, 100, 100, 0, 0, 300};
    struct smt_stress *stress = *state;
    struct smt_stress_test_state figures;
    struct smt_stress_tests *tests;

    assert_int_equal(smt_stress_tests_new(stress, &tests), SMT_OK);
    assert_true(smt_stress_alloc(stress->set, 12345));

    run_to_the_end(tests, &plan, &figures);

    assert_true(figures.overflows > 0);
    assert_int_equal(smt_stress_used(stress->set), 12345);
    smt_stress_tests_free(tests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENGINE(timed_test_frees_all_each_time_total_is_reached),
        WITH_ENGINE(timed_test_counts_refusals),
        WITH_ENGINE(what_is_interrupted_is_no_error),
        WITH_ENGINE(ids_are_never_used_twice_and_newest_come_first),
        WITH_ENGINE(stopped_test_keeps_its_memory_until_destroyed),
        WITH_ENGINE(tests_keep_their_chunks_from_the_commands),
    };

    return cmocka_run_group_tests_name("stress/tests", tests, NULL, NULL);
}
