/* stress/bins: records of chunks by size, and the memory they lie in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"
#include "stress/bins.h"

#define CHUNKS 30000 /* seven runs, the last with a mapping of its own */

static struct smt_chunk chunk_numbered(uintptr_t number, uint64_t size)
{
    return (struct smt_chunk){.address = (void *)(number + 1), .size = size};
}

/* Marks a chunk as met; fails when it was before. */
static void chunk_meet(char *met, const struct smt_chunk *chunk)
{
    uintptr_t number = (uintptr_t)chunk->address - 1;

    assert_in_range(number, 0, CHUNKS - 1);
    assert_false(met[number]);
    met[number] = 1;
}

static void every_size_has_a_bin_and_order_is_kept(void **state)
{
    size_t before = 0;

    (void)state;
    for (uint64_t size = 1; size < SMT_BINS_SIZE_MAX; size += 1 + size / 50) {
        size_t index = smt_bins_index(size);

        assert_in_range(index, before, SMT_BINS_COUNT - 1);
        before = index;
    }
}

static void any_chunk_of_a_long_bin_can_be_removed(void **state)
{
    struct smt_bins bins = {0};
    struct smt_random random;
    char met[CHUNKS] = {0};

    (void)state;
    for (uintptr_t i = 0; i < CHUNKS; i++) assert_true(smt_bins_add(&bins, chunk_numbered(i, 40)));
    smt_random_init(&random, 3);
    while (bins.count) {
        struct smt_chunk chunk = smt_bins_remove_nth(&bins, smt_random_below(&random, bins.count));

        chunk_meet(met, &chunk);
    }

    assert_null(memchr(met, 0, CHUNKS));
    assert_int_equal(bins.bytes, 0);
    smt_bins_clear(&bins);
}

static void long_bin_is_sorted_across_its_runs(void **state)
{
    struct smt_bins bins = {0};
    size_t index = smt_bins_index(70000);
    uint64_t before = 0;

    (void)state;
    for (uintptr_t i = 0; i < CHUNKS; i++)
        assert_true(smt_bins_add(&bins, chunk_numbered(i, 70000 - i * 7919 % 1000)));

    while (bins.bins[index].count) {
        uint64_t size = smt_bins_smallest(&bins, index);

        assert_true(size >= before);
        assert_int_equal(smt_bins_pop(&bins, index).size, size);
        before = size;
    }
    smt_bins_clear(&bins);
}

static void runs_of_a_bin_are_told_one_after_the_other(void **state)
{
    struct smt_bins bins = {0};
    size_t index = smt_bins_index(40), at = 0;

    (void)state;
    for (uintptr_t i = 0; i < CHUNKS; i++) assert_true(smt_bins_add(&bins, chunk_numbered(i, 40)));

    while (at < CHUNKS) {
        size_t count;
        struct smt_chunk *run = smt_bin_run(&bins.bins[index], at, &count);

        assert_in_range(count, 1, CHUNKS - at);
        for (size_t i = 0; i < count; i++) assert_int_equal((uintptr_t)run[i].address, at + i + 1);
        at += count;
    }
    smt_bins_clear(&bins);
}

static void taken_records_do_not_mix_with_new_ones(void **state)
{
    struct smt_bins bins = {0}, taken = {0};
    size_t index = smt_bins_index(40), count;

    (void)state;
    for (uintptr_t i = 0; i < 200; i++) assert_true(smt_bins_add(&bins, chunk_numbered(i, 40)));
    assert_true(smt_bins_add(&bins, chunk_numbered(200, 500)));
    assert_true(smt_bins_take(&bins, 0, 100, &taken));
    for (uintptr_t i = 0; i < 200; i++) assert_true(smt_bins_add(&bins, chunk_numbered(i, 41)));

    assert_int_equal(taken.count, 200);
    assert_int_equal(bins.count, 201);
    assert_int_equal((uintptr_t)smt_bin_run(&taken.bins[index], 199, &count)->address, 200);
    smt_bins_give_back(&bins, &taken);
    smt_bins_clear(&taken);
    assert_int_equal(smt_bins_remove_nth(&bins, 200).size, 500);
    smt_bins_clear(&bins);
}

static void pieces_of_all_sizes_do_not_overlap(void **state)
{
    struct smt_records records = {0};
    unsigned char *pieces[400];

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        pieces[i] = smt_records_take(&records, i * 7 % (SMT_RECORDS_ORDERS + 1));
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)(i % 251),
               (size_t)SMT_RECORDS_LEAST << i * 7 % (SMT_RECORDS_ORDERS + 1));
    }

    for (unsigned i = 0; i < 400; i++) {
        size_t last = ((size_t)SMT_RECORDS_LEAST << i * 7 % (SMT_RECORDS_ORDERS + 1)) - 1;

        assert_int_equal(pieces[i][0], i % 251);
        assert_int_equal(pieces[i][last], i % 251);
        smt_records_give(&records, pieces[i], i * 7 % (SMT_RECORDS_ORDERS + 1));
    }
    assert_true(smt_records_is_unused(&records));
    smt_records_clear(&records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_has_a_bin_and_order_is_kept),
        cmocka_unit_test(any_chunk_of_a_long_bin_can_be_removed),
        cmocka_unit_test(long_bin_is_sorted_across_its_runs),
        cmocka_unit_test(runs_of_a_bin_are_told_one_after_the_other),
        cmocka_unit_test(taken_records_do_not_mix_with_new_ones),
        cmocka_unit_test(pieces_of_all_sizes_do_not_overlap),
    };

    return cmocka_run_group_tests_name("stress_bins", tests, NULL, NULL);
}
