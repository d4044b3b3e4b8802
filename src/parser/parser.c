#include "parser/parser.h"

#include <dlfcn.h>
#include <string.h>

const struct smt_parser *const smt_parsers[] = {
    &smt_parser_osip,
    &smt_parser_selftest,
    NULL,
};

static const char *const op_names[SMT_OP_COUNT] = {
    [SMT_OP_PARSE] = "parse",   [SMT_OP_SDP] = "sdp",       [SMT_OP_CLONE] = "clone",
    [SMT_OP_RENDER] = "render", [SMT_OP_ACCESS] = "access", [SMT_OP_ROUNDTRIP] = "roundtrip",
};

const char *smt_op_name(enum smt_op op)
{
    return op_names[op];
}

/* Loads an adapter built outside the tree. */
static enum smt_status parser_load(const char *path, const struct smt_parser **ret_parser)
{
    const struct smt_parser *parser;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!handle) return smt_fail(SMT_ENOTFOUND, "--parser: %s", dlerror());
    parser = dlsym(handle, "smt_parser_adapter");
    if (!parser)
        return smt_fail(SMT_ENOTFOUND,
                        "--parser: %s exports no smt_parser_adapter (see smt_parser.h)", path);
    if (parser->interface_version != SMT_PARSER_INTERFACE)
        return smt_fail(SMT_EINPUT, "--parser: %s was built for interface %u, this tool speaks %u",
                        path, parser->interface_version, SMT_PARSER_INTERFACE);
    *ret_parser = parser;
    return SMT_OK;
}

enum smt_status smt_parser_find(const char *name, const struct smt_parser **ret_parser)
{
    struct smt_buffer known;
    enum smt_status status;

    if (strchr(name, '/')) return parser_load(name, ret_parser);
    smt_buffer_init(&known);
    for (size_t i = 0; smt_parsers[i]; i++) {
        if (strcmp(smt_parsers[i]->name, name) == 0) {
            *ret_parser = smt_parsers[i];
            smt_buffer_clear(&known);
            return SMT_OK;
        }
        smt_buffer_addf(&known, "%s%s", i ? ", " : "", smt_parsers[i]->name);
    }
    status =
        smt_fail(SMT_ENOTFOUND, "--parser: no parser is called '%s'; known: %s, or ./adapter.so",
                 name, known.data ? known.data : "");
    smt_buffer_clear(&known);
    return status;
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
