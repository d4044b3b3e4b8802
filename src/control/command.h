/* control/command.h - the command table: one row a command, whoever asks.
 *
 * A row's function reads its arguments in order, does its work through stress/
 * and adds results, or makes the reply a fault with the codes and texts that
 * misctest's clients know. Rows may be run from any thread; those that touch
 * much memory are marked, so that a server can run them off its loop. */
#ifndef SMT_CONTROL_COMMAND_H
#define SMT_CONTROL_COMMAND_H

#include "stress/stress.h"
#include "wire/wire.h"

#define SMT_COMMAND_HEAVY  1u /* may take long */
#define SMT_COMMAND_LIST   2u /* answers a list, even of one */
#define SMT_COMMAND_MEMORY 4u /* refused while parameter `memory` is 0 */

struct smt_control;

struct smt_arguments {
    const struct smt_wire_items *items;
    size_t next;
};

struct smt_command {
    const char *name;
    const char *arguments; /* as help shows them; optional ones in brackets */
    const char *summary;   /* one line */
    unsigned flags;
    void (*run)(struct smt_control *control, struct smt_arguments *arguments,
                struct smt_wire_reply *reply);
};

extern const struct smt_command smt_commands[]; /* ended by a row without name */

/* By full name, or without the `mt.` in front; NULL when there is none. */
const struct smt_command *smt_command_find(const char *name);

/* The words that can stand behind a command, each with a blank after it: units,
 * parameters, what its arguments offer to choose from. */
void smt_command_add_words(const struct smt_command *command, struct smt_buffer *words);

/* Runs one request. Unknown commands and wrong arguments become faults. */
void smt_command_execute(struct smt_control *control, const struct smt_wire_request *request,
                         struct smt_wire_reply *reply);

/* --- reading arguments; false: the reply has become a fault --- */

bool smt_arguments_left(const struct smt_arguments *arguments);
bool smt_arguments_integer(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                           int64_t *ret_integer);
bool smt_arguments_count(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                         uint64_t *ret_count); /* an integer >= 0 */
bool smt_arguments_text(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                        const char **ret_text);

/* An optional unit, last of all arguments: 1 when there is none. */
bool smt_arguments_unit(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                        uint64_t *ret_unit);

/* `count` sizes in bytes, multiplied by the optional unit that follows them. */
bool smt_arguments_sizes(struct smt_arguments *arguments, struct smt_wire_reply *reply,
                         uint64_t *ret_sizes, size_t count);

/* Nothing may be left over. */
bool smt_arguments_end(struct smt_arguments *arguments, struct smt_wire_reply *reply);

void smt_fault_values(struct smt_wire_reply *reply); /* 400 invalid parameter values */
void smt_fault_memory(struct smt_wire_reply *reply); /* 400 memory allocation failed */

/* 500 interrupted, when somebody wants us to end: half of long work is no answer. */
bool smt_fault_interrupted(struct smt_control *control, struct smt_wire_reply *reply);

#endif
