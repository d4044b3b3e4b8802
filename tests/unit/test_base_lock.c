/* base/lock: who may enter, and what waiting is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/base.h"

#define THREADS 4
#define TIMES   100000

struct guarded {
    struct smt_lock lock;
    unsigned long count, copies[8];
    bool is_torn;
};

static void *count_up(void *argument)
{
    struct guarded *guarded = argument;

    for (int i = 0; i < TIMES; i++) {
        smt_lock_take(&guarded->lock);
        for (int copy = 0; copy < 8; copy++)
            if (guarded->copies[copy]++ != guarded->count) guarded->is_torn = true;
        guarded->count++;
        smt_lock_give(&guarded->lock);
    }
    return NULL;
}

static void one_thread_at_a_time_holds_a_lock(void **state)
{
    struct guarded guarded = {0};
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &guarded), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);

    assert_int_equal(guarded.count, THREADS * TIMES);
    assert_false(guarded.is_torn);
}

struct waiter {
    struct smt_lock lock;
    atomic_int thread;
    atomic_bool entered;
};

static void *wait_for_lock(void *argument)
{
    struct waiter *waiter = argument;

    atomic_store(&waiter->thread, gettid());
    smt_lock_take(&waiter->lock);
    atomic_store(&waiter->entered, true);
    smt_lock_give(&waiter->lock);
    return NULL;
}

/* How often it gave its processor away. */
static long thread_sleeps(int thread)
{
    char path[64], line[128];
    long sleeps = -1;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    file = fopen(path, "r");
    assert_non_null(file);
    while (sleeps < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "voluntary_ctxt_switches: %ld", &sleeps) != 1) sleeps = -1;
    fclose(file);
    return sleeps;
}

/* Never ends if it does not. */
static void who_waits_long_sleeps_and_enters_at_last(void **state)
{
    struct waiter waiter = {0};
    pthread_t thread;

    (void)state;
    smt_lock_take(&waiter.lock);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_lock, &waiter), 0);
    while (!atomic_load(&waiter.thread)) sched_yield();
    while (thread_sleeps(atomic_load(&waiter.thread)) < 20) sched_yield();
    assert_false(atomic_load(&waiter.entered));
    smt_lock_give(&waiter.lock);
    pthread_join(thread, NULL);

    assert_true(atomic_load(&waiter.entered));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_at_a_time_holds_a_lock),
        cmocka_unit_test(who_waits_long_sleeps_and_enters_at_last),
    };

    return cmocka_run_group_tests_name("base_lock", tests, NULL, NULL);
}
