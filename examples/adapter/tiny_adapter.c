/* tiny_adapter.c - tiny.h for sipmemtest: sipmemtest --parser ./tiny_adapter.so */
#include <smt_parser.h>
#include <string.h>

#include "tiny.h"

struct state {
    struct tiny *headers;
};

static const char *version(void)
{
    return "1.0";
}

static int init(const struct smt_parser_hooks *hooks)
{
    tiny_malloc = hooks->malloc;
    tiny_free = hooks->free;
    return 0;
}

static bool is_out_of_memory(int code)
{
    return code == TINY_NOMEM;
}

static void release(void *state)
{
    tiny_release(((struct state *)state)->headers);
}

static int parse(void *state, const struct smt_parser_input *input)
{
    return tiny_parse(input->data, input->size_bytes, &((struct state *)state)->headers);
}

static void show(const void *state, struct smt_walk *walk)
{
    const struct tiny *header = ((const struct state *)state)->headers;

    for (int i = 0; header; header = header->next, i++) {
        walk->enter(walk, header->name, i);
        walk->field(walk, "value", header->value, strlen(header->value));
        walk->leave(walk);
    }
}

__attribute__((visibility("default"))) const struct smt_parser smt_parser_adapter = {
    .interface_version = SMT_PARSER_INTERFACE,
    .name = "tiny",
    .summary = "headers of one line each",
    .least_alignment = 1,
    .state_size_bytes = sizeof(struct state),
    .anchor = (const void *)tiny_parse, /* static data in the library under test */
    .version = version,
    .init = init,
    .is_out_of_memory = is_out_of_memory,
    .release = release,
    .ops = {[SMT_OP_PARSE] = {.run = parse, .show = show}},
};
