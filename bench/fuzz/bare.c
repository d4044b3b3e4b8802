/* bench/fuzz/bare.c - what a fuzz target of libosip2 usually is: the same
 * operations as fuzz/message.c on malloc(), released, nothing looked at.
 *
 * BARE_RUNS 2 is the counterpart of fuzz/oom.c, which has a clean run and one with
 * refusals: this one has two clean ones, and the tail is cut off. */
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

#ifndef BARE_RUNS
#define BARE_RUNS 1
#endif
#if BARE_RUNS == 2
extern const size_t smt_fuzz_tail_bytes;
const size_t smt_fuzz_tail_bytes = SMT_FUZZ_TAIL_BYTES;
#define OPS  SMT_OP_ROUNDTRIP
#define TAIL SMT_FUZZ_TAIL_BYTES
#else
#define OPS  SMT_OP_COUNT
#define TAIL 0
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const struct smt_parser_hooks hooks = {malloc, calloc, realloc, free};
    static const struct smt_parser *const parser = &smt_parser_osip;
    static void *state;
    struct smt_parser_input input = {(const char *)data,
                                     size_bytes < TAIL ? size_bytes : size_bytes - TAIL};

    if (!state) {
        state = malloc(parser->state_size_bytes);
        if (!state || parser->init(&hooks)) abort();
    }
    for (int run = 0; run < BARE_RUNS; run++) {
        memset(state, 0, parser->state_size_bytes);
        for (int op = 0; op < OPS; op++)
            if (parser->ops[op].run(state, &input) && op == SMT_OP_PARSE) break;
        parser->release(state);
    }
    return 0;
}
