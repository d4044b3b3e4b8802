/* bench/fuzz/bare.c - what a fuzz target of libosip2 usually is: the same
 * operations as fuzz/message.c on malloc(), released, nothing looked at.
 *
 * With BARE_REFUSES it is the counterpart of fuzz/oom.c: a clean run that counts
 * the requests, and one in which those are refused that the input's tail names.
 * What refusals leak stays; a crash is jumped out of. */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

#ifdef BARE_REFUSES
extern const size_t smt_fuzz_tail_bytes;
const size_t smt_fuzz_tail_bytes = SMT_FUZZ_TAIL_BYTES;
#define OPS  SMT_OP_ROUNDTRIP
#define TAIL SMT_FUZZ_TAIL_BYTES
#else
#define OPS  SMT_OP_COUNT
#define TAIL 0
#endif

/* For afl_main.c, which gets the oracle ready too; nothing asks it. */
const struct smt_fuzz_target smt_fuzz_target = {
    .name = "bare", .parser = &smt_parser_osip, .ops = 1u << SMT_OP_PARSE};

static struct {
    struct smt_run_result clean; /* of which only heap.attempts */
    struct smt_fault_plan plan;
    uint64_t attempts, refused;
    sigjmp_buf crashed;
    void *state;
} bare;

static bool is_refused(void)
{
    bare.attempts++;
    for (uint32_t i = 0; i < bare.plan.rule_count; i++)
        if (bare.attempts - bare.plan.rules[i].first < bare.plan.rules[i].repeat) {
            bare.refused++;
            return true;
        }
    return false;
}

static void *bare_malloc(size_t size_bytes)
{
    return is_refused() ? NULL : malloc(size_bytes);
}

static void *bare_calloc(size_t count, size_t size_bytes)
{
    return is_refused() ? NULL : calloc(count, size_bytes);
}

static void *bare_realloc(void *block, size_t size_bytes)
{
    return is_refused() ? NULL : realloc(block, size_bytes);
}

/* The first error after a refusal ends a run, as in ours. */
static void bare_run(const struct smt_parser_input *input)
{
    memset(bare.state, 0, smt_parser_osip.state_size_bytes);
    bare.attempts = bare.refused = 0;
    for (int op = 0; op < OPS; op++)
        if (smt_parser_osip.ops[op].run(bare.state, input) && (op == SMT_OP_PARSE || bare.refused))
            break;
    smt_parser_osip.release(bare.state);
}

static void on_crash(int number)
{
    (void)number;
    siglongjmp(bare.crashed, 1);
}

static void bare_init(void)
{
    static const struct smt_parser_hooks plain = {malloc, calloc, realloc, free};
    static const struct smt_parser_hooks counting = {bare_malloc, bare_calloc, bare_realloc, free};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};

    bare.state = malloc(smt_parser_osip.state_size_bytes);
    if (!bare.state || smt_parser_osip.init(TAIL ? &counting : &plain)) abort();
    if (!TAIL) return;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct smt_parser_input input = {(const char *)data,
                                     size_bytes < TAIL ? size_bytes : size_bytes - TAIL};

    if (!bare.state) bare_init();
    bare.plan.rule_count = 0;
    bare_run(&input);
    if (!TAIL || size_bytes < TAIL || !bare.attempts) return 0;
    bare.clean.heap.attempts = bare.attempts;
    fuzz_plan_build(data + input.size_bytes, &bare.clean, false, &bare.plan);
    if (!sigsetjmp(bare.crashed, 0)) bare_run(&input);
    return 0;
}
