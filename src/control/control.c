#include "control/control.h"

#include <string.h>

enum smt_status smt_control_init(struct smt_control *control,
                                 const struct smt_stress_options *options,
                                 const struct smt_control_hooks *hooks)
{
    enum smt_status status;

    memset(control, 0, sizeof *control);
    if (hooks) control->hooks = *hooks;
    status = smt_stress_init(&control->stress, options);
    if (status != SMT_OK) return status;
    smt_parameters_init(&control->parameters);
    status = smt_stress_tests_new(&control->stress, &control->tests);
    if (status != SMT_OK) smt_control_clear(control);
    return status;
}

void smt_control_cancel(struct smt_control *control)
{
    smt_stress_cancel(&control->stress);
    if (control->hooks.message_cancel) control->hooks.message_cancel();
}

void smt_control_clear(struct smt_control *control)
{
    smt_stress_tests_free(control->tests);
    control->tests = NULL;
    smt_parameters_clear(&control->parameters);
    smt_stress_clear(&control->stress);
}

bool smt_control_found(const struct smt_control *control)
{
    return atomic_load(&control->stress.damaged) > 0 || control->parameters.message_findings > 0;
}

void smt_control_held(struct smt_control *control, uint64_t *ret_bytes, uint64_t *ret_chunks)
{
    smt_stress_tests_held(control->tests, ret_bytes, ret_chunks);
    *ret_bytes += smt_stress_used(control->stress.set);
    *ret_chunks += smt_stress_chunks(control->stress.set);
}
