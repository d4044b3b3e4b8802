/* cli/mtctl.c - the `mtctl` program: picks the subcommand, nothing else. */
#include <stdio.h>
#include <string.h>

#include "cli/mtctl.h"

static const struct smt_mtctl_subcommand subcommands[] = {
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    if (argc > 1)
        for (const struct smt_mtctl_subcommand *row = subcommands; row->name; row++)
            if (strcmp(argv[1], row->name) == 0) return row->run(argc - 1, argv + 1);
    fprintf(stderr, "mtctl: usage: mtctl SUBCOMMAND...\n");
    return 2;
}
