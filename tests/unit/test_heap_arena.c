/* heap/arena: the C library's contracts, refusals, what is counted, and how
 * memory comes back. */
#include "heap_fixture.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

    /* 32 MB went through; the quarantine holds one */
    assert_true(resident_pages(first, 32u << 20) < 3u << 8);
    damage_of(0);
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

        assert_true(resident_pages(first, 32u << 20) < 3u << 8);
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

    assert_true(resident_pages(first, 64u << 20) <= (2u << 20) / 4096);
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
