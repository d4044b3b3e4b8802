/* libmemtest: which allocations are caught, and with what they are served. */
#define _GNU_SOURCE /* memfd_create() */
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "library_fixture.h"

static int fills_a_cache(void *context, void **ret_result)
{
    static char *cache;

    (void)context;
    if (!cache) cache = malloc(100);
    if (!cache) return ENOMEM;
    memset(cache, 'x', 100);
    *ret_result = malloc(10);
    return *ret_result ? 0 : ENOMEM;
}

static void cache_is_kept_and_no_leak(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(fills_a_cache, NULL, &told), 0);
    assert_int_equal(told.result.kept_blocks, 1);
    assert_int_equal(told.result.allocations, 1);
}

/* A block from before the sweep comes and goes. */
static int grows_foreign_memory(void *context, void **ret_result)
{
    char **foreign = context, *grown = realloc(*foreign, 200);

    if (!grown) return ENOMEM;
    *foreign = grown;
    memset(grown, 'x', 200);
    *ret_result = malloc(10);
    return *ret_result ? 0 : ENOMEM;
}

static void foreign_pointers_go_to_the_next_allocator(void **state)
{
    char *foreign = malloc(100);
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(grows_foreign_memory, &foreign, &told), 0);
    assert_int_equal(told.result.allocations, 1);
    free(foreign);
}

static void *thread_main(void *unused)
{
    void *block = malloc(1000);

    (void)unused;
    free(block);
    return block ? &thread_main : NULL;
}

static int asks_a_thread(void *context, void **ret_result)
{
    pthread_t thread;
    void *answer = NULL;

    (void)context;
    *ret_result = malloc(10);
    if (!*ret_result) return ENOMEM;
    if (pthread_create(&thread, NULL, thread_main, NULL) != 0) return EAGAIN;
    pthread_join(thread, &answer);
    return answer ? 0 : EINVAL; /* refused to the thread, this would be a wrong code */
}

static void other_threads_are_not_refused_anything(void **state)
{
    struct smt_sweep_subject subject = {
        .name = "f", .call = asks_a_thread, .release = free, .out_of_memory = ENOMEM};
    struct smt_sweep_options options = {.quiet = true, .repeat = 3};
    struct smt_sweep_result result;

    (void)state;
    /* pthread_create() itself asks for a block of the sweeping thread, which stays cached */
    assert_int_equal(smt_sweep(&subject, &options, &result), 0);
    assert_true(result.allocations >= 1 && result.allocations <= 2);
}

static int aligns(void *context, void **ret_result)
{
    void *blocks[4] = {aligned_alloc(64, 100), memalign(4096, 10), NULL, aligned_alloc(16, 16)};
    bool good = true;

    (void)context;
    if (posix_memalign(&blocks[2], 256, 1) != 0) blocks[2] = NULL;
    good = !((uintptr_t)blocks[0] % 64) && !((uintptr_t)blocks[1] % 4096) &&
           !((uintptr_t)blocks[2] % 256) && !((uintptr_t)blocks[3] % 16);
    if (blocks[0]) memset(blocks[0], 'x', 100);
    for (int i = 1; i < 4; i++)
        if (!blocks[i]) good = true, *ret_result = NULL;
    if (blocks[0] && blocks[1] && blocks[2] && blocks[3])
        *ret_result = blocks[0];
    else
        free(blocks[0]);
    for (int i = 1; i < 4; i++) free(blocks[i]);
    return !good ? EINVAL : *ret_result ? 0 : ENOMEM;
}

static void alignments_are_honoured(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(aligns, NULL, &told), 0);
    assert_int_equal(told.result.allocations, 4);
}

static int writes_past_an_aligned_end(void *context, void **ret_result)
{
    char *one = aligned_alloc(64, 64);

    (void)context;
    if (!one) return ENOMEM;
    ((volatile char *)one)[64] = 'x';
    *ret_result = one;
    return 0;
}

static void aligned_block_is_fenced(void **state)
{
    struct told told;

    (void)state;
    assert_true(sweep_call(writes_past_an_aligned_end, NULL, &told) > 0);
    assert_only(&told, "corrupt");
}

static int asks_for_too_much(void *context, void **ret_result)
{
    volatile size_t most = SIZE_MAX;

    (void)context;
    *ret_result = malloc(10);
    if (!*ret_result) return ENOMEM;
    if (reallocarray(*ret_result, most / 2, 3)) return EINVAL;
    return malloc(most) || calloc(most / 2, 3) ? EINVAL : 0;
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(asks_for_too_much, NULL, &told), 0);
}

static int prints(void *context, void **ret_result)
{
    (void)context;
    puts("this must not be seen");
    *ret_result = malloc(10);
    return *ret_result ? 0 : ENOMEM;
}

static void output_of_the_function_goes_away(void **state)
{
    int out = memfd_create("stdout", MFD_CLOEXEC), kept = dup(STDOUT_FILENO);
    struct told told;
    int count;

    (void)state;
    fflush(stdout);
    assert_true(dup2(out, STDOUT_FILENO) >= 0);
    count = sweep_call(prints, NULL, &told);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);

    assert_int_equal(count, 0);
    assert_int_equal(lseek(out, 0, SEEK_END), 0);
    close(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache_is_kept_and_no_leak),
        cmocka_unit_test(foreign_pointers_go_to_the_next_allocator),
        cmocka_unit_test(other_threads_are_not_refused_anything),
        cmocka_unit_test(alignments_are_honoured),
        cmocka_unit_test(aligned_block_is_fenced),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(output_of_the_function_goes_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
