/* heap/arena.h, the part for catchers: callers named, alignments of any size. */
#include "heap_fixture.h"

#define CALLER_A 0x1000u
#define CALLER_B 0x2000u

static int run_set_up(void **state)
{
    int failed = heap_set_up(state);

    if (!failed) plain_begin();
    return failed;
}

static void every_alignment_is_honoured_and_fenced(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        char *block = smt_heap_allocate_for(CALLER_A, alignment, 24, false);

        assert_non_null(block);
        assert_int_equal((uintptr_t)block % alignment, 0);
        memset(block, 'x', 24);
    }
    damage_of(0);
}

static void byte_behind_an_aligned_block_is_damage(void **state)
{
    char *first = smt_heap_allocate_for(CALLER_A, 0, 10, false);
    char *block = smt_heap_allocate_for(CALLER_A, 4096, 64, false);
    struct smt_damage damage;

    (void)state;
    assert_non_null(first);
    poke(block, 64);

    damage = damage_of(1);
    assert_int_equal(damage.block->attempt, 2);
    assert_int_equal(damage.offset, 64);
}

static void gap_before_an_aligned_block_is_nobodys(void **state)
{
    char *first = smt_heap_allocate_for(CALLER_A, 0, 10, false);
    char *block = smt_heap_allocate_for(CALLER_A, 4096, 64, false);

    (void)state;
    assert_true(block - first > 64);
    assert_int_equal(smt_heap_size_in_use(block - 64), 0);
    assert_int_equal(smt_heap_size_in_use(first), 10);
    assert_int_equal(smt_heap_size_in_use(block), 64);
    smt_heap_release_for(CALLER_A, block);
    assert_int_equal(smt_heap_size_in_use(block), 0);
}

static void aligned_block_is_never_guarded(void **state)
{
    struct smt_heap_settings settings = {.check_content = true,
                                         .guard = {.mode = SMT_GUARD_TAIL, .first = 1, .last = 10}};
    char *plain, *aligned;

    (void)state;
    smt_heap_begin(heap, &settings);
    plain = smt_heap_allocate_for(CALLER_A, 16, 100, false);
    aligned = smt_heap_allocate_for(CALLER_A, 64, 100, false);

    assert_true(smt_heap_block_of_attempt(heap, 1)->flags & SMT_BLOCK_GUARDED);
    assert_false(smt_heap_block_of_attempt(heap, 2)->flags & SMT_BLOCK_GUARDED);
    assert_int_equal((uintptr_t)aligned % 64, 0);
    smt_heap_release_for(CALLER_A, plain);
    smt_heap_release_for(CALLER_A, aligned);
}

static void refused_aligned_request_takes_its_number(void **state)
{
    struct smt_fault_plan plan = {.rule_count = 1, .rules = {{2, 1}}};

    (void)state;
    run_begin((struct smt_heap_settings){.plan = &plan});

    assert_non_null(smt_heap_allocate_for(CALLER_A, 64, 10, false));
    assert_null(smt_heap_allocate_for(CALLER_A, 64, 10, false));
    assert_non_null(smt_heap_allocate_for(CALLER_A, 64, 10, false));
}

static void alignment_no_heap_could_grant_is_refused(void **state)
{
    (void)state;
    assert_null(smt_heap_allocate_for(CALLER_A, (size_t)1 << 62, SIZE_MAX - 100, false));
    assert_non_null(smt_heap_allocate_for(CALLER_A, 0, 10, false));
}

static void caller_is_the_one_named(void **state)
{
    char *block = smt_heap_allocate_for(CALLER_A, 0, 10, true);

    (void)state;
    assert_int_equal(block[9], 0);
    block = smt_heap_reallocate_for(CALLER_B, block, 20);
    smt_heap_release_for(CALLER_A, block);

    assert_int_equal(smt_heap_block_of_attempt(heap, 1)->caller, CALLER_A);
    assert_int_equal(smt_heap_block_of_attempt(heap, 1)->freed_by, CALLER_B);
    assert_int_equal(smt_heap_block_of_attempt(heap, 2)->caller, CALLER_B);
    assert_int_equal(smt_heap_block_of_attempt(heap, 2)->freed_by, CALLER_A);
}

static void only_the_heap_in_use_owns_anything(void **state)
{
    char *block = smt_heap_allocate_for(CALLER_A, 0, 10, false), *other = malloc(10);

    (void)state;
    assert_true(smt_heap_owns_in_use(block));
    assert_false(smt_heap_owns_in_use(other));
    smt_heap_use(NULL);
    assert_false(smt_heap_owns_in_use(block));
    free(other);
}

#define HEAP_TEST(name) cmocka_unit_test_setup_teardown(name, run_set_up, heap_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEAP_TEST(every_alignment_is_honoured_and_fenced),
        HEAP_TEST(byte_behind_an_aligned_block_is_damage),
        HEAP_TEST(gap_before_an_aligned_block_is_nobodys),
        HEAP_TEST(aligned_block_is_never_guarded),
        HEAP_TEST(refused_aligned_request_takes_its_number),
        HEAP_TEST(alignment_no_heap_could_grant_is_refused),
        HEAP_TEST(caller_is_the_one_named),
        HEAP_TEST(only_the_heap_in_use_owns_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
