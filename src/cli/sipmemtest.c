/* cli/sipmemtest.c - the `sipmemtest` program: options in, exit status out. */
#include <signal.h>
#include <string.h>

#include "cli/sipmemtest.h"

/* A full disk is not to look like success. */
static int act(const struct smt_sipmemtest_options *options)
{
    enum smt_status status = options->action(options, stdout);

    if (status == SMT_OK && (fflush(stdout) != 0 || ferror(stdout)))
        status = smt_fail(SMT_EIO, "standard output: cannot write; is the disk full?");
    if (status != SMT_OK) smt_cli_complain(&smt_sipmemtest_program);
    return smt_status_exit(status);
}

int main(int argc, char **argv)
{
    struct smt_sipmemtest_options options;
    enum smt_status status;
    int exit_status;

    smt_descriptors_secure();
    signal(SIGCHLD, SIG_DFL); /* ignored, it leaves no child to wait for */
    if (argc < 2) {
        smt_cli_write_usage(&smt_sipmemtest_program, stderr);
        return smt_status_exit(SMT_EUSAGE);
    }
    for (const struct smt_cli_subcommand *row = smt_sipmemtest_program.subcommands; row->name;
         row++)
        if (strcmp(argv[1], row->name) == 0) return row->run(argc - 1, argv + 1);
    status = smt_sipmemtest_options_load(&options, argc, argv);
    if (status != SMT_OK) {
        smt_cli_complain(&smt_sipmemtest_program);
        exit_status = smt_status_exit(status);
    } else if (options.action) {
        exit_status = act(&options);
    } else {
        exit_status = smt_sipmemtest_run(&options); /* its reports tell what they cannot write */
    }
    smt_sipmemtest_options_clear(&options);
    return exit_status;
}
