/* Planted bugs that wait for a certain structure: what a fuzzer has to build. Each
 * is a condition on the parsed message, never on a magic word, and a deed. */
#include "parser/selftest.h"

#include <stdio.h>
#include <string.h>

#define DUE(name) static bool deep_##name##_is_due(const struct smt_selftest_state *state)
#define BUG(name)                                                                                  \
    SMT_SELFTEST_KEEP static int selftest_bug_deep_##name(struct smt_selftest_state *state,        \
                                                          const struct smt_parser_input *input)
#define BLOCK(size)                                                                                \
    char *volatile block = smt_selftest_hooks.malloc(size);                                        \
    (void)state, (void)input;                                                                      \
    if (!block) return SMT_SELFTEST_NOMEM;                                                         \
    memset(block, 'd', size)

struct smt_selftest_watch smt_selftest_watch;

/* ---- what conditions look at ---- */

static bool is_empty(const struct smt_selftest_part *part)
{
    return !part->headers.first && !part->body.size_bytes;
}

static bool has_fold(const struct smt_selftest_headers *headers)
{
    for (const struct smt_selftest_header *at = headers->first; at; at = at->next)
        if (at->folded) return true;
    return false;
}

/* The next item of a comma list, blanks around it taken off; commas in quotes do
 * not count. False at the end. */
static bool list_item(struct smt_selftest_span *rest, struct smt_selftest_span *ret_item)
{
    struct smt_selftest_span item = *rest;
    bool quoted = false;

    if (!rest->at) return false;
    for (; rest->at < rest->end; rest->at++) {
        if (*rest->at == '\\' && quoted && rest->at + 1 < rest->end)
            rest->at++;
        else if (*rest->at == '"')
            quoted = !quoted;
        else if (*rest->at == ',' && !quoted)
            break;
    }
    item.end = rest->at;
    rest->at = rest->at < rest->end ? rest->at + 1 : NULL;
    *ret_item = smt_selftest_trim(item);
    return true;
}

/* A quoted string that is closed and has an escaped quote in it? */
static bool has_escaped_quote(struct smt_selftest_span text)
{
    bool quoted = false, escaped = false;

    for (; text.at < text.end; text.at++) {
        if (*text.at == '\\' && quoted && text.at + 1 < text.end) {
            text.at++;
            escaped |= *text.at == '"';
        } else if (*text.at == '"') {
            if (quoted && escaped) return true;
            quoted = !quoted;
        }
    }
    return false;
}

static unsigned media_lines(const struct smt_selftest_sdp *sdp)
{
    unsigned count = 0;

    for (const struct smt_selftest_sdp_line *at = sdp->first; at; at = at->next)
        count += at->type == 'm';
    return count;
}

/* ---- the bugs ---- */

DUE(fold)
{
    const struct smt_selftest_part *at = state->message->parts;

    if (!at || !state->message->boundary_quoted) return false;
    for (at = at->next; at; at = at->next)
        if (has_fold(&at->headers)) return true;
    return false;
}

BUG(fold)
{
    BLOCK(21);
    SMT_SELFTEST_POKE(&block[21]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

DUE(length)
{
    const struct smt_selftest_message *message = state->message;

    return message->length_exact && message->parts && message->parts->next;
}

BUG(length)
{
    BLOCK(32);
    smt_selftest_hooks.free(block);
    SMT_SELFTEST_POKE(&block[5]);
    return SMT_SELFTEST_OK;
}

/* A part that is a multipart body itself, with a delimiter of its own in it. */
DUE(nested)
{
    for (const struct smt_selftest_part *at = state->message->parts; at; at = at->next) {
        const struct smt_selftest_header *type =
            smt_selftest_header_find(&at->headers, "Content-Type", "c");
        struct smt_selftest_span value, boundary;
        const char *found;
        bool quoted;

        if (!type || !at->body.size_bytes) continue;
        value = smt_selftest_span_of(&type->value);
        if (!smt_selftest_begins(value, "multipart/") ||
            !smt_selftest_boundary(value, &boundary, &quoted))
            continue;
        found = memmem(at->body.data, at->body.size_bytes, boundary.at,
                       (size_t)(boundary.end - boundary.at));
        if (found && found - at->body.data >= 2 && memcmp(found - 2, "--", 2) == 0) return true;
    }
    return false;
}

BUG(nested)
{
    BLOCK(32);
    smt_selftest_hooks.free(block);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

/* SDP behind another part, with two media or more. */
DUE(sdp)
{
    const struct smt_selftest_part *first = state->message->parts;
    const struct smt_selftest_sdp *sdp = state->sdp;

    if (!first || !first->next || !sdp) return false;
    /* the first description is the first part's when that is SDP */
    if (smt_selftest_sdp_is(&first->headers)) sdp = sdp->next;
    for (; sdp; sdp = sdp->next)
        if (media_lines(sdp) >= 2) return true;
    return false;
}

BUG(sdp)
{
    BLOCK(24);
    return SMT_SELFTEST_OK;
}

DUE(empty)
{
    const struct smt_selftest_part *at = state->message->parts;

    for (; at && at->next && at->next->next; at = at->next)
        if (!is_empty(at) && is_empty(at->next) && !is_empty(at->next->next)) return true;
    return false;
}

/* The clone ends in front of the empty part's follower. */
BUG(empty)
{
    struct smt_selftest_part *at = state->clone->parts;

    (void)input;
    while (!is_empty(at->next)) at = at->next;
    smt_selftest_parts_free(at->next->next);
    at->next->next = NULL;
    return SMT_SELFTEST_OK;
}

/* Via on several lines, one of them compact and a list of two good ones. */
DUE(via)
{
    unsigned headers = 0, merged = 0;

    for (const struct smt_selftest_header *at = state->message->headers.first; at; at = at->next) {
        struct smt_selftest_span rest = smt_selftest_span_of(&at->value), item;
        bool compact = smt_selftest_text_is(&at->name, "v");
        unsigned items = 0;

        if (!compact && !smt_selftest_text_is(&at->name, "Via")) continue;
        headers++;
        while (list_item(&rest, &item)) items += smt_selftest_begins(item, "SIP/2.0/");
        merged += compact && items >= 2;
    }
    return headers >= 2 && merged;
}

BUG(via)
{
    BLOCK(13);
    SMT_SELFTEST_POKE(&block[-1]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

/* The text needs more digits for the body's length than the message had. */
DUE(digits)
{
    const struct smt_selftest_message *message = state->message;
    size_t size_bytes = state->message_text.size_bytes, end = 0;
    const char *text = state->message_text.data, *blank = memmem(text, size_bytes, "\r\n\r\n", 4);
    char digits[32];

    if (!message->parts || !message->length_bytes || !blank) return false;
    end = (size_t)(blank - text) + 4;
    return (unsigned)snprintf(digits, sizeof digits, "%zu", size_bytes - end) >
           message->length_bytes;
}

BUG(digits)
{
    BLOCK(19);
    volatile char seen = block[19];

    (void)seen;
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

/* The second item of a list, or a later one, in a header that was folded. */
DUE(quote)
{
    for (const struct smt_selftest_header *at = state->message->headers.first; at; at = at->next) {
        struct smt_selftest_span rest = smt_selftest_span_of(&at->value), item;
        unsigned items = 0;

        while (at->folded && list_item(&rest, &item))
            if (++items >= 2 && has_escaped_quote(item)) return true;
    }
    return false;
}

BUG(quote)
{
    BLOCK(40);
    for (int i = 0; i < 9; i++) SMT_SELFTEST_POKE(&block[40 + i]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

/* ---- the table ---- */

#define ROW(name, verdict, moment, shows, why)                                                     \
    {                                                                                              \
        {"deep-" #name, verdict,         SMT_SELFTEST_CLEAN_RUN | (shows),                         \
         why,           SMT_OP_##moment, selftest_bug_deep_##name},                                \
            deep_##name##_is_due                                                                   \
    }

const struct smt_selftest_deep_bug smt_selftest_deep_bugs[] = {
    ROW(fold, "corrupt", PARSE, 0,
        "a folded header in the second part or later, the boundary in quotes"),
    ROW(length, "use-after-free", PARSE, 0,
        "two parts, closed, and one Content-Length that is exact"),
    ROW(sdp, "leak", SDP, 0, "SDP with two media behind another part"),
    ROW(nested, "bad-free", CLONE, 0, "multipart in a part, with a delimiter of its own"),
    ROW(empty, "mismatch", CLONE, 0, "a part without headers and body between two that have some"),
    ROW(via, "corrupt", RENDER, 0, "several Via lines, one of them compact and a comma list"),
    ROW(digits, "over-read", RENDER, SMT_SELFTEST_PAGES_END,
        "a multipart body grows in rendering, so that Content-Length needs a digit more"),
    ROW(quote, "corrupt", ACCESS, 0, "an escaped quote behind a comma of a list that was folded"),
    {{NULL, NULL, 0, NULL, 0, NULL}, NULL},
};

int smt_selftest_deep_plant(struct smt_selftest_state *state, const struct smt_parser_input *input,
                            enum smt_op moment)
{
    for (size_t i = 0; smt_selftest_deep_bugs[i].bug.name; i++) {
        const struct smt_selftest_deep_bug *deep = &smt_selftest_deep_bugs[i];
        int code;

        if (deep->bug.moment != moment || !deep->is_due(state)) continue;
        smt_selftest_watch.due |= (uint64_t)1 << i;
        if (smt_selftest_watch.only_watch) continue;
        code = deep->bug.plant(state, input);
        if (code) return code;
    }
    return SMT_SELFTEST_OK;
}
