/* run/: injections that are processes of their own, as in runs so long that a fork pays. */
#include "run_fixture.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe_parser.h"

/* Kills one after the other of the processes that the child starts, but never two
 * that follow each other: those may be one branch, done again. */
static pid_t branch_killer_start(void)
{
    char path[80];
    pid_t child = smt_worker_pid(worker), killer = fork(), last = 0;
    int spared = 0;

    if (killer) return killer;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)child, (int)child);
    for (;;) {
        struct timespec pause = {0, 1000000};
        FILE *children = fopen(path, "r");
        pid_t branch;

        if (children && fscanf(children, "%d", &branch) == 1 && branch != last) {
            last = branch;
            if (spared++ == 2) spared = kill(branch, SIGKILL);
        }
        if (children) fclose(children);
        nanosleep(&pause, NULL);
    }
}

static void a_killed_branch_loses_nothing(void **state)
{
    static struct smt_job jobs[100];
    static struct smt_run_result results[100];

    (void)state;
    text_load("many 200000");
    assert_int_equal(baseline_run().verdicts, 0);
    for (size_t i = 0; i < 100; i++) jobs[i] = refusal(190000 + i, 1);
    pid_t killer = branch_killer_start();

    enum smt_status status = smt_worker_run(worker, jobs, 100, results);

    kill(killer, SIGKILL);
    waitpid(killer, NULL, 0);
    assert_int_equal(status, SMT_OK);
    for (size_t i = 0; i < 100; i++) {
        assert_true(results[i].done);
        assert_verdict(results[i].verdicts, "benign");
        assert_int_equal(results[i].heap.first_refused, 190000 + i);
    }
}

static int acts_set_up(void **state)
{
    (void)state;
    probe_acts =
        mmap(NULL, sizeof *probe_acts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(probe_acts, MAP_FAILED);
    worker_start(run_settings(&probe_parser));
    return 0;
}

static int acts_tear_down(void **state)
{
    munmap(probe_acts, sizeof *probe_acts);
    probe_acts = NULL;
    return worker_tear_down(state);
}

static void no_injection_is_done_twice(void **state)
{
    static struct smt_job jobs[100];
    static struct smt_run_result results[100];

    (void)state;
    text_load("many 200000");
    assert_int_equal(baseline_run().verdicts, 0);
    for (size_t i = 0; i < 100; i++) jobs[i] = refusal(190000 + i, 1);
    *probe_acts = 0;

    assert_int_equal(smt_worker_run(worker, jobs, 100, results), SMT_OK);

    assert_in_range(*probe_acts, 100, 110); /* a few clean ones besides */
}

static void a_parser_that_ignores_its_children_loses_no_branch(void **state)
{
    static struct smt_job jobs[100];
    static struct smt_run_result results[100];

    (void)state;
    text_load("many-orphans 200000");
    assert_int_equal(baseline_run().verdicts, 0);
    for (size_t i = 0; i < 100; i++) jobs[i] = refusal(190000 + i, 1);
    uint64_t children = smt_worker_children(worker);

    assert_int_equal(smt_worker_run(worker, jobs, 100, results), SMT_OK);

    assert_int_equal(smt_worker_children(worker), children);
    for (size_t i = 0; i < 100; i++) {
        assert_verdict(results[i].verdicts, "benign");
        assert_int_equal(results[i].heap.first_refused, 190000 + i);
    }
}

static void a_hang_is_told_of_the_injection_that_hangs(void **state)
{
    static struct smt_job jobs[10];
    static struct smt_run_result results[10];

    (void)state;
    text_load("hang-late 200000");
    assert_int_equal(baseline_run().verdicts, 0);
    for (size_t i = 0; i < 10; i++) jobs[i] = refusal(3 + 199990 + i, 1);

    assert_int_equal(smt_worker_run(worker, jobs, 10, results), SMT_OK);

    for (size_t i = 0; i < 10; i++) {
        assert_true(results[i].done);
        assert_verdict(results[i].verdicts, i == 5 ? "hang" : "benign");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(a_killed_branch_loses_nothing),
        cmocka_unit_test_setup_teardown(no_injection_is_done_twice, acts_set_up, acts_tear_down),
        PROBE_TEST(a_parser_that_ignores_its_children_loses_no_branch),
        PROBE_TEST(a_hang_is_told_of_the_injection_that_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
