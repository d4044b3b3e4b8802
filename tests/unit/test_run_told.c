/* run/: what a run did is told exactly: verdicts, places, fields, stacks. */
#include "run_fixture.h"

#include "probe_parser.h"

/* --- what is told ---------------------------------------------------------------- */

static void leaks_are_counted(void **state)
{
    (void)state;
    text_load("leak 20");

    struct smt_run_result result = baseline_run();

    assert_verdict(result.verdicts, "leak");
    assert_int_equal(result.leak.blocks, 20);
    assert_int_equal(result.leak.bytes, 480);
    assert_int_equal(result.leak.attempts[0], 4);
    assert_int_equal(result.leak.attempts[15], 19);
}

static void reads_beside_the_message_are_over_reads(void **state)
{
    struct smt_run_result result;

    (void)state;
    text_load("read 0");
    result = baseline_run();
    assert_verdict(result.verdicts, "over-read");
    assert_int_equal(result.fault.place, SMT_PLACE_MESSAGE);
    assert_int_equal(result.fault.offset, 6);
    assert_int_equal(result.fault.size_bytes, 6);

    text_load("read -1");
    result = job_run((struct smt_job){.flags = SMT_JOB_CHECK,
                                      .guard = {.mode = SMT_GUARD_HEAD, .first = 1, .last = 9}});
    assert_verdict(result.verdicts, "over-read");
    assert_int_equal(result.fault.place, SMT_PLACE_MESSAGE);
    assert_int_equal(result.fault.offset, -1);
}

static void a_write_to_the_message_is_corrupt(void **state)
{
    (void)state;
    text_load("write 2");

    struct smt_run_result result = baseline_run();

    assert_verdict(result.verdicts, "corrupt");
    assert_int_equal(result.fault.place, SMT_PLACE_MESSAGE);
    assert_int_equal(result.fault.offset, 2);
    assert_true(result.fault.is_write);
}

static void damage_names_block_and_byte(void **state)
{
    (void)state;
    text_load("touch 21");

    struct smt_run_result result = baseline_run();

    assert_verdict(result.verdicts, "corrupt");
    assert_int_equal(result.damage.count, 1);
    assert_int_equal(result.damage.attempt, 2);
    assert_int_equal(result.damage.size_bytes, 20);
    assert_int_equal(result.damage.offset, 21);
    assert_int_equal(result.damage.found, 'X');
    assert_false(result.damage.after_free);
}

static void a_write_after_free_names_block_and_byte(void **state)
{
    (void)state;
    text_load("after-free 3");

    struct smt_run_result result = baseline_run();

    assert_verdict(result.verdicts, "use-after-free");
    assert_int_equal(result.damage.attempt, 2);
    assert_int_equal(result.damage.offset, 3);
}

static void a_guard_page_names_block_and_byte(void **state)
{
    (void)state;
    text_load("touch 20");
    baseline_run();

    struct smt_run_result result = job_run((struct smt_job){
        .flags = SMT_JOB_CHECK, .guard = {.mode = SMT_GUARD_TAIL, .first = 2, .last = 2}});

    assert_verdict(result.verdicts, "corrupt");
    assert_int_equal(result.fault.place, SMT_PLACE_BLOCK);
    assert_int_equal(result.fault.attempt, 2);
    assert_int_equal(result.fault.offset, 20);
    assert_int_equal(result.fault.size_bytes, 20);
    assert_true(result.fault.is_write);
}

/* Whatever the fill, the pointer read from the block is none. */
static void pointers_out_of_dead_memory_tell_which(void **state)
{
    (void)state;
    for (enum smt_fill fill = SMT_FILL_BYTE; fill <= SMT_FILL_ADDRESS; fill++) {
        struct smt_job job = {.flags = SMT_JOB_CHECK, .fill = fill};

        text_load("follow-freed");
        assert_verdict(job_run(job).verdicts, "use-after-free");
        text_load("follow-fresh");
        if (fill != SMT_FILL_ZERO) assert_verdict(job_run(job).verdicts, "uninitialized");
        if (fill == SMT_FILL_ZERO) assert_int_equal(job_run(job).fault.place, SMT_PLACE_NULL);
    }
}

static void a_prefix_that_was_not_noted_says_nothing(void **state)
{
    (void)state;
    text_load("many 50");
    baseline_run(); /* notes prefixes */
    text_load("leak 51");
    job_run((struct smt_job){.flags = SMT_JOB_BASELINE}); /* does not */

    assert_verdict(job_run(refusal(2, 1)).verdicts, "clean");
    assert_false(job_run(refusal(20, 1)).verdicts & SMT_VERDICT_BIT(NONDETERMINISTIC));
}

static void a_refusal_that_never_fired_is_nondeterministic(void **state)
{
    (void)state;
    text_load("nothing");
    baseline_run();

    assert_verdict(job_run(refusal(4, 1)).verdicts, "nondeterministic");
    assert_verdict(job_run(refusal(3, 1)).verdicts, "clean");
}

static void fields_are_read_back_as_shown(void **state)
{
    static const struct {
        const char *path, *bytes;
        size_t size_bytes;
    } want[] = {{"Probe[0] word", "nothing", 7},
                {"Probe[0] Deep number", "\5\0\0\0", 4},
                {"nul", "a\0b", 3},
                {"empty", "", 0}};
    struct smt_field_list fields;

    (void)state;
    text_load("nothing 5");
    baseline_run();
    job_run((struct smt_job){.flags = SMT_JOB_RECORD});

    for (int baseline = 0; baseline < 2; baseline++) {
        assert_int_equal(smt_worker_fields(worker, baseline, &fields), SMT_OK);
        assert_int_equal(fields.count, 4);
        assert_false(fields.truncated);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(fields.items[i].op, SMT_OP_PARSE);
            assert_string_equal(fields.items[i].path, want[i].path);
            assert_int_equal(fields.items[i].size_bytes, want[i].size_bytes);
            assert_memory_equal(fields.items[i].bytes, want[i].bytes, want[i].size_bytes);
        }
        assert_int_equal(fields.items[0].group, fields.items[1].group);
        assert_int_not_equal(fields.items[1].group, fields.items[2].group);
        smt_field_list_clear(&fields);
    }
}

static void digests_follow_what_is_shown(void **state)
{
    struct smt_run_result first, again, other;

    (void)state;
    text_load("nothing 5");
    first = baseline_run();
    again = check_run();
    text_load("nothing 6");
    other = baseline_run();

    assert_true(first.digests[SMT_OP_PARSE] == again.digests[SMT_OP_PARSE]);
    assert_true(first.digests[SMT_OP_PARSE] != other.digests[SMT_OP_PARSE]);
    assert_int_equal(first.digests[SMT_OP_SDP], 0);
}

static void repeat_runs_so_often_unless_one_shows_something(void **state)
{
    (void)state;
    text_load("nothing");
    baseline_run();

    assert_int_equal(job_run((struct smt_job){.repeat = 500}).runs, 500);
    assert_int_equal(
        job_run((struct smt_job){.repeat = UINT64_MAX, .repeat_ns = 1000000}).runs % 16, 0);
    text_load("leak 1");
    assert_int_equal(job_run((struct smt_job){.repeat = 500}).runs, 1);
}

/* --- evidence ----------------------------------------------------------------------- */

static void evidence_has_the_stack_of_a_refusal(void **state)
{
    struct smt_job job = refusal(2, 1);

    (void)state;
    text_load("nothing");
    baseline_run();
    job.flags = SMT_JOB_EXPLAIN;

    job_run(job);

    const struct smt_evidence *evidence = smt_worker_evidence(worker);
    assert_int_equal(evidence->refused_count, 1);
    assert_int_equal(evidence->refused_attempts[0], 2);
    assert_in_range(evidence->refused_at[0].frames[0], (uintptr_t)probe_parse,
                    (uintptr_t)probe_parse + 1000);
    assert_int_equal(evidence->refused_at[0].depth, 1);
}

static void evidence_has_the_life_of_a_block(void **state)
{
    (void)state;
    text_load("after-free 3");
    baseline_run();

    job_run((struct smt_job){.flags = SMT_JOB_EXPLAIN, .watch_count = 1, .watch = {2}});

    const struct smt_block_evidence *block = &smt_worker_evidence(worker)->blocks[0];
    assert_int_equal(block->attempt, 2);
    assert_int_equal(block->size_bytes, 20);
    assert_true(block->was_freed);
    assert_int_equal(block->allocated_at.depth, 1);
    assert_in_range(block->allocated_at.frames[0], (uintptr_t)probe_parse,
                    (uintptr_t)probe_parse + 1000);
    assert_in_range(block->freed_at.frames[0], (uintptr_t)probe_after_free,
                    (uintptr_t)probe_after_free + 1000);
    assert_int_equal(block->bytes_from, 0);
    assert_int_equal(block->bytes[3], 'X');
}

static void evidence_has_the_place_of_a_fault(void **state)
{
    struct smt_job job = {.flags = SMT_JOB_EXPLAIN,
                          .guard = {.mode = SMT_GUARD_TAIL, .first = 2, .last = 2},
                          .watch_count = 1,
                          .watch = {2}};

    (void)state;
    text_load("touch 20");
    baseline_run();

    job_run(job);

    const struct smt_evidence *evidence = smt_worker_evidence(worker);
    assert_true(evidence->has_failed_at);
    assert_true(evidence->failed_at.exact_top);
    assert_in_range(evidence->failed_at.frames[0], (uintptr_t)probe_touch,
                    (uintptr_t)probe_touch + 1000);
    assert_int_equal(evidence->blocks[0].byte_count, 20);
}

static void evidence_in_front_of_a_guarded_block_has_its_bytes(void **state)
{
    struct smt_job job = {.flags = SMT_JOB_EXPLAIN,
                          .guard = {.mode = SMT_GUARD_HEAD, .first = 2, .last = 2},
                          .watch_count = 1,
                          .watch = {2}};

    (void)state;
    text_load("touch -1");
    baseline_run();

    struct smt_run_result result = job_run(job);

    const struct smt_block_evidence *block = &smt_worker_evidence(worker)->blocks[0];
    assert_int_equal(result.fault.offset, -1);
    assert_int_equal(block->bytes_from, 0);
    assert_int_equal(block->byte_count, SMT_HEXDUMP_BYTES);
}

static void evidence_has_the_place_of_a_bad_free(void **state)
{
    (void)state;
    text_load("double-free");
    baseline_run();

    struct smt_run_result result =
        job_run((struct smt_job){.flags = SMT_JOB_EXPLAIN, .watch_count = 1, .watch = {2}});

    const struct smt_evidence *evidence = smt_worker_evidence(worker);
    assert_verdict(result.verdicts, "bad-free");
    assert_int_equal(result.heap.bad_free_attempt, 2);
    assert_true(evidence->has_failed_at);
    assert_in_range(evidence->failed_at.frames[0], (uintptr_t)probe_double_free,
                    (uintptr_t)probe_double_free + 1000);
    assert_in_range(evidence->blocks[0].freed_at.frames[0], (uintptr_t)probe_double_free,
                    evidence->failed_at.frames[0] - 1);
}

static void a_survey_numbers_the_sites(void **state)
{
    (void)state;
    text_load("many 10");
    baseline_run();

    job_run((struct smt_job){.flags = SMT_JOB_SURVEY});

    assert_int_equal(smt_worker_site_count(worker), 2);
    assert_int_equal(smt_worker_site_of(worker, 1), 0);
    assert_int_equal(smt_worker_site_of(worker, 3), 0);
    assert_int_equal(smt_worker_site_of(worker, 4), 1);
    assert_int_equal(smt_worker_site_of(worker, 13), 1);
    assert_true(smt_worker_site_of(worker, 14) == UINT32_MAX);
    assert_true(smt_worker_site_of(worker, 0) == UINT32_MAX);
    assert_null(smt_worker_site(worker, 2));
    assert_in_range(smt_worker_site(worker, 1)->frames[0], (uintptr_t)probe_many,
                    (uintptr_t)probe_many + 1000);
}

static void a_long_survey_is_no_hang(void **state)
{
    (void)state;
    worker_start_patient(&probe_parser);
    text_load("many 200000");
    assert_int_equal(baseline_run().verdicts, 0);

    assert_int_equal(job_run((struct smt_job){.flags = SMT_JOB_SURVEY}).verdicts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(leaks_are_counted),
        PROBE_TEST(reads_beside_the_message_are_over_reads),
        PROBE_TEST(a_write_to_the_message_is_corrupt),
        PROBE_TEST(damage_names_block_and_byte),
        PROBE_TEST(a_write_after_free_names_block_and_byte),
        PROBE_TEST(a_guard_page_names_block_and_byte),
        PROBE_TEST(pointers_out_of_dead_memory_tell_which),
        PROBE_TEST(a_prefix_that_was_not_noted_says_nothing),
        PROBE_TEST(a_refusal_that_never_fired_is_nondeterministic),
        PROBE_TEST(fields_are_read_back_as_shown),
        PROBE_TEST(digests_follow_what_is_shown),
        PROBE_TEST(repeat_runs_so_often_unless_one_shows_something),
        PROBE_TEST(evidence_has_the_stack_of_a_refusal),
        PROBE_TEST(evidence_has_the_life_of_a_block),
        PROBE_TEST(evidence_has_the_place_of_a_fault),
        PROBE_TEST(evidence_in_front_of_a_guarded_block_has_its_bytes),
        PROBE_TEST(evidence_has_the_place_of_a_bad_free),
        PROBE_TEST(a_survey_numbers_the_sites),
        PROBE_TEST(a_long_survey_is_no_hang),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
