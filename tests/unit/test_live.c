/* The side table of live blocks, its stacks, ages, and the walk up the stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <execinfo.h>
#include <string.h>
#include <unistd.h>

#include "heap/heap.h"

static int table_begin(void **state)
{
    (void)state;
    smt_live_init();
    smt_live_clear();
    (void)smt_ages_destroy();
    return 0;
}

static void an_added_block_is_found_and_removed_once(void **state)
{
    struct smt_live_block block;

    (void)state;
    smt_live_add(0x10000, 77, 0, 0, 0);

    assert_true(smt_live_find(0x10000, &block));
    assert_int_equal(block.size_bytes, 77);
    assert_true(smt_live_remove(0x10000, &block));
    assert_false(smt_live_remove(0x10000, &block));
    assert_false(smt_live_find(0x10000, &block));
}

static void an_address_given_again_replaces_what_was_there(void **state)
{
    struct smt_live_block first, second;
    struct smt_live_totals totals;

    (void)state;
    smt_live_add(0x20000, 10, 0, 0, 0);
    smt_live_find(0x20000, &first);
    smt_live_add(0x20000, 30, 0, 0, 0);
    smt_live_find(0x20000, &second);
    smt_live_totals(&totals);

    assert_int_equal(totals.blocks, 1);
    assert_int_equal(totals.bytes, 30);
    assert_true(second.number > first.number);
}

static void a_restored_block_keeps_its_number(void **state)
{
    struct smt_live_block before, after;

    (void)state;
    smt_live_add(0x30000, 10, 0, 0, 0);
    smt_live_remove(0x30000, &before);
    smt_live_restore(&before);

    assert_true(smt_live_find(0x30000, &after));
    assert_int_equal(after.number, before.number);
}

static bool block_count(void *context, struct smt_live_block *block)
{
    (void)block;
    ++*(size_t *)context;
    return true;
}

static void a_hundred_thousand_blocks_cost_at_most_64_bytes_each(void **state)
{
    const size_t count = 100000;
    struct smt_live_totals totals;
    struct smt_live_block block;
    size_t seen = 0;

    (void)state;
    for (size_t i = 1; i <= count; i++) smt_live_add(0x7000000 + i * 48, i, 0, 0, 0);
    smt_live_totals(&totals);
    smt_live_each(block_count, &seen);

    assert_int_equal(totals.blocks, count);
    assert_int_equal(seen, count);
    assert_true(totals.book_bytes <= 64 * count);
    for (size_t i = 1; i <= count; i++) assert_true(smt_live_remove(0x7000000 + i * 48, &block));
}

static void one_stack_has_one_number(void **state)
{
    const uintptr_t first[] = {0x1000, 0x2000, 0x3000}, second[] = {0x1000, 0x2000, 0x3001};
    uint32_t number = smt_live_stack_number(first, 3);

    (void)state;
    assert_true(number > 0);
    assert_int_equal(smt_live_stack_number(first, 3), number);
    assert_int_not_equal(smt_live_stack_number(second, 3), number);
    assert_int_not_equal(smt_live_stack_number(first, 2), number);
    assert_int_equal(smt_live_stack_at(number)->frames[2], 0x3000);
    assert_null(smt_live_stack_at(0));
}

static void a_stack_is_found_by_its_hash_whatever_came_before(void **state)
{
    const uintptr_t first[] = {0x5100, 0x5200}, second[] = {0x5100, 0x5300};
    uint64_t hashes[] = {smt_unwind_hash(first, 2), smt_unwind_hash(second, 2)};
    uint32_t unknown = smt_live_stack_find(hashes[0], 0);
    uint32_t numbers[] = {smt_live_stack_number(first, 2), smt_live_stack_number(second, 2)};

    (void)state;
    assert_int_equal(unknown, 0);
    for (int i = 0; i < 8; i++) /* each after each, so that guesses fail too */
        assert_int_equal(smt_live_stack_find(hashes[i & 1], numbers[i >> 1 & 1]), numbers[i & 1]);
    assert_int_equal(smt_live_stack_find(hashes[1] + 1, numbers[0]), 0);
}

static void many_stacks_keep_their_numbers(void **state)
{
    enum { COUNT = 50000 };
    static uint32_t numbers[COUNT];

    (void)state;
    for (uintptr_t i = 0; i < COUNT; i++)
        numbers[i] = smt_live_stack_number((uintptr_t[]){i * 16 + 5, 9}, 2);

    for (uintptr_t i = 0; i < COUNT; i++) {
        assert_int_equal(smt_live_stack_number((uintptr_t[]){i * 16 + 5, 9}, 2), numbers[i]);
        assert_int_equal(smt_live_stack_at(numbers[i])->frames[0], i * 16 + 5);
    }
}

static void only_what_is_allocated_while_it_collects_is_in_the_database(void **state)
{
    struct smt_live_block before, during, after;

    (void)state;
    assert_true(smt_ages_create());
    smt_live_add(0x1000, 1, 0, smt_ages_epoch(), 0);
    assert_true(smt_ages_start());
    smt_live_add(0x2000, 1, 0, smt_ages_epoch(), 0);
    assert_true(smt_ages_stop());
    smt_live_add(0x3000, 1, 0, smt_ages_epoch(), 0);
    smt_live_find(0x1000, &before);
    smt_live_find(0x2000, &during);
    smt_live_find(0x3000, &after);

    assert_false(smt_ages_has(&before));
    assert_true(smt_ages_has(&during));
    assert_false(smt_ages_has(&after));
    assert_true(smt_ages_destroy());
    assert_false(smt_ages_has(&during));
}

static void the_database_refuses_what_its_state_does_not_allow(void **state)
{
    (void)state;
    assert_false(smt_ages_start());
    assert_false(smt_ages_stop());
    assert_false(smt_ages_destroy());
    assert_true(smt_ages_create());
    assert_false(smt_ages_create());
    assert_false(smt_ages_stop());
    assert_true(smt_ages_start());
    assert_false(smt_ages_start());
    assert_true(smt_ages_destroy());
}

static void a_block_older_than_its_stack_lets_them_get_is_an_outlier(void **state)
{
    uint32_t stack = smt_live_stack_number((uintptr_t[]){0x77770}, 1);
    struct smt_live_block young = {.stack = stack, .since_cs = 99500};
    struct smt_live_block old = {.stack = stack, .since_cs = 50000};

    (void)state;
    for (int i = 0; i < 100; i++) smt_live_stack_learn(stack, 30);
    smt_ages_weigh();

    assert_false(smt_ages_is_outlier(&young, 99600)); /* 1 s */
    assert_true(smt_ages_is_outlier(&old, 99600));    /* 8 min, and they live 0.3 s */
}

static void lifetimes_fall_into_classes_four_times_as_long_each(void **state)
{
    (void)state;
    for (uint32_t life = 0; life < 100000; life += 7) {
        unsigned class_number = smt_life_class(life);

        assert_true(life < smt_life_class_end_cs(class_number));
        if (class_number) assert_true(life >= smt_life_class_end_cs(class_number - 1));
    }
}

/* --- the walk --- */

struct seen {
    uintptr_t ours[SMT_UNWIND_MAX], theirs[SMT_UNWIND_MAX + 8];
    unsigned our_depth;
    int their_depth;
    bool changed, changed_again, hash_is_of_frames;
};

__attribute__((noinline)) static void look(struct smt_unwind_trace *trace, struct seen *seen)
{
    struct smt_unwind_point point = SMT_UNWIND_CALLER();
    uint64_t hash = 0, again;

    seen->changed = smt_unwind_walk_on(trace, &point, &hash);
    trace->value = 42;
    seen->changed_again = smt_unwind_walk_on(trace, &point, &again);
    seen->our_depth = smt_unwind_frames(trace, seen->ours);
    seen->hash_is_of_frames = hash == smt_unwind_hash(seen->ours, seen->our_depth);
    seen->their_depth = backtrace((void **)seen->theirs, SMT_UNWIND_MAX + 8);
}

static void descend(unsigned depth, struct smt_unwind_trace *trace, struct seen *seen);

/* A frame of varying size whose stack pointer is rounded down. */
__attribute__((noinline)) static void
descend_aligned(unsigned depth, struct smt_unwind_trace *trace, struct seen *seen)
{
    _Alignas(64) volatile char room[64];
    volatile char *more = __builtin_alloca(depth + 1);

    room[0] = more[depth] = (char)depth;
    descend(depth - 1, trace, seen);
    more[0] = room[1];
}

__attribute__((noinline)) static void descend(unsigned depth, struct smt_unwind_trace *trace,
                                              struct seen *seen)
{
    volatile char room[64];

    room[0] = (char)depth;
    if (depth % 5 == 4)
        descend_aligned(depth, trace, seen);
    else if (depth)
        descend(depth - 1, trace, seen);
    else
        look(trace, seen);
    room[1] = room[0];
}

/* The frames outward of look() itself are the same. */
static void assert_agrees(const struct seen *seen)
{
    assert_true(seen->our_depth > 3);
    assert_false(seen->changed_again);
    assert_true(!seen->changed || seen->hash_is_of_frames);
    for (unsigned i = 0; i < seen->our_depth; i++)
        assert_int_equal(seen->ours[i], seen->theirs[i + 1]);
    assert_true(seen->our_depth == SMT_UNWIND_MAX || (int)seen->our_depth >= seen->their_depth - 1);
}

static void the_walk_agrees_with_the_unwinder_of_the_compiler(void **state)
{
    static struct smt_unwind_trace trace;

    (void)state;
    for (unsigned depth = 0; depth < 100; depth += 3) {
        struct seen seen = {0};

        descend(depth, &trace, &seen);
        assert_agrees(&seen);
    }
    for (unsigned depth = 100; depth-- > 0;) {
        struct seen seen = {0};

        descend(depth, &trace, &seen);
        assert_agrees(&seen);
    }
}

/* --- the scan, of blocks made up here --- */

static uintptr_t *arena;
uintptr_t *scan_root;

static bool is_suspect(uintptr_t address, uintptr_t *ret_via)
{
    size_t count;
    const struct smt_scan_suspect *suspects = smt_scan_suspects(&count);

    for (size_t i = 0; i < count; i++)
        if (suspects[i].address == address) {
            *ret_via = suspects[i].via;
            return true;
        }
    return false;
}

static void a_scan_tells_held_direct_and_indirect_apart(void **state)
{
    const struct smt_scan_options options = {.misses = 1, .skip_stacks = true};
    struct smt_scan_result result;
    uintptr_t via = 1, blocks[5];

    (void)state;
    arena = smt_pages_new(65536, 0);
    assert_non_null(arena);
    for (int i = 0; i < 5; i++) {
        blocks[i] = (uintptr_t)arena + 4096u * (unsigned)i;
        smt_live_add(blocks[i], 64, 0, 0, 0);
    }
    *(uintptr_t *)blocks[0] = blocks[1] + 40; /* held, by an interior pointer */
    *(uintptr_t *)blocks[2] = blocks[3];      /* lost, and what it points to */
    scan_root = (uintptr_t *)blocks[0];
    arena = NULL;
    smt_scan_prepare();
    smt_scan_run(&options, &result);
    arena = (uintptr_t *)blocks[0];

    assert_null(result.failure);
    assert_int_equal(result.blocks, 5);
    assert_int_equal(result.suspects, 3);
    assert_int_equal(result.direct, 2);
    assert_false(is_suspect(blocks[0], &via));
    assert_false(is_suspect(blocks[1], &via));
    assert_true(is_suspect(blocks[2], &via));
    assert_int_equal(via, 0);
    assert_true(is_suspect(blocks[3], &via));
    assert_int_equal(via, blocks[2]);
    assert_true(is_suspect(blocks[4], &via));
    smt_pages_free(arena, 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_added_block_is_found_and_removed_once, table_begin),
        cmocka_unit_test_setup(an_address_given_again_replaces_what_was_there, table_begin),
        cmocka_unit_test_setup(a_restored_block_keeps_its_number, table_begin),
        cmocka_unit_test_setup(a_hundred_thousand_blocks_cost_at_most_64_bytes_each, table_begin),
        cmocka_unit_test(one_stack_has_one_number),
        cmocka_unit_test(a_stack_is_found_by_its_hash_whatever_came_before),
        cmocka_unit_test(many_stacks_keep_their_numbers),
        cmocka_unit_test_setup(only_what_is_allocated_while_it_collects_is_in_the_database,
                               table_begin),
        cmocka_unit_test_setup(the_database_refuses_what_its_state_does_not_allow, table_begin),
        cmocka_unit_test_setup(a_block_older_than_its_stack_lets_them_get_is_an_outlier,
                               table_begin),
        cmocka_unit_test(lifetimes_fall_into_classes_four_times_as_long_each),
        cmocka_unit_test(the_walk_agrees_with_the_unwinder_of_the_compiler),
        cmocka_unit_test_setup(a_scan_tells_held_direct_and_indirect_apart, table_begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
