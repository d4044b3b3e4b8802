/* Sweeps an ordinary C function: each of its allocations is refused in turn. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <memtest.h>

#include "config.h"

static void config_show(const void *config, struct smt_show *show)
{
    smt_show_text(show, "host", config_get(config, "host"));
    smt_show_text(show, "port", config_get(config, "port"));
}

static void config_release(void *config)
{
    config_free(config);
}

static int config_call(void *text, void **ret_result)
{
    return config_parse(text, (struct config **)ret_result);
}

static void careful_function_survives_every_refusal(void **state)
{
    static const struct smt_sweep_subject subject = {
        .name = "config_parse",
        .call = config_call,
        .context = "host=a.example\nport=5060\n",
        .show = config_show,
        .release = config_release,
        .out_of_memory = -ENOMEM,
    };

    (void)state;
    assert_int_equal(smt_sweep(&subject, NULL, NULL), 0);
}

static int careless_call(void *text, void **ret_result)
{
    return careless_parse(text, (struct config **)ret_result);
}

static void verdict_collect(void *verdicts, const struct smt_sweep_finding *finding)
{
    strcat(strcat(verdicts, finding->verdict), " ");
}

static void careless_function_is_found_out(void **state)
{
    static const struct smt_sweep_subject subject = {
        .name = "careless_parse",
        .call = careless_call,
        .context = "host=a.example\nport=5060\n",
        .show = config_show,
        .release = config_release,
        .out_of_memory = -ENOMEM,
    };
    char verdicts[4096] = "";
    const struct smt_sweep_options options = {.finding = verdict_collect, .context = verdicts};

    (void)state;
    assert_true(smt_sweep(&subject, &options, NULL) > 0);
    assert_non_null(strstr(verdicts, "crash"));
    assert_non_null(strstr(verdicts, "corrupt"));
    assert_non_null(strstr(verdicts, "leak"));
    assert_non_null(strstr(verdicts, "swallowed"));
    assert_non_null(strstr(verdicts, "wrong-code"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(careful_function_survives_every_refusal),
        cmocka_unit_test(careless_function_is_found_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
