/* The row for libosip2: the installed library, unmodified, any release from
 * 4.1 on. Its memory is redirected by osip_set_allocators(). */
#include "parser/osip_adapter.h"

static int message_parse(osip_message_t **ret_message, const char *data, size_t size_bytes)
{
    int code = osip_message_init(ret_message);

    if (code) {
        *ret_message = NULL;
        return code;
    }
    return osip_message_parse(*ret_message, data, size_bytes);
}

/* The library keeps the text it last rendered or was given; without the forced
 * update it would only copy that. */
static int message_render(osip_message_t *message, char **ret_text, size_t *ret_size_bytes)
{
    size_t size_bytes = 0;
    char *text = NULL;
    int code = osip_message_force_update(message);

    if (!code) code = osip_message_to_str(message, &text, &size_bytes);
    if (code) return code;
    *ret_text = text;
    *ret_size_bytes = text ? size_bytes : 0;
    return 0;
}

static int op_parse(void *state, const struct smt_parser_input *input)
{
    struct osip_state *run = state;
    int code = message_parse(&run->message, input->data, input->size_bytes);

    run->is_parsed = code == 0;
    return code;
}

static void op_parse_show(const void *state, struct smt_walk *walk)
{
    const struct osip_state *run = state;

    if (run->is_parsed) smt_parser_osip_show_message(run->message, walk);
}

static int op_clone(void *state, const struct smt_parser_input *input)
{
    struct osip_state *run = state;
    osip_message_t *clone = NULL;
    int code;

    (void)input;
    if (!run->is_parsed) return 0;
    code = osip_message_clone(run->message, &clone);
    if (!code) run->clone = clone;
    return code;
}

static void op_clone_show(const void *state, struct smt_walk *walk)
{
    const struct osip_state *run = state;

    if (!run->clone) return;
    walk->enter(walk, "clone", -1);
    smt_parser_osip_show_message(run->clone, walk);
    walk->leave(walk);
}

static int op_render(void *state, const struct smt_parser_input *input)
{
    struct osip_state *run = state;
    int code;

    (void)input;
    if (!run->is_parsed) return 0;
    code = message_render(run->message, &run->text, &run->text_size_bytes);
    if (!code && run->clone)
        code = message_render(run->clone, &run->clone_text, &run->clone_text_size_bytes);
    return code;
}

static void op_render_show(const void *state, struct smt_walk *walk)
{
    const struct osip_state *run = state;

    walk->enter(walk, "text", -1);
    smt_parser_osip_show_text(run->text, run->text_size_bytes, ':', walk);
    walk->leave(walk);
    if (!run->clone_text) return;
    walk->enter(walk, "clone text", -1);
    smt_parser_osip_show_text(run->clone_text, run->clone_text_size_bytes, ':', walk);
    walk->leave(walk);
}

static bool text_differs(const char *text, size_t size_bytes, const char *other,
                         size_t other_size_bytes)
{
    return size_bytes != other_size_bytes || memcmp(text, other, size_bytes) != 0;
}

static const char *op_render_contradiction(const void *state)
{
    const struct osip_state *run = state;

    if (!run->text || !run->clone_text) return NULL;
    if (!text_differs(run->text, run->text_size_bytes, run->clone_text, run->clone_text_size_bytes))
        return NULL;
    return "the clone renders differently from the message";
}

/* Renders first when nobody asked for render. Holds nothing afterwards but the
 * answer, so that it adds no peak to later operations. */
static int op_roundtrip(void *state, const struct smt_parser_input *input)
{
    struct osip_state *run = state;
    osip_message_t *again;
    size_t size_bytes = 0;
    int code = 0;

    (void)input;
    if (!run->is_parsed) return 0;
    if (!run->text) code = message_render(run->message, &run->text, &run->text_size_bytes);
    if (!code && !run->text) return 0;
    if (!code) code = message_parse(&run->again, run->text, run->text_size_bytes);
    if (!code) code = message_render(run->again, &run->again_text, &size_bytes);
    if (!code)
        run->again_differs = !run->again_text || text_differs(run->text, run->text_size_bytes,
                                                              run->again_text, size_bytes);
    osip_text_release(&run->again_text);
    again = run->again;
    run->again = NULL;
    osip_message_free(again);
    return code;
}

static const char *op_roundtrip_contradiction(const void *state)
{
    const struct osip_state *run = state;

    return run->again_differs ? "what was rendered, parsed and rendered again, differs" : NULL;
}

static void message_release(osip_message_t **message)
{
    osip_message_t *old = *message;

    *message = NULL;
    osip_message_free(old);
}

static void run_release(void *state)
{
    struct osip_state *run = state;

    osip_text_release(&run->again_text);
    message_release(&run->again);
    osip_text_release(&run->clone_text);
    osip_text_release(&run->text);
    smt_parser_osip_sdp_release(&run->sdp_passing);
    for (int i = 0; i < OSIP_SDP_KEPT && i < run->sdp_count; i++)
        smt_parser_osip_sdp_release(&run->sdp[i]);
    message_release(&run->clone);
    message_release(&run->message);
    memset(run, 0, sizeof(*run));
}

/* `anchor` must point into the library even in a program linked without PIE,
 * where a function's address can be a slot in the program. Hence a function
 * nobody calls, and -fPIC for this file: the dynamic linker fills it in. */
const struct smt_parser smt_parser_osip = {
    .interface_version = SMT_PARSER_INTERFACE,
    .name = "osip",
    .summary = "GNU oSIP (libosip2)",
    .least_alignment = 1,
    .state_size_bytes = sizeof(struct osip_state),
    .anchor = (const void *)osip_uri_to_str_canonical, /* one that nobody calls */
    .version = smt_parser_osip_version,
    .init = smt_parser_osip_init,
    .is_out_of_memory = smt_parser_osip_is_out_of_memory,
    .code_name = smt_parser_osip_code_name,
    .release = run_release,
    .ops =
        {
            [SMT_OP_PARSE] = {op_parse, op_parse_show, NULL},
            [SMT_OP_SDP] = {smt_parser_osip_sdp, smt_parser_osip_sdp_show,
                            smt_parser_osip_sdp_contradiction},
            [SMT_OP_CLONE] = {op_clone, op_clone_show, NULL},
            [SMT_OP_RENDER] = {op_render, op_render_show, op_render_contradiction},
            [SMT_OP_ACCESS] = {smt_parser_osip_access, NULL, NULL},
            [SMT_OP_ROUNDTRIP] = {op_roundtrip, NULL, op_roundtrip_contradiction},
        },
};
