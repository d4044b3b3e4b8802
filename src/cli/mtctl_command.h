/* cli/mtctl_command.h - mtctl without a subcommand: a command, a script or the
 * shell, in this process or in a server. */
#ifndef SMT_CLI_MTCTL_COMMAND_H
#define SMT_CLI_MTCTL_COMMAND_H

#include <stdatomic.h>

#include "cli/mtctl_engine.h"
#include "control/control.h"

#define SMT_MTCTL_FAULT 4 /* exit status: a command answered with a fault */

struct smt_mtctl_options {
    struct smt_mtctl_engine engine; /* first: see SMT_MTCTL_ENGINE_ROWS */
    const char *server, *script;
    char **words; /* the command; none: the shell */
    size_t word_count;
    struct smt_cli_request request;
};

/* Options, then COMMAND...; the exit status. */
int smt_mtctl_command(int argc, char **argv);

/* The interactive shell; `target` carries out and shows. On a terminal Ctrl-C ends
 * a command of the engine, not the shell; NULL: the engine is elsewhere, and it
 * ends the program. Otherwise the shell ends once the engine is cancelled. The exit
 * status. */
int smt_mtctl_shell(const struct smt_script_target *target, struct smt_control *engine);

#endif
