/* SDP bodies of the parser with planted bugs: RFC 8866's `type=value` lines,
 * their order and meaning unchecked. A blank line in between is an error. */
#include "parser/selftest.h"

bool smt_selftest_sdp_is(const struct smt_selftest_headers *headers)
{
    const struct smt_selftest_header *type = smt_selftest_header_find(headers, "Content-Type", "c");
    struct smt_selftest_span value;

    if (!type) return false;
    value = smt_selftest_span_of(&type->value);
    if (!smt_selftest_begins(value, "application/sdp")) return false;
    value.at += sizeof "application/sdp" - 1;
    return value.at == value.end || *value.at == ';' || *value.at == ' ' || *value.at == '\t';
}

void smt_selftest_sdp_free(struct smt_selftest_sdp *sdp)
{
    while (sdp) {
        struct smt_selftest_sdp *next = sdp->next;

        while (sdp->first) {
            struct smt_selftest_sdp_line *line = sdp->first;

            sdp->first = line->next;
            smt_selftest_text_clear(&line->value);
            smt_selftest_hooks.free(line);
        }
        smt_selftest_hooks.free(sdp);
        sdp = next;
    }
}

static int line_add(struct smt_selftest_sdp *sdp, char type, const char *value, size_t size_bytes)
{
    struct smt_selftest_sdp_line *line = smt_selftest_hooks.calloc(1, sizeof *line);

    if (!line) return SMT_SELFTEST_NOMEM;
    line->type = type;
    if (sdp->last)
        sdp->last->next = line;
    else
        sdp->first = line;
    sdp->last = line;
    return smt_selftest_text_copy(&line->value, value, size_bytes);
}

/* Appends one description behind *tail and moves tail on. */
static int body_parse(const struct smt_selftest_text *body, struct smt_selftest_sdp ***tail)
{
    struct smt_selftest_span rest = smt_selftest_span_of(body), line;
    struct smt_selftest_sdp *sdp = smt_selftest_hooks.calloc(1, sizeof *sdp);

    if (!sdp) return SMT_SELFTEST_NOMEM;
    **tail = sdp;
    *tail = &sdp->next;
    while (smt_selftest_line(&rest, &line)) {
        if (line.end - line.at < 2 || line.at[1] != '=' || line.at[0] < 'a' || line.at[0] > 'z')
            return SMT_SELFTEST_SYNTAX;
        if (line_add(sdp, line.at[0], line.at + 2, (size_t)(line.end - line.at - 2)))
            return SMT_SELFTEST_NOMEM;
    }
    return SMT_SELFTEST_OK;
}

int smt_selftest_sdp_parse(const struct smt_selftest_message *message,
                           struct smt_selftest_sdp **ret_sdp)
{
    struct smt_selftest_sdp *list = NULL, **tail = &list;
    int code = SMT_SELFTEST_OK;

    if (!message->boundary.size_bytes && smt_selftest_sdp_is(&message->headers))
        code = body_parse(&message->body, &tail);
    for (const struct smt_selftest_part *at = message->parts; at && !code; at = at->next)
        if (smt_selftest_sdp_is(&at->headers)) code = body_parse(&at->body, &tail);
    if (code)
        smt_selftest_sdp_free(list);
    else
        *ret_sdp = list;
    return code;
}

static int one_clone(const struct smt_selftest_sdp *sdp, struct smt_selftest_sdp ***tail)
{
    struct smt_selftest_sdp *clone = smt_selftest_hooks.calloc(1, sizeof *clone);

    if (!clone) return SMT_SELFTEST_NOMEM;
    **tail = clone;
    *tail = &clone->next;
    for (const struct smt_selftest_sdp_line *line = sdp->first; line; line = line->next)
        if (line_add(clone, line->type, line->value.data, line->value.size_bytes))
            return SMT_SELFTEST_NOMEM;
    return SMT_SELFTEST_OK;
}

int smt_selftest_sdp_clone(const struct smt_selftest_sdp *sdp, struct smt_selftest_sdp **ret_clone)
{
    struct smt_selftest_sdp *list = NULL, **tail = &list;
    int code = SMT_SELFTEST_OK;

    for (; sdp && !code; sdp = sdp->next) code = one_clone(sdp, &tail);
    if (code)
        smt_selftest_sdp_free(list);
    else
        *ret_clone = list;
    return code;
}

int smt_selftest_sdp_render(const struct smt_selftest_sdp *sdp, struct smt_selftest_text *ret_text)
{
    struct smt_selftest_builder builder = {0};

    for (; sdp; sdp = sdp->next)
        for (const struct smt_selftest_sdp_line *line = sdp->first; line; line = line->next) {
            smt_selftest_build(&builder, &line->type, 1);
            smt_selftest_build(&builder, "=", 1);
            smt_selftest_build(&builder, line->value.data, line->value.size_bytes);
            smt_selftest_build(&builder, "\r\n", 2);
        }
    return smt_selftest_built(&builder, ret_text);
}
