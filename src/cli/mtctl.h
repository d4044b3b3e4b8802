/* cli/mtctl.h - the programs that mtctl is: the one without a subcommand and
 * each subcommand, one file and one table each. */
#ifndef SMT_CLI_MTCTL_H
#define SMT_CLI_MTCTL_H

#include "cli/cli.h"

extern const struct smt_cli_program smt_mtctl_program; /* lists the others */
extern const struct smt_cli_program smt_mtctl_serve_program;
extern const struct smt_cli_program smt_mtctl_monitor_program;
extern const struct smt_cli_program smt_mtctl_run_program;

/* argv[0] is the subcommand; the exit status. */
int smt_mtctl_serve(int argc, char **argv);
int smt_mtctl_monitor(int argc, char **argv);
int smt_mtctl_run(int argc, char **argv);

#endif
