/* Operations at the edges of a value: a delimiter with nothing behind it, a quote
 * without its other. Parsers look one byte further there, and it is not theirs. */
#include "mutate/operation.h"

static const char *const endings[] = {"",   "",      "",   "",   " ",    " ",  " ",     "\t",
                                      "  ", "\r\n ", "\"", "\\", " \t ", "\"", "\r\n  "};
static const char *const gaps[] = {"", "", "", "", " ", " ", "\t", "  ", "\r\n ", "\"", "\\", "%"};

/* A text with a delimiter in it; SMT_MODEL_NONE when the one drawn has none. */
static size_t find_delimiter(struct smt_mutation_site *site, struct smt_slice *ret_text,
                             const char **ret_delimiter)
{
    size_t where = smt_site_where(site);

    if (where == SMT_MODEL_NONE) return where;
    *ret_text = smt_model_text(site->model, where);
    return smt_site_delimiter(site, *ret_text, ret_delimiter) ? where : SMT_MODEL_NONE;
}

/* What lies between two pointers into a text. */
static struct smt_slice between(const char *from, const char *to)
{
    return smt_slice(from, (size_t)(to - from));
}

bool smt_mutate_value_end(struct smt_mutation_site *site)
{
    const char *ending = SMT_SITE_ONE_OF(site, endings), *at;
    struct smt_slice text;
    size_t where = find_delimiter(site, &text, &at);

    if (where == SMT_MODEL_NONE) return false;
    at += smt_site_chance(site, 75);
    return smt_site_replace_text(site, where, between(at, text.data + text.size), ending);
}

bool smt_mutate_value_gap(struct smt_mutation_site *site)
{
    const char *gap = SMT_SITE_ONE_OF(site, gaps), *from, *to, *end;
    struct smt_slice text;
    size_t where = find_delimiter(site, &text, &from);

    if (where == SMT_MODEL_NONE) return false;
    end = text.data + text.size;
    for (to = ++from; to < end && !smt_site_is_delimiter(*to);) to++;
    return smt_site_replace_text(site, where, between(from, to), gap);
}

/* A value behind "=", quotes and all, in a header drawn; walks on from there. */
static size_t find_assigned(struct smt_mutation_site *site, struct smt_slice *ret_assigned)
{
    size_t count = site->model->header_count, first = smt_site_header(site);

    for (size_t i = 0; i < count && i < 64; i++) {
        size_t index = (first + i) % count, seen = 0;
        struct smt_slice text = smt_model_text(site->model, index);
        const char *end = text.data + text.size, *from = text.data, *to;

        while (seen < 16 && from < end && (from = memchr(from, '=', (size_t)(end - from)))) {
            to = ++from;
            if (to < end && *to == '"')
                for (to++; to < end && *to != '"';) to += *to == '\\' && end - to > 1 ? 2 : 1;
            while (to < end && !memchr(";,> \t\r\n", *to, 7)) to++;
            if (smt_site_draw(site, ++seen) == 0) *ret_assigned = between(from, to);
            from = to;
        }
        if (seen) return index;
    }
    return SMT_MODEL_NONE;
}

/* "*" is what was there, without its quotes. */
static const char *const quotings[] = {
    "\"",   "\"\"",   "\"*", "*\"", "\"*\\\"", "\"*\\",     "\"*\"\"",   "\"\"*", "\" \"",
    "\"* ", "\"\\\"", "'*'", " \"", "\" ",     "\\\"*\\\"", "\"*\\\"\"", "\"\\",  ""};

/* In half of all cases nothing follows: a quote that is never closed. */
bool smt_mutate_quote_edge(struct smt_mutation_site *site)
{
    const char *quoting = SMT_SITE_ONE_OF(site, quotings), *end;
    struct smt_slice assigned = {"", 0}, content, text;
    size_t where = find_assigned(site, &assigned);
    struct smt_buffer *buffer = smt_site_text(site);

    if (where == SMT_MODEL_NONE) return false;
    content = assigned;
    if (content.size && *content.data == '"') content.data++, content.size--;
    if (content.size && content.data[content.size - 1] == '"') content.size--;
    for (; *quoting; quoting++)
        if (*quoting == '*')
            smt_buffer_add(buffer, content.data, content.size);
        else
            smt_buffer_add(buffer, quoting, 1);
    text = smt_model_text(site->model, where);
    end = text.data + text.size;
    if (smt_site_chance(site, 50)) assigned = between(assigned.data, end);
    if (smt_view_is_name(smt_model_name(&site->model->headers[where]), "Content-Type"))
        site->intents |= SMT_INTENT_BOUNDARY;
    return smt_site_replace(site, where, assigned, smt_site_text_slice(site));
}
