#include "cli/mtctl.h"
int smt_mtctl_serve(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 3;
}
