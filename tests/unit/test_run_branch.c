/* run/: injections that are processes of their own, as in runs so long that a fork pays. */
#include "run_fixture.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe_parser.h"

#define BRANCHES     100u
#define FIRST_BRANCH 190000u /* far enough behind for a fork to pay */

static struct smt_job jobs[BRANCHES];
static struct smt_run_result results[BRANCHES];

static void branches_load(const char *text)
{
    text_load(text);
    assert_int_equal(baseline_run().verdicts, 0);
    for (size_t i = 0; i < BRANCHES; i++) jobs[i] = refusal(FIRST_BRANCH + i, 1);
}

static void assert_branches_are_done(void)
{
    for (size_t i = 0; i < BRANCHES; i++) {
        assert_true(results[i].done);
        assert_verdict(results[i].verdicts, "benign");
        assert_int_equal(results[i].heap.first_refused, FIRST_BRANCH + i);
    }
}

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
    (void)state;
    branches_load("many 200000");
    pid_t killer = branch_killer_start();

    enum smt_status status = smt_worker_run(worker, jobs, BRANCHES, results);

    kill(killer, SIGKILL);
    waitpid(killer, NULL, 0);
    assert_int_equal(status, SMT_OK);
    assert_branches_are_done();
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
    (void)state;
    branches_load("many 200000");
    *probe_acts = 0;

    assert_int_equal(smt_worker_run(worker, jobs, BRANCHES, results), SMT_OK);

    assert_in_range(*probe_acts, BRANCHES, BRANCHES + 10); /* a few clean ones besides */
}

static void a_parser_that_ignores_its_children_loses_no_branch(void **state)
{
    (void)state;
    branches_load("many-orphans 200000");
    uint64_t children = smt_worker_children(worker);

    assert_int_equal(smt_worker_run(worker, jobs, BRANCHES, results), SMT_OK);

    assert_int_equal(smt_worker_children(worker), children);
    assert_branches_are_done();
}

static void a_hang_is_told_of_the_injection_that_hangs(void **state)
{
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
