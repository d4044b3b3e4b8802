/* cli/cli_options.c - the command line by the table, through argp.
 *
 * argp would print two lines and exit; here everything wrong is one sentence
 * with smt_fail(), and --help and --version are rows like any other. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define KEY_FIRST 0x100 /* rows without a letter: their index above this */

struct parse {
    const struct smt_cli_program *program;
    void *options;
    enum smt_status status;
};

static size_t option_count(const struct smt_cli_program *program)
{
    size_t count = 0;

    while (program->options[count].name || program->options[count].text) count++;
    return count;
}

static int key_of(const struct smt_cli_option *row, size_t index)
{
    return row->letter ? row->letter : KEY_FIRST + (int)index;
}

static const struct smt_cli_option *option_of_key(const struct smt_cli_program *program, int key)
{
    for (size_t i = 0; i < option_count(program); i++)
        if (program->options[i].name && key_of(&program->options[i], i) == key)
            return &program->options[i];
    return NULL;
}

/* argp's own table; headings are left out. Caller frees. */
static struct argp_option *options_derive(const struct smt_cli_program *program)
{
    size_t count = option_count(program), used = 0;
    struct argp_option *derived = calloc(count + 1, sizeof *derived);

    for (size_t i = 0; derived && i < count; i++) {
        const struct smt_cli_option *row = &program->options[i];

        if (!row->name) continue;
        derived[used++] = (struct argp_option){
            .name = row->name,
            .key = key_of(row, i),
            .arg = row->arg,
            .flags = row->flags & SMT_CLI_OPTIONAL ? OPTION_ARG_OPTIONAL : 0,
        };
    }
    return derived;
}

/* --- what getopt refused ------------------------------------------------------------ */

/* Letters to insert, delete or exchange to make one word the other; at most 9. */
static unsigned word_distance(const char *a, size_t a_length, const char *b)
{
    unsigned row[64], diagonal, above;
    size_t b_length = strlen(b);

    if (a_length > 60 || b_length > 60) return 9;
    for (size_t j = 0; j <= b_length; j++) row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);

            above = row[j];
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[b_length] < 9 ? row[b_length] : 9;
}

/* The option whose name is nearest, NULL when none is near. */
static const struct smt_cli_option *option_near(const struct smt_cli_program *program,
                                                const char *name, size_t length)
{
    const struct smt_cli_option *nearest = NULL;
    unsigned least = length < 6 ? (unsigned)length / 2 + 1 : 4; /* near: under that far */

    for (const struct smt_cli_option *row = program->options; row->name || row->text; row++) {
        unsigned distance;

        if (!row->name || row->flags & SMT_CLI_HIDDEN) continue;
        distance = word_distance(name, length, row->name);
        if (distance < least) {
            least = distance;
            nearest = row;
        }
    }
    return nearest;
}

/* Rows that a possibly shortened name may mean; *ret_row is the last of them. */
static size_t options_meant(const struct smt_cli_program *program, const char *name, size_t length,
                            const struct smt_cli_option **ret_row, struct smt_buffer *names)
{
    size_t count = 0;

    for (const struct smt_cli_option *row = program->options; row->name || row->text; row++) {
        if (!row->name || strncmp(row->name, name, length) != 0) continue;
        *ret_row = row;
        if (!row->name[length]) return 1;
        smt_buffer_addf(names, "%s--%s", count++ ? ", " : "", row->name);
    }
    return count;
}

static enum smt_status long_option_diagnose(const struct smt_cli_program *program, const char *word)
{
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    const struct smt_cli_option *row = NULL, *near = option_near(program, name, length);
    struct smt_buffer names;
    enum smt_status status = SMT_OK;
    size_t count;

    smt_buffer_init(&names);
    count = options_meant(program, name, length, &row, &names);
    if (count == 0 && near)
        status = smt_fail(SMT_EUSAGE, "%.*s: no such option; did you mean --%s? --help lists all",
                          (int)length + 2, word, near->name);
    else if (count == 0)
        status =
            smt_fail(SMT_EUSAGE, "%.*s: no such option; --help lists all", (int)length + 2, word);
    else if (count > 1)
        status = smt_fail(SMT_EUSAGE, "%.*s: may mean %s", (int)length + 2, word,
                          names.data ? names.data : "");
    else if (row->arg && !name[length])
        status = smt_fail(SMT_EUSAGE, "--%s: needs %s behind it", row->name, row->arg);
    else if (!row->arg && name[length])
        status = smt_fail(SMT_EUSAGE, "--%s: takes no argument, but got '%s'", row->name,
                          name + length + 1);
    smt_buffer_clear(&names);
    return status;
}

/* What is wrong with this word? SMT_OK: nothing that could be seen. */
static enum smt_status word_diagnose(const struct smt_cli_program *program, const char *word)
{
    if (strncmp(word, "--", 2) == 0) return long_option_diagnose(program, word);
    if (word[0] != '-') return SMT_OK;
    for (const char *letter = word + 1; *letter; letter++) {
        const struct smt_cli_option *row = option_of_key(program, *letter);

        if (!row) return smt_fail(SMT_EUSAGE, "-%c: no such option; --help lists all", *letter);
        if (row->arg && !letter[1])
            return smt_fail(SMT_EUSAGE, "-%c: needs %s behind it", *letter, row->arg);
        if (row->arg) break;
    }
    return SMT_OK;
}

/* getopt stopped at the word before `next`, or inside the one at `next` when
 * that is a cluster of letters. */
static enum smt_status refusal_diagnose(const struct smt_cli_program *program,
                                        const struct argp_state *state)
{
    enum smt_status status = SMT_OK;

    if (state->next > 0) status = word_diagnose(program, state->argv[state->next - 1]);
    if (status == SMT_OK && state->next < state->argc)
        status = word_diagnose(program, state->argv[state->next]);
    if (status == SMT_OK) status = smt_fail(SMT_EUSAGE, "unusable option; --help lists all");
    return status;
}

/* --- parsing ------------------------------------------------------------------------ */

static enum smt_status argument_take(struct parse *parse, const char *arg, struct argp_state *state)
{
    const struct smt_cli_program *program = parse->program;
    char **words = &state->argv[state->next - 1];

    if (program->add_argument) return program->add_argument(parse->options, arg);
    if (!program->take_rest)
        return smt_fail(SMT_EUSAGE, "%s: takes no argument; --help shows the options", arg);
    state->next = state->argc;
    return program->take_rest(parse->options, words, (size_t)(state->argv + state->argc - words));
}

static error_t key_parse(int key, char *arg, struct argp_state *state)
{
    struct parse *parse = state->input;
    const struct smt_cli_option *row;

    switch (key) {
    case ARGP_KEY_ARG:
        parse->status = argument_take(parse, arg, state);
        break;
    case ARGP_KEY_ERROR:
        if (parse->status == SMT_OK) parse->status = refusal_diagnose(parse->program, state);
        return 0;
    default:
        row = option_of_key(parse->program, key);
        if (!row) return ARGP_ERR_UNKNOWN;
        parse->status = row->set(parse->options, row, arg);
    }
    return parse->status == SMT_OK ? 0 : EINVAL;
}

enum smt_status smt_cli_parse(const struct smt_cli_program *program, int argc, char **argv,
                              void *options)
{
    struct parse parse = {.program = program, .options = options, .status = SMT_OK};
    struct argp_option *derived = options_derive(program);
    struct argp argp = {.options = derived, .parser = key_parse};
    error_t error;

    if (!derived) return smt_fail(SMT_ENOMEM, "out of memory for options");
    error = argp_parse(&argp, argc, argv,
                       ARGP_NO_ERRS | ARGP_NO_EXIT | ARGP_NO_HELP | ARGP_IN_ORDER, NULL, &parse);
    if (error && parse.status == SMT_OK)
        parse.status = smt_fail(SMT_EUSAGE, "unusable command line: %s", strerror(error));
    free(derived);
    return parse.status;
}

/* --- requests ----------------------------------------------------------------------- */

SMT_CLI_SETTER(smt_cli_set_request)
{
    struct smt_cli_request *request = (void *)((char *)options + row->at);

    *request = (struct smt_cli_request){row->name, arg};
    return SMT_OK;
}

static enum smt_status request_do(const struct smt_cli_program *program,
                                  const struct smt_cli_request *request)
{
    enum smt_status status = SMT_OK;

    if (strcmp(request->name, "help") == 0)
        smt_cli_write_help(program, stdout);
    else if (strcmp(request->name, "version") == 0)
        printf("%s %s\n", program->name, SMT_VERSION);
    else if (strcmp(request->name, "print-man") == 0)
        smt_cli_write_man(program, stdout);
    else
        status = smt_cli_write_completion(program, request->shell, stdout);
    if (status == SMT_OK && fflush(stdout) != 0)
        status = smt_fail(SMT_EIO, "standard output: cannot write; is the disk full?");
    return status;
}

int smt_cli_start(const struct smt_cli_program *program, int argc, char **argv, void *options,
                  const struct smt_cli_request *request)
{
    enum smt_status status = smt_cli_parse(program, argc, argv, options);

    if (status == SMT_OK && !request->name) return SMT_CLI_GO_ON;
    if (status == SMT_OK) status = request_do(program, request);
    if (status != SMT_OK) smt_cli_complain(program);
    return smt_status_exit(status);
}

void smt_cli_complain(const struct smt_cli_program *program)
{
    fprintf(stderr, "%s: %s\n", program->name, smt_fail_text());
}
