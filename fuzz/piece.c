#include "piece.h"

const struct fuzz_piece_kind *fuzz_piece_kind;

struct piece_state {
    void *piece, *clone, *again;
    char *text, *clone_text, *again_text;
    bool is_parsed, again_differs;
};

static char contradiction[128];

/* What init() left behind when it failed is nobody's. */
static int piece_parse(void **ret_piece, const char *text)
{
    int code = fuzz_piece_kind->init(ret_piece);

    if (code) {
        *ret_piece = NULL;
        return code;
    }
    return fuzz_piece_kind->parse(*ret_piece, text);
}

static int op_parse(void *state, const struct smt_parser_input *input)
{
    struct piece_state *run = state;
    int code = piece_parse(&run->piece, input->data); /* a zero byte follows: is_text */

    run->is_parsed = code == 0;
    return code;
}

static int op_clone(void *state, const struct smt_parser_input *input)
{
    struct piece_state *run = state;

    (void)input;
    return run->is_parsed ? fuzz_piece_kind->clone(run->piece, &run->clone) : 0;
}

static int text_make(const void *piece, char **ret_text)
{
    char *text = NULL;
    int code = fuzz_piece_kind->to_str(piece, &text);

    if (!code) *ret_text = text;
    return code;
}

static int op_render(void *state, const struct smt_parser_input *input)
{
    struct piece_state *run = state;
    int code;

    (void)input;
    if (!run->is_parsed) return 0;
    code = text_make(run->piece, &run->text);
    if (!code && run->clone) code = text_make(run->clone, &run->clone_text);
    return code;
}

static const char *differ(const char *what, const char *text, const char *other)
{
    while (*text == *other) text++, other++;
    return fuzz_difference(contradiction, sizeof contradiction, what, fuzz_piece_kind->name,
                           (unsigned char)*text);
}

static const char *op_render_contradiction(const void *state)
{
    const struct piece_state *run = state;

    if (!run->text || !run->clone_text || !strcmp(run->text, run->clone_text)) return NULL;
    return differ("the clone renders differently", run->text, run->clone_text);
}

static int op_roundtrip(void *state, const struct smt_parser_input *input)
{
    struct piece_state *run = state;
    int code;

    (void)input;
    if (!run->text) return 0;
    code = piece_parse(&run->again, run->text);
    if (!code) code = text_make(run->again, &run->again_text);
    run->again_differs = !code && run->again_text && strcmp(run->text, run->again_text) != 0;
    return code;
}

static const char *op_roundtrip_contradiction(const void *state)
{
    const struct piece_state *run = state;

    if (!run->again_differs) return NULL;
    return differ("rendered, parsed and rendered again", run->text, run->again_text);
}

static void piece_release(void **piece)
{
    void *old = *piece;

    *piece = NULL;
    if (old) fuzz_piece_kind->free(old);
}

static void run_release(void *state)
{
    struct piece_state *run = state;

    osip_text_release(&run->again_text);
    osip_text_release(&run->clone_text);
    osip_text_release(&run->text);
    piece_release(&run->again);
    piece_release(&run->clone);
    piece_release(&run->piece);
    memset(run, 0, sizeof *run);
}

const struct smt_parser fuzz_piece_row = {
    .interface_version = SMT_PARSER_INTERFACE,
    .name = "osip",
    .summary = "a part of a message, by libosip2",
    .least_alignment = 1,
    .state_size_bytes = sizeof(struct piece_state),
    .anchor = (const void *)osip_uri_to_str_canonical,
    .version = smt_parser_osip_version,
    .init = smt_parser_osip_init,
    .is_out_of_memory = smt_parser_osip_is_out_of_memory,
    .code_name = smt_parser_osip_code_name,
    .release = run_release,
    .ops =
        {
            [SMT_OP_PARSE] = {op_parse, NULL, NULL},
            [SMT_OP_CLONE] = {op_clone, NULL, NULL},
            [SMT_OP_RENDER] = {op_render, NULL, op_render_contradiction},
            [SMT_OP_ROUNDTRIP] = {op_roundtrip, NULL, op_roundtrip_contradiction},
        },
};
