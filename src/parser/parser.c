#include "parser/parser.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

const struct smt_parser *const smt_parsers[] = {
    &smt_parser_osip,
    &smt_parser_selftest,
    &smt_parser_selftest_deep,
    NULL,
};

/* The adapter loaded last. */
static struct {
    const struct smt_parser *parser;
    char *path;
} loaded;

/* What a row must have and this one has not; NULL when it is complete. */
static const char *row_lacks(const struct smt_parser *parser)
{
    return !parser->name || !*parser->name  ? "name"
           : !parser->summary               ? "summary"
           : !parser->state_size_bytes      ? "state_size_bytes"
           : !parser->anchor                ? "anchor"
           : !parser->version               ? "version"
           : !parser->init                  ? "init"
           : !parser->is_out_of_memory      ? "is_out_of_memory"
           : !parser->release               ? "release"
           : !parser->ops[SMT_OP_PARSE].run ? "parse operation"
                                            : NULL;
}

/* Loads an adapter built outside the tree. */
static enum smt_status parser_load(const char *path, const struct smt_parser **ret_parser)
{
    const struct smt_parser *parser;
    const char *missing;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!handle) return smt_fail(SMT_ENOTFOUND, "--parser: %s", dlerror());
    parser = dlsym(handle, "smt_parser_adapter");
    if (!parser)
        return smt_fail(SMT_ENOTFOUND,
                        "--parser: %s exports no smt_parser_adapter (see smt_parser.h)", path);
    if (parser->interface_version != SMT_PARSER_INTERFACE)
        return smt_fail(SMT_EINPUT, "--parser: %s was built for interface %u, this tool speaks %u",
                        path, parser->interface_version, SMT_PARSER_INTERFACE);
    missing = row_lacks(parser);
    if (missing)
        return smt_fail(SMT_EINPUT, "--parser: %s: its smt_parser_adapter has no %s", path,
                        missing);
    free(loaded.path);
    loaded.path = strdup(path);
    loaded.parser = parser;
    *ret_parser = parser;
    return SMT_OK;
}

const char *smt_parser_argument(const char *name)
{
    bool is_loaded = loaded.path && strcmp(loaded.parser->name, name) == 0;

    return is_loaded ? loaded.path : name;
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
