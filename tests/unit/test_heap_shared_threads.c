/* heap/shared: what threads share of one heap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/shared.h"

/* Sanitizers map terabytes of their own: no such limit can be set with them. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HAS_ADDRESS_LIMIT
#endif

static int heap_setup(void **state)
{
    struct smt_heap_shared *heap;

    if (smt_heap_shared_new(&heap) != SMT_OK) return -1;
    *state = heap;
    return 0;
}

static int heap_teardown(void **state)
{
    smt_heap_shared_free(*state);
    return 0;
}

#define FILL 40000 /* blocks of 4000 bytes: three segments */

struct filler {
    struct smt_heap_shared *heap;
    void *blocks[FILL];
    size_t count;
    bool frees;
};

static void *filler_run(void *argument)
{
    struct filler *filler = argument;

    for (size_t i = 0; i < filler->count; i++) {
        filler->blocks[i] = smt_heap_shared_alloc(filler->heap, 4000);
        if (!filler->blocks[i]) return filler;
    }
    for (size_t i = 0; i < filler->count && filler->frees; i++)
        smt_heap_shared_release(filler->heap, filler->blocks[i]);
    return NULL;
}

/* On a thread of its own. */
static struct filler *filler_new(struct smt_heap_shared *heap, size_t count, bool frees)
{
    struct filler *filler = malloc(sizeof *filler);
    pthread_attr_t attributes;
    void *failed = filler;
    pthread_t thread;

    filler->heap = heap;
    filler->count = count;
    filler->frees = frees;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 262144);
    if (pthread_create(&thread, &attributes, filler_run, filler) == 0)
        pthread_join(thread, &failed);
    pthread_attr_destroy(&attributes);
    if (!failed) return filler;
    free(filler);
    return NULL;
}

/* How many of b's blocks lie in the same 64 MiB as one of a's. */
static size_t shared_segments_count(const struct filler *a, const struct filler *b)
{
    size_t shared = 0;

    for (size_t i = 0; i < b->count; i++)
        for (size_t j = 0; j < a->count; j += 1000)
            if ((uintptr_t)a->blocks[j] >> 26 == (uintptr_t)b->blocks[i] >> 26) {
                shared++;
                break;
            }
    return shared;
}

static void blocks_of_two_threads_lie_apart(void **state)
{
    struct filler *one = filler_new(*state, FILL, false), *two = filler_new(*state, FILL, false);

    assert_non_null(one);
    assert_non_null(two);
    assert_int_equal(shared_segments_count(one, two), 0);
    free(one);
    free(two);
}

static void what_a_thread_emptied_serves_another(void **state)
{
    struct filler *one = filler_new(*state, FILL, true), *two = filler_new(*state, FILL, true);

    assert_non_null(one);
    assert_non_null(two);
    assert_true(shared_segments_count(one, two) > FILL / 3);
    assert_int_equal(smt_heap_shared_live_blocks(*state), 0);
    assert_int_equal(smt_heap_shared_damaged(*state), 0);
    free(one);
    free(two);
}

#ifdef HAS_ADDRESS_LIMIT
static rlim_t address_space_used(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file && fscanf(file, "%lu", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return (rlim_t)pages * 4096;
}

/* No room for a segment of its own. */
static void without_address_space_threads_share_a_segment(void **state)
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        struct filler *one = filler_new(*state, 100, false), *two;
        rlim_t most = address_space_used() + ((rlim_t)16 << 20);
        struct rlimit limit = {most, most};

        setrlimit(RLIMIT_AS, &limit);
        two = filler_new(*state, 100, false);
        _exit(!one || !two || shared_segments_count(one, two) != 100);
    }
    assert_int_equal(waitpid(child, &status, 0), child);

    assert_int_equal(status, 0);
}
#endif

/* Blocks go round between threads: each is freed by another than made it. */
static void *churn(void *argument)
{
    struct smt_heap_shared *heap = argument;
    static _Atomic(unsigned char *) mailbox[64];

    for (unsigned i = 0; i < 30000; i++) {
        size_t size = 1 + (i * 2654435761u >> 18) % (i % 100 ? 2000 : 40000);
        unsigned char *block = smt_heap_shared_alloc(heap, size), *taken;

        if (!block) return (void *)1;
        memset(block, 0xA7, size);
        taken = __atomic_exchange_n((unsigned char **)&mailbox[i % 64], block, __ATOMIC_ACQ_REL);
        if (taken && taken[smt_heap_shared_size(heap, taken) - 1] != 0xA7) return (void *)1;
        smt_heap_shared_release(heap, taken);
    }
    return NULL;
}

static void threads_may_free_what_others_allocated(void **state)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, *state), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }

    assert_int_equal(smt_heap_shared_damaged(*state), 0);
    assert_true(smt_heap_shared_live_blocks(*state) <= 64);
}

#define WITH_HEAP(test) cmocka_unit_test_setup_teardown(test, heap_setup, heap_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HEAP(blocks_of_two_threads_lie_apart),
        WITH_HEAP(what_a_thread_emptied_serves_another),
#ifdef HAS_ADDRESS_LIMIT
        WITH_HEAP(without_address_space_threads_share_a_segment),
#endif
        WITH_HEAP(threads_may_free_what_others_allocated),
    };

    return cmocka_run_group_tests_name("heap_shared_threads", tests, NULL, NULL);
}
