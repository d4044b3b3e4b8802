/* heap/fault: which attempts a plan refuses, and its text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "heap/heap.h"

/* One sign an attempt, from 1 up: R refused. */
static const char *refused_text(const struct smt_fault_plan *plan)
{
    static char text[21];
    struct smt_fault fault;

    smt_fault_arm(&fault, plan);
    for (uint64_t attempt = 1; attempt <= 20; attempt++)
        text[attempt - 1] = smt_fault_refuses(&fault, attempt) ? 'R' : '.';
    return text;
}

static const char *refused_by(const char *plan_text)
{
    struct smt_fault_plan plan;

    assert_int_equal(smt_fault_plan_parse(plan_text, &plan), SMT_OK);
    return refused_text(&plan);
}

static void an_empty_plan_refuses_nothing(void **state)
{
    struct smt_fault_plan plan = {0};

    (void)state;
    assert_true(smt_fault_plan_is_empty(&plan));
    assert_string_equal(refused_text(&plan), "....................");
}

static void rules_refuse_their_attempts(void **state)
{
    (void)state;
    assert_string_equal(refused_by("1"), "R...................");
    assert_string_equal(refused_by("7-10"), "......RRRR..........");
    assert_string_equal(refused_by("3,5-6,20"), "..R.RR.............R");
    assert_string_equal(refused_by("3,4,5"), "..RRR...............");
    assert_string_equal(refused_by("7:persistent"), "......RRRRRRRRRRRRRR");
    assert_string_equal(refused_by("2,7:persistent"), ".R....RRRRRRRRRRRRRR");
}

static void attempts_not_asked_for_are_skipped(void **state)
{
    struct smt_fault_plan plan = {.rule_count = 2, .rules = {{2, 1}, {10, 1}}};
    struct smt_fault fault;

    (void)state;
    smt_fault_arm(&fault, &plan);

    assert_int_equal(fault.from, 2);
    assert_true(smt_fault_refuses(&fault, 10));
    assert_false(smt_fault_refuses(&fault, 11));
    assert_true(fault.from == SMT_FAULT_FOREVER);
}

static void bad_plans_are_refused_with_a_sentence(void **state)
{
    static const char *const bad[] = {
        "",
        "0",
        "x",
        "3,",
        ",3",
        "5,3",
        "3,3",
        "10-7",
        "1-",
        "-1",
        "3-5,5",
        "1:",
        "1:foo",
        ":persistent",
        "limit=",
        "limit=0",
        "limit=x",
        "1 ",
        " 1",
        "1,2,3,4,5,6,7,8,9",
        "18446744073709551616",
        "7-9:persistent",
        "2-18446744073709551615,5",
    };
    struct smt_fault_plan plan = {.rule_count = 42};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (smt_fault_plan_parse(bad[i], &plan) != SMT_EUSAGE) fail_msg("taken: '%s'", bad[i]);
        assert_int_equal(plan.rule_count, 42);
        assert_true(strlen(smt_fail_text()) > 20);
    }
}

static void text_round_trips(void **state)
{
    static const char *const texts[] = {
        "7", "7-10", "3,9-12", "7:persistent", "2,7:persistent", "limit=4096", "1,2,3,4,5,6,7,8"};
    struct smt_fault_plan plan;
    struct smt_buffer buffer;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        smt_buffer_init(&buffer);
        assert_int_equal(smt_fault_plan_parse(texts[i], &plan), SMT_OK);

        smt_fault_plan_format(&plan, &buffer);

        assert_string_equal(buffer.data, texts[i]);
        smt_buffer_clear(&buffer);
    }
}

static void a_limit_takes_units(void **state)
{
    struct smt_fault_plan plan;

    (void)state;
    assert_int_equal(smt_fault_plan_parse("limit=64k", &plan), SMT_OK);

    assert_int_equal(plan.limit_bytes, 65536);
    assert_int_equal(plan.rule_count, 0);
    assert_false(smt_fault_plan_is_empty(&plan));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_plan_refuses_nothing),
        cmocka_unit_test(rules_refuse_their_attempts),
        cmocka_unit_test(attempts_not_asked_for_are_skipped),
        cmocka_unit_test(bad_plans_are_refused_with_a_sentence),
        cmocka_unit_test(text_round_trips),
        cmocka_unit_test(a_limit_takes_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
