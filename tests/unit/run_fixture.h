/* What the tests of run/ share: a worker, messages, and a parser ("probe") that
 * does what its message says. */
#ifndef RUN_FIXTURE_H
#define RUN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parser/selftest.h"
#include "run/run.h"

static struct smt_worker *worker;

static inline struct smt_worker_settings run_settings(const struct smt_parser *parser)
{
    return (struct smt_worker_settings){.parser = parser,
                                        .ops = (1u << SMT_OP_ROUNDTRIP) - 1,
                                        .check_content = true,
                                        .quarantine_bytes = SMT_QUARANTINE_BYTES,
                                        .timeout_ns = 300000000};
}

static inline void worker_start(struct smt_worker_settings settings)
{
    if (smt_worker_new(&settings, &worker) != SMT_OK) fail_msg("%s", smt_fail_text());
}

static inline int worker_set_up(void **state)
{
    worker_start(run_settings(*state));
    return 0;
}

static inline int worker_tear_down(void **state)
{
    (void)state;
    smt_worker_free(worker);
    worker = NULL;
    return 0;
}

/* A test with a worker of this parser. */
#define WORKER_TEST(test, row)                                                                     \
    cmocka_unit_test_prestate_setup_teardown(test, worker_set_up, worker_tear_down,                \
                                             (void *)(uintptr_t) & (row))
#define PROBE_TEST(test) WORKER_TEST(test, probe_parser)
#define SELFTEST(test)   WORKER_TEST(test, smt_parser_selftest)

/* Another worker, for messages whose first run may take seconds on a busy machine. */
static inline void worker_start_patient(const struct smt_parser *parser)
{
    struct smt_worker_settings settings = run_settings(parser);

    settings.timeout_ns *= 20;
    smt_worker_free(worker);
    worker_start(settings);
}

static inline void bytes_load(const void *bytes, size_t size_bytes)
{
    struct smt_message message = {
        .name = (char *)"test", .data = (char *)(uintptr_t)bytes, .size_bytes = size_bytes};

    assert_int_equal(smt_worker_load(worker, &message), SMT_OK);
}

static inline void text_load(const char *text)
{
    bytes_load(text, strlen(text));
}

/* A selftest message by its file's name without .sip. */
static inline void message_load(const char *folder, const char *name)
{
    struct smt_message_list list;
    char path[512];

    snprintf(path, sizeof path, "%s/%s/%s.sip", SMT_TESTS, folder, name);
    smt_message_list_init(&list);
    if (smt_message_add_file(&list, path) != SMT_OK) fail_msg("%s", smt_fail_text());
    assert_int_equal(smt_worker_load(worker, &list.items[0]), SMT_OK);
    smt_message_list_clear(&list);
}

static inline void selftest_load(const char *name)
{
    message_load("selftest", name);
}

static inline struct smt_run_result job_run(struct smt_job job)
{
    struct smt_run_result result = {0};

    if (smt_worker_run(worker, &job, 1, &result) != SMT_OK) fail_msg("%s", smt_fail_text());
    assert_true(result.done);
    return result;
}

static inline struct smt_run_result baseline_run(void)
{
    return job_run((struct smt_job){.flags = SMT_JOB_BASELINE | SMT_JOB_PREFIXES});
}

static inline struct smt_run_result check_run(void)
{
    return job_run((struct smt_job){.flags = SMT_JOB_CHECK});
}

static inline struct smt_job refusal(uint64_t first, uint64_t repeat)
{
    return (struct smt_job){.plan = {.rule_count = 1, .rules = {{first, repeat}}}};
}

static inline const char *naming(uint32_t verdicts)
{
    return verdicts ? smt_verdicts[smt_verdict_naming(verdicts)].name : "";
}

#define assert_verdict(verdicts, name) assert_string_equal(naming(verdicts), name)

#endif
