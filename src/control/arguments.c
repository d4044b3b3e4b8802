#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "control/control.h"

void smt_fault_values(struct smt_wire_reply *reply)
{
    smt_wire_fault(reply, 400, "invalid parameter values");
}

void smt_fault_memory(struct smt_wire_reply *reply)
{
    smt_wire_fault(reply, 400, "memory allocation failed");
}

bool smt_fault_interrupted(struct smt_control *control, struct smt_wire_reply *reply)
{
    if (!atomic_load(&control->stress.cancelled)) return false;
    smt_wire_fault(reply, 500, "interrupted");
    return true;
}

bool smt_arguments_left(const struct smt_arguments *arguments)
{
    return arguments->next < arguments->items->count;
}

static const struct smt_wire_item *argument_next(struct smt_arguments *arguments)
{
    if (!smt_arguments_left(arguments)) return NULL;
    return &arguments->items->items[arguments->next++];
}

bool smt_arguments_integer(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                           int64_t *ret_integer)
{
    const struct smt_wire_item *item = argument_next(arguments);

    if (item && item->type == SMT_WIRE_INTEGER) {
        *ret_integer = item->integer;
        return true;
    }
    if (item && item->type == SMT_WIRE_DOUBLE && item->number == trunc(item->number) &&
        fabs(item->number) < 0x1p53) {
        *ret_integer = (int64_t)item->number; /* JSON knows no difference between 10 and 10.0 */
        return true;
    }
    if (item && item->type == SMT_WIRE_STRING && item->text_size) {
        /* kamcmd sends what exceeds 32 bits as text. */
        const char *text = smt_wire_text(arguments->items, item);
        char *end;

        errno = 0;
        *ret_integer = strtoll(text, &end, 10);
        if (errno == 0 && end == text + item->text_size) return true;
    }
    smt_fault_values(reply);
    return false;
}

bool smt_arguments_count(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                         uint64_t *ret_count)
{
    int64_t integer;

    if (!smt_arguments_integer(arguments, reply, &integer)) return false;
    if (integer < 0) {
        smt_fault_values(reply);
        return false;
    }
    *ret_count = (uint64_t)integer;
    return true;
}

bool smt_arguments_text(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                        const char **ret_text)
{
    const struct smt_wire_item *item = argument_next(arguments);

    if (item && item->type == SMT_WIRE_STRING) {
        *ret_text = smt_wire_text(arguments->items, item);
        return true;
    }
    smt_fault_values(reply);
    return false;
}

bool smt_arguments_end(struct smt_arguments *arguments, struct smt_wire_reply *reply)
{
    if (!smt_arguments_left(arguments)) return true;
    smt_fault_values(reply);
    return false;
}

bool smt_arguments_unit(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                        uint64_t *ret_unit)
{
    const struct smt_wire_item *item = argument_next(arguments);
    uint64_t unit = 1;

    if (item) {
        unit = item->type == SMT_WIRE_STRING
                   ? smt_number_unit(smt_wire_text(arguments->items, item))
                   : 0;
        if (!unit) {
            smt_wire_fault(reply, 500, "bad param use b|k|m|g");
            return false;
        }
    }
    *ret_unit = unit;
    return smt_arguments_end(arguments, reply);
}

bool smt_arguments_sizes(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                         uint64_t *ret_sizes, size_t count)
{
    uint64_t unit;

    for (size_t i = 0; i < count; i++)
        if (!smt_arguments_count(arguments, reply, &ret_sizes[i])) return false;
    if (!smt_arguments_unit(arguments, reply, &unit)) return false;
    for (size_t i = 0; i < count; i++)
        if (__builtin_mul_overflow(ret_sizes[i], unit, &ret_sizes[i]) || ret_sizes[i] > INT64_MAX) {
            smt_fault_values(reply);
            return false;
        }
    return true;
}
