/* heap/guard: blocks that end at, or begin after, an inaccessible page. */
#include "heap_fixture.h"

#include <signal.h>
#include <sys/mman.h>

static sigjmp_buf escape;
static uintptr_t fault_address;

static void fault_seen(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    fault_address = (uintptr_t)info->si_addr;
    siglongjmp(escape, 1);
}

/* Does reading, or writing, that byte fault? fault_address then says where. */
static bool faults(const void *block, ptrdiff_t offset, bool write)
{
    struct sigaction action = {.sa_sigaction = fault_seen, .sa_flags = SA_SIGINFO | SA_NODEFER},
                     before;
    volatile bool faulted = true;
    volatile unsigned char *at = (volatile unsigned char *)opaque((void *)block) + offset;

    fault_address = 0;
    sigaction(SIGSEGV, &action, &before);
    if (sigsetjmp(escape, 1) == 0) {
        unsigned char byte = *at;

        if (write) *at = byte;
        faulted = false;
    }
    sigaction(SIGSEGV, &before, NULL);
    return faulted;
}

static void guarded_begin(enum smt_guard_mode mode, uint64_t first, uint64_t last)
{
    run_begin((struct smt_heap_settings){.guard = {mode, first, last, .least_alignment = 1}});
}

/* The block at the last fault, or NULL when that was no guard page. */
static const struct smt_block *block_at_fault(void)
{
    bool guard_page;
    const struct smt_block *block = smt_heap_block_at(heap, fault_address, &guard_page);

    return guard_page ? block : NULL;
}

static void a_block_ends_at_the_page(void **state)
{
    (void)state;
    guarded_begin(SMT_GUARD_TAIL, 1, 100);
    for (size_t size = 1; size <= 64; size++) {
        size_t lowest = size & -size;
        unsigned char *block = smt_heap_malloc(size);

        /* sizes are multiples of their alignment: the end is always exact */
        assert_int_equal(((uintptr_t)block + size) % 4096, 0);
        assert_int_equal((uintptr_t)block % (lowest < 16 ? lowest : 16), 0);
        assert_false(faults(block, (ptrdiff_t)size - 1, true));
        assert_true(faults(block, (ptrdiff_t)size, false));
        assert_ptr_equal(block_at_fault()->address, block);
        assert_int_equal(fault_address - (uintptr_t)block, size);
    }
    damage_of(0);
}

static void a_block_begins_after_the_page(void **state)
{
    (void)state;
    guarded_begin(SMT_GUARD_HEAD, 1, 100);
    for (size_t size = 1; size <= 64; size++) {
        unsigned char *block = smt_heap_malloc(size);

        assert_int_equal((uintptr_t)block % 4096, 0);
        assert_false(faults(block, 0, true));
        assert_true(faults(block, -1, false));
        assert_ptr_equal(block_at_fault()->address, block);
        assert_int_equal((intptr_t)(fault_address - (uintptr_t)block), -1);
    }
    damage_of(0);
}

/* strchr() on a block without a zero goes on through the page, into the gap. */
static void who_runs_on_through_a_page_ran_from_the_block_in_front(void **state)
{
    (void)state;
    guarded_begin(SMT_GUARD_HEAD, 1, 9);
    unsigned char *front = smt_heap_malloc(69), *behind = smt_heap_malloc(2);

    assert_true(faults(front, 4096, false));
    assert_ptr_equal(block_at_fault()->address, front);
    assert_true(faults(behind, -1, false));
    assert_ptr_equal(block_at_fault()->address, behind);
    assert_true(faults(front, -4096, false));
    assert_ptr_equal(block_at_fault()->address, front);
    assert_true(faults(behind, 4096, false));
    assert_ptr_equal(block_at_fault()->address, behind);
}

/* memset(block, 0, -1) would fill the machine's memory before it came to anything. */
static void who_writes_on_and_on_soon_faults(void **state)
{
    const size_t large = 100u << 20;

    (void)state;
    run_begin((struct smt_heap_settings){0});
    unsigned char *small = smt_heap_malloc(10);

    assert_true(faults(small, 20 << 20, true));
    unsigned char *block = smt_heap_malloc(large);
    unsigned char *aligned = smt_heap_allocate_for(0, 64u << 20, 10, false);
    assert_false(faults(block, (ptrdiff_t)large - 1, true));
    assert_false(faults(aligned, 9, true));
    assert_true(faults(aligned, 20 << 20, true));
}

static void least_alignment_leaves_slack_that_is_checked(void **state)
{
    (void)state;
    run_begin((struct smt_heap_settings){.guard = {SMT_GUARD_TAIL, 1, 9, .least_alignment = 8}});
    void *block = smt_heap_malloc(13);

    assert_int_equal((uintptr_t)block % 4096, 4096 - 16);
    damage_of(0);
    poke(block, 13);

    assert_int_equal(damage_of(1).offset, 13);
}

static void in_front_of_a_tail_block_all_is_fence(void **state)
{
    (void)state;
    guarded_begin(SMT_GUARD_TAIL, 1, 9);
    void *block = smt_heap_malloc(100);

    poke(block, -1);

    assert_int_equal(damage_of(1).offset, -1);
}

static void behind_a_head_block_all_is_fence(void **state)
{
    (void)state;
    guarded_begin(SMT_GUARD_HEAD, 1, 9);
    void *block = smt_heap_malloc(100);

    poke(block, 103);

    assert_int_equal(damage_of(1).offset, 103);
}

static void a_freed_block_is_inaccessible(void **state)
{
    (void)state;
    for (enum smt_guard_mode mode = SMT_GUARD_TAIL; mode <= SMT_GUARD_HEAD; mode++)
        for (size_t size = 0; size <= 9000; size += 1500) {
            guarded_begin(mode, 1, 9);
            void *block = smt_heap_malloc(size);
            smt_heap_release(block);

            for (size_t at = 0; at < size; at += size - 1) {
                assert_true(faults(block, (ptrdiff_t)at, false));
                assert_ptr_equal(block_at_fault()->address, block);
                assert_true(block_at_fault()->flags & SMT_BLOCK_FREED);
            }
            damage_of(0);
        }
}

static void a_freed_block_costs_no_memory(void **state)
{
    unsigned char map[4] = {0};

    (void)state;
    guarded_begin(SMT_GUARD_HEAD, 1, 9);
    void *block = smt_heap_malloc(4 * 4096);
    memset(block, 1, 4 * 4096);

    smt_heap_release(block);

    assert_int_equal(mincore(block, 4 * 4096, map), 0);
    for (int i = 0; i < 4; i++) assert_int_equal(map[i] & 1, 0);
}

static void size_0_has_no_byte(void **state)
{
    (void)state;
    for (enum smt_guard_mode mode = SMT_GUARD_TAIL; mode <= SMT_GUARD_HEAD; mode++) {
        guarded_begin(mode, 1, 9);
        void *first = smt_heap_malloc(0), *second = smt_heap_malloc(0);

        assert_ptr_not_equal(first, second);
        assert_int_equal(faults(first, mode == SMT_GUARD_TAIL ? 0 : -1, false), true);
        assert_ptr_equal(block_at_fault()->address, first);
        damage_of(0);
        smt_heap_release(first);
        smt_heap_release(second);
        assert_int_equal(stats_of().bad_frees, 0);
        assert_int_equal(stats_of().live_blocks, 0);
    }
}

static void whole_pages_fit_exactly(void **state)
{
    (void)state;
    for (enum smt_guard_mode mode = SMT_GUARD_TAIL; mode <= SMT_GUARD_HEAD; mode++) {
        guarded_begin(mode, 1, 9);
        void *block = smt_heap_malloc(8192);

        assert_false(faults(block, 0, true));
        assert_false(faults(block, 8191, true));
        assert_true(faults(block, 8192, false));
        assert_true(faults(block, -1, false));
        damage_of(0);
    }
}

static void only_wanted_attempts_are_guarded(void **state)
{
    struct smt_heap_settings settings = {
        .guard = {SMT_GUARD_TAIL, 3, 7, .skip_count = 2, .skip = {4, 6}}};

    (void)state;
    run_begin(settings);

    for (uint64_t attempt = 1; attempt <= 9; attempt++) {
        void *block = smt_heap_malloc(5);
        bool wanted = attempt == 3 || attempt == 5 || attempt == 7;

        assert_int_equal(faults(block, 5, false), wanted);
        assert_int_equal(!!(smt_heap_block_of_attempt(heap, attempt)->flags & SMT_BLOCK_GUARDED),
                         wanted);
    }
}

static void guarded_and_plain_blocks_are_found_among_each_other(void **state)
{
    char *blocks[40];
    bool guard_page;

    (void)state;
    guarded_begin(SMT_GUARD_TAIL, 10, 29);
    for (int i = 0; i < 40; i++) blocks[i] = smt_heap_malloc(24);

    for (int i = 0; i < 40; i++) {
        const struct smt_block *block =
            smt_heap_block_at(heap, (uintptr_t)blocks[i] + 23, &guard_page);

        assert_ptr_equal(block->address, blocks[i]);
        assert_false(guard_page);
    }
    for (int i = 0; i < 40; i++) smt_heap_release(blocks[i]);
    assert_int_equal(stats_of().bad_frees, 0);
    damage_of(0);
}

static void bad_releases_of_guarded_blocks_are_named(void **state)
{
    (void)state;
    guarded_begin(SMT_GUARD_TAIL, 1, 9);
    char *block = smt_heap_malloc(24);

    smt_heap_release(block + 8);
    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_INTERIOR);
    guarded_begin(SMT_GUARD_TAIL, 1, 9);
    block = smt_heap_malloc(24);
    smt_heap_release(block);
    smt_heap_release(block);
    assert_int_equal(stats_of().bad_free, SMT_BAD_FREE_DOUBLE);
    assert_int_equal(stats_of().bad_free_attempt, 1);
}

static void realloc_of_a_guarded_block_moves_its_bytes(void **state)
{
    (void)state;
    guarded_begin(SMT_GUARD_TAIL, 1, 9);
    char *old = smt_heap_malloc(4);
    memcpy(old, "abc", 4);

    char *moved = smt_heap_realloc(old, 100);

    assert_string_equal(moved, "abc");
    assert_true(faults(old, 0, false));
    assert_true(faults(moved, 100, false));
}

static void a_guarded_block_has_its_fill(void **state)
{
    uint64_t word;

    (void)state;
    run_begin((struct smt_heap_settings){.fill = SMT_FILL_ADDRESS,
                                         .guard = {SMT_GUARD_TAIL, 1, 9, .least_alignment = 1}});
    char *block = smt_heap_malloc(24);

    memcpy(&word, block + 8, 8);

    assert_true(word == ~(uint64_t)(uintptr_t)(block + 8));
}

/* A block in each page, twice what a process may have of mappings with two
 * each; the callers' windows are smaller, but nothing may break here. */
static void thirty_thousand_guarded_blocks_live_at_once(void **state)
{
    static char *blocks[40000];
    uint64_t guarded = 0;

    (void)state;
    guarded_begin(SMT_GUARD_TAIL, 1, 40000);
    for (int i = 0; i < 40000; i++) {
        assert_non_null(blocks[i] = smt_heap_malloc(24));
        blocks[i][23] = 'x';
        guarded += !!(smt_heap_block_of_attempt(heap, (uint64_t)i + 1)->flags & SMT_BLOCK_GUARDED);
    }

    assert_true(guarded >= 30000);
    damage_of(0);
    for (int i = 0; i < 40000; i++) smt_heap_release(blocks[i]);
    assert_int_equal(stats_of().bad_frees, 0);
    guarded_begin(SMT_GUARD_TAIL, 1, 9);
    assert_true(faults(smt_heap_malloc(24), 24, false));
}

static void a_new_run_makes_guarded_pages_anew(void **state)
{
    (void)state;
    guarded_begin(SMT_GUARD_TAIL, 1, 9);
    char *first = smt_heap_malloc(24);
    smt_heap_release(first);

    guarded_begin(SMT_GUARD_HEAD, 1, 9);
    unsigned char *second = smt_heap_malloc(24);

    assert_int_equal(second[23], 0xA5);
    damage_of(0);
    plain_begin();
    assert_true(faults(second, 0, false));
}

static void peek_never_touches_a_guard_page(void **state)
{
    unsigned char bytes[200];

    (void)state;
    guarded_begin(SMT_GUARD_TAIL, 1, 9);
    char *block = smt_heap_malloc(4);
    memcpy(block, "abcd", 4);

    assert_int_equal(smt_heap_peek(heap, smt_heap_block(heap, 0), -4, bytes, sizeof bytes), 8);
    assert_memory_equal(bytes + 4, "abcd", 4);
    smt_heap_release(block);
    assert_int_equal(smt_heap_peek(heap, smt_heap_block(heap, 0), 0, bytes, sizeof bytes), 0);
}

#define GUARD_TEST(test) cmocka_unit_test_setup_teardown(test, heap_set_up, heap_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GUARD_TEST(a_block_ends_at_the_page),
        GUARD_TEST(a_block_begins_after_the_page),
        GUARD_TEST(who_runs_on_through_a_page_ran_from_the_block_in_front),
        GUARD_TEST(who_writes_on_and_on_soon_faults),
        GUARD_TEST(least_alignment_leaves_slack_that_is_checked),
        GUARD_TEST(in_front_of_a_tail_block_all_is_fence),
        GUARD_TEST(behind_a_head_block_all_is_fence),
        GUARD_TEST(a_freed_block_is_inaccessible),
        GUARD_TEST(a_freed_block_costs_no_memory),
        GUARD_TEST(size_0_has_no_byte),
        GUARD_TEST(whole_pages_fit_exactly),
        GUARD_TEST(only_wanted_attempts_are_guarded),
        GUARD_TEST(guarded_and_plain_blocks_are_found_among_each_other),
        GUARD_TEST(bad_releases_of_guarded_blocks_are_named),
        GUARD_TEST(realloc_of_a_guarded_block_moves_its_bytes),
        GUARD_TEST(a_guarded_block_has_its_fill),
        GUARD_TEST(thirty_thousand_guarded_blocks_live_at_once),
        GUARD_TEST(a_new_run_makes_guarded_pages_anew),
        GUARD_TEST(peek_never_touches_a_guard_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
