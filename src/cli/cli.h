/* cli/cli.h - what sipmemtest and mtctl share: options as one table a program.
 *
 * A program describes itself in a struct smt_cli_program. From its rows come
 * the parser (glibc's argp), --help, the man page and the shell completion, so
 * none of them can know an option the others do not. A new option is one row
 * and, when no ready setter fits, one small setter.
 *
 * Setters store; they do not act. What is wrong with a value is said with
 * smt_fail() as "--option: what, how to mend it" and SMT_EUSAGE. */
#ifndef SMT_CLI_CLI_H
#define SMT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

enum smt_cli_flag {
    SMT_CLI_OPTIONAL = 1, /* --name or --name=ARG */
    SMT_CLI_HIDDEN = 2,   /* in no text: for the build */
    SMT_CLI_LIST = 4,     /* ARG is a comma list of words */
};

struct smt_cli_option {
    char letter;      /* 0: only the long name */
    const char *name; /* NULL: the row is a heading, `text` its words */
    const char *arg;  /* what stands for the argument; NULL: takes none */
    unsigned flags;   /* enum smt_cli_flag */
    const char *text; /* one or two sentences; no newline, no final full stop */
    /* For completion: "FILE", "DIR", words with blanks between, or NULL. */
    const char *words;
    void (*add_words)(struct smt_buffer *words); /* words that a table knows; may be NULL */
    enum smt_status (*set)(void *options, const struct smt_cli_option *row, const char *arg);
    size_t at; /* offset into the options, for the ready setters */
};

/* A line of EXAMPLES: a command, and what it is good for. */
struct smt_cli_example {
    const char *command, *text;
};

struct smt_cli_program;

/* What follows when the first word is `name`. */
struct smt_cli_subcommand {
    const char *name;
    const char *summary;                   /* one line */
    int (*run)(int argc, char **argv);     /* argv[0] is the subcommand; the exit status */
    const struct smt_cli_program *program; /* its own table, or NULL when it has none */
};

typedef void smt_cli_add_row(void *context, const char *term, const char *text);

/* A section of the man page between OPTIONS and EXAMPLES: term, then text. */
struct smt_cli_section {
    const char *title;
    void (*add_rows)(smt_cli_add_row *add_row, void *context);
    bool is_in_help; /* --help shows it too */
};

/* Every table ends with a row whose first pointers are all NULL. */
struct smt_cli_program {
    const char *name;
    const char *summary;     /* for NAME: a phrase */
    const char *usage;       /* what follows the name: "[OPTION...] [FILE|DIR...]" */
    const char *description; /* paragraphs, a newline between */
    const struct smt_cli_option *options;
    const struct smt_cli_subcommand *subcommands;
    const struct smt_cli_section *sections;
    const struct smt_cli_example *examples;
    const char *see_also; /* "valgrind(1), gdb(1)" */
    /* One of the two: takes each argument that is no option, or the first and all
     * that is behind it, options or not. */
    enum smt_status (*add_argument)(void *options, const char *argument);
    enum smt_status (*take_rest)(void *options, char **words, size_t count);
    const char *argument_words; /* for completion: "FILE", "COMMAND" (of the system), or NULL */
    /* First arguments, and the words that may follow each; may be NULL. */
    void (*add_commands)(smt_cli_add_row *add_row, void *context);
};

/* Reads the command line into `options`. Words may be in any order and are
 * taken in the order typed; what follows `--` is no option. */
SMT_MUST_USE enum smt_status smt_cli_parse(const struct smt_cli_program *program, int argc,
                                           char **argv, void *options);

/* --help, in table order, and the two lines shown when there was no argument. */
void smt_cli_write_help(const struct smt_cli_program *program, FILE *out);
void smt_cli_write_usage(const struct smt_cli_program *program, FILE *out);

/* The man page, and the completion script of a shell. */
void smt_cli_write_man(const struct smt_cli_program *program, FILE *out);
SMT_MUST_USE enum smt_status smt_cli_write_completion(const struct smt_cli_program *program,
                                                      const char *shell, FILE *out);

/* --- requests: what is printed instead of work -------------------------------------- */

struct smt_cli_request {
    const char *name;  /* of the option; NULL: there is none */
    const char *shell; /* of --print-completion */
};

/* The options every program has, and those its build needs; they store at `at`. */
#define SMT_CLI_HELP_ROW(at)                                                                       \
    {                                                                                              \
        'h', "help", NULL, 0, "Show this text and exit", NULL, NULL, smt_cli_set_request, at       \
    }
#define SMT_CLI_PRINT_ROWS(at)                                                                     \
    {0, "print-man", NULL, SMT_CLI_HIDDEN, "The man page", NULL, NULL, smt_cli_set_request, at},   \
    {                                                                                              \
        0, "print-completion", "SHELL", SMT_CLI_HIDDEN, "A completion script", "bash", NULL,       \
            smt_cli_set_request, at                                                                \
    }

/* Parses and does what was requested. The exit status when that was all, or
 * something was wrong (and was told); SMT_CLI_GO_ON when work is to be done. */
#define SMT_CLI_GO_ON (-1)
int smt_cli_start(const struct smt_cli_program *program, int argc, char **argv, void *options,
                  const struct smt_cli_request *request);

/* All words an option's argument is completed with; "" for none. */
void smt_cli_add_words(const struct smt_cli_option *row, struct smt_buffer *words);

/* "program: sentence" on standard error, the sentence of the last smt_fail(). */
void smt_cli_complain(const struct smt_cli_program *program);

/* --- ready setters: they store at row->at ------------------------------------------ */

#define SMT_CLI_SETTER(name)                                                                       \
    enum smt_status name(void *options, const struct smt_cli_option *row, const char *arg)

SMT_CLI_SETTER(smt_cli_set_true);    /* bool */
SMT_CLI_SETTER(smt_cli_set_text);    /* const char * */
SMT_CLI_SETTER(smt_cli_set_number);  /* uint64_t */
SMT_CLI_SETTER(smt_cli_set_size);    /* uint64_t, bytes: 64k, 3m */
SMT_CLI_SETTER(smt_cli_set_seconds); /* uint64_t, nanoseconds: 10 or 0.5; above 0 */
SMT_CLI_SETTER(smt_cli_set_choice);  /* unsigned: which of row->words */
SMT_CLI_SETTER(smt_cli_set_texts);   /* struct smt_cli_texts */
SMT_CLI_SETTER(smt_cli_set_request); /* struct smt_cli_request */

/* Texts of a repeatable option, in order; items ends with NULL. They point into
 * the command line. */
struct smt_cli_texts {
    const char **items; /* NULL while there are none */
    size_t count;
};
void smt_cli_texts_clear(struct smt_cli_texts *texts);

/* --- values ------------------------------------------------------------------------- */

/* Seconds as a user types them, "10" or "0.25", up to a million; false for none. */
bool smt_cli_seconds_parse(const char *text, uint64_t *ret_ns);

/* "7-10": two numbers from 1 up in rising order; false when it is none. */
bool smt_cli_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last);

/* Auto, always, never: what --color and --progress take, in this order. */
enum smt_cli_when { SMT_CLI_AUTO, SMT_CLI_ALWAYS, SMT_CLI_NEVER };
#define SMT_CLI_WHEN_WORDS "auto always never"

/* Is `out` a terminal that understands more than plain text? */
bool smt_cli_is_terminal(FILE *out);

#endif
