#include "cli/sipmemtest_mutate.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutate/mutate.h"

#define INPUT_LIMIT_BYTES  ((size_t)16 << 20)
#define OUTPUT_LIMIT_BYTES ((size_t)64 << 20)

enum { KEY_OTHER = 0x100, KEY_OP, KEY_LIST, KEY_OUTPUT, KEY_MAX_SIZE };

struct options {
    uint64_t seed;
    bool has_seed;
    uint64_t count;
    uint64_t max_size_bytes;
    const char *file;
    const char *other;
    const char *output; /* a directory */
    const struct smt_mutation *operation;
    bool list;
    bool verbose;
};

static const struct argp_option argp_options[] = {
    {"seed", 's', "N", 0, "Same seed, same bytes. Without it one is drawn and printed", 0},
    {"count", 'n', "N", 0, "N mutations of FILE, with seeds N, N+1, ...; one after the other", 0},
    {"output", KEY_OUTPUT, "DIR", 0, "Write each to DIR/SEED.sip instead", 0},
    {"op", KEY_OP, "NAME", 0, "Do exactly this operation, and no fix-ups", 0},
    {"other", KEY_OTHER, "FILE", 0, "A message to splice from", 0},
    {"max-size", KEY_MAX_SIZE, "SIZE", 0, "Cut longer results there; default 65536 or FILE's size",
     0},
    {"list", KEY_LIST, NULL, 0, "List the operations and fix-ups with their weights", 0},
    {"verbose", 'v', NULL, 0, "Say on standard error what was done", 0},
    {0},
};

static void set_number(struct argp_state *state, const char *option, const char *text,
                       uint64_t *ret_number)
{
    if (!smt_number_parse(text, ret_number))
        argp_error(state, "--%s: \"%s\" is not a whole number", option, text);
}

static void set_operation(struct argp_state *state, const char *name, struct options *options)
{
    options->operation = smt_mutation_find(name);
    if (!options->operation)
        argp_error(state, "--op: no operation \"%s\"; --list shows them all", name);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 's':
        set_number(state, "seed", arg, &options->seed);
        options->has_seed = true;
        break;
    case 'n':
        set_number(state, "count", arg, &options->count);
        break;
    case KEY_MAX_SIZE:
        if (!smt_number_parse_size(arg, &options->max_size_bytes) || !options->max_size_bytes ||
            options->max_size_bytes > OUTPUT_LIMIT_BYTES)
            argp_error(state, "--max-size: \"%s\" is no size from 1 to 64m", arg);
        break;
    case KEY_OUTPUT:
        options->output = arg;
        break;
    case KEY_OP:
        set_operation(state, arg, options);
        break;
    case KEY_OTHER:
        options->other = arg;
        break;
    case KEY_LIST:
        options->list = true;
        break;
    case 'v':
        options->verbose = true;
        break;
    case ARGP_KEY_ARG:
        if (options->file) argp_error(state, "one FILE only, not also \"%s\"", arg);
        options->file = arg;
        break;
    case ARGP_KEY_END:
        if (!options->file && !options->list) argp_error(state, "a message FILE is missing");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp argp = {
    argp_options,
    parse_option,
    "FILE",
    "Writes a mutation of the SIP message in FILE (- for standard input) to standard output."
    "\vThe message is changed the way SIP messages go wrong: header lines, values, line ends, "
    "bodies, lengths. What comes out is decided by the seed, FILE and --other alone.",
    NULL,
    NULL,
    NULL,
};

static void list_table(const char *title, const char *unit, const struct smt_mutation *row)
{
    printf("%s\n", title);
    for (; row->name; row++)
        printf("  %-22s %3u%s  %s\n", row->name, row->weight, unit, row->summary);
}

/* Writes one mutation where it was asked for. */
static enum smt_status write_result(const struct options *options, uint64_t seed,
                                    const uint8_t *bytes, size_t size)
{
    char path[4096];
    FILE *file = stdout;
    bool is_written;

    if (options->output) {
        if (snprintf(path, sizeof path, "%s/%" PRIu64 ".sip", options->output, seed) >=
            (int)sizeof path)
            return smt_fail(SMT_EUSAGE, "--output: the path is too long");
        file = fopen(path, "wbe");
        if (!file) return smt_fail(SMT_EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    is_written = fwrite(bytes, 1, size, file) == size;
    if (options->output)
        is_written = fclose(file) == 0 && is_written;
    else
        is_written = fflush(stdout) == 0 && is_written;
    if (is_written) return SMT_OK;
    return smt_fail(SMT_EIO, "%s: cannot write: %s", options->output ? path : "standard output",
                    strerror(errno));
}

static enum smt_status mutate_all(const struct options *options, struct smt_mutator *mutator,
                                  const struct smt_buffer *message, uint8_t *out)
{
    const uint8_t *data = (const uint8_t *)message->data;

    for (uint64_t i = 0; i < options->count; i++) {
        uint64_t seed = options->seed + i;
        size_t size =
            options->operation
                ? smt_mutate_with(mutator, options->operation, data, message->size, seed, out,
                                  options->max_size_bytes)
                : smt_mutate(mutator, data, message->size, seed, out, options->max_size_bytes);
        enum smt_status status = write_result(options, seed, out, size);

        if (status != SMT_OK) return status;
        if (options->verbose)
            fprintf(stderr, "seed %" PRIu64 ": %s\n", seed,
                    *smt_mutator_describe(mutator) ? smt_mutator_describe(mutator)
                                                   : "nothing to do");
    }
    return SMT_OK;
}

static enum smt_status run(struct options *options)
{
    struct smt_mutator *mutator = smt_mutator_new();
    struct smt_buffer message, other;
    uint8_t *out = NULL;
    enum smt_status status;

    smt_buffer_init(&message);
    smt_buffer_init(&other);
    status = smt_buffer_load(&message, options->file, INPUT_LIMIT_BYTES);
    if (status == SMT_OK && options->other)
        status = smt_buffer_load(&other, options->other, INPUT_LIMIT_BYTES);
    if (status != SMT_OK) goto done;
    if (!options->max_size_bytes)
        options->max_size_bytes = message.size > 65536 ? message.size : 65536;
    out = malloc(options->max_size_bytes);
    if (!mutator || !out) {
        status = smt_fail(SMT_ENOMEM, "out of memory");
        goto done;
    }
    smt_mutator_set_other(mutator, (const uint8_t *)other.data, other.size);
    status = mutate_all(options, mutator, &message, out);
done:
    smt_mutator_free(mutator);
    smt_buffer_clear(&message);
    smt_buffer_clear(&other);
    free(out);
    return status;
}

int smt_sipmemtest_mutate(int argc, char **argv)
{
    struct options options = {.count = 1};
    enum smt_status status;

    argp_err_exit_status = 2;
    argv[0] = (char *)"sipmemtest mutate"; /* as usage and complaints name it */
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.list) {
        list_table("operations, and their share:", "", smt_mutations);
        list_table("fix-ups afterwards, and how often:", " %", smt_mutation_fixups);
        return fflush(stdout) == 0 ? 0 : smt_status_exit(SMT_EIO);
    }
    if (!options.has_seed) {
        options.seed = smt_random_seed();
        fprintf(stderr, "sipmemtest mutate: --seed %" PRIu64 "\n", options.seed);
    }
    status = run(&options);
    if (status != SMT_OK) fprintf(stderr, "sipmemtest mutate: %s\n", smt_fail_text());
    return smt_status_exit(status);
}
