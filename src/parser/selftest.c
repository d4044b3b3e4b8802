/* The rows of the parser with planted bugs: their operations, what they show, and
 * their release. */
#include "parser/selftest.h"

#include <string.h>

#include "parser/parser.h"

struct smt_parser_hooks smt_selftest_hooks;

static const struct {
    int code;
    const char *name;
} code_names[] = {
    {SMT_SELFTEST_OK, "SELFTEST_OK"},
    {SMT_SELFTEST_NOMEM, "SELFTEST_NOMEM"},
    {SMT_SELFTEST_SYNTAX, "SELFTEST_SYNTAX"},
};

static const char *selftest_version(void)
{
    return "1";
}

static int selftest_init(const struct smt_parser_hooks *hooks)
{
    smt_selftest_hooks = *hooks;
    smt_selftest_bugs_init();
    smt_selftest_refusal_init();
    return SMT_SELFTEST_OK;
}

static bool selftest_is_out_of_memory(int code)
{
    return code == SMT_SELFTEST_NOMEM;
}

static const char *selftest_code_name(int code)
{
    for (size_t i = 0; i < sizeof code_names / sizeof *code_names; i++)
        if (code_names[i].code == code) return code_names[i].name;
    return NULL;
}

static void selftest_release(void *raw)
{
    struct smt_selftest_state *state = raw;
    struct smt_selftest_state held = *state;

    *state = (struct smt_selftest_state){0};
    smt_selftest_message_free(held.message);
    smt_selftest_message_free(held.clone);
    smt_selftest_message_free(held.reparsed);
    smt_selftest_sdp_free(held.sdp);
    smt_selftest_sdp_free(held.sdp_clone);
    smt_selftest_text_clear(&held.sdp_text);
    smt_selftest_text_clear(&held.sdp_clone_text);
    smt_selftest_text_clear(&held.message_text);
    smt_selftest_text_clear(&held.clone_text);
    smt_selftest_text_clear(&held.re_text);
}

/* ---- operations; each copes with a message that was rejected ---- */

static int message_parse(struct smt_selftest_state *state, const struct smt_parser_input *input,
                         bool deep)
{
    int code = smt_selftest_message_parse(input->data, input->size_bytes, deep, &state->message);

    return code ? code : smt_selftest_plant(state, input, SMT_OP_PARSE);
}

static int selftest_parse(void *raw, const struct smt_parser_input *input)
{
    return message_parse(raw, input, false);
}

static int selftest_deep_parse(void *raw, const struct smt_parser_input *input)
{
    return message_parse(raw, input, true);
}

static int selftest_sdp(void *raw, const struct smt_parser_input *input)
{
    struct smt_selftest_state *state = raw;
    int code = SMT_SELFTEST_SYNTAX;

    if (state->message) code = smt_selftest_sdp_parse(state->message, &state->sdp);
    if (!code) code = smt_selftest_sdp_clone(state->sdp, &state->sdp_clone);
    if (!code) code = smt_selftest_sdp_render(state->sdp, &state->sdp_text);
    if (!code) code = smt_selftest_sdp_render(state->sdp_clone, &state->sdp_clone_text);
    return code ? code : smt_selftest_plant(state, input, SMT_OP_SDP);
}

static int selftest_clone(void *raw, const struct smt_parser_input *input)
{
    struct smt_selftest_state *state = raw;
    int code = SMT_SELFTEST_SYNTAX;

    if (state->message) code = smt_selftest_message_clone(state->message, &state->clone);
    return code ? code : smt_selftest_plant(state, input, SMT_OP_CLONE);
}

static int selftest_render(void *raw, const struct smt_parser_input *input)
{
    struct smt_selftest_state *state = raw;
    int code = SMT_SELFTEST_SYNTAX;

    if (state->message) code = smt_selftest_message_render(state->message, &state->message_text);
    if (!code && state->clone) code = smt_selftest_message_render(state->clone, &state->clone_text);
    return code ? code : smt_selftest_plant(state, input, SMT_OP_RENDER);
}

static uint64_t text_sum(uint64_t sum, const struct smt_selftest_text *text)
{
    for (size_t i = 0; i < text->size_bytes; i++) sum = sum * 31 + (unsigned char)text->data[i];
    return sum * 31 + text->size_bytes;
}

static uint64_t headers_sum(uint64_t sum, const struct smt_selftest_headers *headers)
{
    for (const struct smt_selftest_header *at = headers->first; at; at = at->next)
        sum = text_sum(text_sum(sum, &at->name), &at->value);
    return sum;
}

static int selftest_access(void *raw, const struct smt_parser_input *input)
{
    struct smt_selftest_state *state = raw;
    const struct smt_selftest_message *message = state->message;
    uint64_t sum = 0;

    if (!message) return SMT_SELFTEST_SYNTAX;
    for (int i = 0; i < 3; i++) sum = text_sum(sum, &message->start[i]);
    sum = headers_sum(sum, &message->headers);
    sum = text_sum(text_sum(sum, &message->boundary), &message->body);
    for (const struct smt_selftest_part *at = message->parts; at; at = at->next)
        sum = text_sum(headers_sum(sum, &at->headers), &at->body);
    state->sum = sum;
    return smt_selftest_plant(state, input, SMT_OP_ACCESS);
}

static int selftest_roundtrip(void *raw, const struct smt_parser_input *input)
{
    struct smt_selftest_state *state = raw;
    int code = SMT_SELFTEST_SYNTAX;

    if (!state->message) return code;
    code = SMT_SELFTEST_OK;
    /* Render may not have been asked for. */
    if (!state->message_text.data)
        code = smt_selftest_message_render(state->message, &state->message_text);
    if (!code)
        code = smt_selftest_message_parse(state->message_text.data, state->message_text.size_bytes,
                                          state->message->deep, &state->reparsed);
    if (!code) code = smt_selftest_message_render(state->reparsed, &state->re_text);
    return code ? code : smt_selftest_plant(state, input, SMT_OP_ROUNDTRIP);
}

/* ---- show ---- */

static void text_show(struct smt_walk *walk, const char *name, const struct smt_selftest_text *text)
{
    walk->field(walk, name, text->size_bytes ? text->data : "", text->size_bytes);
}

/* Counts headers of one name; the names beyond the first 64 share a count, so
 * that a message of nothing but new names takes linear time. */
struct header_counts {
    const struct smt_selftest_text *names[64];
    int counts[65];
    int used;
};

static int header_index(struct header_counts *counts, const struct smt_selftest_text *name)
{
    int i = 0;

    while (i < counts->used && !smt_selftest_text_equal(counts->names[i], name)) i++;
    if (i == counts->used && i < 64) {
        counts->names[i] = name;
        counts->used++;
    }
    return counts->counts[i]++;
}

static void headers_show(struct smt_walk *walk, const struct smt_selftest_headers *headers)
{
    struct header_counts counts = {.used = 0};

    for (const struct smt_selftest_header *at = headers->first; at; at = at->next) {
        char name[64];
        size_t length = at->name.size_bytes < sizeof name ? at->name.size_bytes : sizeof name - 1;

        memcpy(name, at->name.data, length);
        name[length] = '\0';
        walk->enter(walk, name, header_index(&counts, &at->name));
        if (at->name.size_bytes > length) text_show(walk, "name", &at->name);
        text_show(walk, "value", &at->value);
        walk->leave(walk);
    }
}

static void message_show(struct smt_walk *walk, const struct smt_selftest_message *message)
{
    static const char *const request[3] = {"method", "Request-URI", "version"};
    static const char *const response[3] = {"version", "Status-Code", "Reason-Phrase"};
    const struct smt_selftest_text *first = &message->start[0];
    bool is_response = first->size_bytes == 7 && memcmp(first->data, "SIP/2.0", 7) == 0;
    int index = 0;

    for (int i = 0; i < 3; i++)
        text_show(walk, is_response ? response[i] : request[i], &message->start[i]);
    headers_show(walk, &message->headers);
    if (message->body.size_bytes) text_show(walk, "body", &message->body);
    for (const struct smt_selftest_part *at = message->parts; at; at = at->next) {
        walk->enter(walk, "part", index++);
        headers_show(walk, &at->headers);
        text_show(walk, "body", &at->body);
        walk->leave(walk);
    }
}

static void selftest_parse_show(const void *raw, struct smt_walk *walk)
{
    const struct smt_selftest_state *state = raw;

    if (state->message) message_show(walk, state->message);
}

static void selftest_clone_show(const void *raw, struct smt_walk *walk)
{
    const struct smt_selftest_state *state = raw;

    if (state->clone) message_show(walk, state->clone);
}

static void selftest_sdp_show(const void *raw, struct smt_walk *walk)
{
    const struct smt_selftest_state *state = raw;
    int index = 0;

    for (const struct smt_selftest_sdp *sdp = state->sdp; sdp; sdp = sdp->next) {
        walk->enter(walk, "SDP", index++);
        for (const struct smt_selftest_sdp_line *line = sdp->first; line; line = line->next)
            text_show(walk, (char[2]){line->type, '\0'}, &line->value);
        walk->leave(walk);
    }
    text_show(walk, "text", &state->sdp_text);
    text_show(walk, "clone text", &state->sdp_clone_text);
}

static void selftest_render_show(const void *raw, struct smt_walk *walk)
{
    const struct smt_selftest_state *state = raw;

    text_show(walk, "text", &state->message_text);
    if (state->clone) text_show(walk, "clone text", &state->clone_text);
}

static void selftest_access_show(const void *raw, struct smt_walk *walk)
{
    const struct smt_selftest_state *state = raw;

    walk->field(walk, "sum", &state->sum, sizeof state->sum);
}

static void selftest_roundtrip_show(const void *raw, struct smt_walk *walk)
{
    const struct smt_selftest_state *state = raw;

    text_show(walk, "text", &state->re_text);
}

/* ---- contradictions ---- */

static const char *selftest_sdp_contradiction(const void *raw)
{
    const struct smt_selftest_state *state = raw;
    bool equal = smt_selftest_text_equal(&state->sdp_text, &state->sdp_clone_text);

    return equal ? NULL : "the cloned SDP renders differently";
}

static const char *selftest_render_contradiction(const void *raw)
{
    const struct smt_selftest_state *state = raw;

    if (!state->clone || smt_selftest_text_equal(&state->message_text, &state->clone_text))
        return NULL;
    return "the clone renders differently";
}

static const char *selftest_roundtrip_contradiction(const void *raw)
{
    const struct smt_selftest_state *state = raw;
    bool equal = smt_selftest_text_equal(&state->message_text, &state->re_text);

    return equal ? NULL : "rendering is no fixed point";
}

/* Both rows; they differ in what a parsed message is planted with. */
#define ROW(row_name, row_summary, row_anchor, row_parse)                                          \
    {                                                                                              \
        .interface_version = SMT_PARSER_INTERFACE, .name = row_name, .summary = row_summary,       \
        .least_alignment = 1, .state_size_bytes = sizeof(struct smt_selftest_state),               \
        .anchor = row_anchor, .version = selftest_version, .init = selftest_init,                  \
        .is_out_of_memory = selftest_is_out_of_memory, .code_name = selftest_code_name,            \
        .release = selftest_release, .ops = {                                                      \
            [SMT_OP_PARSE] = {row_parse, selftest_parse_show, NULL},                               \
            [SMT_OP_SDP] = {selftest_sdp, selftest_sdp_show, selftest_sdp_contradiction},          \
            [SMT_OP_CLONE] = {selftest_clone, selftest_clone_show, NULL},                          \
            [SMT_OP_RENDER] = {selftest_render, selftest_render_show,                              \
                               selftest_render_contradiction},                                     \
            [SMT_OP_ACCESS] = {selftest_access, selftest_access_show, NULL},                       \
            [SMT_OP_ROUNDTRIP] = {selftest_roundtrip, selftest_roundtrip_show,                     \
                                  selftest_roundtrip_contradiction},                               \
        }                                                                                          \
    }

const struct smt_parser smt_parser_selftest =
    ROW("selftest", "a small correct parser of ours, with bugs to plant by X-Bug headers",
        smt_selftest_bugs, selftest_parse);

const struct smt_parser smt_parser_selftest_deep =
    ROW("selftest-deep", "the same, with bugs that wait for a structure a fuzzer has to build",
        smt_selftest_deep_bugs, selftest_deep_parse);
