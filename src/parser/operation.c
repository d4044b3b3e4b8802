/* parser/operation.c - names of the operations; knows no parser, so that a
 * program without any can be linked with it. */
#include "parser/parser.h"

#include <string.h>

static const char *const op_names[SMT_OP_COUNT] = {
    [SMT_OP_PARSE] = "parse",   [SMT_OP_SDP] = "sdp",       [SMT_OP_CLONE] = "clone",
    [SMT_OP_RENDER] = "render", [SMT_OP_ACCESS] = "access", [SMT_OP_ROUNDTRIP] = "roundtrip",
};

const char *smt_op_name(enum smt_op op)
{
    return op_names[op];
}

enum smt_status smt_op_parse_list(const char *list, unsigned *ret_ops)
{
    unsigned ops = 1u << SMT_OP_PARSE;

    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        unsigned bit = 0;

        for (unsigned op = 0; op < SMT_OP_COUNT; op++)
            if (strlen(op_names[op]) == length && memcmp(op_names[op], at, length) == 0)
                bit = 1u << op;
        if (length == 3 && memcmp(at, "all", 3) == 0)
            bit = ((1u << SMT_OP_COUNT) - 1) & ~(1u << SMT_OP_ROUNDTRIP);
        if (!bit)
            return smt_fail(SMT_EUSAGE,
                            "--ops: unknown operation '%.*s'; known: parse, sdp, clone, render, "
                            "access, roundtrip, all",
                            (int)length, at);
        ops |= bit;
        at += length;
        if (*at == ',') at++;
    }
    *ret_ops = ops;
    return SMT_OK;
}
