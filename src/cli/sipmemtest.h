/* cli/sipmemtest.h - inside the `sipmemtest` program: its options, and the
 * three steps it takes: read them, gather messages, run the sweep. */
#ifndef SMT_CLI_SIPMEMTEST_H
#define SMT_CLI_SIPMEMTEST_H

#include "cli/cli.h"
#include "report/report.h"

struct smt_sipmemtest_options;

/* What is done instead of a run: --version, --list-parsers, ... */
typedef enum smt_status smt_sipmemtest_action(const struct smt_sipmemtest_options *options,
                                              FILE *out);

enum smt_sipmemtest_source { SMT_SOURCE_PATH, SMT_SOURCE_FILE, SMT_SOURCE_DATA };

/* A place messages come from, in the order typed. */
struct smt_sipmemtest_input {
    enum smt_sipmemtest_source source;
    const char *text; /* path or data, in the command line */
};

struct smt_sipmemtest_options {
    struct smt_sipmemtest_input *inputs;
    size_t input_count;
    unsigned crlf; /* enum smt_crlf */
    bool split;

    struct smt_sweep_settings sweep; /* most setters store right here */
    struct smt_span *spans;          /* of sweep.messages; owned */
    struct smt_cli_texts only_sites, skip_sites;
    bool has_modes, has_checks, has_seed, no_content;
    unsigned heap; /* 0 arena, 1 libc */
    uint64_t quarantine_bytes;

    const char *replay;
    struct smt_buffer replay_words;    /* what is like no default, and no token knows */
    struct smt_token_subject replayed; /* what its token says */
    bool has_parser, has_decoys;
    bool do_break;
    struct smt_cli_texts known; /* paths */
    bool update_known;
    const char *save_findings; /* folder */
    bool minimize;

    uint64_t jobs;      /* processes; 0: none but this one */
    const char *resume; /* path of a journal */

    struct smt_cli_texts formats;
    bool quiet, verbose, debug;
    unsigned trace;
    unsigned color, progress; /* enum smt_cli_when */

    smt_sipmemtest_action *action; /* NULL: run */
    const char *shell;             /* of --print-completion */
};

extern const struct smt_cli_program smt_sipmemtest_program;

/* Defaults, command line, and what does not go together. */
SMT_MUST_USE enum smt_status smt_sipmemtest_options_load(struct smt_sipmemtest_options *options,
                                                         int argc, char **argv);
void smt_sipmemtest_options_clear(struct smt_sipmemtest_options *options);

/* Notes a place messages come from. */
SMT_MUST_USE enum smt_status smt_sipmemtest_input_add(struct smt_sipmemtest_options *options,
                                                      enum smt_sipmemtest_source source,
                                                      const char *text);

/* Gathers the messages and runs them; complains on standard error by itself.
 * The exit status. */
int smt_sipmemtest_run(struct smt_sipmemtest_options *options);

/* The table's rows, and the action a row stands for; sipmemtest_actions.c. */
extern const struct smt_cli_option smt_sipmemtest_table[];
SMT_CLI_SETTER(smt_sipmemtest_set_action);

#endif
