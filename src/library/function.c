/* library/function.c - a C function as a row of the parser table.
 *
 * Its only operation is to be called. While it or its release is at work the
 * gate is open (library/gate.h): what this thread allocates comes from the
 * instrumented heap. */
#include <limits.h>

#include "library/gate.h"
#include "library/inside.h"

#define FAILED_WITH_0 INT_MIN /* the code of a failure whose value is 0: a row's 0 is success */

/* Of a run; zeroed before each. */
struct function_state {
    void *result;
    int value;
};

static const struct smt_sweep_subject *at_work;

static const struct smt_gate heap_gate = {
    .allocate = smt_heap_allocate_for,
    .reallocate = smt_heap_reallocate_for,
    .release = smt_heap_release_for,
    .owns = smt_heap_owns_in_use,
    .size = smt_heap_size_in_use,
};

bool smt_library_function_is_caught(void)
{
    return smt_catch_gate && smt_catch_open;
}

void smt_library_function_escaped(void)
{
    smt_catch_open(false);
}

int smt_library_function_value(int code)
{
    return code == FAILED_WITH_0 ? 0 : code;
}

static bool value_is_success(int value)
{
    return at_work->is_success ? at_work->is_success(value) : value == 0;
}

static int function_call(void *raw, const struct smt_parser_input *input)
{
    struct function_state *state = raw;

    (void)input;
    smt_catch_open(true);
    state->value = at_work->call(at_work->context, &state->result);
    smt_catch_open(false);
    if (value_is_success(state->value)) return 0;
    return state->value ? state->value : FAILED_WITH_0;
}

static void function_release(void *raw)
{
    struct function_state *state = raw;
    void *result = state->result;

    state->result = NULL;
    if (!result || !at_work->release) return;
    smt_catch_open(true);
    at_work->release(result);
    smt_catch_open(false);
}

static void function_show(const void *raw, struct smt_walk *walk)
{
    const struct function_state *state = raw;
    struct smt_show show = {walk};

    if (at_work->is_success) smt_show_number(&show, "return value", state->value);
    if (at_work->show) at_work->show(state->result, &show);
}

static const char *function_version(void)
{
    return "";
}

/* What the function takes is caught, not hooked. */
static int function_init(const struct smt_parser_hooks *hooks)
{
    (void)hooks;
    return 0;
}

static bool function_is_out_of_memory(int code)
{
    int value = smt_library_function_value(code);

    if (at_work->is_out_of_memory) return at_work->is_out_of_memory(value);
    return !at_work->out_of_memory || value == at_work->out_of_memory;
}

static const char *function_code_name(int code)
{
    return at_work->code_name ? at_work->code_name(smt_library_function_value(code)) : NULL;
}

bool smt_library_function_begin(const struct smt_sweep_subject *subject, struct smt_parser *ret_row)
{
    if (at_work) return false;
    at_work = subject;
    *ret_row = (struct smt_parser){
        .interface_version = SMT_PARSER_INTERFACE,
        .name = subject->name,
        .summary = "a function",
        .least_alignment = 1,
        .state_size_bytes = sizeof(struct function_state),
        .anchor = (const void *)subject->call,
        .version = function_version,
        .init = function_init,
        .is_out_of_memory = function_is_out_of_memory,
        .code_name = function_code_name,
        .release = function_release,
        .ops = {[SMT_OP_PARSE] = {function_call, function_show, NULL}},
    };
    smt_catch_gate(&heap_gate);
    return true;
}

void smt_library_function_end(void)
{
    at_work = NULL;
}
