/* fuzz/uri.c - a URI: parse, clone, render, and round again. */
#include "piece.h"

FUZZ_PIECE_FUNCTIONS(osip_uri)

static const struct fuzz_piece_kind kind = FUZZ_PIECE_ROW("URI", osip_uri);

const struct smt_fuzz_target smt_fuzz_target = {
    .name = "uri",
    .parser = &fuzz_piece_row,
    .ops = FUZZ_PIECE_OPS,
    .is_text = true,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    fuzz_piece_kind = &kind;
    return smt_fuzz_one(data, size_bytes);
}
