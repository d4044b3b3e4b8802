/* heap/lifetime: one run after another, what is found in each, and how memory
 * comes back. */
#include "heap_fixture.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- runs -------------------------------------------------------------------------- */

/* One place that allocates, in every run. */
__attribute__((noinline)) static uint64_t run_alike(const struct smt_heap_settings *settings,
                                                    size_t third_size)
{
    void *blocks[3];

    smt_heap_begin(heap, settings);
    for (size_t i = 0; i < 3; i++) blocks[i] = smt_heap_malloc(i < 2 ? 10 + i : third_size);
    smt_heap_release(blocks[1]);
    return stats_of().sequence_hash;
}

static void equal_runs_have_equal_hashes(void **state)
{
    uint64_t first[3], second[3];
    struct smt_heap_settings settings = {.prefix_hashes = first, .prefix_capacity = 3};
    uint64_t a, b, c, d;

    (void)state;
    a = run_alike(&settings, 7);
    settings.prefix_hashes = second;
    b = run_alike(&settings, 7);
    settings = (struct smt_heap_settings){.check_content = true, .fill = SMT_FILL_ZERO};
    c = run_alike(&settings, 7);
    d = run_alike(&settings, 8);

    assert_true(a == b && a == c);
    assert_true(a != d);
    assert_memory_equal(first, second, sizeof first);
    assert_true(first[0] != first[1] && first[1] != first[2]);
}

static void a_refused_run_has_the_prefix_hash_of_the_whole_one(void **state)
{
    uint64_t prefixes[3];
    struct smt_fault_plan plan = {.rule_count = 1, .rules = {{3, 1}}};
    struct smt_heap_settings settings = {.prefix_hashes = prefixes, .prefix_capacity = 3};

    (void)state;
    run_alike(&settings, 7);
    settings = (struct smt_heap_settings){.plan = &plan};
    run_alike(&settings, 7);

    assert_true(stats_of().refused_hash == prefixes[2]);
}

static void prefix_hashes_stop_at_their_capacity(void **state)
{
    uint64_t prefixes[4] = {0, 0, 42, 42};

    (void)state;
    run_begin((struct smt_heap_settings){.prefix_hashes = prefixes, .prefix_capacity = 2});

    for (int i = 0; i < 4; i++) smt_heap_malloc(1);

    assert_int_equal(prefixes[2], 42);
    assert_int_equal(prefixes[3], 42);
}

static void a_new_run_uses_the_same_addresses(void **state)
{
    (void)state;
    plain_begin();
    void *first = smt_heap_malloc(10);

    plain_begin();

    assert_ptr_equal(smt_heap_malloc(10), first);
    assert_int_equal(stats_of().attempts, 1);
    assert_int_equal(stats_of().live_blocks, 1);
}

static void no_address_is_used_twice_in_a_run(void **state)
{
    uintptr_t last = 0;

    (void)state;
    plain_begin();

    for (int i = 0; i < 1000; i++) {
        void *block = smt_heap_malloc(100);

        assert_true((uintptr_t)block > last);
        last = (uintptr_t)block + 100;
        smt_heap_release(block);
    }
}

static void the_kept_zone_survives(void **state)
{
    (void)state;
    plain_begin();
    char *kept = smt_heap_malloc(6);
    memcpy(kept, "cache", 6);
    smt_heap_keep(heap);

    plain_begin();
    char *other = smt_heap_malloc(6);

    assert_string_equal(kept, "cache");
    assert_ptr_not_equal(kept, other);
    assert_int_equal(stats_of().live_blocks, 1);
    assert_ptr_equal(smt_heap_block(heap, 0)->address, other);
    assert_false(stats_of().kept_changed);
}

static void releasing_a_kept_block_is_told(void **state)
{
    (void)state;
    plain_begin();
    void *kept = smt_heap_malloc(6);
    smt_heap_keep(heap);
    plain_begin();

    smt_heap_release(kept);

    assert_true(stats_of().kept_changed);
    assert_int_equal(stats_of().bad_frees, 0);
}

static void blocks_are_found_by_number_attempt_and_address(void **state)
{
    struct smt_fault_plan plan = {.rule_count = 1, .rules = {{2, 1}}};
    bool guard_page = true;

    (void)state;
    run_begin((struct smt_heap_settings){.plan = &plan});
    char *first = smt_heap_malloc(100);
    assert_null(smt_heap_malloc(1));
    char *third = smt_heap_malloc(20);

    assert_ptr_equal(smt_heap_block(heap, 1)->address, third);
    assert_null(smt_heap_block(heap, 2));
    assert_ptr_equal(smt_heap_block_of_attempt(heap, 3), smt_heap_block(heap, 1));
    assert_null(smt_heap_block_of_attempt(heap, 2));
    assert_null(smt_heap_block_of_attempt(heap, 4));
    assert_ptr_equal(smt_heap_block_at(heap, (uintptr_t)first + 99, &guard_page),
                     smt_heap_block(heap, 0));
    assert_false(guard_page);
    assert_ptr_equal(smt_heap_block_at(heap, (uintptr_t)third - 16, &guard_page),
                     smt_heap_block(heap, 1));
    assert_null(smt_heap_block_at(heap, (uintptr_t)&plan, &guard_page));
    assert_true(smt_heap_owns(heap, (uintptr_t)first));
    assert_false(smt_heap_owns(heap, (uintptr_t)&plan));
}

static void peek_reads_fences_and_payload(void **state)
{
    unsigned char bytes[128];

    (void)state;
    plain_begin();
    memcpy(smt_heap_malloc(3), "abc", 3);
    const struct smt_block *block = smt_heap_block(heap, 0);

    assert_int_equal(smt_heap_peek(heap, block, -8, bytes, sizeof bytes), 8 + 16 + 16);
    assert_memory_equal(bytes + 8, "abc", 3);
    assert_int_equal(smt_heap_peek(heap, block, 1, bytes, 2), 2);
    assert_memory_equal(bytes, "bc", 2);
    assert_int_equal(smt_heap_peek(heap, block, -17, bytes, 1), 0);
}

/* --- the limits of the range ----------------------------------------------------- */

static void a_used_up_range_is_told_and_never_overrun(void **state)
{
    (void)state;
    smt_heap_begin(heap, &(struct smt_heap_settings){0});

    /* without content only tags are written; small pieces fill it to the brim */
    for (size_t size = (size_t)1 << 34; size >= 16; size /= 2)
        while (smt_heap_malloc(size))
            ;
    for (int i = 0; i < 100; i++)
        for (size_t size = 0; size < 64; size++) smt_heap_malloc(size);

    assert_true(stats_of().exhausted);
    assert_null(smt_heap_malloc(0));
}

/* --- memory comes back ------------------------------------------------------------ */

static size_t resident_pages(void *from, size_t size_bytes)
{
    static unsigned char map[65536];
    uintptr_t first = (uintptr_t)from & ~(uintptr_t)4095;
    size_t pages = size_bytes / 4096, count = 0;

    assert_true(pages <= sizeof map);
    assert_int_equal(mincore((void *)first, pages * 4096, map), 0);
    for (size_t i = 0; i < pages; i++) count += map[i] & 1;
    return count;
}

static int small_quarantine_set_up(void **state)
{
    (void)state;
    return heap_set_up_with(1u << 20);
}

static void evicted_blocks_give_their_memory_back(void **state)
{
    (void)state;
    plain_begin();
    void *first = smt_heap_malloc(8000);

    for (int i = 0; i < 4000; i++) smt_heap_release(smt_heap_malloc(8000));

    /* 32 MB went through; the quarantine holds one, and eight stay for the next run */
    assert_true(resident_pages(first, 32u << 20) < 10u << 8);
    damage_of(0);
}

static void pages_of_evicted_blocks_stay_for_the_next_run(void **state)
{
    (void)state;
    plain_begin();
    void *first = smt_heap_malloc(8000);

    for (int i = 0; i < 500; i++) smt_heap_release(smt_heap_malloc(8000));
    plain_begin();

    assert_true(resident_pages(first, 4u << 20) > 900);
}

static void damage_is_found_when_a_block_is_evicted(void **state)
{
    (void)state;
    plain_begin();
    for (int i = 0; i < 3; i++) smt_heap_release(smt_heap_malloc(100));
    void *bad = smt_heap_malloc(100);
    smt_heap_release(bad);
    poke(bad, 40);
    for (int i = 0; i < 1000; i++) smt_heap_release(smt_heap_malloc(8000));

    struct smt_damage damage = damage_of(1);

    assert_int_equal(damage.block->attempt, 4);
    assert_int_equal(damage.offset, 40);
    assert_true(damage.after_free);
    plain_begin();
    damage_of(0);
}

static void double_release_of_an_evicted_block_is_found(void **state)
{
    (void)state;
    plain_begin();
    void *first = smt_heap_malloc(100);
    smt_heap_release(first);
    for (int i = 0; i < 1000; i++) smt_heap_release(smt_heap_malloc(8000));

    smt_heap_release(first);

    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_DOUBLE);
    assert_int_equal(stats_of().bad_free_attempt, 1);
}

static void live_blocks_between_evicted_ones_keep_their_bytes(void **state)
{
    unsigned char *live[64];

    (void)state;
    plain_begin();
    for (int i = 0; i < 64; i++) {
        live[i] = smt_heap_malloc(100);
        memset(live[i], i, 100);
        for (int n = 0; n < 40; n++) smt_heap_release(smt_heap_malloc(8000));
    }

    for (int i = 0; i < 64; i++)
        for (int at = 0; at < 100; at++) assert_int_equal(live[i][at], i);
    damage_of(0);
}

static void a_run_after_evictions_can_evict_again(void **state)
{
    (void)state;
    for (int run = 0; run < 3; run++) {
        plain_begin();
        void *first = smt_heap_malloc(8000);

        for (int i = 0; i < 4000; i++) smt_heap_release(smt_heap_malloc(8000));

        assert_true(resident_pages(first, 32u << 20) < 10u << 8);
        damage_of(0);
    }
}

static void a_quarantine_of_0_keeps_nothing(void **state)
{
    (void)state;
    heap_tear_down(NULL);
    assert_int_equal(heap_set_up_with(0), 0);
    plain_begin();
    void *block = smt_heap_malloc(100);

    smt_heap_release(block);
    smt_heap_release(block);

    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_DOUBLE);
    damage_of(0);
}

static void a_large_run_is_given_back_by_the_next(void **state)
{
    (void)state;
    plain_begin();
    void *first = smt_heap_malloc(64u << 20);
    memset(first, 1, 64u << 20);

    plain_begin();

    assert_true(resident_pages(first, 64u << 20) <= (9u << 20) / 4096);
}

static void records_of_a_large_run_are_given_back_by_the_next(void **state)
{
    (void)state;
    smt_heap_begin(heap, &(struct smt_heap_settings){0});
    for (int i = 0; i < 1000000; i++) smt_heap_malloc(1);
    const struct smt_block *records = smt_heap_block(heap, 0);
    assert_true(resident_pages((void *)records, 50u << 20) > 10000);

    plain_begin();

    assert_true(resident_pages((void *)records, 50u << 20) <= (5u << 20) / 4096);
}

/* In a child: the heap of a process that may have so many addresses. */
static int heap_under_limit(size_t address_bytes)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        struct rlimit limit = {address_bytes, address_bytes};
        struct smt_heap *small;

        smt_heap_free(heap); /* its addresses count too */
        if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(1);
        if (smt_heap_new(0, false, &small) != SMT_OK) _exit(2);
        smt_heap_use(small);
        _exit(smt_heap_malloc(1u << 20) ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void an_address_limit_leaves_a_smaller_heap(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* its shadow alone is above every limit */
#endif
    assert_int_equal(heap_under_limit((size_t)9 << 30), 0);
    assert_int_equal(heap_under_limit((size_t)4 << 30), 0);
    assert_int_equal(heap_under_limit((size_t)2 << 30), 0);
    assert_int_equal(heap_under_limit((size_t)1 << 30), 0);
    assert_int_equal(heap_under_limit((size_t)200 << 20), 2);
}

/* --- the C library behind the plan ----------------------------------------------- */

static int libc_set_up(void **state)
{
    (void)state;
    if (smt_heap_new(0, true, &heap) != SMT_OK) return -1;
    smt_heap_use(heap);
    return 0;
}

static void libc_memory_obeys_the_plan(void **state)
{
    struct smt_fault_plan plan = {.rule_count = 1, .rules = {{2, 2}}};
    void *block;

    (void)state;
    smt_heap_begin(heap, &(struct smt_heap_settings){.plan = &plan});
    block = smt_heap_malloc(8);
    assert_non_null(block);
    errno = 0;
    assert_null(smt_heap_calloc(1, 8));
    assert_null(smt_heap_realloc(block, 80));
    assert_int_equal(errno, ENOMEM);
    block = smt_heap_realloc(block, 80);

    assert_non_null(block);
    assert_false(smt_heap_owns(heap, (uintptr_t)block));
    assert_int_equal(stats_of().live_blocks, 1);
    smt_heap_release(block);
    assert_int_equal(stats_of().live_blocks, 0);
    assert_int_equal(stats_of().attempts, 4);
}

#define ARENA_TEST(test) cmocka_unit_test_setup_teardown(test, heap_set_up, heap_tear_down)
#define SMALL_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, small_quarantine_set_up, heap_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(equal_runs_have_equal_hashes),
        ARENA_TEST(a_refused_run_has_the_prefix_hash_of_the_whole_one),
        ARENA_TEST(prefix_hashes_stop_at_their_capacity),
        ARENA_TEST(a_new_run_uses_the_same_addresses),
        ARENA_TEST(no_address_is_used_twice_in_a_run),
        ARENA_TEST(the_kept_zone_survives),
        ARENA_TEST(releasing_a_kept_block_is_told),
        ARENA_TEST(blocks_are_found_by_number_attempt_and_address),
        ARENA_TEST(peek_reads_fences_and_payload),
        ARENA_TEST(a_used_up_range_is_told_and_never_overrun),
        SMALL_TEST(evicted_blocks_give_their_memory_back),
        SMALL_TEST(pages_of_evicted_blocks_stay_for_the_next_run),
        SMALL_TEST(damage_is_found_when_a_block_is_evicted),
        SMALL_TEST(double_release_of_an_evicted_block_is_found),
        SMALL_TEST(live_blocks_between_evicted_ones_keep_their_bytes),
        SMALL_TEST(a_run_after_evictions_can_evict_again),
        ARENA_TEST(a_quarantine_of_0_keeps_nothing),
        SMALL_TEST(a_large_run_is_given_back_by_the_next),
        ARENA_TEST(records_of_a_large_run_are_given_back_by_the_next),
        ARENA_TEST(an_address_limit_leaves_a_smaller_heap),
        cmocka_unit_test_setup_teardown(libc_memory_obeys_the_plan, libc_set_up, heap_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
