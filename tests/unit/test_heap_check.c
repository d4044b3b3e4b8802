/* heap/check: every byte that must not have changed, and healthy twins. */
#include "heap_fixture.h"

static void an_untouched_heap_is_whole(void **state)
{
    (void)state;
    for (enum smt_fill fill = SMT_FILL_BYTE; fill <= SMT_FILL_ADDRESS; fill++) {
        run_begin((struct smt_heap_settings){.fill = fill});
        for (size_t size = 0; size < 200; size++) {
            unsigned char *block = smt_heap_malloc(size);

            if (size) memset(block, 0x11, size); /* every byte of it is the parser's */
            if (size % 3 == 0) smt_heap_release(block);
        }

        struct smt_damage damage = damage_of(0);

        assert_null(damage.block);
    }
}

static void tail_fence_reports_first_bad_byte(void **state)
{
    (void)state;
    for (size_t size = 0; size < 70; size++)
        for (ptrdiff_t over = 0; over < 16; over++) {
            plain_begin();
            smt_heap_malloc(3);
            void *block = smt_heap_malloc(size);
            smt_heap_malloc(3);
            poke(block, (ptrdiff_t)size + over);

            struct smt_damage damage = damage_of(1);

            assert_ptr_equal(damage.block->address, block);
            assert_int_equal(damage.offset, (ptrdiff_t)size + over);
            assert_int_equal(damage.last_offset, (ptrdiff_t)size + over);
            assert_int_equal(damage.found, damage.expected ^ 0x55);
            assert_false(damage.after_free);
        }
}

static void decoys_report_first_bad_byte_and_are_whole_otherwise(void **state)
{
    static const size_t sizes[] = {0, 1, 16, 17, 300};

    (void)state;
    smt_heap_place_decoys(heap, 3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t at = 0; at < 3 * SMT_DECOY_BYTES; at += 13) {
            ptrdiff_t offset = (ptrdiff_t)((sizes[i] + 15) / 16 * 16 + 16 + at);
            struct smt_damage damage;

            plain_begin();
            smt_heap_release(smt_heap_malloc(3));
            void *block = smt_heap_malloc(sizes[i]);
            smt_heap_malloc(3);
            damage_of(0);

            poke(block, offset);
            damage = damage_of(1);

            assert_ptr_equal(damage.block->address, block);
            assert_int_equal(damage.offset, offset);
            assert_int_equal(damage.last_offset, offset);
            assert_int_equal(damage.found, damage.expected ^ 0x55);
            assert_false(damage.after_free);
        }
}

static void underflow_of_1_to_16_bytes_is_found(void **state)
{
    (void)state;
    for (ptrdiff_t under = 1; under <= 16; under++) {
        plain_begin();
        smt_heap_malloc(3);
        void *block = smt_heap_malloc(20);
        poke(block, -under);

        struct smt_damage damage = damage_of(1);

        assert_ptr_equal(damage.block->address, block);
        assert_int_equal(damage.offset, -under);
        assert_int_equal(damage.found, damage.expected ^ 0x55);
    }
}

static void slack_is_fence(void **state)
{
    (void)state;
    plain_begin();
    void *block = smt_heap_malloc(17);

    poke(block, 31);

    assert_int_equal(damage_of(1).offset, 31);
}

static void freed_payload_write_is_after_free(void **state)
{
    (void)state;
    for (ptrdiff_t offset = 0; offset < 33; offset++) {
        plain_begin();
        void *block = smt_heap_malloc(33);
        smt_heap_release(block);
        poke(block, offset);

        struct smt_damage damage = damage_of(1);

        assert_int_equal(damage.offset, offset);
        assert_true(damage.after_free);
    }
}

static void a_fence_broken_before_release_is_still_found(void **state)
{
    (void)state;
    plain_begin();
    void *block = smt_heap_malloc(33);
    poke(block, 33);
    smt_heap_release(block);

    struct smt_damage damage = damage_of(1);

    assert_int_equal(damage.offset, 33);
    assert_false(damage.after_free);
}

static void an_overflow_tells_its_last_byte(void **state)
{
    (void)state;
    plain_begin();
    char *block = opaque(smt_heap_malloc(10));

    memset(block + 10, 'A', 9);

    struct smt_damage damage = damage_of(1);

    assert_int_equal(damage.offset, 10);
    assert_int_equal(damage.last_offset, 18);
    assert_int_equal(damage.found, 'A');
}

static void an_overflow_into_the_next_block_damages_both(void **state)
{
    (void)state;
    plain_begin();
    char *block = opaque(smt_heap_malloc(16));
    smt_heap_malloc(16);

    memset(block + 16, 'A', 20);

    assert_ptr_equal(damage_of(2).block->address, block);
}

static void without_content_nothing_is_checked(void **state)
{
    (void)state;
    smt_heap_begin(heap, &(struct smt_heap_settings){0});
    void *block = smt_heap_malloc(16);
    poke(block, 16);
    smt_heap_release(block);
    poke(block, 3);

    damage_of(0);
}

static void a_new_run_forgets_damage(void **state)
{
    (void)state;
    plain_begin();
    poke(smt_heap_malloc(16), 16);
    damage_of(1);

    plain_begin();
    smt_heap_malloc(16);

    damage_of(0);
}

static void calloc_has_fences_too(void **state)
{
    (void)state;
    plain_begin();
    void *block = smt_heap_calloc(3, 7);

    poke(block, 21);

    assert_int_equal(damage_of(1).offset, 21);
}

static void every_damaged_block_is_counted(void **state)
{
    (void)state;
    plain_begin();
    for (int i = 0; i < 10; i++) {
        void *block = smt_heap_malloc(8);

        if (i % 2) poke(block, 9);
        if (i % 3 == 0) smt_heap_release(block);
    }

    assert_int_equal(damage_of(5).block->attempt, 2);
}

/* --- blocks that are filled at both ends only -------------------------------------- */

/* A quarantine that a huge block fits into. */
static int roomy_set_up(void **state)
{
    (void)state;
    return heap_set_up_with((size_t)4 << 30);
}

#define HUGE_BYTES ((size_t)1 << 30)
#define END_BYTES  ((size_t)32 << 20)

static void of_a_huge_block_the_ends_are_filled_and_the_middle_is_left_alone(void **state)
{
    static const enum smt_fill fills[] = {SMT_FILL_BYTE, SMT_FILL_ADDRESS};

    (void)state;
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        run_begin((struct smt_heap_settings){.fill = fills[i]});
        const unsigned char *block = smt_heap_malloc(HUGE_BYTES);

        assert_non_null(block);
        assert_int_not_equal(block[0], 0);
        assert_int_not_equal(block[END_BYTES - 2], 0);
        assert_int_equal(block[END_BYTES + 100], 0);
        assert_int_equal(block[HUGE_BYTES - END_BYTES - 100], 0);
        assert_int_not_equal(block[HUGE_BYTES - END_BYTES + 100], 0);
        assert_int_not_equal(block[HUGE_BYTES - 2], 0);
    }
}

static void a_huge_freed_block_is_watched_at_its_ends(void **state)
{
    static const struct {
        size_t offset;
        uint64_t damaged;
    } rows[] = {{0, 1},
                {END_BYTES - 1, 1},
                {HUGE_BYTES / 2, 0},
                {HUGE_BYTES - END_BYTES, 1},
                {HUGE_BYTES - 1, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        plain_begin();
        void *block = smt_heap_malloc(HUGE_BYTES);
        smt_heap_release(block);

        poke(block, (ptrdiff_t)rows[i].offset);

        struct smt_damage damage = damage_of(rows[i].damaged);
        if (rows[i].damaged) assert_int_equal(damage.offset, rows[i].offset);
    }
}

static void a_broken_fence_of_a_huge_freed_block_is_told_as_such(void **state)
{
    (void)state;
    plain_begin();
    void *block = smt_heap_malloc(HUGE_BYTES);
    poke(block, (ptrdiff_t)HUGE_BYTES + 2);
    smt_heap_release(block);

    assert_int_equal(damage_of(1).offset, HUGE_BYTES + 2);
}

#define CHECK_TEST(test) cmocka_unit_test_setup_teardown(test, heap_set_up, heap_tear_down)
#define HUGE_TEST(test)  cmocka_unit_test_setup_teardown(test, roomy_set_up, heap_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK_TEST(an_untouched_heap_is_whole),
        CHECK_TEST(tail_fence_reports_first_bad_byte),
        CHECK_TEST(decoys_report_first_bad_byte_and_are_whole_otherwise),
        CHECK_TEST(underflow_of_1_to_16_bytes_is_found),
        CHECK_TEST(slack_is_fence),
        CHECK_TEST(freed_payload_write_is_after_free),
        CHECK_TEST(a_fence_broken_before_release_is_still_found),
        CHECK_TEST(an_overflow_tells_its_last_byte),
        CHECK_TEST(an_overflow_into_the_next_block_damages_both),
        CHECK_TEST(without_content_nothing_is_checked),
        CHECK_TEST(a_new_run_forgets_damage),
        CHECK_TEST(calloc_has_fences_too),
        CHECK_TEST(every_damaged_block_is_counted),
        CHECK_TEST(of_a_huge_block_the_ends_are_filled_and_the_middle_is_left_alone),
        HUGE_TEST(a_huge_freed_block_is_watched_at_its_ends),
        HUGE_TEST(a_broken_fence_of_a_huge_freed_block_is_told_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
