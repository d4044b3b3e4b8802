/* bench/parse.c - how long one message takes: plainly with the C library's heap,
 * or on the instrumented one. Prints microseconds a message, the best of several
 * rounds. bench/parse runs it in every way and prints ratios.
 *
 *     bench_parse plain|bare|full|overflow FILE MESSAGES
 *
 * bare: --mem-check-content=0, full: =1; overflow: writes a byte past a block and
 * releases it, which a checking heap must not survive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/run.h"

#define ROUNDS 9
#define OPS    ((1u << SMT_OP_ROUNDTRIP) - 1)

static int complain(void)
{
    fprintf(stderr, "bench_parse: %s\n", smt_fail_text());
    return 3;
}

/* One message, the operations a run does, on whatever heap the parser has. */
static void message_do(const struct smt_parser *parser, void *state,
                       const struct smt_parser_input *input)
{
    memset(state, 0, parser->state_size_bytes);
    for (unsigned op = 0; op < SMT_OP_COUNT; op++) {
        if (!(OPS & (1u << op)) || !parser->ops[op].run) continue;
        if (parser->ops[op].run(state, input) && op == SMT_OP_PARSE) break;
    }
    parser->release(state);
}

static double plain_round(const struct smt_parser *parser, void *state,
                          const struct smt_parser_input *input, uint64_t count)
{
    uint64_t start = smt_clock_ns();

    for (uint64_t i = 0; i < count; i++) message_do(parser, state, input);
    return (double)(smt_clock_ns() - start) / 1e3 / (double)count;
}

static int plain(const struct smt_message *message, uint64_t count)
{
    static const struct smt_parser_hooks hooks = {malloc, calloc, realloc, free};
    const struct smt_parser *parser = &smt_parser_osip;
    struct smt_parser_input input = {message->data, message->size_bytes};
    void *state = malloc(parser->state_size_bytes);
    double best = 0;

    if (!state || parser->init(&hooks)) return 3;
    for (int round = 0; round < ROUNDS; round++) {
        double now = plain_round(parser, state, &input, count / ROUNDS + 1);

        if (!round || now < best) best = now;
    }
    free(state);
    printf("%.3f\n", best);
    return 0;
}

static int instrumented(const struct smt_message *message, uint64_t count, bool check_content)
{
    struct smt_worker_settings settings = {.parser = &smt_parser_osip,
                                           .ops = OPS,
                                           .check_content = check_content,
                                           .quarantine_bytes = SMT_QUARANTINE_BYTES,
                                           .timeout_ns = 10000000000u};
    struct smt_job first = {.flags = SMT_JOB_BASELINE}, job = {.repeat = count / ROUNDS + 1};
    struct smt_run_result result;
    struct smt_worker *worker;
    double best = 0;

    if (smt_worker_new(&settings, &worker) != SMT_OK) return complain();
    if (smt_worker_load(worker, message) != SMT_OK ||
        smt_worker_run(worker, &first, 1, &result) != SMT_OK)
        return complain();
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = smt_clock_ns();
        double now;

        if (smt_worker_run(worker, &job, 1, &result) != SMT_OK) return complain();
        now = (double)(smt_clock_ns() - start) / 1e3 / (double)result.runs;
        if (result.runs != job.repeat || result.verdicts) return 3;
        if (!round || now < best) best = now;
    }
    smt_worker_free(worker);
    printf("%.3f\n", best);
    return 0;
}

static int overflow(void)
{
    volatile size_t size = 24;
    volatile char *block = malloc(size);

    if (!block) return 3;
    block[size] = 'X';
    free((void *)block);
    return 0;
}

int main(int argc, char **argv)
{
    struct smt_message_list list;
    uint64_t count;
    int code = 2;

    if (argc != 4 || !smt_number_parse(argv[3], &count)) {
        fprintf(stderr, "usage: bench_parse plain|bare|full|overflow FILE MESSAGES\n");
        return 2;
    }
    if (strcmp(argv[1], "overflow") == 0) return overflow();
    smt_message_list_init(&list);
    if (smt_message_add_file(&list, argv[2]) != SMT_OK) return complain();
    if (strcmp(argv[1], "plain") == 0) code = plain(&list.items[0], count);
    if (strcmp(argv[1], "bare") == 0) code = instrumented(&list.items[0], count, false);
    if (strcmp(argv[1], "full") == 0) code = instrumented(&list.items[0], count, true);
    smt_message_list_clear(&list);
    return code;
}
