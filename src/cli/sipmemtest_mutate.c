#include "cli/sipmemtest_mutate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutate/mutate.h"

#define INPUT_LIMIT_BYTES  ((size_t)16 << 20)
#define OUTPUT_LIMIT_BYTES ((size_t)64 << 20)

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
    struct smt_cli_request request;
};

static struct options *options_of(void *options)
{
    return options;
}

static SMT_CLI_SETTER(set_seed)
{
    options_of(options)->has_seed = true;
    return smt_cli_set_number(options, row, arg);
}

static SMT_CLI_SETTER(set_operation)
{
    options_of(options)->operation = smt_mutation_find(arg);
    if (options_of(options)->operation) return SMT_OK;
    return smt_fail(SMT_EUSAGE, "--%s: no operation '%s'; --list shows them all", row->name, arg);
}

static void operations_add(struct smt_buffer *words)
{
    for (const struct smt_mutation *each = smt_mutations; each->name; each++)
        smt_buffer_addf(words, "%s ", each->name);
}

static SMT_CLI_SETTER(set_max_size)
{
    uint64_t *size = &options_of(options)->max_size_bytes;

    if (smt_number_parse_size(arg, size) && *size && *size <= OUTPUT_LIMIT_BYTES) return SMT_OK;
    return smt_fail(SMT_EUSAGE, "--%s: '%s' is no size from 1 to 64m", row->name, arg);
}

#define AT(member) offsetof(struct options, member)

static const struct smt_cli_option table[] = {
    {'s', "seed", "N", 0, "Same seed, same bytes. Without it one is drawn and printed", NULL, NULL,
     set_seed, AT(seed)},
    {'n', "count", "N", 0, "N mutations of FILE, with seeds N, N+1, ...; one after the other", NULL,
     NULL, smt_cli_set_number, AT(count)},
    {0, "output", "DIR", 0, "Write each to DIR/SEED.sip instead", "DIR", NULL, smt_cli_set_text,
     AT(output)},
    {0, "op", "NAME", 0, "Do exactly this operation, and no fix-ups", NULL, operations_add,
     set_operation, 0},
    {0, "other", "FILE", 0, "A message to splice from", "FILE", NULL, smt_cli_set_text, AT(other)},
    {0, "max-size", "SIZE", 0, "Cut longer results there; default 65536 or FILE's size", NULL, NULL,
     set_max_size, 0},
    {0, "list", NULL, 0, "List the operations and fix-ups with their weights", NULL, NULL,
     smt_cli_set_true, AT(list)},
    {'v', "verbose", NULL, 0, "Say on standard error what was done", NULL, NULL, smt_cli_set_true,
     AT(verbose)},
    SMT_CLI_HELP_ROW(AT(request)),
    {0},
};

static const struct smt_cli_example examples[] = {
    {"sipmemtest mutate --seed 7 msg.sip | sipmemtest -", "One mutation, and what it does."},
    {"sipmemtest mutate --seed 1 --count 100 --output mutants msg.sip", "A folder of them."},
    {NULL, NULL},
};

static enum smt_status file_set(void *options, const char *argument)
{
    const char **file = &options_of(options)->file;

    if (*file) return smt_fail(SMT_EUSAGE, "one FILE only, not also '%s'", argument);
    *file = argument;
    return SMT_OK;
}

const struct smt_cli_program smt_sipmemtest_mutate_program = {
    .name = "sipmemtest mutate",
    .summary = "a message changed the way SIP messages go wrong",
    .usage = "[OPTION...] FILE",
    .description =
        "Writes a mutation of the SIP message in FILE (- for standard input) to standard output: "
        "header lines, values, line ends, bodies, lengths. What comes out is decided by the seed, "
        "FILE and --other alone.",
    .options = table,
    .examples = examples,
    .add_argument = file_set,
    .argument_words = "FILE",
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

static enum smt_status act(struct options *options)
{
    if (options->list) {
        list_table("operations, and their share:", "", smt_mutations);
        list_table("fix-ups afterwards, and how often:", " %", smt_mutation_fixups);
        if (fflush(stdout) == 0) return SMT_OK;
        return smt_fail(SMT_EIO, "standard output: cannot write; is the disk full?");
    }
    if (!options->file) return smt_fail(SMT_EUSAGE, "a message FILE is missing");
    if (!options->has_seed) {
        options->seed = smt_random_seed();
        fprintf(stderr, "sipmemtest mutate: --seed %" PRIu64 "\n", options->seed);
    }
    return run(options);
}

int smt_sipmemtest_mutate(int argc, char **argv)
{
    struct options options = {.count = 1};
    int code =
        smt_cli_start(&smt_sipmemtest_mutate_program, argc, argv, &options, &options.request);
    enum smt_status status;

    if (code != SMT_CLI_GO_ON) return code;
    status = act(&options);
    if (status != SMT_OK) smt_cli_complain(&smt_sipmemtest_mutate_program);
    return smt_status_exit(status);
}
