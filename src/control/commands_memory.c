/* The rows that allocate and free: mt.mem_*, mt.lock_test. */
#include "control/command_rows.h"

static void fault_allocation(struct smt_control *control, struct smt_wire_reply *reply)
{
    if (!smt_fault_interrupted(control, reply)) smt_fault_memory(reply);
}

COMMAND_ROW(mem_alloc)
{
    uint64_t size;

    if (!smt_arguments_sizes(arguments, reply, &size, 1)) return;
    if (!smt_stress_alloc(control->stress.set, size)) fault_allocation(control, reply);
}

/* The size may be missing while the unit is there: then everything is freed and
 * the answer is in that unit. */
COMMAND_ROW(mem_free)
{
    uint64_t size = UINT64_MAX, count, unit;
    bool sized = smt_arguments_left(arguments) &&
                 smt_number_unit(arguments->items->items[0].type == SMT_WIRE_STRING
                                     ? smt_wire_text(arguments->items, arguments->items->items)
                                     : "") == 0;

    if (sized && !smt_arguments_count(arguments, reply, &count)) return;
    if (!smt_arguments_unit(arguments, reply, &unit)) return;
    if (sized && __builtin_mul_overflow(count, unit, &size)) {
        smt_fault_values(reply);
        return;
    }
    smt_wire_add_integer(&reply->results,
                         (int64_t)(smt_stress_free(control->stress.set, size) / unit));
}

COMMAND_ROW(mem_used)
{
    uint64_t unit;

    if (!smt_arguments_unit(arguments, reply, &unit)) return;
    smt_wire_add_integer(&reply->results, (int64_t)(smt_stress_used(control->stress.set) / unit));
}

COMMAND_ROW(mem_realloc)
{
    struct smt_random random;
    uint64_t size, unit;
    int64_t difference;

    if (!smt_arguments_count(arguments, reply, &size)) return;
    if (!smt_arguments_unit(arguments, reply, &unit)) return;
    if (__builtin_mul_overflow(size, unit, &size)) {
        smt_fault_values(reply);
        return;
    }
    smt_stress_random(&control->stress, &random);
    if (smt_stress_realloc(control->stress.set, &random, size, UINT64_MAX, &difference) ==
        SMT_STRESS_RESIZED)
        smt_wire_add_integer(&reply->results, difference / (int64_t)unit);
    else
        fault_allocation(control, reply);
}

static bool range_is_valid(uint64_t min, uint64_t max, uint64_t total)
{
    return max > 0 && min <= max && max <= total;
}

COMMAND_ROW(mem_rnd_alloc)
{
    uint64_t sizes[3];

    if (!smt_arguments_sizes(arguments, reply, sizes, 3)) return;
    if (!range_is_valid(sizes[0], sizes[1], sizes[2])) {
        smt_fault_values(reply);
        return;
    }
    if (!smt_stress_random_alloc(control->stress.set, sizes[0], sizes[1], sizes[2]))
        fault_allocation(control, reply);
}

COMMAND_ROW(lock_test)
{
    uint64_t times, took_ns;

    if (!smt_arguments_count(arguments, reply, &times)) return;
    if (!smt_arguments_end(arguments, reply)) return;
    if (times < 1) {
        smt_fault_values(reply);
        return;
    }
    took_ns = smt_stress_lock_test(&control->stress, times);
    if (smt_fault_interrupted(control, reply)) return;
    smt_wire_add_mark(&reply->results, SMT_WIRE_STRUCT);
    smt_wire_add_name(&reply->results, "locks");
    smt_wire_add_integer(&reply->results, (int64_t)times);
    smt_wire_add_name(&reply->results, "time (us)");
    smt_wire_add_integer(&reply->results, (int64_t)(took_ns / 1000));
    smt_wire_add_name(&reply->results, "ns a lock");
    smt_wire_add_double(&reply->results, (double)took_ns / (double)times);
    smt_wire_add_mark(&reply->results, SMT_WIRE_STRUCT_END);
}
