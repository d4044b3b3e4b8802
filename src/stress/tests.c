/* Other threads never touch the loop: they hand it an order, wake it, and wait
 * until the loop's thread has carried it out. */
#include "stress/tests.h"

#include <stdlib.h>
#include <utlist.h>
#include <uv.h>

struct test {
    uv_timer_t timer;
    struct smt_stress_tests *tests;
    struct smt_stress_set *set;
    struct smt_random random;
    struct smt_stress_test_plan plan;
    uint64_t id, start_ns;
    atomic_uint_least64_t stop_ns; /* 0 while running */
    atomic_uint_least64_t allocations, errors, overflows, total_alloc;
    struct test *prev, *next;
};

enum order_kind { ORDER_START, ORDER_STOP, ORDER_DESTROY, ORDER_END };

struct order {
    enum order_kind kind;
    struct test *test;
    bool done;
    struct order *prev, *next;
};

struct smt_stress_tests {
    struct smt_stress *stress;
    pthread_mutex_t lock; /* guards the list, the orders and last_id */
    pthread_cond_t changed;
    struct test *list; /* newest first */
    struct order *orders;
    uint64_t last_id;
    bool started;
    uv_loop_t loop;
    uv_async_t wake;
    pthread_t thread;
};

static void tests_announce(struct smt_stress_tests *tests)
{
    pthread_mutex_lock(&tests->lock);
    pthread_cond_broadcast(&tests->changed);
    pthread_mutex_unlock(&tests->lock);
}

/* --- on the loop's thread --- */

/* When its time is up; the clock never gets to the last there is. */
static uint64_t test_end_ns(const struct test *test)
{
    uint64_t end_ns;

    if (__builtin_mul_overflow(test->plan.total_time_ms, 1000000, &end_ns) ||
        __builtin_add_overflow(test->start_ns, end_ns, &end_ns))
        return UINT64_MAX;
    return end_ns;
}

static void test_end(struct test *test)
{
    uv_timer_stop(&test->timer);
    if (!atomic_load(&test->stop_ns)) {
        uint64_t end_ns = test_end_ns(test);
        uint64_t now_ns = smt_clock_ns();

        atomic_store(&test->stop_ns, now_ns < end_ns ? now_ns : end_ns);
    }
    tests_announce(test->tests);
}

static void test_step(struct test *test)
{
    uint64_t left = test->plan.total - smt_stress_used(test->set);
    int64_t difference;

    if (!smt_stress_random_step(test->set, &test->random, test->plan.min, test->plan.max, left,
                                &difference)) {
        /* Ctrl-C refuses too, and is no error of an allocator. */
        if (!atomic_load(&test->tests->stress->cancelled)) atomic_fetch_add(&test->errors, 1);
        return;
    }
    atomic_fetch_add(&test->allocations, 1);
    if (difference > 0) atomic_fetch_add(&test->total_alloc, (uint64_t)difference);
    if (smt_stress_used(test->set) < test->plan.total) return;
    (void)smt_stress_free(test->set, UINT64_MAX);
    atomic_fetch_add(&test->overflows, 1);
}

/* A test without pauses works in slices: a timer that is due again at once
 * keeps libuv among its timers, and nobody could stop the test. */
#define SLICE_NS 4000000u
#define PAUSE_MS 1u

static void test_schedule(struct test *test);

static bool test_is_over(const struct test *test)
{
    return smt_clock_ns() >= test_end_ns(test);
}

static void test_on_timer(uv_timer_t *timer)
{
    struct test *test = timer->data;
    uint64_t begun_ns = smt_clock_ns();

    if (test_is_over(test)) {
        test_end(test);
        return;
    }
    do test_step(test);
    while (!test->plan.max_interval_ms && smt_clock_ns() - begun_ns < SLICE_NS &&
           !test_is_over(test));
    test_schedule(test);
}

static void test_schedule(struct test *test)
{
    const struct smt_stress_test_plan *plan = &test->plan;
    uint64_t run_ms = (smt_clock_ns() - test->start_ns) / 1000000;
    uint64_t left_ms = plan->total_time_ms > run_ms ? plan->total_time_ms - run_ms : 0;
    uint64_t delay_ms =
        smt_random_between(&test->random, plan->min_interval_ms, plan->max_interval_ms);

    if (!delay_ms) delay_ms = PAUSE_MS;
    uv_update_time(&test->tests->loop);
    uv_timer_start(&test->timer, test_on_timer, delay_ms < left_ms ? delay_ms : left_ms, 0);
}

static void test_free(struct test *test)
{
    smt_stress_set_free(test->set);
    free(test);
}

static void test_on_closed(uv_handle_t *handle)
{
    test_free(handle->data);
}

static void order_obey(struct smt_stress_tests *tests, const struct order *order)
{
    struct test *test = order->test;

    switch (order->kind) {
    case ORDER_START:
        uv_timer_init(&tests->loop, &test->timer);
        test->timer.data = test;
        test_schedule(test);
        break;
    case ORDER_STOP:
        test_end(test);
        break;
    case ORDER_DESTROY:
        test_end(test);
        (void)smt_stress_free(test->set, UINT64_MAX);
        uv_close((uv_handle_t *)&test->timer, test_on_closed);
        break;
    case ORDER_END:
        uv_close((uv_handle_t *)&tests->wake, NULL);
        break;
    }
}

static void tests_on_wake(uv_async_t *wake)
{
    struct smt_stress_tests *tests = wake->data;
    struct order *order;

    pthread_mutex_lock(&tests->lock);
    while ((order = tests->orders)) {
        DL_DELETE(tests->orders, order);
        pthread_mutex_unlock(&tests->lock);
        order_obey(tests, order);
        pthread_mutex_lock(&tests->lock);
        order->done = true;
        pthread_cond_broadcast(&tests->changed);
    }
    pthread_mutex_unlock(&tests->lock);
}

static void *tests_thread(void *argument)
{
    struct smt_stress_tests *tests = argument;

    uv_run(&tests->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* --- on other threads --- */

/* With the lock held; it is free while waiting. */
static void order_give(struct smt_stress_tests *tests, enum order_kind kind, struct test *test)
{
    struct order order = {.kind = kind, .test = test};

    DL_APPEND(tests->orders, &order);
    uv_async_send(&tests->wake);
    while (!order.done) pthread_cond_wait(&tests->changed, &tests->lock);
}

enum smt_status smt_stress_tests_new(struct smt_stress *stress, struct smt_stress_tests **ret_tests)
{
    struct smt_stress_tests *tests = calloc(1, sizeof *tests);

    if (!tests) return smt_fail(SMT_ENOMEM, "out of memory while starting the engine");
    tests->stress = stress;
    pthread_mutex_init(&tests->lock, NULL);
    pthread_cond_init(&tests->changed, NULL);
    *ret_tests = tests;
    return SMT_OK;
}

/* Starts the thread on first use: a one-shot command, or a server before it
 * goes into the background, has no use for it. With the lock held. */
static enum smt_status tests_ready(struct smt_stress_tests *tests)
{
    int error, opened;

    if (tests->started) return SMT_OK;
    error = smt_descriptors_suffice() ? uv_loop_init(&tests->loop) : UV_EMFILE;
    if (error) return smt_fail(SMT_ESYS, "cannot start timers: %s", uv_strerror(error));
    opened = error = uv_async_init(&tests->loop, &tests->wake, tests_on_wake);
    tests->wake.data = tests;
    if (!error) error = -pthread_create(&tests->thread, NULL, tests_thread, tests);
    if (error) {
        if (opened == 0) uv_close((uv_handle_t *)&tests->wake, NULL);
        uv_run(&tests->loop, UV_RUN_DEFAULT);
        uv_loop_close(&tests->loop);
        return smt_fail(SMT_ESYS, "cannot start timers: %s", uv_strerror(error));
    }
    tests->started = true;
    return SMT_OK;
}

void smt_stress_tests_free(struct smt_stress_tests *tests)
{
    if (!tests) return;
    smt_stress_tests_destroy_all(tests);
    if (tests->started) {
        pthread_mutex_lock(&tests->lock);
        order_give(tests, ORDER_END, NULL);
        pthread_mutex_unlock(&tests->lock);
        pthread_join(tests->thread, NULL);
        uv_loop_close(&tests->loop);
    }
    pthread_cond_destroy(&tests->changed);
    pthread_mutex_destroy(&tests->lock);
    free(tests);
}

enum smt_status smt_stress_tests_start(struct smt_stress_tests *tests,
                                       const struct smt_stress_test_plan *plan, uint64_t *ret_id)
{
    struct test *test = calloc(1, sizeof *test);
    enum smt_status status;

    if (test) test->set = smt_stress_set_new(tests->stress, 1);
    if (!test || !test->set) {
        free(test);
        return smt_fail(SMT_ENOMEM, "out of memory for a test");
    }
    smt_stress_random(tests->stress, &test->random);
    test->tests = tests;
    test->plan = *plan;
    test->start_ns = smt_clock_ns();
    pthread_mutex_lock(&tests->lock);
    status = tests_ready(tests);
    if (status == SMT_OK) {
        *ret_id = test->id = ++tests->last_id;
        DL_PREPEND(tests->list, test);
        order_give(tests, ORDER_START, test);
    }
    pthread_mutex_unlock(&tests->lock);
    if (status != SMT_OK) test_free(test);
    return status;
}

static struct test *tests_find(struct smt_stress_tests *tests, uint64_t id)
{
    struct test *test;

    DL_SEARCH_SCALAR(tests->list, test, id, id);
    return test;
}

/* A stop waits with the lock free, and a destroy must not take the test away
 * beneath it; so orders for one test are given in the order they came, and a
 * destroyed test leaves the list before its order is given. */
static enum smt_status tests_order(struct smt_stress_tests *tests, uint64_t id,
                                   enum order_kind kind)
{
    struct test *test;

    pthread_mutex_lock(&tests->lock);
    test = tests_find(tests, id);
    if (test && kind == ORDER_DESTROY) DL_DELETE(tests->list, test);
    if (test) order_give(tests, kind, test);
    pthread_mutex_unlock(&tests->lock);
    if (test) return SMT_OK;
    return smt_fail(SMT_ENOTFOUND, "test %llu not found", (unsigned long long)id);
}

enum smt_status smt_stress_tests_stop(struct smt_stress_tests *tests, uint64_t id)
{
    return tests_order(tests, id, ORDER_STOP);
}

enum smt_status smt_stress_tests_destroy(struct smt_stress_tests *tests, uint64_t id)
{
    return tests_order(tests, id, ORDER_DESTROY);
}

void smt_stress_tests_destroy_all(struct smt_stress_tests *tests)
{
    struct test *test;

    pthread_mutex_lock(&tests->lock);
    while ((test = tests->list)) {
        DL_DELETE(tests->list, test);
        order_give(tests, ORDER_DESTROY, test);
    }
    pthread_mutex_unlock(&tests->lock);
}

static void test_describe(const struct test *test, struct smt_stress_test_state *ret_state)
{
    uint64_t stop_ns = atomic_load(&test->stop_ns);
    uint64_t run_ms = ((stop_ns ? stop_ns : smt_clock_ns()) - test->start_ns) / 1000000;
    uint64_t total_ms = test->plan.total_time_ms;

    *ret_state = (struct smt_stress_test_state){
        .id = test->id,
        .running = !stop_ns,
        .run_ms = run_ms,
        .remaining_ms = !stop_ns && total_ms > run_ms ? total_ms - run_ms : 0,
        .allocations = atomic_load(&test->allocations),
        .errors = atomic_load(&test->errors),
        .overflows = atomic_load(&test->overflows),
        .total_alloc = atomic_load(&test->total_alloc),
        .used = smt_stress_used(test->set),
        .plan = test->plan,
    };
}

size_t smt_stress_tests_list(struct smt_stress_tests *tests, uint64_t id,
                             struct smt_stress_test_state *ret_states, size_t room)
{
    struct test *test;
    size_t count = 0;

    pthread_mutex_lock(&tests->lock);
    DL_FOREACH(tests->list, test)
    {
        if (id && test->id != id) continue;
        if (count < room) test_describe(test, &ret_states[count]);
        count++;
    }
    pthread_mutex_unlock(&tests->lock);
    return count;
}

static bool tests_run(const struct smt_stress_tests *tests)
{
    const struct test *test;

    DL_FOREACH(tests->list, test)
    if (!atomic_load(&test->stop_ns)) return true;
    return false;
}

void smt_stress_tests_wait(struct smt_stress_tests *tests)
{
    pthread_mutex_lock(&tests->lock);
    while (tests_run(tests) && !atomic_load(&tests->stress->cancelled)) {
        struct timespec soon;

        /* A signal handler may only set the flag: look at it now and then. */
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 100000000;
        if (soon.tv_nsec >= 1000000000) {
            soon.tv_nsec -= 1000000000;
            soon.tv_sec++;
        }
        pthread_cond_timedwait(&tests->changed, &tests->lock, &soon);
    }
    pthread_mutex_unlock(&tests->lock);
}

void smt_stress_tests_held(struct smt_stress_tests *tests, uint64_t *ret_bytes,
                           uint64_t *ret_chunks)
{
    struct test *test;

    *ret_bytes = *ret_chunks = 0;
    pthread_mutex_lock(&tests->lock);
    DL_FOREACH(tests->list, test)
    {
        *ret_bytes += smt_stress_used(test->set);
        *ret_chunks += smt_stress_chunks(test->set);
    }
    pthread_mutex_unlock(&tests->lock);
}
