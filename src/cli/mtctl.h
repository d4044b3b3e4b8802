/* cli/mtctl.h - subcommands of mtctl: one file and one row each. */
#ifndef SMT_CLI_MTCTL_H
#define SMT_CLI_MTCTL_H

struct smt_mtctl_subcommand {
    const char *name;
    const char *summary;               /* one line for --help */
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand; the exit status */
};

extern const struct smt_mtctl_subcommand smt_mtctl_subcommands[]; /* ended by a row without name */

int smt_mtctl_serve(int argc, char **argv);
int smt_mtctl_monitor(int argc, char **argv);
int smt_mtctl_run(int argc, char **argv);

#endif
