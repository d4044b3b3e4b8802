/* cli/mtctl.c - the `mtctl` program: picks the subcommand; everything else is a
 * memory command, a script or the shell. */
#include "cli/mtctl.h"

#include <signal.h>
#include <string.h>

#include "cli/mtctl_command.h"

int main(int argc, char **argv)
{
    const struct smt_cli_subcommand *row = smt_mtctl_program.subcommands;

    smt_descriptors_secure();
    /* Ignored, it leaves no child to wait for; a program that is run finds all as it was. */
    if (argc < 2 || strcmp(argv[1], "run") != 0) signal(SIGCHLD, SIG_DFL);
    for (; argc > 1 && row->name; row++)
        if (strcmp(argv[1], row->name) == 0) return row->run(argc - 1, argv + 1);
    return smt_mtctl_command(argc, argv);
}
