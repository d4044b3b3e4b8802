/* fuzz/selftest.c - our own small parser, whose bugs wait for X-Bug and X-Deep
 * headers: what a fuzzer finds in it is known beforehand. */
#include "oracle.h"

const struct smt_fuzz_target smt_fuzz_target = {
    .name = "selftest",
    .parser = &smt_parser_selftest,
    .ops = (1u << SMT_OP_COUNT) - 1,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    return smt_fuzz_one(data, size_bytes);
}
