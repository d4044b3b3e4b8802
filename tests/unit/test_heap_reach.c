/* heap/reach: what static data still leads to, and what nothing leads to. */
#include "heap_fixture.h"

#include <dlfcn.h>

static void *volatile root;
static __thread void *volatile thread_root;
static volatile struct {
    uint32_t low, high;
} halves __attribute__((aligned(8)));

static int reach_tear_down(void **state)
{
    root = thread_root = NULL;
    halves.low = halves.high = 0;
    return heap_tear_down(state);
}

static bool is_reached(uint64_t index)
{
    return smt_heap_block(heap, index)->flags & SMT_BLOCK_REACHED;
}

static void nothing_reaches_a_forgotten_block(void **state)
{
    (void)state;
    plain_begin();
    smt_heap_malloc(24);

    assert_int_equal(smt_reach_mark(heap), 0);

    assert_false(is_reached(0));
}

static void a_static_pointer_reaches(void **state)
{
    (void)state;
    plain_begin();
    root = smt_heap_malloc(24);
    smt_heap_malloc(24);

    assert_int_equal(smt_reach_mark(heap), 1);

    assert_true(is_reached(0));
    assert_false(is_reached(1));
}

static void an_interior_pointer_reaches(void **state)
{
    (void)state;
    plain_begin();
    root = (char *)smt_heap_malloc(24) + 23;

    assert_int_equal(smt_reach_mark(heap), 1);
}

static void a_pointer_to_the_end_does_not_reach(void **state)
{
    (void)state;
    plain_begin();
    root = (char *)smt_heap_malloc(24) + 24;

    assert_int_equal(smt_reach_mark(heap), 0);
}

static void a_thread_local_pointer_reaches(void **state)
{
    (void)state;
    plain_begin();
    thread_root = smt_heap_malloc(24);

    assert_int_equal(smt_reach_mark(heap), 1);
}

/* Whatever the low half is: a number, a flag or two, as glibc's map of bins has them. */
static void numbers_and_flags_side_by_side_are_no_pointer(void **state)
{
    (void)state;
    plain_begin();
    halves.low = (uint32_t)(uintptr_t)smt_heap_malloc(24);

    for (halves.high = 0; halves.high < 10000; halves.high++)
        assert_int_equal(smt_reach_mark(heap), 0);
    for (unsigned one = 0; one < 32; one++)
        for (unsigned other = 0; other < 32; other++) {
            halves.high = 1u << one | 1u << other;
            assert_int_equal(smt_reach_mark(heap), 0);
        }
}

static void blocks_of_size_0_can_be_reached(void **state)
{
    (void)state;
    plain_begin();
    root = smt_heap_malloc(0);

    assert_int_equal(smt_reach_mark(heap), 1);
}

static void a_chain_is_reached_to_its_end(void **state)
{
    void *volatile *last = &root;

    (void)state;
    plain_begin();
    for (int i = 0; i < 1000; i++) {
        *last = smt_heap_calloc(1, 24);
        last = (void *volatile *)*last + 2;
    }

    assert_int_equal(smt_reach_mark(heap), 1000);
}

static void a_cycle_alone_is_not_reached(void **state)
{
    (void)state;
    plain_begin();
    void **a = smt_heap_calloc(1, 8), **b = smt_heap_calloc(1, 8);
    *a = b;
    *b = a;

    assert_int_equal(smt_reach_mark(heap), 0);
    root = a;
    assert_int_equal(smt_reach_mark(heap), 2);
    root = NULL;
    assert_int_equal(smt_reach_mark(heap), 0);
}

static void a_freed_block_is_not_reached_nor_followed(void **state)
{
    (void)state;
    smt_heap_begin(heap, &(struct smt_heap_settings){0}); /* freed contents stay */
    void **freed = smt_heap_calloc(1, 8);
    *freed = smt_heap_malloc(8);
    root = freed;
    smt_heap_release(freed);

    assert_int_equal(smt_reach_mark(heap), 0);
}

static void guarded_blocks_are_reached_and_followed(void **state)
{
    (void)state;
    run_begin((struct smt_heap_settings){.guard = {SMT_GUARD_TAIL, 1, 2, .least_alignment = 1}});
    void **first = smt_heap_calloc(1, 8);
    void **second = smt_heap_calloc(1, 8);
    *second = smt_heap_malloc(5); /* plain */
    *first = second;
    root = first;

    assert_int_equal(smt_reach_mark(heap), 3);
}

static void a_kept_block_leads_on(void **state)
{
    (void)state;
    plain_begin();
    void **kept = smt_heap_calloc(1, 16);
    root = kept;
    smt_heap_keep(heap);
    plain_begin();
    kept[1] = smt_heap_malloc(24); /* the cache grew */
    smt_heap_malloc(24);

    assert_int_equal(smt_reach_mark(heap), 1);

    assert_true(is_reached(0));
    assert_false(is_reached(1));
}

static void a_forgotten_kept_block_does_not_lead_on(void **state)
{
    (void)state;
    plain_begin();
    void **kept = smt_heap_calloc(1, 16);
    smt_heap_keep(heap);
    plain_begin();
    kept[1] = smt_heap_malloc(24);

    assert_int_equal(smt_reach_mark(heap), 0);
}

struct stretches {
    uintptr_t wanted;
    unsigned hits;
};

static void stretch_look(void *context, uintptr_t object_base, uintptr_t from, uintptr_t to)
{
    struct stretches *seen = context;

    (void)object_base;
    if (seen->wanted - from < to - from) seen->hits++;
}

static void an_objects_data_is_its_own_and_no_others(void **state)
{
    struct stretches ours = {(uintptr_t)&root, 0}, theirs = {(uintptr_t)&root, 0};

    (void)state;

    smt_roots_data_of((uintptr_t)nothing_reaches_a_forgotten_block, stretch_look, &ours);
    smt_roots_data_of((uintptr_t)dlsym(RTLD_DEFAULT, "fflush"), stretch_look, &theirs);

    assert_int_equal(ours.hits, 1);
    assert_int_equal(theirs.hits, 0);
}

#define REACH_TEST(test) cmocka_unit_test_setup_teardown(test, heap_set_up, reach_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REACH_TEST(nothing_reaches_a_forgotten_block),
        REACH_TEST(a_static_pointer_reaches),
        REACH_TEST(an_interior_pointer_reaches),
        REACH_TEST(a_pointer_to_the_end_does_not_reach),
        REACH_TEST(a_thread_local_pointer_reaches),
        REACH_TEST(numbers_and_flags_side_by_side_are_no_pointer),
        REACH_TEST(blocks_of_size_0_can_be_reached),
        REACH_TEST(a_chain_is_reached_to_its_end),
        REACH_TEST(a_cycle_alone_is_not_reached),
        REACH_TEST(a_freed_block_is_not_reached_nor_followed),
        REACH_TEST(guarded_blocks_are_reached_and_followed),
        REACH_TEST(a_kept_block_leads_on),
        REACH_TEST(a_forgotten_kept_block_does_not_lead_on),
        cmocka_unit_test(an_objects_data_is_its_own_and_no_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
