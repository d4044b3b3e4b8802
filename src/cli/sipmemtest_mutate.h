/* cli/sipmemtest_mutate.h - `sipmemtest mutate`: the mutator's face for people.
 *
 * argv[0] is the subcommand. Messages go to standard output or to files, every
 * other word to standard error. Returns the exit status. */
#ifndef SMT_CLI_SIPMEMTEST_MUTATE_H
#define SMT_CLI_SIPMEMTEST_MUTATE_H

#include "cli/cli.h"

extern const struct smt_cli_program smt_sipmemtest_mutate_program;

int smt_sipmemtest_mutate(int argc, char **argv);

#endif
