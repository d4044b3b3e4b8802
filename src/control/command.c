#include "control/command.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "control/command_rows.h"

#define HEAVY (SMT_COMMAND_HEAVY | SMT_COMMAND_MEMORY)
#define LIST  SMT_COMMAND_LIST

const struct smt_command smt_commands[] = {
    {"mt.mem_alloc", "size [unit]", "Allocate size bytes and keep them.", HEAVY,
     smt_command_mem_alloc},
    {"mt.mem_free", "[size] [unit]",
     "Free at least size bytes, smaller chunks first; everything without size. Answers how much.",
     HEAVY, smt_command_mem_free},
    {"mt.mem_used", "[unit]", "How much is allocated.", 0, smt_command_mem_used},
    {"mt.mem_realloc", "size [unit]",
     "Resize a randomly chosen chunk to size. Answers the difference.", HEAVY,
     smt_command_mem_realloc},
    {"mt.mem_rnd_alloc", "min max total [unit]",
     "Allocate total in pieces of random size from min to max.", HEAVY, smt_command_mem_rnd_alloc},
    {"mt.mem_test_start", "min max total min_int max_int total_time [unit]",
     "Start a timed test: one piece of min..max each min_int..max_int ms for total_time ms; all "
     "are freed when total is reached. Answers its id.",
     HEAVY, smt_command_mem_test_start},
    {"mt.mem_test_stop", "id", "Stop a timed test; its memory and figures stay.", SMT_COMMAND_HEAVY,
     smt_command_mem_test_stop},
    {"mt.mem_test_destroy", "id", "Stop a timed test and free all it has.", SMT_COMMAND_HEAVY,
     smt_command_mem_test_destroy},
    {"mt.mem_test_destroy_all", "[id]", "Destroy all timed tests; an id is ignored.",
     SMT_COMMAND_HEAVY, smt_command_mem_test_destroy_all},
    {"mt.mem_test_list", "[id] [unit]", "Figures of one timed test, or of all, newest first.", LIST,
     smt_command_mem_test_list},
    {"mt.lock_test", "n", "Take and release one lock n times; says how long it took.",
     SMT_COMMAND_HEAVY, smt_command_lock_test},
    {"cfg.get", "group name", "The value of a parameter; group is misctest.", 0,
     smt_command_cfg_get},
    {"cfg.seti", "group name value", "Set a parameter to a number.", SMT_COMMAND_HEAVY,
     smt_command_cfg_seti},
    {"cfg.set_now_int", "group name value", "Set a parameter to a number.", SMT_COMMAND_HEAVY,
     smt_command_cfg_seti},
    {"cfg.sets", "group name text", "Set a parameter to a text.", SMT_COMMAND_HEAVY,
     smt_command_cfg_sets},
    {"cfg.set_now_string", "group name text", "Set a parameter to a text.", SMT_COMMAND_HEAVY,
     smt_command_cfg_sets},
    {"cfg.list", "[group]", "The parameters there are.", LIST, smt_command_cfg_list},
    {"cfg.help", "group name", "What a parameter does.", 0, smt_command_cfg_help},
    {"memscope", "create|start|print|stats|stop|destroy [age] [option]",
     "Ages of live blocks. print AGE|--auto [--by-stack]; --json.", SMT_COMMAND_HEAVY | LIST,
     smt_command_memscope},
    {"kmemleak", "[scan|clear|off|setting=value] [option]",
     "Blocks nothing points to. stack=, scan=, minage=, scans=, stop=, dump=; --by-stack, "
     "--suppress=FILE, --json.",
     SMT_COMMAND_HEAVY | LIST, smt_command_kmemleak},
    {"badfrees", "[option]", "Frees of what was no live block.", SMT_COMMAND_HEAVY | LIST,
     smt_command_badfrees},
    {"live", "[stacks] [option]", "How many blocks and bytes are live; stacks [N]: by stack.",
     SMT_COMMAND_HEAVY | LIST, smt_command_live},
    {"core.version", "", "The version of this program.", 0, smt_command_core_version},
    {"system.listMethods", "", "The names of all commands.", LIST, smt_command_list_methods},
    {"system.methodHelp", "command", "What a command does; kamcmd's help asks it.", LIST,
     smt_command_help},
    {"help", "[command]", "All commands, or what one does.", LIST, smt_command_help},
    {.name = NULL},
};

const struct smt_command *smt_command_find(const char *name)
{
    for (const struct smt_command *row = smt_commands; row->name; row++)
        if (strcmp(row->name, name) == 0 ||
            (strncmp(row->name, "mt.", 3) == 0 && strcmp(row->name + 3, name) == 0))
            return row;
    return NULL;
}

/* From "create|start [age]" and the like: the words with bars between, but for
 * those that take a value. */
static void choices_add(const char *arguments, struct smt_buffer *words)
{
    for (const char *at = arguments, *end; *(at += strspn(at, " []")); at = end) {
        end = at + strcspn(at, " []");
        if (!memchr(at, '|', (size_t)(end - at))) continue;
        for (size_t size; at < end; at += size + (at + size < end)) {
            size = strcspn(at, " []|");
            if (!memchr(at, '=', size)) smt_buffer_addf(words, "%.*s ", (int)size, at);
        }
    }
}

void smt_command_add_words(const struct smt_command *command, struct smt_buffer *words)
{
    if (strstr(command->arguments, "unit")) smt_buffer_add_text(words, "b k m g ");
    if (strstr(command->arguments, "group")) smt_buffer_add_text(words, "misctest ");
    if (strstr(command->arguments, "group name"))
        for (const struct smt_parameter *row = smt_parameters; row->name; row++)
            smt_buffer_addf(words, "%s ", row->name);
    if (strstr(command->arguments, "command"))
        for (const struct smt_command *row = smt_commands; row->name; row++)
            smt_buffer_addf(words, "%s ", row->name);
    choices_add(command->arguments, words);
}

/* What is given for the argument that `word` names, as "[unit]"; NULL: nothing. */
static const struct smt_wire_item *argument_given(const struct smt_wire_items *pairs,
                                                  const char *word, size_t size)
{
    for (size_t i = 0; i + 1 < pairs->count; i += 2)
        if (pairs->items[i].text_size == size &&
            memcmp(smt_wire_text(pairs, &pairs->items[i]), word, size) == 0)
            return &pairs->items[i + 1];
    return NULL;
}

static void argument_copy(const struct smt_wire_items *pairs, const struct smt_wire_item *value,
                          struct smt_wire_items *ordered)
{
    if (value->type == SMT_WIRE_INTEGER)
        smt_wire_add_integer(ordered, value->integer);
    else if (value->type == SMT_WIRE_STRING)
        smt_wire_add_bytes(ordered, SMT_WIRE_STRING, smt_wire_text(pairs, value), value->text_size);
    else
        smt_wire_add_double(ordered, value->number);
}

/* A size or an id: where one was left out, nothing else may pass for it. */
static bool is_number(const struct smt_wire_items *pairs, const struct smt_wire_item *value)
{
    return value->type != SMT_WIRE_STRING || isdigit((unsigned char)*smt_wire_text(pairs, value));
}

/* Puts arguments given by name into their order, which is that of "size [unit]";
 * false when a name is unknown or one that must be there is missing before the
 * last. */
static bool arguments_order(const struct smt_command *command, const struct smt_wire_items *pairs,
                            struct smt_wire_items *ret_ordered)
{
    size_t left = pairs->count / 2;
    bool left_out = false;

    for (const char *at = command->arguments; left && *at;) {
        bool optional = *at == '[';
        size_t size = strcspn(at += optional, " ]");
        const struct smt_wire_item *value = argument_given(pairs, at, size);

        if (value ? left_out && is_number(pairs, value) : !optional) return false;
        if (value) {
            argument_copy(pairs, value, ret_ordered);
            left--;
        }
        left_out = left_out || !value;
        at += size;
        at += strspn(at, " ]");
    }
    return left == 0 && !ret_ordered->failed;
}

static void command_run(struct smt_control *control, const struct smt_command *command,
                        const struct smt_wire_request *request, struct smt_wire_reply *reply)
{
    struct smt_arguments arguments = {.items = &request->arguments};
    struct smt_wire_items ordered = {0};

    if (!request->named) {
        command->run(control, &arguments, reply);
        return;
    }
    arguments.items = &ordered;
    if (arguments_order(command, &request->arguments, &ordered))
        command->run(control, &arguments, reply);
    else if (ordered.failed)
        smt_fault_memory(reply);
    else
        smt_fault_values(reply);
    smt_wire_items_clear(&ordered);
}

static bool memory_is_on(struct smt_control *control)
{
    bool on;

    pthread_mutex_lock(&control->parameters.lock);
    on = control->parameters.memory != 0;
    pthread_mutex_unlock(&control->parameters.lock);
    return on;
}

void smt_command_execute(struct smt_control *control, const struct smt_wire_request *request,
                         struct smt_wire_reply *reply)
{
    const char *name = request->method.data ? request->method.data : "";
    const struct smt_command *command = smt_command_find(name);

    smt_wire_reply_empty(reply);
    if (!command) {
        smt_wire_fault(reply, 500, "command %.100s not found", name);
        return;
    }
    if ((command->flags & SMT_COMMAND_MEMORY) && !memory_is_on(control)) {
        smt_wire_fault(reply, 400, "memory testing is off: parameter memory is 0");
        return;
    }
    reply->list = command->flags & SMT_COMMAND_LIST;
    command_run(control, command, request, reply);
    if (reply->results.failed) smt_fault_memory(reply);
}
