/* The rows about the program itself: cfg.*, core.*, system.*, help. */
#include <stdio.h>
#include <string.h>

#include "control/command_rows.h"

#define GROUP "misctest"

/* Reads `group name`; NULL and a fault when there is no such parameter. */
static const struct smt_parameter *parameter_read(struct smt_arguments *arguments,
                                                  struct smt_wire_reply *reply, const char *verb)
{
    const struct smt_parameter *parameter = NULL;
    const char *group, *name;

    if (!smt_arguments_text(arguments, reply, &group)) return NULL;
    if (!smt_arguments_text(arguments, reply, &name)) return NULL;
    if (strcmp(group, GROUP) == 0) parameter = smt_parameter_find(name);
    if (!parameter) smt_wire_fault(reply, 400, "Failed to %s the variable", verb);
    return parameter;
}

COMMAND_ROW(cfg_get)
{
    const struct smt_parameter *parameter = parameter_read(arguments, reply, "get");

    if (parameter && smt_arguments_end(arguments, reply))
        smt_parameter_get(control, parameter, &reply->results);
}

COMMAND_ROW(cfg_seti)
{
    const struct smt_parameter *parameter = parameter_read(arguments, reply, "set");
    int64_t value;

    if (parameter && smt_arguments_integer(arguments, reply, &value) &&
        smt_arguments_end(arguments, reply))
        smt_parameter_set_number(control, parameter, value, reply);
}

COMMAND_ROW(cfg_sets)
{
    const struct smt_parameter *parameter = parameter_read(arguments, reply, "set");
    const char *text;

    if (parameter && smt_arguments_text(arguments, reply, &text) &&
        smt_arguments_end(arguments, reply))
        smt_parameter_set_text(control, parameter, text, reply);
}

COMMAND_ROW(cfg_list)
{
    const char *group = GROUP;
    char line[128];

    (void)control;
    if (smt_arguments_left(arguments) && !smt_arguments_text(arguments, reply, &group)) return;
    if (!smt_arguments_end(arguments, reply)) return;
    for (const struct smt_parameter *row = smt_parameters; row->name; row++) {
        if (strcmp(group, GROUP) != 0) break;
        snprintf(line, sizeof line, GROUP ": %s", row->name);
        smt_wire_add_string(&reply->results, line);
    }
}

COMMAND_ROW(cfg_help)
{
    const struct smt_parameter *parameter = parameter_read(arguments, reply, "get");

    (void)control;
    if (parameter && smt_arguments_end(arguments, reply))
        smt_wire_add_string(&reply->results, parameter->summary);
}

COMMAND_ROW(core_version)
{
    (void)control;
    if (smt_arguments_end(arguments, reply))
        smt_wire_add_string(&reply->results, "mtctl " SMT_VERSION);
}

COMMAND_ROW(list_methods)
{
    (void)control;
    if (!smt_arguments_end(arguments, reply)) return;
    for (const struct smt_command *row = smt_commands; row->name; row++)
        smt_wire_add_string(&reply->results, row->name);
}

static void usage_add(struct smt_wire_items *results, const struct smt_command *command)
{
    char line[160];

    snprintf(line, sizeof line, "%s%s%s", command->name, *command->arguments ? " " : "",
             command->arguments);
    smt_wire_add_string(results, line);
}

COMMAND_ROW(help)
{
    const struct smt_command *command;
    const char *name;

    (void)control;
    if (!smt_arguments_left(arguments)) {
        for (const struct smt_command *row = smt_commands; row->name; row++)
            usage_add(&reply->results, row);
        return;
    }
    if (!smt_arguments_text(arguments, reply, &name) || !smt_arguments_end(arguments, reply))
        return;
    command = smt_command_find(name);
    if (!command) {
        smt_wire_fault(reply, 500, "command %.100s not found", name);
        return;
    }
    usage_add(&reply->results, command);
    smt_wire_add_string(&reply->results, command->summary);
    if (strstr(command->arguments, "unit"))
        smt_wire_add_string(&reply->results, "unit: b, k, m or g (times 1024 each); b without.");
}
