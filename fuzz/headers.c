/* fuzz/headers.c - one header's value; the input's first byte says which header.
 *
 * Each parser of its own once: Route, Record-Route and To are read as From is,
 * Alert-Info and Error-Info as Call-Info. Rows are only ever added at the end, or
 * what a corpus says changes. */
#include "header_rows.h"
#include "piece.h"

#define FUNCTIONS(name, prefix) FUZZ_PIECE_FUNCTIONS(prefix)
FUZZ_HEADER_LIST(FUNCTIONS)
#undef FUNCTIONS

static const struct fuzz_piece_kind kinds[] = {
#define ROW(name, prefix) FUZZ_PIECE_ROW(name, prefix),
    FUZZ_HEADER_LIST(ROW)
#undef ROW
};

const struct smt_fuzz_target smt_fuzz_target = {
    .name = "headers",
    .parser = &fuzz_piece_row,
    .ops = FUZZ_PIECE_OPS,
    .is_text = true,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    unsigned row;

    if (!size_bytes) return 0;
    row = (unsigned)(data[0] - FUZZ_HEADER_FIRST) & 255u;
    fuzz_piece_kind = &kinds[row % (sizeof kinds / sizeof kinds[0])];
    return smt_fuzz_one(data + 1, size_bytes - 1);
}
