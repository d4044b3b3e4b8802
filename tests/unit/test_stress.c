/* stress/: pattern, chunks, budget. */
#include "stress/misctest.h"
#include "stress_fixture.h"

/* --- pattern --- */

static void pattern_reports_the_first_changed_byte_at_every_offset(void **state)
{
    unsigned char block[64 + 8];

    (void)state;
    for (size_t start = 0; start < 8; start++)
        for (size_t size = 1; size <= 64; size++)
            for (size_t bad = 0; bad < size; bad++) {
                smt_pattern_fill(block + start, size);
                assert_int_equal(smt_pattern_check(block + start, size), SMT_PATTERN_INTACT);

                block[start + bad] ^= 0x10;
                block[start + size - 1] ^= 0x20;

                assert_int_equal(smt_pattern_check(block + start, size), bad);
            }
}

static void pattern_of_another_address_is_seen(void **state)
{
    uint64_t here[8], there[8];

    (void)state;
    smt_pattern_fill(here, sizeof here);

    memcpy(there, here, sizeof here);

    assert_int_equal(smt_pattern_check(there, sizeof there) < sizeof there, 1);
}

static void pattern_stays_inside_its_chunk(void **state)
{
    unsigned char block[80];

    (void)state;
    for (size_t size = 0; size < 64; size++) {
        memset(block, 0x5A, sizeof block);

        smt_pattern_fill(block + 8, size);

        assert_int_equal(block[7], 0x5A);
        assert_int_equal(block[8 + size], 0x5A);
    }
}

/* --- sets --- */

static void exact_total_in_pieces_within_bounds(void **state)
{
    struct smt_stress *stress = *state;

    assert_true(smt_stress_random_alloc(stress->set, 1000, 3000, 1000001));

    assert_int_equal(smt_stress_used(stress->set), 1000001);
    assert_in_range(smt_stress_chunks(stress->set), 1000001 / 3000, 1000001 / 1000 + 1);
}

static void exact_total_also_when_chunks_are_resized(void **state)
{
    struct smt_stress *stress = *state;

    atomic_store(&stress->realloc_percent, 90);
    atomic_store(&stress->check_content, true);

    assert_true(smt_stress_random_alloc(stress->set, 0, 300, 100001));

    assert_int_equal(smt_stress_used(stress->set), 100001);
    assert_int_equal(atomic_load(&stress->damaged), 0);
}

static void both_ends_of_the_size_range_are_drawn(void **state)
{
    struct smt_stress *stress = *state;
    uint64_t chunks;

    assert_true(smt_stress_random_alloc(stress->set, 1, 2, 3000));
    chunks = smt_stress_chunks(stress->set);

    assert_true(chunks > 1500 && chunks < 3000);
}

/* Sizes 1..2000 and some equal ones, in a mixed order. */
static void sizes_alloc(struct smt_stress *stress)
{
    for (uint64_t i = 0; i < 2000; i++)
        assert_true(smt_stress_alloc(stress->set, 1 + (i * 1237) % 2000));
}

static void smaller_chunks_are_freed_first(void **state)
{
    struct smt_stress *stress = *state;
    uint64_t wanted = 0, freed, chunks = 0;

    sizes_alloc(stress);
    while (wanted + chunks + 1 <= 1200000) wanted += ++chunks; /* 1 + 2 + ... */

    freed = smt_stress_free(stress->set, wanted);

    assert_int_equal(freed, wanted);
    assert_int_equal(smt_stress_chunks(stress->set), 2000 - chunks);
}

static void at_least_the_size_is_freed_and_no_chunk_more(void **state)
{
    struct smt_stress *stress = *state;

    sizes_alloc(stress);

    assert_int_equal(smt_stress_free(stress->set, 5), 6); /* 1 + 2 + 3 */
    assert_int_equal(smt_stress_free(stress->set, 0), 0);
    assert_int_equal(smt_stress_free(stress->set, 2001000), 2001000 - 6);
    assert_int_equal(smt_stress_chunks(stress->set), 0);
}

static void freeing_small_pieces_again_and_again_keeps_the_order(void **state)
{
    struct smt_stress *stress = *state;
    uint64_t last = 0;

    for (uint64_t i = 0; i < 500; i++)
        assert_true(smt_stress_alloc(stress->set, 65536 + (i * 7919) % 4096));
    for (uint64_t left = 500; left > 0; left--) {
        uint64_t freed = smt_stress_free(stress->set, 1);

        assert_true(freed >= last);
        assert_int_equal(smt_stress_chunks(stress->set), left - 1);
        last = freed;
    }
}

static void realloc_tells_the_difference_even_negative(void **state)
{
    struct smt_stress *stress = *state;
    struct smt_random random;
    int64_t difference = 0;

    smt_random_init(&random, 1);
    assert_true(smt_stress_alloc(stress->set, 1000));

    assert_int_equal(smt_stress_realloc(stress->set, &random, 100, UINT64_MAX, &difference),
                     SMT_STRESS_RESIZED);

    assert_int_equal(difference, -900);
    assert_int_equal(smt_stress_used(stress->set), 100);
}

static void realloc_without_chunks_says_so(void **state)
{
    struct smt_stress *stress = *state;
    struct smt_random random;
    int64_t difference;

    smt_random_init(&random, 1);

    assert_int_equal(smt_stress_realloc(stress->set, &random, 10, UINT64_MAX, &difference),
                     SMT_STRESS_EMPTY);
}

static void realloc_chooses_among_all_chunks(void **state)
{
    struct smt_stress *stress = *state;
    struct smt_random random;
    int64_t difference;
    unsigned small = 0;

    smt_random_init(&random, 1);
    for (int i = 0; i < 50; i++) assert_true(smt_stress_alloc(stress->set, 10));
    for (int i = 0; i < 50; i++) assert_true(smt_stress_alloc(stress->set, 100000));
    for (int i = 0; i < 40; i++) {
        assert_int_equal(smt_stress_realloc(stress->set, &random, 10, UINT64_MAX, &difference),
                         SMT_STRESS_RESIZED);
        small += difference == 0;
    }

    assert_in_range(small, 5, 38);
}

static void written_chunk_is_reported_with_place(void **state)
{
    struct smt_stress *stress = *state;

    atomic_store(&stress->check_content, true);
    assert_true(smt_stress_alloc(stress->set, 100));
    ((unsigned char *)last_chunk)[77] ^= 1;

    (void)smt_stress_free(stress->set, UINT64_MAX);

    assert_int_equal(atomic_load(&stress->damaged), 1);
    assert_ptr_equal(damage_seen.address, last_chunk);
    assert_int_equal(damage_seen.offset, 77);
    assert_int_equal(damage_seen.expected ^ damage_seen.found, 1);
}

static void untouched_chunks_are_not_reported(void **state)
{
    struct smt_stress *stress = *state;

    atomic_store(&stress->check_content, true);
    assert_true(smt_stress_random_alloc(stress->set, 1, 5000, 1000000));

    (void)smt_stress_free(stress->set, UINT64_MAX);

    assert_int_equal(atomic_load(&stress->damaged), 0);
}

static void chunk_allocated_while_checking_was_off_is_not_checked(void **state)
{
    struct smt_stress *stress = *state;

    assert_true(smt_stress_alloc(stress->set, 100));
    atomic_store(&stress->check_content, true);

    (void)smt_stress_free(stress->set, UINT64_MAX);

    assert_int_equal(atomic_load(&stress->damaged), 0);
}

static void chunk_is_checked_although_checking_was_switched_off(void **state)
{
    struct smt_stress *stress = *state;

    atomic_store(&stress->check_content, true);
    assert_true(smt_stress_alloc(stress->set, 100));
    atomic_store(&stress->check_content, false);
    memset(last_chunk, 0, 100);

    (void)smt_stress_free(stress->set, UINT64_MAX);

    assert_int_equal(atomic_load(&stress->damaged), 1);
}

static void limit_refuses_and_freeing_makes_room(void **state)
{
    struct smt_stress *stress = *state;

    assert_true(smt_stress_alloc(stress->set, LIMIT * 9 / 10));
    assert_false(smt_stress_alloc(stress->set, LIMIT * 2 / 10));
    (void)smt_stress_free(stress->set, UINT64_MAX);

    assert_true(smt_stress_alloc(stress->set, LIMIT * 9 / 10));
}

static void limit_counts_what_small_chunks_really_take(void **state)
{
    struct smt_stress *stress = *state;

    assert_false(smt_stress_random_alloc(stress->set, 1, 1, LIMIT / 40));
    assert_in_range(smt_stress_chunks(stress->set), LIMIT / 70, LIMIT / 60);
}

static void refused_allocation_leaves_nothing_behind(void **state)
{
    struct smt_stress *stress = *state;

    assert_true(smt_stress_alloc(stress->set, 100));
    refuse_after = 1;

    assert_false(smt_stress_alloc(stress->set, 200));

    refuse_after = 0;
    assert_int_equal(smt_stress_used(stress->set), 100);
    assert_true(smt_stress_alloc(stress->set, 300));
}

static void sizes_beyond_all_memory_are_refused(void **state)
{
    struct smt_stress *stress = *state;

    assert_false(smt_stress_alloc(stress->set, UINT64_MAX));
    assert_false(smt_stress_alloc(stress->set, SMT_BINS_SIZE_MAX));
    assert_int_equal(smt_stress_chunks(stress->set), 0);
}

static void book_keeping_stays_within_48_bytes_a_chunk(void **state)
{
    struct smt_stress *stress = *state;
    const uint64_t chunks = 400000;

    for (uint64_t i = 0; i < chunks; i++) assert_true(smt_stress_alloc(stress->set, 16 + i % 241));

    assert_true(smt_stress_overhead(stress->set) <= chunks * 48);
}

static void book_keeping_goes_back_when_all_is_freed(void **state)
{
    struct smt_stress *stress = *state;

    for (uint64_t i = 0; i < 100000; i++) assert_true(smt_stress_alloc(stress->set, 16 + i % 3000));
    (void)smt_stress_free(stress->set, 50000000); /* some bins one by one */
    assert_true(smt_stress_overhead(stress->set) > 1000000);
    (void)smt_stress_free(stress->set, UINT64_MAX);

    assert_true(smt_stress_overhead(stress->set) < 500000); /* the table */
}

static void *worker(void *argument)
{
    struct smt_stress_set *set = argument;

    for (int round = 0; round < 20; round++) {
        struct smt_random random;
        int64_t difference;

        if (!smt_stress_random_alloc(set, 1, 3000, 300000)) return (void *)1;
        smt_random_init(&random, (uint64_t)round);
        (void)!smt_stress_realloc(set, &random, 500, UINT64_MAX, &difference);
        (void)smt_stress_free(set, 250000);
    }
    return NULL;
}

static void threads_share_a_set_without_losing_a_byte(void **state)
{
    struct smt_stress *stress = *state;
    pthread_t threads[4];
    uint64_t used;

    atomic_store(&stress->check_content, true);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, worker, stress->set), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    used = smt_stress_used(stress->set);

    assert_int_equal(smt_stress_free(stress->set, UINT64_MAX), used);
    assert_int_equal(atomic_load(&stress->damaged), 0);
    assert_int_equal(smt_stress_chunks(stress->set), 0);
}

/* --- the two functions --- */

static void functions_allocate_and_free(void **state)
{
    (void)state;

    assert_int_equal(mt_mem_alloc(1048576), 0);
    assert_int_equal(mt_mem_alloc((size_t)1 << 60), -1);
    mt_mem_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_reports_the_first_changed_byte_at_every_offset),
        cmocka_unit_test(pattern_of_another_address_is_seen),
        cmocka_unit_test(pattern_stays_inside_its_chunk),
        WITH_ENGINE(exact_total_in_pieces_within_bounds),
        WITH_ENGINE(exact_total_also_when_chunks_are_resized),
        WITH_ENGINE(both_ends_of_the_size_range_are_drawn),
        WITH_ENGINE(smaller_chunks_are_freed_first),
        WITH_ENGINE(at_least_the_size_is_freed_and_no_chunk_more),
        WITH_ENGINE(freeing_small_pieces_again_and_again_keeps_the_order),
        WITH_ENGINE(realloc_tells_the_difference_even_negative),
        WITH_ENGINE(realloc_without_chunks_says_so),
        WITH_ENGINE(realloc_chooses_among_all_chunks),
        WITH_ENGINE(written_chunk_is_reported_with_place),
        WITH_ENGINE(untouched_chunks_are_not_reported),
        WITH_ENGINE(chunk_allocated_while_checking_was_off_is_not_checked),
        WITH_ENGINE(chunk_is_checked_although_checking_was_switched_off),
        WITH_ENGINE(limit_refuses_and_freeing_makes_room),
        WITH_ENGINE(limit_counts_what_small_chunks_really_take),
        WITH_ENGINE(refused_allocation_leaves_nothing_behind),
        WITH_ENGINE(sizes_beyond_all_memory_are_refused),
        WITH_ENGINE(book_keeping_stays_within_48_bytes_a_chunk),
        WITH_ENGINE(book_keeping_goes_back_when_all_is_freed),
        WITH_ENGINE(threads_share_a_set_without_losing_a_byte),
        cmocka_unit_test(functions_allocate_and_free),
    };

    return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
