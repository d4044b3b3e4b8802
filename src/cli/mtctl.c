/* cli/mtctl.c - the `mtctl` program: picks the subcommand; everything else is a
 * memory command, a script or the shell. */
#include "cli/mtctl.h"

#include <string.h>

#include "cli/mtctl_command.h"

const struct smt_mtctl_subcommand smt_mtctl_subcommands[] = {
    {"serve", "answer commands on a socket", smt_mtctl_serve},
    {"monitor", "watch the memory of processes round after round", smt_mtctl_monitor},
    {"run", "a program with the memory engine in it", smt_mtctl_run},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    if (argc > 1)
        for (const struct smt_mtctl_subcommand *row = smt_mtctl_subcommands; row->name; row++)
            if (strcmp(argv[1], row->name) == 0) return row->run(argc - 1, argv + 1);
    return smt_mtctl_command(argc, argv);
}
