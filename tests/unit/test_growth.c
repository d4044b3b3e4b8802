/* control/live_growth: which stacks hold ever more bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control/live_growth.h"

#define STACKS 4

/* In each round stack 1 holds the same, 2 goes up and down, 3 gains 100 bytes in
 * two blocks, 4 gains 7 in one. */
static void rounds_add(struct smt_live_growth *growth, uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        struct smt_live_item items[STACKS] = {
            {.stack = 1, .size_bytes = 50000, .number = 3},
            {.stack = 2, .size_bytes = round % 2 ? 900000 : 10, .number = 1},
            {.stack = 3, .size_bytes = 100 * round, .number = 2 * round},
            {.stack = 4, .size_bytes = 7 * round, .number = round},
        };

        for (size_t i = 0; i < STACKS; i++) items[i].kind = SMT_LIVE_HELD;
        if (smt_live_growth_wants(growth, round))
            assert_int_equal(smt_live_growth_add(growth, round, items, STACKS), SMT_OK);
    }
}

static void growing_stacks_are_found_fastest_first(void **state)
{
    struct smt_live_growth growth = {0};
    struct smt_live_grower growers[5];
    size_t count;

    (void)state;
    rounds_add(&growth, 21);

    count = smt_live_growth_find(&growth, 0, growers, 5);

    assert_int_equal(count, 2);
    assert_int_equal(growers[0].stack, 3);
    assert_true(growers[0].bytes_per_round == 100 && growers[0].blocks_per_round == 2);
    assert_int_equal(growers[0].bytes, 2000);
    assert_int_equal(growers[1].stack, 4);
    assert_true(growers[1].bytes_per_round == 7);
    smt_live_growth_clear(&growth);
}

static void steady_stacks_are_not_found(void **state)
{
    struct smt_live_item item = {.kind = SMT_LIVE_HELD, .stack = 9, .size_bytes = 64, .number = 1};
    struct smt_live_growth growth = {0};
    struct smt_live_grower grower;

    (void)state;
    for (uint64_t round = 0; round < 10; round++)
        assert_int_equal(smt_live_growth_add(&growth, round, &item, 1), SMT_OK);

    assert_int_equal(smt_live_growth_find(&growth, 0, &grower, 1), 0);

    smt_live_growth_clear(&growth);
}

static void slopes_survive_forgotten_rounds(void **state)
{
    struct smt_live_growth growth = {0};
    struct smt_live_grower grower;

    (void)state;
    rounds_add(&growth, 5000);

    assert_int_equal(smt_live_growth_find(&growth, 1000, &grower, 1), 1);

    assert_true(growth.count <= SMT_LIVE_GROWTH_ROUNDS && growth.count > 30);
    assert_int_equal(grower.stack, 3);
    assert_true(grower.bytes_per_round == 100);
    smt_live_growth_clear(&growth);
}

static void one_round_says_nothing(void **state)
{
    struct smt_live_growth growth = {0};
    struct smt_live_grower grower;

    (void)state;
    assert_int_equal(smt_live_growth_find(&growth, 0, &grower, 1), 0);
    rounds_add(&growth, 1);

    assert_int_equal(smt_live_growth_find(&growth, 0, &grower, 1), 0);

    smt_live_growth_clear(&growth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_stacks_are_found_fastest_first),
        cmocka_unit_test(steady_stacks_are_not_found),
        cmocka_unit_test(slopes_survive_forgotten_rounds),
        cmocka_unit_test(one_round_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
