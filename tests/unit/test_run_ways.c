/* run/: messages of every size, with and without a child, both heaps. */
#include "run_fixture.h"

#include <unistd.h>

#include "probe_parser.h"

/* --- messages ----------------------------------------------------------------------- */

static void zero_bytes_do_not_end_a_message(void **state)
{
    (void)state;
    bytes_load("read 0\0abc", 10);

    assert_int_equal(baseline_run().fault.offset, 10);
}

static void a_message_of_16_mib_is_placed(void **state)
{
    size_t size = (size_t)16 << 20;
    char *bytes = calloc(1, size);

    (void)state;
    memcpy(bytes, "read 0", 6);
    bytes_load(bytes, size);
    free(bytes);

    struct smt_run_result result = baseline_run();

    assert_int_equal(result.fault.place, SMT_PLACE_MESSAGE);
    assert_int_equal(result.fault.offset, (ptrdiff_t)size);
}

static void a_message_above_the_limit_is_refused(void **state)
{
    struct smt_message message = {
        .name = (char *)"big", .data = NULL, .size_bytes = (size_t)SMT_MESSAGE_LIMIT_BYTES + 8192};

    (void)state;
    assert_int_equal(smt_worker_load(worker, &message), SMT_EINPUT);
}

/* --- other ways to run ------------------------------------------------------------------ */

static void a_parsers_output_does_not_reach_ours(void **state)
{
    char text[100] = "";
    int file = memfd_create("stdout", MFD_CLOEXEC), saved = dup(STDOUT_FILENO);

    (void)state;
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    text_load("print");
    uint32_t verdicts = baseline_run().verdicts;
    smt_worker_replace(worker);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);

    assert_int_equal(verdicts, 0);
    assert_int_equal(pread(file, text, sizeof text, 0), 0);
    close(file);
}

static void in_process_runs_need_no_child(void **state)
{
    struct smt_worker_settings settings = run_settings(&smt_parser_selftest);

    (void)state;
    smt_worker_free(worker);
    settings.in_process = true;
    worker_start(settings);
    selftest_load("healthy-invite-sdp");

    uint64_t attempts = baseline_run().heap.attempts;

    assert_true(attempts > 10);
    assert_int_equal(check_run().verdicts, 0);
    for (uint64_t at = 1; at <= attempts; at++)
        assert_int_equal(smt_verdict_defects(job_run(refusal(at, 1)).verdicts), 0);
    selftest_load("bug-leak");
    assert_verdict(baseline_run().verdicts, "leak");
    assert_int_equal(smt_worker_children(worker), 0);
    assert_int_equal(smt_worker_pid(worker), 0);
}

static void the_c_librarys_heap_obeys_the_plan(void **state)
{
    struct smt_worker_settings settings = run_settings(&smt_parser_selftest);

    (void)state;
    smt_worker_free(worker);
    settings.libc_backend = true;
    worker_start(settings);
    selftest_load("healthy-invite-sdp");
    struct smt_run_result baseline = baseline_run();

    assert_int_equal(baseline.verdicts, 0);
    assert_int_equal(check_run().verdicts, 0);
    for (uint64_t at = 1; at <= baseline.heap.attempts; at++) {
        struct smt_run_result result = job_run(refusal(at, 1));

        assert_int_equal(smt_verdict_defects(result.verdicts), 0);
        assert_int_equal(result.heap.first_refused, at);
    }
    selftest_load("bug-leak");
    assert_verdict(baseline_run().verdicts, "leak");
}

static void an_interruption_ends_soon(void **state)
{
    struct smt_job job = {.flags = SMT_JOB_CHECK};
    struct smt_run_result result;

    (void)state;
    text_load("nothing");
    baseline_run();
    text_load("sleep");
    smt_run_interrupted = 1;

    enum smt_status status = smt_worker_run(worker, &job, 1, &result);

    smt_run_interrupted = 0;
    assert_int_equal(status, SMT_EINTERRUPTED);
    assert_false(result.done);
    text_load("nothing");
    assert_int_equal(baseline_run().verdicts, 0);
}

/* The parser would be blamed for a refusal that is our own poverty. */
static void a_run_that_uses_up_the_arena_has_no_verdict(void **state)
{
    struct smt_job job = {.flags = SMT_JOB_CHECK};
    struct smt_run_result result;

    (void)state;
    worker_start_patient(&probe_parser); /* gigabytes of pages */
    text_load("nothing");
    baseline_run();
    text_load("grab 8");

    enum smt_status status = smt_worker_run(worker, &job, 1, &result);

    assert_int_equal(status, SMT_EINPUT);
    assert_true(result.done && result.heap.exhausted);
    assert_int_equal(result.verdicts, 0);
    text_load("grab 1");
    assert_verdict(baseline_run().verdicts, "leak");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(zero_bytes_do_not_end_a_message),
        PROBE_TEST(a_message_of_16_mib_is_placed),
        PROBE_TEST(a_message_above_the_limit_is_refused),
        PROBE_TEST(a_parsers_output_does_not_reach_ours),
        PROBE_TEST(in_process_runs_need_no_child),
        PROBE_TEST(the_c_librarys_heap_obeys_the_plan),
        PROBE_TEST(an_interruption_ends_soon),
        PROBE_TEST(a_run_that_uses_up_the_arena_has_no_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
