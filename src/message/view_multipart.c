/* Multipart bodies: RFC 2046 5.1.1, taken tolerantly. */
#include <string.h>

#include "message/view.h"

/* RFC 2046 allows 70 bytes. The limit keeps the search linear: a boundary is
 * compared at every line that begins like one. */
#define BOUNDARY_MAX 4096

static struct smt_slice unquote(struct smt_slice text)
{
    text = smt_view_trim(text);
    if (text.size && *text.data == '"') {
        text.data++, text.size--;
        if (text.size && text.data[text.size - 1] == '"') text.size--;
    }
    return text;
}

bool smt_view_boundary(const struct smt_model *model, struct smt_slice *ret_boundary)
{
    size_t index = smt_model_find(model, "Content-Type", 0), at = 0;
    struct smt_view_parameter parameter;
    struct smt_slice value;

    if (index == SMT_MODEL_NONE || !model->body.size) return false;
    value = smt_view_trim(smt_model_value(&model->headers[index]));
    if (value.size < 9 || !smt_view_is(smt_slice(value.data, 9), "multipart")) return false;
    while (smt_view_parameter(value, &at, &parameter)) {
        if (!smt_view_is(parameter.name, "boundary")) continue;
        *ret_boundary = unquote(parameter.value);
        return ret_boundary->size <= BOUNDARY_MAX;
    }
    return false;
}

/* Is there a delimiter at `at`: "--", the boundary, perhaps "--", blanks, and
 * the end of the line? Returns the byte behind the line, NULL when not. */
static const char *delimiter_end(const char *at, const char *end, struct smt_slice boundary,
                                 bool *ret_is_close)
{
    if ((size_t)(end - at) < boundary.size + 2 || at[0] != '-' || at[1] != '-') return NULL;
    if (boundary.size && memcmp(at + 2, boundary.data, boundary.size) != 0) return NULL;
    at += 2 + boundary.size;
    *ret_is_close = end - at >= 2 && at[0] == '-' && at[1] == '-';
    if (*ret_is_close) return at + 2;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    if (at == end) return at;
    if (*at == '\n') return at + 1;
    if (*at != '\r') return NULL;
    return at + 1 < end && at[1] == '\n' ? at + 2 : at + 1;
}

/* The next line from `at` on that is a delimiter; NULL when there is none. Looks
 * for "--" only: a boundary's bytes are compared only where one begins a line. */
static const char *find_delimiter(const char *body, const char *at, const char *end,
                                  struct smt_slice boundary, const char **ret_behind,
                                  bool *ret_is_close)
{
    while (at < end && (at = memmem(at, (size_t)(end - at), "--", 2))) {
        if (at == body || at[-1] == '\n' || at[-1] == '\r') {
            *ret_behind = delimiter_end(at, end, boundary, ret_is_close);
            if (*ret_behind) return at;
        }
        at++;
    }
    return NULL;
}

/* Splits what follows a delimiter at its first blank line. */
static void split_part(struct smt_slice text, struct smt_view_part *part)
{
    struct smt_view_line line;
    size_t at = 0;

    part->headers = text;
    part->content = smt_slice(text.data + text.size, 0);
    while (smt_view_line(text, &at, &line)) {
        if (line.text.size) continue;
        part->headers = smt_slice(text.data, (size_t)(line.whole.data - text.data));
        part->content = smt_slice(text.data + at, text.size - at);
        return;
    }
}

bool smt_view_part(struct smt_slice body, struct smt_slice boundary, size_t *at,
                   struct smt_view_part *ret_part)
{
    const char *end = body.data + body.size, *from, *behind, *next, *ignored;
    bool ignored_close;

    if (*at >= body.size) return false;
    from = find_delimiter(body.data, body.data + *at, end, boundary, &behind, &ret_part->is_close);
    if (!from) return false;
    next = ret_part->is_close
               ? end
               : find_delimiter(body.data, behind, end, boundary, &ignored, &ignored_close);
    if (!next) next = end;
    ret_part->whole = smt_slice(from, (size_t)(next - from));
    ret_part->delimiter = smt_slice(from, (size_t)(behind - from));
    split_part(smt_slice(behind, (size_t)(next - behind)), ret_part);
    *at = (size_t)(next - body.data);
    return true;
}
