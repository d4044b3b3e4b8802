/* heap/shared: the thread-safe heap that reuses memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/shared.h"

/* Sanitizers map terabytes of their own: no such limit can be set with them. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HAS_ADDRESS_LIMIT
#endif

static struct smt_heap_shared_damage last_damage;

static void on_damage(void *context, const struct smt_heap_shared_damage *damage)
{
    (void)context;
    last_damage = *damage;
}

static int heap_setup(void **state)
{
    struct smt_heap_shared *heap;

    if (smt_heap_shared_new(&heap) != SMT_OK) return -1;
    memset(&last_damage, 0, sizeof last_damage);
    smt_heap_shared_on_damage(heap, on_damage, NULL);
    *state = heap;
    return 0;
}

static int heap_teardown(void **state)
{
    smt_heap_shared_free(*state);
    return 0;
}

static const size_t sizes[] = {0,    1,     8,     15,    16,    24,    25,     100,    488,
                               1000, 16000, 16360, 16361, 65536, 70000, 300000, 5000000};
#define SIZES (sizeof sizes / sizeof *sizes)

static void blocks_of_all_sizes_hold_what_is_written(void **state)
{
    unsigned char *blocks[SIZES * 20];

    for (size_t i = 0; i < SIZES * 20; i++) {
        blocks[i] = smt_heap_shared_alloc(*state, sizes[i % SIZES]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, sizes[i % SIZES]);
    }
    for (size_t i = 0; i < SIZES * 20; i++) {
        size_t size = sizes[i % SIZES];

        assert_int_equal(smt_heap_shared_size(*state, blocks[i]), size);
        if (size) assert_int_equal(blocks[i][size - 1], (unsigned char)i);
        smt_heap_shared_release(*state, blocks[i]);
    }

    assert_int_equal(smt_heap_shared_live_blocks(*state), 0);
    assert_int_equal(smt_heap_shared_live_bytes(*state), 0);
    assert_int_equal(smt_heap_shared_damaged(*state), 0);
}

static void freed_memory_is_used_again(void **state)
{
    void *first = smt_heap_shared_alloc(*state, 100);

    smt_heap_shared_release(*state, first);

    assert_ptr_equal(smt_heap_shared_alloc(*state, 100), first);
}

/* How many of these blocks' pages have memory behind them. */
static size_t resident_count(void *const *blocks, size_t count)
{
    size_t resident = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned char seen = 0;

        /* what is not mapped any more fails */
        if (mincore((void *)((uintptr_t)blocks[i] & ~(uintptr_t)4095), 1, &seen) == 0)
            resident += seen & 1;
    }
    return resident;
}

static void pages_of_freed_blocks_go_back_except_a_few(void **state)
{
    const size_t count = 16000, kept_bytes = (size_t)20 << 20;
    void **blocks = malloc(count * sizeof *blocks);

    for (size_t i = 0; i < count; i++) {
        blocks[i] = smt_heap_shared_alloc(*state, 4000);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, 4000);
    }
    assert_int_equal(resident_count(blocks, count), count);
    for (size_t i = 0; i < count; i++) smt_heap_shared_release(*state, blocks[i]);

    assert_true(resident_count(blocks, count) <= kept_bytes / 4096);
    free(blocks);
}

/* Spans without pages are found again, and so are those of other segments. */
static void pages_that_went_back_are_used_again(void **state)
{
    const size_t count = 40000; /* 160 MB: three segments */
    void **blocks = malloc(count * sizeof *blocks);

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < count; i++) {
            blocks[i] = smt_heap_shared_alloc(*state, 4000);
            assert_non_null(blocks[i]);
            memcpy(blocks[i], &i, sizeof i);
        }
        for (size_t i = 0; i < count; i++) {
            size_t nth = round == 1 ? count - 1 - i : i;

            assert_memory_equal(blocks[nth], &nth, sizeof nth);
            smt_heap_shared_release(*state, blocks[nth]);
        }
    }

    assert_int_equal(smt_heap_shared_live_blocks(*state), 0);
    assert_int_equal(smt_heap_shared_damaged(*state), 0);
    free(blocks);
}

#ifdef HAS_ADDRESS_LIMIT
/* In a child, so that the limit is its own. */
static void address_space_of_freed_blocks_serves_others(void **state)
{
    const size_t count = 100000;
    void **blocks = malloc(count * sizeof *blocks);
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {(rlim_t)600 << 20, (rlim_t)600 << 20};

        setrlimit(RLIMIT_AS, &limit);
        for (size_t i = 0; i < count; i++)
            if (!(blocks[i] = smt_heap_shared_alloc(*state, 4000))) _exit(1);
        if (smt_heap_shared_alloc(*state, (size_t)300 << 20)) _exit(2); /* no limit here? */
        for (size_t i = 0; i < count; i++) smt_heap_shared_release(*state, blocks[i]);
        if (!smt_heap_shared_alloc(*state, (size_t)300 << 20)) _exit(3);
        if (!smt_heap_shared_alloc(*state, 4000)) _exit(4);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);

    assert_int_equal(status, 0);
    free(blocks);
}
#endif

static void resizing_keeps_the_content(void **state)
{
    for (size_t from = 1; from < SIZES; from++)
        for (size_t to = 1; to < SIZES; to++) {
            size_t kept = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            unsigned char *block = smt_heap_shared_alloc(*state, sizes[from]);

            memset(block, 0x42, sizes[from]);
            block = smt_heap_shared_resize(*state, block, sizes[to]);

            assert_non_null(block);
            assert_int_equal(block[0], 0x42);
            assert_int_equal(block[kept - 1], 0x42);
            smt_heap_shared_release(*state, block);
        }
    assert_int_equal(smt_heap_shared_live_bytes(*state), 0);
    assert_int_equal(smt_heap_shared_damaged(*state), 0);
}

static void byte_behind_the_payload_is_reported(void **state)
{
    for (size_t i = 0; i < SIZES; i++) {
        unsigned char *block = smt_heap_shared_alloc(*state, sizes[i]);

        block[sizes[i]] ^= 1;
        smt_heap_shared_release(*state, block);

        assert_int_equal(smt_heap_shared_damaged(*state), i + 1);
        assert_int_equal(last_damage.kind, SMT_HEAP_SHARED_FENCE);
        assert_int_equal(last_damage.offset, (ptrdiff_t)sizes[i]);
    }
}

static void byte_before_the_payload_is_reported(void **state)
{
    unsigned char *block = smt_heap_shared_alloc(*state, 50);

    block[-3] = 0;
    smt_heap_shared_release(*state, block);

    assert_int_equal(smt_heap_shared_damaged(*state), 1);
    assert_int_equal(last_damage.offset, -3);
    assert_int_equal(last_damage.size_bytes, 50);
}

/* Of slots as small as can be: the rear fence goes up to the end of the slot. */
static void each_byte_of_both_fences_is_checked(void **state)
{
    uint64_t planted = 0;

    for (size_t size = 1; size <= 488; size++) {
        ptrdiff_t end = (ptrdiff_t)((size + 24 + 15) / 16 * 16) - 16;

        for (ptrdiff_t at = -16; at < end; at = at == -1 ? (ptrdiff_t)size : at + 1) {
            unsigned char *block = smt_heap_shared_alloc(*state, size);

            block[at] ^= 0x10;
            smt_heap_shared_release(*state, block);

            assert_int_equal(smt_heap_shared_damaged(*state), ++planted);
            assert_int_equal(last_damage.offset, at);
        }
    }
}

static void double_free_is_reported_and_harmless(void **state)
{
    void *block = smt_heap_shared_alloc(*state, 50);

    smt_heap_shared_release(*state, block);
    smt_heap_shared_release(*state, block);

    assert_int_equal(smt_heap_shared_damaged(*state), 1);
    assert_int_equal(last_damage.kind, SMT_HEAP_SHARED_DOUBLE);
    assert_int_equal(smt_heap_shared_live_blocks(*state), 0);
}

static void foreign_and_interior_pointers_are_reported(void **state)
{
    char foreign[64];
    char *block = smt_heap_shared_alloc(*state, 50), *large = smt_heap_shared_alloc(*state, 90000);

    smt_heap_shared_release(*state, foreign);
    smt_heap_shared_release(*state, block + 16);
    smt_heap_shared_release(*state, large + 16);

    assert_int_equal(smt_heap_shared_damaged(*state), 3);
    assert_int_equal(last_damage.kind, SMT_HEAP_SHARED_FOREIGN);
    assert_int_equal(smt_heap_shared_live_blocks(*state), 2);
}

static void no_address_inside_a_block_starts_one(void **state)
{
    uint64_t wrong = 0;

    for (size_t size = 8; size <= 16360; size += size < 600 ? 16 : size / 9) {
        char *block = smt_heap_shared_alloc(*state, size), *next;

        for (size_t at = 1; at < size; at++) {
            smt_heap_shared_release(*state, block + at);
            wrong++;
        }
        next = smt_heap_shared_alloc(*state, size);

        assert_int_equal(smt_heap_shared_damaged(*state), wrong);
        smt_heap_shared_release(*state, next);
        smt_heap_shared_release(*state, block);
        assert_int_equal(smt_heap_shared_damaged(*state), wrong);
    }
    assert_int_equal(smt_heap_shared_live_blocks(*state), 0);
}

static void plan_refuses_the_nth_only(void **state)
{
    smt_heap_shared_set_plan(*state, &(struct smt_heap_shared_plan){.nth = 3});

    for (int attempt = 1; attempt <= 6; attempt++)
        assert_int_equal(smt_heap_shared_alloc(*state, 8) == NULL, attempt == 3);
    assert_int_equal(smt_heap_shared_refused(*state), 1);
}

static void plan_refuses_every_nth(void **state)
{
    smt_heap_shared_set_plan(*state, &(struct smt_heap_shared_plan){.every = 4});

    for (int attempt = 1; attempt <= 16; attempt++)
        assert_int_equal(smt_heap_shared_alloc(*state, 8) == NULL, attempt % 4 == 0);
}

static void plan_limits_live_bytes(void **state)
{
    void *block;

    smt_heap_shared_set_plan(*state, &(struct smt_heap_shared_plan){.limit_bytes = 1000});
    block = smt_heap_shared_alloc(*state, 900);

    assert_null(smt_heap_shared_alloc(*state, 101));
    assert_non_null(smt_heap_shared_alloc(*state, 100));
    assert_null(smt_heap_shared_resize(*state, block, 901));
    smt_heap_shared_release(*state, block);
    assert_non_null(smt_heap_shared_alloc(*state, 900));
}

static void refused_resize_leaves_the_block(void **state)
{
    char *block = smt_heap_shared_alloc(*state, 10);

    strcpy(block, "123456789");
    smt_heap_shared_set_plan(*state, &(struct smt_heap_shared_plan){.nth = 1});

    assert_null(smt_heap_shared_resize(*state, block, 100000));
    assert_string_equal(block, "123456789");
}

#define WITH_HEAP(test) cmocka_unit_test_setup_teardown(test, heap_setup, heap_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HEAP(blocks_of_all_sizes_hold_what_is_written),
        WITH_HEAP(freed_memory_is_used_again),
        WITH_HEAP(pages_of_freed_blocks_go_back_except_a_few),
        WITH_HEAP(pages_that_went_back_are_used_again),
#ifdef HAS_ADDRESS_LIMIT
        WITH_HEAP(address_space_of_freed_blocks_serves_others),
#endif
        WITH_HEAP(resizing_keeps_the_content),
        WITH_HEAP(byte_behind_the_payload_is_reported),
        WITH_HEAP(byte_before_the_payload_is_reported),
        WITH_HEAP(each_byte_of_both_fences_is_checked),
        WITH_HEAP(double_free_is_reported_and_harmless),
        WITH_HEAP(foreign_and_interior_pointers_are_reported),
        WITH_HEAP(no_address_inside_a_block_starts_one),
        WITH_HEAP(plan_refuses_the_nth_only),
        WITH_HEAP(plan_refuses_every_nth),
        WITH_HEAP(plan_limits_live_bytes),
        WITH_HEAP(refused_resize_leaves_the_block),
    };

    return cmocka_run_group_tests_name("heap_shared", tests, NULL, NULL);
}
