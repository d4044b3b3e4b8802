/* run/: a child that crashes, ends, hangs or is killed loses nothing. */
#include "run_fixture.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe_parser.h"

/* --- crashes and ends ---------------------------------------------------------- */

static void every_signal_is_a_crash_that_names_it(void **state)
{
    static const int signals[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGABRT, SIGSYS,
                                  SIGTRAP, SIGALRM, SIGUSR1, SIGPIPE, SIGQUIT};
    char text[32];

    (void)state;
    signal(SIGQUIT, SIG_DFL);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        snprintf(text, sizeof text, "signal %d", signals[i]);
        text_load(text);

        struct smt_run_result result = baseline_run();

        assert_verdict(result.verdicts, "crash");
        assert_int_equal(result.fault.signal, signals[i]);
        assert_int_equal(result.last_op, SMT_OP_SDP);
        assert_false(result.killed_from_outside);
    }
}

static void signals_that_our_caller_ignores_or_blocks_are_crashes_too(void **state)
{
    sigset_t some, before;

    (void)state;
    text_load("signal 13");
    sigemptyset(&some);
    sigaddset(&some, SIGPIPE);
    sigprocmask(SIG_BLOCK, &some, &before);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);

    struct smt_run_result result = baseline_run();

    signal(SIGPIPE, handler);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_verdict(result.verdicts, "crash");
    assert_int_equal(result.fault.signal, SIGPIPE);
}

static void ends_are_crashes_that_tell_their_status(void **state)
{
    static const char *const texts[] = {"exit 7", "_exit 7", "quick-exit 7"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        text_load(texts[i]);

        struct smt_run_result result = baseline_run();

        assert_verdict(result.verdicts, "crash");
        assert_true(result.fault.exited);
        assert_int_equal(result.fault.code, 7);
        assert_int_equal(result.fault.signal, 0);
        assert_int_equal(result.last_op, SMT_OP_SDP);
    }
}

static void abort_is_a_crash_and_can_be_repeated(void **state)
{
    (void)state;
    text_load("abort");
    for (int i = 0; i < 5; i++) assert_int_equal(baseline_run().fault.signal, SIGABRT);

    text_load("nothing");

    assert_int_equal(baseline_run().verdicts, 0);
}

static void a_stack_that_ends_is_told(void **state)
{
    (void)state;
    text_load("stack");

    struct smt_run_result result = baseline_run();

    assert_verdict(result.verdicts, "crash");
    assert_int_equal(result.fault.signal, SIGSEGV);
    assert_int_equal(result.fault.place, SMT_PLACE_STACK);
}

static void a_stack_without_limit_ends_too(void **state)
{
    struct rlimit before, unlimited;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_STACK, &before), 0);
    if (before.rlim_max != RLIM_INFINITY) skip();
    unlimited = before;
    unlimited.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_STACK, &unlimited), 0);
    text_load("stack");

    struct smt_run_result result = baseline_run();

    assert_int_equal(setrlimit(RLIMIT_STACK, &before), 0);
    assert_verdict(result.verdicts, "crash");
    assert_int_equal(result.fault.place, SMT_PLACE_STACK);
}

static void a_crashed_run_can_be_done_again_in_the_same_child(void **state)
{
    struct smt_job jobs[20] = {{.flags = SMT_JOB_BASELINE | SMT_JOB_PREFIXES}};
    struct smt_run_result results[20];

    (void)state;
    selftest_load("bug-crash-unchecked");
    baseline_run();
    for (int i = 0; i < 20; i++) jobs[i] = refusal(i % 2 ? 1 : 1000, SMT_FAULT_FOREVER);

    assert_int_equal(smt_worker_run(worker, jobs, 20, results), SMT_OK);

    for (int i = 0; i < 20; i++) assert_true(results[i].done);
    assert_int_equal(smt_worker_children(worker), 1);
}

/* --- hangs ---------------------------------------------------------------------- */

static void a_hang_ends_in_time_and_tells_where(void **state)
{
    (void)state;
    text_load("hang");
    struct rusage before, after;
    getrusage(RUSAGE_CHILDREN, &before);

    struct smt_run_result result = baseline_run();

    assert_verdict(result.verdicts, "hang");
    assert_int_equal(result.last_op, SMT_OP_SDP);
    getrusage(RUSAGE_CHILDREN, &after); /* of the limit of 0.3 s */
    assert_in_range(after.ru_utime.tv_sec - before.ru_utime.tv_sec, 0, 5);
    assert_true(smt_worker_evidence(worker)->has_failed_at);
    assert_true(smt_worker_evidence(worker)->failed_at.depth >= 2);
}

static void a_parser_that_waits_for_ever_hangs_too(void **state)
{
    (void)state;
    text_load("sleep");

    assert_verdict(baseline_run().verdicts, "hang");
}

/* As Ctrl-Z does to it, or a machine that is suspended. */
static void a_child_that_was_stopped_for_a_while_does_not_hang(void **state)
{
    struct smt_worker_settings settings = run_settings(&probe_parser);
    struct timespec pause = {0, 800000000}; /* the limit is five times this timeout */

    (void)state;
    settings.timeout_ns = 60000000;
    smt_worker_free(worker);
    worker_start(settings);
    text_load("nothing");
    baseline_run();
    pid_t child = smt_worker_pid(worker), waker;
    kill(child, SIGSTOP);
    waker = fork();
    if (waker == 0) {
        nanosleep(&pause, NULL);
        _exit(kill(child, SIGCONT));
    }
    text_load("nothing");

    struct smt_run_result result = baseline_run();

    assert_int_equal(result.verdicts, 0);
    assert_int_equal(smt_worker_pid(worker), child);
    assert_int_equal(waitpid(waker, NULL, 0), waker);
}

static void a_message_after_a_hang_is_fine(void **state)
{
    (void)state;
    text_load("hang");
    baseline_run();

    text_load("nothing");

    assert_int_equal(baseline_run().verdicts, 0);
    assert_int_equal(check_run().verdicts, 0);
}

static void a_hang_under_refusal_ends_only_that_run(void **state)
{
    struct smt_job jobs[3];
    struct smt_run_result results[3];
    uint64_t attempts;

    (void)state;
    selftest_load("bug-hang-on-error");
    attempts = baseline_run().heap.attempts;
    jobs[0] = jobs[2] = refusal(1, 1);
    jobs[1] = refusal(attempts, SMT_FAULT_FOREVER);
    for (uint64_t at = 1; at <= attempts; at++) {
        jobs[1] = refusal(at, SMT_FAULT_FOREVER);
        assert_int_equal(smt_worker_run(worker, jobs, 3, results), SMT_OK);
        if (results[1].verdicts & SMT_VERDICT_BIT(HANG)) break;
    }

    assert_verdict(results[1].verdicts, "hang");
    assert_verdict(results[0].verdicts, "clean");
    assert_verdict(results[2].verdicts, "clean");
}

/* --- killed from outside --------------------------------------------------------- */

/* Kills the child `times` times, at moments that differ. */
static pid_t killer_start(int times)
{
    pid_t child = smt_worker_pid(worker), killer = fork();

    if (killer) return killer;
    for (int i = 0; i < times; i++) {
        struct timespec pause = {0, 1000000 + 700000 * (i % 13)};

        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
    }
    _exit(0);
}

static void a_killed_child_loses_nothing(void **state)
{
    static struct smt_job jobs[SMT_BATCH_MAX];
    static struct smt_run_result results[SMT_BATCH_MAX];
    uint64_t attempts, children;

    (void)state;
    selftest_load("healthy-multipart");
    attempts = baseline_run().heap.attempts;
    for (int round = 0; round < 30; round++) {
        children = smt_worker_children(worker);
        for (size_t i = 0; i < SMT_BATCH_MAX; i++) jobs[i] = refusal(1 + i % attempts, 1);
        assert_int_not_equal(smt_worker_pid(worker), 0);
        pid_t killer = killer_start(1);

        do assert_int_equal(smt_worker_run(worker, jobs, SMT_BATCH_MAX, results), SMT_OK);
        while (waitpid(killer, NULL, WNOHANG) == 0);

        for (size_t i = 0; i < SMT_BATCH_MAX; i++) {
            assert_true(results[i].done);
            assert_false(results[i].killed_from_outside);
            assert_int_equal(smt_verdict_defects(results[i].verdicts), 0);
            assert_int_equal(results[i].heap.first_refused, 1 + i % attempts);
        }
        assert_int_equal(check_run().verdicts, 0);
        assert_true(smt_worker_children(worker) >= children);
    }
    assert_true(smt_worker_children(worker) > 5);
}

static void a_child_killed_while_idle_is_replaced(void **state)
{
    (void)state;
    text_load("nothing");
    baseline_run();
    pid_t child = smt_worker_pid(worker);
    siginfo_t ended;

    kill(child, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);

    assert_int_equal(check_run().verdicts, 0);
    assert_int_not_equal(smt_worker_pid(worker), child);
}

static void a_run_killed_twice_is_told(void **state)
{
    char text[32];

    (void)state;
    snprintf(text, sizeof text, "signal %d", SIGKILL);
    text_load(text);

    struct smt_run_result result = baseline_run();

    assert_verdict(result.verdicts, "crash");
    assert_int_equal(result.fault.signal, SIGKILL);
    assert_true(result.killed_from_outside);
}

static void a_replaced_child_is_ready_again(void **state)
{
    (void)state;
    text_load("nothing");
    baseline_run();

    smt_worker_replace(worker);

    assert_int_equal(smt_worker_pid(worker), 0);
    assert_int_equal(check_run().verdicts, 0);
    assert_int_equal(smt_worker_children(worker), 2);
}

static void a_child_whose_socket_lives_on_is_missed(void **state)
{
    (void)state;
    text_load("orphan");

    struct smt_run_result result = baseline_run();

    assert_verdict(result.verdicts, "crash");
    assert_int_equal(result.fault.signal, SIGALRM);
}

/* --- priming, caches, poison ------------------------------------------------------- */

static void what_the_first_run_caches_is_kept(void **state)
{
    (void)state;
    text_load("cache-once");

    assert_int_equal(baseline_run().verdicts, 0);
    assert_int_equal(check_run().verdicts, 0);
    assert_int_equal(smt_worker_kept_blocks(worker), 1);
    assert_int_equal(smt_worker_children(worker), 1);
}

static void a_cache_that_grows_is_cached_not_leaked(void **state)
{
    struct smt_run_result result;

    (void)state;
    text_load("cache-more");
    baseline_run();
    uint64_t children = smt_worker_children(worker);

    result = check_run();

    assert_verdict(result.verdicts & ~SMT_VERDICT_BIT(NONDETERMINISTIC), "cached");
    assert_int_equal(result.leak.blocks, 0);
    assert_int_equal(result.leak.cached_blocks, 1);
    assert_true(result.left_state);
    check_run();
    assert_true(smt_worker_children(worker) > children);
}

static void poison_shows_in_the_clean_run_after_it(void **state)
{
    struct smt_job jobs[2] = {{0}, {.flags = SMT_JOB_CHECK}};
    struct smt_run_result results[2];
    bool poisoned = false;

    (void)state;
    selftest_load("bug-poison");
    uint64_t attempts = baseline_run().heap.attempts;

    for (uint64_t at = 1; at <= attempts; at++) {
        jobs[0] = refusal(at, 1);
        assert_int_equal(smt_worker_run(worker, jobs, 2, results), SMT_OK);
        if (results[1].matches_baseline) continue;
        poisoned = true;
        smt_worker_replace(worker);
        assert_true(check_run().matches_baseline);
    }

    assert_true(poisoned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(every_signal_is_a_crash_that_names_it),
        PROBE_TEST(signals_that_our_caller_ignores_or_blocks_are_crashes_too),
        PROBE_TEST(ends_are_crashes_that_tell_their_status),
        PROBE_TEST(abort_is_a_crash_and_can_be_repeated),
        PROBE_TEST(a_stack_that_ends_is_told),
        PROBE_TEST(a_stack_without_limit_ends_too),
        SELFTEST(a_crashed_run_can_be_done_again_in_the_same_child),
        PROBE_TEST(a_hang_ends_in_time_and_tells_where),
        PROBE_TEST(a_parser_that_waits_for_ever_hangs_too),
        PROBE_TEST(a_child_that_was_stopped_for_a_while_does_not_hang),
        PROBE_TEST(a_message_after_a_hang_is_fine),
        SELFTEST(a_hang_under_refusal_ends_only_that_run),
        SELFTEST(a_killed_child_loses_nothing),
        PROBE_TEST(a_child_killed_while_idle_is_replaced),
        PROBE_TEST(a_run_killed_twice_is_told),
        PROBE_TEST(a_replaced_child_is_ready_again),
        PROBE_TEST(a_child_whose_socket_lives_on_is_missed),
        PROBE_TEST(what_the_first_run_caches_is_kept),
        PROBE_TEST(a_cache_that_grows_is_cached_not_leaked),
        SELFTEST(poison_shows_in_the_clean_run_after_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
