/* run/verdict: the one list, its names and its order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "parser/selftest.h"
#include "run/run.h"

static void rows_are_whole_and_differ(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SMT_VERDICT_COUNT; i++) {
        assert_non_null(smt_verdicts[i].name);
        assert_true(strlen(smt_verdicts[i].text) > 10);
        assert_true(smt_verdicts[i].sign > ' ');
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(smt_verdicts[i].name, smt_verdicts[j].name);
            assert_int_not_equal(smt_verdicts[i].sign, smt_verdicts[j].sign);
        }
    }
}

static void names_lead_back_to_their_verdict(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SMT_VERDICT_COUNT; i++)
        assert_int_equal(smt_verdict_find(smt_verdicts[i].name), i);
    assert_int_equal(smt_verdict_find("cleaner"), SMT_VERDICT_COUNT);
    assert_int_equal(smt_verdict_find(""), SMT_VERDICT_COUNT);
}

static void the_first_verdict_names_a_set(void **state)
{
    (void)state;
    assert_int_equal(smt_verdict_naming(SMT_VERDICT_BIT(LEAK) | SMT_VERDICT_BIT(CRASH)),
                     SMT_VERDICT_CRASH);
    assert_int_equal(smt_verdict_naming(SMT_VERDICT_BIT(SWALLOWED) | SMT_VERDICT_BIT(LEAK)),
                     SMT_VERDICT_LEAK);
    assert_int_equal(smt_verdict_naming(SMT_VERDICT_BIT(CLEAN)), SMT_VERDICT_CLEAN);
    assert_int_equal(smt_verdict_naming(0), SMT_VERDICT_COUNT);
}

static void cached_benign_and_clean_are_no_defects(void **state)
{
    uint32_t none = SMT_VERDICT_BIT(CACHED) | SMT_VERDICT_BIT(BENIGN) | SMT_VERDICT_BIT(CLEAN);

    (void)state;
    assert_int_equal(smt_verdict_defects(none), 0);
    assert_int_equal(smt_verdict_defects(none | SMT_VERDICT_BIT(HANG)), SMT_VERDICT_BIT(HANG));
    assert_int_equal(smt_verdict_defects(UINT32_MAX), ((1u << SMT_VERDICT_COUNT) - 1) & ~none);
}

static void every_planted_bug_has_a_verdict_of_the_list(void **state)
{
    (void)state;
    for (const struct smt_selftest_bug *bug = smt_selftest_bugs; bug->name; bug++)
        if (smt_verdict_find(bug->verdict) == SMT_VERDICT_COUNT) fail_msg("%s", bug->name);
}

static void every_defect_has_a_planted_bug(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SMT_VERDICT_COUNT; i++) {
        const struct smt_selftest_bug *bug = smt_selftest_bugs;

        while (bug->name && strcmp(bug->verdict, smt_verdicts[i].name) != 0) bug++;
        if (smt_verdicts[i].is_defect && !bug->name) fail_msg("%s", smt_verdicts[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_whole_and_differ),
        cmocka_unit_test(names_lead_back_to_their_verdict),
        cmocka_unit_test(the_first_verdict_names_a_set),
        cmocka_unit_test(cached_benign_and_clean_are_no_defects),
        cmocka_unit_test(every_planted_bug_has_a_verdict_of_the_list),
        cmocka_unit_test(every_defect_has_a_planted_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
