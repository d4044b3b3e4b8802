/* libmemtest: what the code that a function returns is taken for. */
#include "library_fixture.h"

static int returns_length(void *context, void **ret_result)
{
    *ret_result = strdup(context);
    return *ret_result ? (int)strlen(context) : -1;
}

static bool is_length(int code)
{
    return code >= 0;
}

static void codes_that_mean_success_may_be_told(void **state)
{
    struct smt_sweep_subject subject = {.name = "length",
                                        .call = returns_length,
                                        .context = (char *)"abc",
                                        .release = free,
                                        .is_success = is_length,
                                        .out_of_memory = -1};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), 0);
    assert_int_equal(told.result.allocations, 1);
}

static int returns_bool(void *context, void **ret_result)
{
    *ret_result = strdup(context);
    return *ret_result != NULL;
}

static bool is_true(int code)
{
    return code;
}

static void failure_may_be_0(void **state)
{
    struct smt_sweep_subject subject = {.name = "bool",
                                        .call = returns_bool,
                                        .context = (char *)"abc",
                                        .release = free,
                                        .is_success = is_true};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), 0);
}

static int rejects(void *context, void **ret_result)
{
    char *copy = malloc(10);

    (void)context;
    (void)ret_result;
    if (!copy) return ENOMEM;
    free(copy);
    return EINVAL;
}

static void function_that_fails_unasked_is_no_pass(void **state)
{
    struct smt_sweep_subject subject = {
        .name = "rejects", .call = rejects, .out_of_memory = ENOMEM};
    struct told told;

    (void)state;
    assert_int_equal(sweep(&subject, &told), -1);
    assert_non_null(strstr(smt_sweep_error(), "rejects returns 22 though nothing is refused"));

    subject.fails = true;
    assert_int_equal(sweep(&subject, &told), 0);

    subject.call = healthy;
    subject.release = free;
    assert_int_equal(sweep(&subject, &told), -1);
    assert_non_null(strstr(smt_sweep_error(), "said to fail"));
}

static int allocates_nothing(void *context, void **ret_result)
{
    (void)context;
    (void)ret_result;
    return 0;
}

static void sweep_that_refuses_nothing_is_no_pass(void **state)
{
    struct told told;

    (void)state;
    assert_int_equal(sweep_call(allocates_nothing, NULL, &told), -1);
    assert_non_null(strstr(smt_sweep_error(), "no allocation"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_that_mean_success_may_be_told),
        cmocka_unit_test(failure_may_be_0),
        cmocka_unit_test(function_that_fails_unasked_is_no_pass),
        cmocka_unit_test(sweep_that_refuses_nothing_is_no_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
