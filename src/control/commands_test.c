/* The rows of timed tests: mt.mem_test_*. */
#include <stdlib.h>

#include "control/command_rows.h"

#define TIME_MAX_MS ((uint64_t)1000 * 365 * 86400 * 1000) /* a thousand years */

static bool plan_is_valid(const struct smt_stress_test_plan *plan)
{
    return plan->max > 0 && plan->min <= plan->max && plan->max <= plan->total &&
           plan->min_interval_ms <= plan->max_interval_ms && plan->max_interval_ms <= TIME_MAX_MS &&
           plan->total_time_ms > 0 && plan->total_time_ms <= TIME_MAX_MS;
}

COMMAND_ROW(mem_test_start)
{
    struct smt_stress_test_plan plan;
    uint64_t numbers[6], unit, id;

    for (int i = 0; i < 6; i++)
        if (!smt_arguments_count(arguments, reply, &numbers[i])) return;
    if (!smt_arguments_unit(arguments, reply, &unit)) return;
    plan = (struct smt_stress_test_plan){
        .min_interval_ms = numbers[3], .max_interval_ms = numbers[4], .total_time_ms = numbers[5]};
    if (__builtin_mul_overflow(numbers[0], unit, &plan.min) ||
        __builtin_mul_overflow(numbers[1], unit, &plan.max) ||
        __builtin_mul_overflow(numbers[2], unit, &plan.total) || plan.total > INT64_MAX ||
        !plan_is_valid(&plan)) {
        smt_fault_values(reply);
        return;
    }
    if (smt_stress_tests_start(control->tests, &plan, &id) == SMT_OK)
        smt_wire_add_integer(&reply->results, (int64_t)id);
    else
        smt_fault_memory(reply);
}

static void fault_not_found(struct smt_wire_reply *reply, int64_t id)
{
    smt_wire_fault(reply, 400, "test %lld not found", (long long)id);
}

/* stop and destroy differ only in what they call. */
static void test_command(struct smt_control *control, struct smt_arguments *arguments,
                         struct smt_wire_reply *reply,
                         enum smt_status (*act)(struct smt_stress_tests *, uint64_t))
{
    int64_t id;

    if (!smt_arguments_integer(arguments, reply, &id)) return;
    if (!smt_arguments_end(arguments, reply)) return;
    if (id < 1 || act(control->tests, (uint64_t)id) != SMT_OK) fault_not_found(reply, id);
}

COMMAND_ROW(mem_test_stop)
{
    test_command(control, arguments, reply, smt_stress_tests_stop);
}

COMMAND_ROW(mem_test_destroy)
{
    test_command(control, arguments, reply, smt_stress_tests_destroy);
}

COMMAND_ROW(mem_test_destroy_all)
{
    int64_t ignored;

    if (smt_arguments_left(arguments) && !smt_arguments_integer(arguments, reply, &ignored)) return;
    if (!smt_arguments_end(arguments, reply)) return;
    smt_stress_tests_destroy_all(control->tests);
}

static void state_add(struct smt_wire_items *results, const struct smt_stress_test_state *state,
                      uint64_t unit)
{
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"ID", state->id},
        {"run time (s)", state->run_ms / 1000},
        {"remaining (s)", state->remaining_ms / 1000},
        {"allocations", state->allocations},
        {"errors", state->errors},
        {"overflows", state->overflows},
        {"total alloc", state->total_alloc / unit},
        {"min", state->plan.min / unit},
        {"max", state->plan.max / unit},
        {"total", state->plan.total / unit},
    };

    smt_wire_add_mark(results, SMT_WIRE_STRUCT);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        smt_wire_add_name(results, fields[i].name);
        smt_wire_add_integer(results, (int64_t)fields[i].value);
    }
    smt_wire_add_mark(results, SMT_WIRE_STRUCT_END);
}

/* Tests may come between counting and copying: then it is done again. */
static struct smt_stress_test_state *states_copy(struct smt_stress_tests *tests, uint64_t id,
                                                 size_t *ret_count)
{
    size_t room = 16;

    for (;;) {
        struct smt_stress_test_state *states = calloc(room, sizeof *states);
        size_t count = states ? smt_stress_tests_list(tests, id, states, room) : 0;

        *ret_count = count;
        if (!states || count <= room) return states;
        free(states);
        room = count + 16;
    }
}

COMMAND_ROW(mem_test_list)
{
    const struct smt_wire_item *first = arguments->items->items;
    struct smt_stress_test_state *states;
    uint64_t unit;
    size_t count;
    int64_t id = 0;
    bool one = smt_arguments_left(arguments) &&
               (first->type != SMT_WIRE_STRING ||
                smt_number_unit(smt_wire_text(arguments->items, first)) == 0);

    if (one && !smt_arguments_integer(arguments, reply, &id)) return;
    if (!smt_arguments_unit(arguments, reply, &unit)) return;
    states = states_copy(control->tests, one ? (uint64_t)id : 0, &count);
    if (!states)
        smt_fault_memory(reply);
    else if (one && (id < 1 || count == 0))
        fault_not_found(reply, id);
    else
        for (size_t i = 0; i < count; i++) state_add(&reply->results, &states[i], unit);
    free(states);
    if (one) reply->list = false;
}
