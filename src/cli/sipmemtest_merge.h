/* cli/sipmemtest_merge.h - the `merge` subcommand: shards' JSON results become
 * those of one machine. */
#ifndef SMT_CLI_SIPMEMTEST_MERGE_H
#define SMT_CLI_SIPMEMTEST_MERGE_H

/* argv[0] is the subcommand; the exit status. */
int smt_sipmemtest_merge(int argc, char **argv);

#endif
