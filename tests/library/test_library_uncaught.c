#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "memtest.h"

static int call(void *context, void **ret_result)
{
    (void)context;
    *ret_result = malloc(8);
    return *ret_result ? 0 : -1;
}

static void without_a_catcher_the_sweep_fails_and_says_what_to_link(void **state)
{
    static const struct smt_sweep_subject subject = {.name = "f", .call = call, .release = free};
    static const struct smt_sweep_options options = {.quiet = true};

    (void)state;
    assert_int_equal(smt_sweep(&subject, &options, NULL), -1);
    assert_non_null(strstr(smt_sweep_error(), "memtest-malloc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_catcher_the_sweep_fails_and_says_what_to_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
