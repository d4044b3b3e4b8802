/* fuzz/message.c - a whole message: every operation, clone and message compared,
 * what was rendered parsed and rendered again, the body where the bytes say it is.
 *
 * Wraps libosip2's row: contradictions are told with the header in which they are,
 * so that one that is known does not hide the others. */
#include <stdio.h>

#include "framing.h"
#include "oracle.h"
#include "parser/osip_adapter.h"

static struct smt_parser row; /* of libosip2, some operations wrapped */
static struct smt_parser_input input_at_work;
static char contradiction[160];

/* --- two renderings ---------------------------------------------------------------- */

/* Where two renderings differ first. */
struct difference {
    char name[48];      /* of the header; "body", "start line" */
    unsigned char byte; /* the first one's, 0 at its end */
    bool is_gone;       /* the second has not that header there */
};

static void difference_find(const char *text, size_t bytes, const char *other, size_t other_bytes,
                            struct difference *ret_difference)
{
    struct difference difference = {.name = "start line"};
    size_t same = 0, line = 0, name_bytes;
    bool in_body = false;

    while (same < bytes && same < other_bytes && text[same] == other[same]) {
        if (text[same++] != '\n') continue;
        in_body |= same - line <= 2;
        line = same;
    }
    difference.byte = same < bytes ? (unsigned char)text[same] : 0;
    if (same >= bytes) { /* the line is the other's alone */
        text = other;
        bytes = other_bytes;
    }
    if (in_body) {
        strcpy(difference.name, "body");
    } else if (line) {
        name_bytes = strcspn(strndupa(text + line, bytes - line < 40 ? bytes - line : 40), ":\r\n");
        snprintf(difference.name, sizeof difference.name, "%.*s", (int)name_bytes, text + line);
        difference.is_gone = same - line <= name_bytes;
    }
    *ret_difference = difference;
}

static const char *differ(const char *what, const char *text, size_t bytes, const char *other,
                          size_t other_bytes)
{
    struct difference difference;

    difference_find(text, bytes, other, other_bytes, &difference);
    if (!difference.is_gone)
        return fuzz_difference(contradiction, sizeof contradiction, what, difference.name,
                               difference.byte);
    snprintf(contradiction, sizeof contradiction, "%s: %s is gone", what, difference.name);
    return contradiction;
}

static const char *render_contradiction(const void *state)
{
    const struct osip_state *run = state;

    if (!smt_parser_osip.ops[SMT_OP_RENDER].contradiction(state)) return NULL;
    return differ("the clone renders differently", run->text, run->text_size_bytes, run->clone_text,
                  run->clone_text_size_bytes);
}

/* The row keeps nothing of the second round, so it is done again. */
static const char *roundtrip_contradiction(const void *state)
{
    const struct osip_state *run = state;
    osip_message_t *again = NULL;
    char *text = NULL;
    size_t bytes = 0;
    const char *told = smt_parser_osip.ops[SMT_OP_ROUNDTRIP].contradiction(state);

    if (!told) return NULL;
    if (osip_message_init(&again) == 0 &&
        osip_message_parse(again, run->text, run->text_size_bytes) == 0 &&
        osip_message_force_update(again) == 0 && osip_message_to_str(again, &text, &bytes) == 0)
        told = differ("rendered, parsed and rendered again", run->text, run->text_size_bytes, text,
                      bytes);
    osip_free(text);
    osip_message_free(again);
    return told;
}

/* --- framing ------------------------------------------------------------------------ */

static int parse_run(void *state, const struct smt_parser_input *input)
{
    input_at_work = *input;
    return smt_parser_osip.ops[SMT_OP_PARSE].run(state, input);
}

static const char *framing_contradiction(const void *state)
{
    const struct osip_state *run = state;
    const osip_list_t *bodies = &run->message->bodies;
    struct fuzz_framing framing;
    size_t taken = 0;
    int i = 0;

    if (!fuzz_framing_read(input_at_work.data, input_at_work.size_bytes, &framing)) return NULL;
    for (const __node_t *node = osip_node_first(bodies); node;
         node = osip_node_next(bodies, node, i++))
        taken += ((const osip_body_t *)node->element)->length;
    if (framing.says_more && framing.has_type)
        return framing.is_multipart ? "framing: multipart with a Content-Length beyond the end"
                                    : "framing: accepted with a Content-Length beyond the end";
    if (taken > framing.rest_bytes) return "framing: more body than there are bytes";
    if (taken > framing.body_bytes)
        return framing.is_multipart ? "framing: multipart of more than Content-Length says"
                                    : "framing: more body than Content-Length says";
    /* RFC 3261 7.4.1 has no body without a Content-Type: it may be dropped */
    if (framing.is_multipart || !framing.has_type || taken == framing.body_bytes) return NULL;
    if (!taken) return "framing: no body, though there is one";
    return "framing: less body than there is";
}

/* --- the target ----------------------------------------------------------------------- */

__attribute__((constructor)) static void row_build(void)
{
    row = smt_parser_osip;
    row.ops[SMT_OP_PARSE].run = parse_run;
    row.ops[SMT_OP_PARSE].contradiction = framing_contradiction;
    row.ops[SMT_OP_RENDER].contradiction = render_contradiction;
    row.ops[SMT_OP_ROUNDTRIP].contradiction = roundtrip_contradiction;
}

const struct smt_fuzz_target smt_fuzz_target = {
    .name = "message",
    .parser = &row,
    .ops = (1u << SMT_OP_COUNT) - 1,
    .outermost = "osip_,sdp_message_",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    return smt_fuzz_one(data, size_bytes);
}
