/* cli/sipmemtest_merge.h - the `merge` subcommand: shards' JSON results become
 * those of one machine. */
#ifndef SMT_CLI_SIPMEMTEST_MERGE_H
#define SMT_CLI_SIPMEMTEST_MERGE_H

#include "cli/cli.h"

extern const struct smt_cli_program smt_sipmemtest_merge_program;

/* argv[0] is the subcommand; the exit status. */
int smt_sipmemtest_merge(int argc, char **argv);

#endif
