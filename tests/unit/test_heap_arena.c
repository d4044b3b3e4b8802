/* heap/arena: the C library's contracts, refusals, bad releases, fills. */
#include "heap_fixture.h"

#include <sys/mman.h>

/* --- the C library's contracts --------------------------------------------- */

static void every_block_is_aligned_to_16(void **state)
{
    (void)state;
    plain_begin();

    for (size_t size = 0; size < 300; size++)
        assert_int_equal((uintptr_t)smt_heap_malloc(size) % 16, 0);
}

static void blocks_of_size_0_are_unique(void **state)
{
    (void)state;
    plain_begin();

    void *first = smt_heap_malloc(0), *second = smt_heap_malloc(0), *third = smt_heap_calloc(0, 8);

    assert_non_null(first);
    assert_non_null(second);
    assert_non_null(third);
    assert_ptr_not_equal(first, second);
    assert_ptr_not_equal(second, third);
    assert_int_equal(stats_of().live_blocks, 3);
    smt_heap_release(first);
    smt_heap_release(second);
    smt_heap_release(third);
    assert_int_equal(stats_of().bad_frees, 0);
    damage_of(0);
}

static void success_leaves_errno_untouched(void **state)
{
    (void)state;
    plain_begin();
    errno = 77;

    void *block = smt_heap_realloc(smt_heap_calloc(3, 5), 400);
    smt_heap_release(smt_heap_realloc(block, 0));
    smt_heap_release(smt_heap_malloc(9));

    assert_int_equal(errno, 77);
}

static void calloc_overflow_is_refused_without_an_attempt(void **state)
{
    (void)state;
    plain_begin();
    errno = 0;

    assert_null(smt_heap_calloc(SIZE_MAX / 2, 3));

    assert_int_equal(errno, ENOMEM);
    assert_int_equal(stats_of().attempts, 0);
}

static void calloc_is_zero_even_where_an_earlier_run_wrote(void **state)
{
    static const unsigned char zeros[500];

    (void)state;
    plain_begin();
    memset(smt_heap_malloc(4000), 0xEE, 4000);
    plain_begin();

    assert_memory_equal(smt_heap_calloc(5, 100), zeros, 500);
}

static void no_heap_grants_half_of_all_addresses(void **state)
{
    (void)state;
    plain_begin();
    errno = 0;

    assert_null(smt_heap_malloc(SIZE_MAX / 2));

    assert_int_equal(errno, ENOMEM);
    assert_false(stats_of().exhausted);
    assert_null(smt_heap_malloc(SIZE_MAX));
    assert_null(smt_heap_malloc(SIZE_MAX - 40));
}

static void realloc_of_null_allocates(void **state)
{
    (void)state;
    plain_begin();

    unsigned char *block = smt_heap_realloc(NULL, 10);

    assert_non_null(block);
    assert_int_equal(block[9], 0xA5);
    assert_int_equal(stats_of().attempts, 1);
}

static void realloc_to_0_frees_and_is_no_attempt(void **state)
{
    (void)state;
    plain_begin();
    void *block = smt_heap_malloc(10);

    assert_null(smt_heap_realloc(block, 0));

    assert_int_equal(stats_of().attempts, 1);
    assert_int_equal(stats_of().live_blocks, 0);
    smt_heap_release(block);
    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_DOUBLE);
}

static void realloc_grows_with_contents_and_fills_the_rest(void **state)
{
    (void)state;
    plain_begin();
    char *old = smt_heap_malloc(5);

    memcpy(old, "abcd", 5);
    unsigned char *grown = smt_heap_realloc(old, 40);

    assert_ptr_not_equal(grown, old);
    assert_memory_equal(grown, "abcd", 5);
    for (int i = 5; i < 40; i++) assert_int_equal(grown[i], 0xA5);
    assert_int_equal(stats_of().live_blocks, 1);
    damage_of(0);
}

static void realloc_shrinks_with_contents(void **state)
{
    (void)state;
    plain_begin();
    char *old = smt_heap_malloc(50);

    memset(old, 'x', 50);
    char *shrunk = smt_heap_realloc(old, 3);

    assert_memory_equal(shrunk, "xxx", 3);
    assert_int_equal(stats_of().live_bytes, 3);
    poke(shrunk, 3);
    assert_int_equal(damage_of(1).offset, 3);
}

/* --- refusals ------------------------------------------------------------------ */

static void refused_attempts_leave_enomem(void **state)
{
    struct smt_fault_plan plan = {.rule_count = 1, .rules = {{2, 2}}};

    (void)state;
    run_begin((struct smt_heap_settings){.plan = &plan});
    assert_non_null(smt_heap_malloc(1));
    errno = 0;

    assert_null(smt_heap_malloc(1));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(smt_heap_calloc(1, 1));
    assert_int_equal(errno, ENOMEM);
    assert_non_null(smt_heap_malloc(1));

    assert_int_equal(stats_of().refusals, 2);
    assert_int_equal(stats_of().first_refused, 2);
    assert_int_equal(stats_of().attempts, 4);
}

static void persistent_refusal_has_no_end(void **state)
{
    struct smt_fault_plan plan = {.rule_count = 1, .rules = {{3, SMT_FAULT_FOREVER}}};

    (void)state;
    run_begin((struct smt_heap_settings){.plan = &plan});
    smt_heap_malloc(1);
    smt_heap_malloc(1);

    for (int i = 0; i < 1000; i++) assert_null(smt_heap_malloc(1));
}

static void later_rules_of_a_plan_fire_too(void **state)
{
    struct smt_fault_plan plan = {.rule_count = 3, .rules = {{2, 1}, {4, 2}, {9, 1}}};
    char seen[13] = "";

    (void)state;
    run_begin((struct smt_heap_settings){.plan = &plan});

    for (int i = 0; i < 12; i++) seen[i] = smt_heap_malloc(1) ? '.' : 'R';

    assert_string_equal(seen, ".R.RR...R...");
}

static void realloc_refused_keeps_the_old_block(void **state)
{
    struct smt_fault_plan plan = {.rule_count = 1, .rules = {{2, 1}}};
    char *old;

    (void)state;
    run_begin((struct smt_heap_settings){.plan = &plan});
    old = smt_heap_malloc(4);
    memcpy(old, "abc", 4);

    assert_null(smt_heap_realloc(old, 100));

    assert_string_equal(old, "abc");
    assert_int_equal(stats_of().live_blocks, 1);
    smt_heap_release(old);
    assert_int_equal(stats_of().bad_frees, 0);
}

static void heap_limit_refuses_like_a_full_heap(void **state)
{
    struct smt_fault_plan plan = {.limit_bytes = 100};
    void *first, *second;

    (void)state;
    run_begin((struct smt_heap_settings){.plan = &plan});
    first = smt_heap_malloc(60);
    second = smt_heap_malloc(40);
    assert_non_null(second);

    assert_null(smt_heap_malloc(1));
    assert_null(smt_heap_realloc(first, 61));
    smt_heap_release(second);
    assert_non_null(smt_heap_malloc(40));

    assert_int_equal(stats_of().refusals, 2);
    assert_int_equal(stats_of().least_needed, 101);
}

static void a_request_above_the_whole_limit_is_refused(void **state)
{
    struct smt_fault_plan plan = {.limit_bytes = 100};

    (void)state;
    run_begin((struct smt_heap_settings){.plan = &plan});

    assert_null(smt_heap_malloc(SIZE_MAX));
    assert_null(smt_heap_malloc(101));
    assert_non_null(smt_heap_malloc(100));
}

/* --- bad releases --------------------------------------------------------------- */

static void releasing_null_is_nothing(void **state)
{
    (void)state;
    plain_begin();

    smt_heap_release(NULL);

    assert_int_equal(stats_of().bad_frees, 0);
}

static void double_release_names_the_block(void **state)
{
    (void)state;
    plain_begin();
    smt_heap_malloc(1);
    void *block = smt_heap_malloc(10);
    smt_heap_release(block);

    smt_heap_release(block);

    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_DOUBLE);
    assert_int_equal(stats_of().bad_free_attempt, 2);
    assert_int_equal(stats_of().bad_free_address, (uintptr_t)block);
    assert_int_equal(stats_of().live_blocks, 1);
    damage_of(0);
}

static void foreign_release_touches_nothing(void **state)
{
    static char foreign[64];
    void *page = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    plain_begin();

    smt_heap_release(foreign + 16);
    smt_heap_release((char *)page + 4096); /* nothing in front of it can be read */
    smt_heap_release((void *)16);

    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_FOREIGN);
    assert_int_equal(stats_of().bad_frees, 3);
    assert_int_equal(stats_of().bad_free_attempt, 0);
    munmap(page, 8192);
}

static void interior_release_names_the_block(void **state)
{
    (void)state;
    plain_begin();
    char *block = smt_heap_malloc(100);

    smt_heap_release(block + 16);

    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_INTERIOR);
    assert_int_equal(stats_of().bad_free_attempt, 1);
    assert_int_equal(stats_of().live_blocks, 1);
}

static void an_interior_pointer_in_front_of_a_forged_tag_is_still_interior(void **state)
{
    (void)state;
    plain_begin();
    uint64_t *block = smt_heap_malloc(100), *front = (uint64_t *)opaque(block) - 2;

    block[0] = *front;
    smt_heap_release(block + 2);

    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_INTERIOR);
}

static void realloc_of_a_bad_pointer_fails(void **state)
{
    (void)state;
    plain_begin();
    void *block = smt_heap_malloc(10);
    smt_heap_release(block);
    errno = 0;

    assert_null(smt_heap_realloc(block, 20));

    assert_int_equal(errno, ENOMEM);
    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_DOUBLE);
}

static void a_trashed_header_still_finds_the_block(void **state)
{
    (void)state;
    plain_begin();
    void *first = smt_heap_malloc(10), *second = smt_heap_malloc(10);

    memset((char *)opaque(second) - 16, 0xFF, 16);
    smt_heap_release(second);
    smt_heap_release(first);

    assert_int_equal(stats_of().bad_frees, 0);
    assert_int_equal(stats_of().live_blocks, 0);
    assert_ptr_equal(damage_of(1).block, smt_heap_block(heap, 1));
}

__attribute__((noinline)) static void *caller_of_realloc(void *block)
{
    void *moved = smt_heap_realloc(block, 0);

    __asm__ volatile("" : : : "memory");
    return moved;
}

static void realloc_to_0_is_the_callers_release(void **state)
{
    uintptr_t from = (uintptr_t)caller_of_realloc;

    (void)state;
    plain_begin();

    caller_of_realloc(smt_heap_malloc(10));

    assert_in_range(smt_heap_block(heap, 0)->freed_by, from, from + 400);
}

/* --- fills ------------------------------------------------------------------------- */

static void fresh_blocks_hold_the_fill(void **state)
{
    (void)state;
    for (enum smt_fill fill = SMT_FILL_BYTE; fill <= SMT_FILL_ZERO; fill++) {
        run_begin((struct smt_heap_settings){.fill = fill});
        unsigned char *block = smt_heap_malloc(77);

        for (int i = 0; i < 77; i++) assert_int_equal(block[i], fill == SMT_FILL_BYTE ? 0xA5 : 0);
    }
}

static void address_fill_is_the_complement_of_its_address(void **state)
{
    uint64_t word, tail = 0;

    (void)state;
    run_begin((struct smt_heap_settings){.fill = SMT_FILL_ADDRESS});
    char *block = smt_heap_malloc(44);

    for (int at = 0; at < 40; at += 8) {
        memcpy(&word, block + at, 8);
        assert_true(word == ~(uint64_t)(uintptr_t)(block + at));
    }
    word = ~(uint64_t)(uintptr_t)(block + 40);
    memcpy(&tail, block + 40, 4);
    assert_int_equal(tail, word & 0xFFFFFFFFu);
    damage_of(0);
}

static void address_fill_holds_where_realloc_begins_to_fill(void **state)
{
    uint64_t word;

    (void)state;
    run_begin((struct smt_heap_settings){.fill = SMT_FILL_ADDRESS});
    char *old = smt_heap_malloc(5);
    memcpy(old, "abcde", 5);

    char *grown = smt_heap_realloc(old, 40);

    assert_memory_equal(grown, "abcde", 5);
    for (int at = 8; at < 40; at += 8) {
        memcpy(&word, grown + at, 8);
        assert_true(word == ~(uint64_t)(uintptr_t)(grown + at));
    }
}

static void other_fill_is_for_its_attempts_only(void **state)
{
    (void)state;
    run_begin(
        (struct smt_heap_settings){.other_fill = SMT_FILL_ZERO, .other_first = 2, .other_last = 3});

    for (uint64_t attempt = 1; attempt <= 5; attempt++) {
        unsigned char *block = smt_heap_malloc(8);

        assert_int_equal(block[7], attempt == 2 || attempt == 3 ? 0 : 0xA5);
    }
}

#define ARENA_TEST(test) cmocka_unit_test_setup_teardown(test, heap_set_up, heap_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(every_block_is_aligned_to_16),
        ARENA_TEST(blocks_of_size_0_are_unique),
        ARENA_TEST(success_leaves_errno_untouched),
        ARENA_TEST(calloc_overflow_is_refused_without_an_attempt),
        ARENA_TEST(calloc_is_zero_even_where_an_earlier_run_wrote),
        ARENA_TEST(no_heap_grants_half_of_all_addresses),
        ARENA_TEST(realloc_of_null_allocates),
        ARENA_TEST(realloc_to_0_frees_and_is_no_attempt),
        ARENA_TEST(realloc_grows_with_contents_and_fills_the_rest),
        ARENA_TEST(realloc_shrinks_with_contents),
        ARENA_TEST(refused_attempts_leave_enomem),
        ARENA_TEST(persistent_refusal_has_no_end),
        ARENA_TEST(later_rules_of_a_plan_fire_too),
        ARENA_TEST(realloc_refused_keeps_the_old_block),
        ARENA_TEST(heap_limit_refuses_like_a_full_heap),
        ARENA_TEST(a_request_above_the_whole_limit_is_refused),
        ARENA_TEST(releasing_null_is_nothing),
        ARENA_TEST(double_release_names_the_block),
        ARENA_TEST(foreign_release_touches_nothing),
        ARENA_TEST(interior_release_names_the_block),
        ARENA_TEST(an_interior_pointer_in_front_of_a_forged_tag_is_still_interior),
        ARENA_TEST(realloc_of_a_bad_pointer_fails),
        ARENA_TEST(a_trashed_header_still_finds_the_block),
        ARENA_TEST(realloc_to_0_is_the_callers_release),
        ARENA_TEST(fresh_blocks_hold_the_fill),
        ARENA_TEST(address_fill_is_the_complement_of_its_address),
        ARENA_TEST(address_fill_holds_where_realloc_begins_to_fill),
        ARENA_TEST(other_fill_is_for_its_attempts_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
