/* fuzz/selftest.c - our own parser with bugs that wait for a structure: what an
 * engine and the mutator find of them, and how soon. */
#include "oracle.h"

const struct smt_fuzz_target smt_fuzz_target = {
    .name = "selftest",
    .parser = &smt_parser_selftest_deep,
    .ops = (1u << SMT_OP_COUNT) - 1,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    return smt_fuzz_one(data, size_bytes);
}
