/* fuzz/oom.c - a whole message, and memory refused where the input's tail says. */
#include "oracle.h"

extern const size_t smt_fuzz_tail_bytes; /* the mutator keeps off them */
const size_t smt_fuzz_tail_bytes = SMT_FUZZ_TAIL_BYTES;

const struct smt_fuzz_target smt_fuzz_target = {
    .name = "oom",
    .parser = &smt_parser_osip,
    .ops = ((1u << SMT_OP_COUNT) - 1) & ~(1u << SMT_OP_ROUNDTRIP),
    .refuses = true,
    .outermost = "osip_,sdp_message_",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    return smt_fuzz_one(data, size_bytes);
}
