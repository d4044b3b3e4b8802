/* fuzz/message.c - a whole message: every operation, clone and message compared,
 * what was rendered parsed and rendered again. */
#include "oracle.h"

const struct smt_fuzz_target smt_fuzz_target = {
    .name = "message",
    .parser = &smt_parser_osip,
    .ops = (1u << SMT_OP_COUNT) - 1,
    .outermost = "osip_,sdp_message_",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    return smt_fuzz_one(data, size_bytes);
}
