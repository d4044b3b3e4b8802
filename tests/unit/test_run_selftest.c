/* run/: every planted bug shows as exactly its verdict, healthy twins as none. */
#include "run_fixture.h"

#include <dirent.h>

static const struct smt_job clean_jobs[] = {
    {.flags = SMT_JOB_BASELINE | SMT_JOB_PREFIXES},
    {.flags = SMT_JOB_CHECK},
    {.flags = SMT_JOB_CHECK},
    {.flags = SMT_JOB_CHECK, .fill = SMT_FILL_ZERO},
    {.flags = SMT_JOB_CHECK, .fill = SMT_FILL_ADDRESS},
    {.flags = SMT_JOB_CHECK, .guard = {.mode = SMT_GUARD_TAIL, .first = 1, .last = 20000}},
    {.flags = SMT_JOB_CHECK, .guard = {.mode = SMT_GUARD_HEAD, .first = 1, .last = 20000}},
};
#define CLEAN_JOBS (sizeof clean_jobs / sizeof *clean_jobs)

/* All verdicts of the clean jobs; the first three speak for nondeterminism. */
static uint32_t clean_verdicts(void)
{
    uint32_t verdicts = 0;

    for (size_t i = 0; i < CLEAN_JOBS; i++) {
        verdicts |= job_run(clean_jobs[i]).verdicts;
        /* a run that differs from itself says nothing of fills and pages */
        if (i == 2 && verdicts & SMT_VERDICT_BIT(NONDETERMINISTIC)) break;
    }
    return verdicts;
}

/* Every attempt refused, `repeat` times: all verdicts, in batches with a check. */
static uint32_t refusal_verdicts(uint64_t repeat)
{
    static struct smt_job jobs[SMT_BATCH_MAX];
    static struct smt_run_result results[SMT_BATCH_MAX];
    uint64_t attempts = smt_worker_baseline(worker)->heap.attempts;
    uint32_t verdicts = 0;

    for (uint64_t first = 1; first <= attempts; first += 100) {
        size_t count = attempts - first + 1 < 100 ? (size_t)(attempts - first + 1) : 100;

        for (size_t i = 0; i < count; i++) jobs[i] = refusal(first + i, repeat);
        jobs[count] = (struct smt_job){.flags = SMT_JOB_CHECK};
        assert_int_equal(smt_worker_run(worker, jobs, count + 1, results), SMT_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(results[i].done && results[i].verdicts);
            verdicts |= results[i].verdicts;
        }
        if (!results[count].matches_baseline) {
            verdicts |= SMT_VERDICT_BIT(POISONED);
            smt_worker_replace(worker);
        }
    }
    return verdicts;
}

static bool is_asked_by_name(const struct smt_selftest_bug *bug)
{
    return !(bug->shows & (SMT_SELFTEST_MANIFEST | SMT_SELFTEST_ROUNDTRIP | SMT_SELFTEST_DECOYS));
}

static void bug_load(const struct smt_selftest_bug *bug)
{
    char name[80];

    snprintf(name, sizeof name, "bug-%s", bug->name);
    selftest_load(name);
}

static void bugs_of_clean_runs_show_their_verdict(void **state)
{
    (void)state;
    for (const struct smt_selftest_bug *bug = smt_selftest_bugs; bug->name; bug++) {
        uint32_t verdicts;

        if (!(bug->shows & SMT_SELFTEST_CLEAN_RUN) || !is_asked_by_name(bug)) continue;
        bug_load(bug);

        verdicts = clean_verdicts();
        if (strcmp(bug->verdict, "cached") == 0) /* priming keeps it out of the runs */
            verdicts |= smt_worker_kept_blocks(worker) ? SMT_VERDICT_BIT(CACHED) : 0;

        if (strcmp(naming(verdicts), bug->verdict) != 0)
            fail_msg("%s shows '%s' (%x)", bug->name, naming(verdicts), verdicts);
    }
}

static void bugs_under_refusal_show_their_verdict(void **state)
{
    (void)state;
    for (const struct smt_selftest_bug *bug = smt_selftest_bugs; bug->name; bug++) {
        uint32_t defects;

        if (!(bug->shows & SMT_SELFTEST_UNDER_REFUSAL) || !is_asked_by_name(bug)) continue;
        if (bug->shows & (SMT_SELFTEST_DOUBLE | SMT_SELFTEST_FILL)) continue; /* see below */
        bug_load(bug);
        if (strcmp(naming(clean_verdicts()), "") != 0) fail_msg("%s: clean runs", bug->name);
        for (int persistent = 0; persistent < 2; persistent++) {
            bool flagged =
                bug->shows & (persistent ? SMT_SELFTEST_PERSISTENT : SMT_SELFTEST_TRANSIENT);

            /* whatever comes after the optional block is refused as well */
            if (persistent && strcmp(bug->verdict, "benign") == 0) continue;
            defects = refusal_verdicts(persistent ? SMT_FAULT_FOREVER : 1);
            if (strcmp(bug->verdict, "benign") != 0)
                defects &= ~(SMT_VERDICT_BIT(CLEAN) | SMT_VERDICT_BIT(BENIGN));
            if (flagged != (strcmp(naming(defects), bug->verdict) == 0))
                fail_msg("%s, persistent %d: '%s' (%x)", bug->name, persistent, naming(defects),
                         defects);
            if (!flagged && defects) fail_msg("%s shows where it should not", bug->name);
        }
    }
}

/* With one fill an unwritten value is swallowed; the fills disagree about it. */
static void a_value_left_unwritten_differs_between_fills(void **state)
{
    uint64_t attempts;
    bool differs = false;

    (void)state;
    selftest_load("bug-uninitialized-on-error");
    assert_int_equal(clean_verdicts(), 0);
    attempts = smt_worker_baseline(worker)->heap.attempts;

    for (uint64_t at = 1; at <= attempts; at++) {
        struct smt_job job = refusal(at, 1);
        struct smt_run_result one = job_run(job), other;

        job.fill = SMT_FILL_ZERO;
        other = job_run(job);
        differs |= memcmp(one.digests, other.digests, sizeof one.digests) != 0 ||
                   memcmp(one.codes, other.codes, sizeof one.codes) != 0;
    }

    assert_true(differs);
}

static void a_second_fault_shows_only_with_two_refusals(void **state)
{
    uint32_t verdicts = 0;
    uint64_t attempts;

    (void)state;
    selftest_load("bug-second-fault");
    assert_int_equal(clean_verdicts(), 0);
    attempts = smt_worker_baseline(worker)->heap.attempts;
    assert_int_equal(smt_verdict_defects(refusal_verdicts(1)), 0);

    for (uint64_t at = 1; at <= attempts; at++)
        for (uint64_t gap = 1; gap < 4; gap++)
            verdicts |= job_run((struct smt_job){
                                    .plan = {.rule_count = 2, .rules = {{at, 1}, {at + gap, 1}}}})
                            .verdicts;

    assert_true(verdicts & SMT_VERDICT_BIT(CRASH));
}

static void healthy_messages_show_nothing(void **state)
{
    const uint32_t fine = SMT_VERDICT_BIT(CLEAN) | SMT_VERDICT_BIT(BENIGN);
    DIR *folder = opendir(SMT_TESTS "/selftest");
    struct dirent *entry;
    unsigned seen = 0;

    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        char name[300];

        if (strncmp(entry->d_name, "healthy-", 8) != 0) continue;
        snprintf(name, sizeof name, "%.*s", (int)strlen(entry->d_name) - 4, entry->d_name);
        selftest_load(name);
        seen++;
        if (clean_verdicts()) fail_msg("%s: clean runs", name);
        for (int persistent = 0; persistent < 2; persistent++) {
            uint32_t verdicts = refusal_verdicts(persistent ? SMT_FAULT_FOREVER : 1);

            if (!verdicts || verdicts & ~fine) fail_msg("%s: %s", name, naming(verdicts));
        }
        assert_int_equal(smt_worker_children(worker), 1);
    }
    closedir(folder);
    assert_true(seen >= 10);
}

static void with_decoys(uint64_t count)
{
    struct smt_worker_settings settings = run_settings(&smt_parser_selftest);

    smt_worker_free(worker);
    settings.decoys = count;
    worker_start(settings);
}

static void a_far_write_shows_with_decoys_and_not_without(void **state)
{
    struct smt_run_result result;

    (void)state;
    selftest_load("bug-overflow-wild");
    assert_int_equal(clean_verdicts(), 0);

    with_decoys(64);
    selftest_load("bug-overflow-wild");
    result = baseline_run();

    assert_int_equal(result.verdicts, SMT_VERDICT_BIT(CORRUPT));
    assert_int_equal(result.damage.offset, 13 + 12000);
    assert_int_equal(result.damage.size_bytes, 13);
    assert_int_equal(result.damage.found, 'X');
}

/* The inaccessible space behind a guarded block is as long as its decoys. */
static void a_far_write_is_caught_in_the_act_by_guard_pages(void **state)
{
    struct smt_run_result result;

    (void)state;
    with_decoys(64);
    selftest_load("healthy-minimal");
    baseline_run();
    selftest_load("bug-overflow-wild");

    result = job_run(
        (struct smt_job){.flags = SMT_JOB_CHECK, .guard = {SMT_GUARD_TAIL, 1, 20000, 0, 0, {0}}});

    assert_int_equal(result.fault.place, SMT_PLACE_BLOCK);
    assert_true(result.fault.is_write);
    assert_int_equal(result.fault.size_bytes, 13);
}

static void healthy_messages_show_nothing_with_decoys(void **state)
{
    with_decoys(8);

    healthy_messages_show_nothing(state);
}

/* The bug, and only it, by its verdict; its twin lacks one thing. */
static void deep_bugs_show_their_verdict_and_their_twins_none(void **state)
{
    (void)state;
    for (const struct smt_selftest_deep_bug *deep = smt_selftest_deep_bugs; deep->bug.name;
         deep++) {
        char name[80];
        uint32_t verdicts;

        snprintf(name, sizeof name, "bug-%s", deep->bug.name);
        message_load("selftest-deep", name);
        verdicts = clean_verdicts();
        if (strcmp(naming(verdicts), deep->bug.verdict) != 0)
            fail_msg("%s shows '%s' (%x)", deep->bug.name, naming(verdicts), verdicts);

        snprintf(name, sizeof name, "twin-%s", deep->bug.name);
        message_load("selftest-deep", name);
        verdicts = clean_verdicts() | smt_verdict_defects(refusal_verdicts(1));
        if (verdicts) fail_msg("%s: '%s' (%x)", name, naming(verdicts), verdicts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SELFTEST(bugs_of_clean_runs_show_their_verdict),
        SELFTEST(bugs_under_refusal_show_their_verdict),
        SELFTEST(a_value_left_unwritten_differs_between_fills),
        SELFTEST(a_second_fault_shows_only_with_two_refusals),
        SELFTEST(healthy_messages_show_nothing),
        SELFTEST(a_far_write_shows_with_decoys_and_not_without),
        SELFTEST(a_far_write_is_caught_in_the_act_by_guard_pages),
        SELFTEST(healthy_messages_show_nothing_with_decoys),
        WORKER_TEST(deep_bugs_show_their_verdict_and_their_twins_none, smt_parser_selftest_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
