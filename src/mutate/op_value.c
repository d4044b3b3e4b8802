/* Operations on any value: escapes, quotes, splices, bytes no token has. */
#include "mutate/operation.h"

static const char *const broken_escapes[] = {"%",  "%4",  "%zz",      "%%",     "%%41",  "%-1",
                                             "%0", "%g1", "%4\r\n 1", "%u0041", "%4%31", "% 41"};
static const char *const nul_escapes[] = {"%00", "%00%00", "a%00b", "%0", "%000"};
static const char *const quote_escapes[] = {"\\",     "\\\\",       "\\\"",     "\"\\\"",
                                            "\"\\",   "\\\\\"",     "\"\\\\\"", "\\\r\n ",
                                            "\\\xff", "\"\\\\\\\"", "\\0"};
static const char *const quoted_pairs[] = {"\\\"", "\\\"", "\\\\", "\\\"b\\\"", "\\,", "\\a\\;"};
static const char *const eight_bits[] = {"\xc3\xa4",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xff",
                                         "\xfe\xff",
                                         "\xc0\x80",
                                         "\xc3",
                                         "\xe2\x82",
                                         "\xed\xa0\x80",
                                         "\xf4\x90\x80\x80",
                                         "\x80",
                                         "\x7f",
                                         "\x01",
                                         "\x1b[2J",
                                         "\x0b",
                                         "\x0c",
                                         "\x85",
                                         "\xa0"};

bool smt_mutate_escape_good(struct smt_mutation_site *site)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    size_t where = smt_site_where(site), base = smt_site_draw(site, 2) ? 6 : 0;
    struct smt_slice text, token;
    unsigned char byte;
    char escape[3];

    if (where == SMT_MODEL_NONE) return false;
    text = smt_model_text(site->model, where);
    if (!smt_site_token(site, text, &token)) return false;
    token.data += smt_site_draw(site, token.size);
    token.size = 1;
    byte = (unsigned char)*token.data;
    escape[0] = '%';
    escape[1] = digits[(byte >> 4) + (byte >> 4 > 9 ? base : 0)];
    escape[2] = digits[(byte & 15) + ((byte & 15) > 9 ? base : 0)];
    return smt_site_replace(site, where, token, smt_slice(escape, 3));
}

/* In or behind a token, where a parser unescapes. */
static bool insert_at_token(struct smt_mutation_site *site, size_t where, const char *what)
{
    struct smt_slice text, token;

    if (where == SMT_MODEL_NONE) return false;
    text = smt_model_text(site->model, where);
    if (!smt_site_token(site, text, &token)) return false;
    return smt_site_insert(site, where,
                           (size_t)(token.data - text.data) + smt_site_draw(site, token.size + 1),
                           smt_slice_text(what));
}

bool smt_mutate_escape_broken(struct smt_mutation_site *site)
{
    size_t where = smt_site_where(site);

    return insert_at_token(site, where, SMT_SITE_ONE_OF(site, broken_escapes));
}

bool smt_mutate_escape_nul(struct smt_mutation_site *site)
{
    size_t where = smt_site_where(site);

    return insert_at_token(site, where, SMT_SITE_ONE_OF(site, nul_escapes));
}

bool smt_mutate_quote_wrap(struct smt_mutation_site *site)
{
    size_t where = smt_site_value(site);
    struct smt_buffer *text = smt_site_text(site);
    struct smt_slice token;

    if (where == SMT_MODEL_NONE) return false;
    if (!smt_site_token(site, smt_model_text(site->model, where), &token)) return false;
    smt_buffer_add_text(text, "\"");
    if (smt_site_chance(site, 80)) smt_buffer_add(text, token.data, token.size);
    if (smt_site_chance(site, 50)) smt_buffer_add_text(text, SMT_SITE_ONE_OF(site, quoted_pairs));
    smt_buffer_add_text(text, "\"");
    return smt_site_replace(site, where, token, smt_site_text_slice(site));
}

/* Takes a quote away; when there is none, puts one in. */
bool smt_mutate_quote_open(struct smt_mutation_site *site)
{
    size_t count = site->model->header_count, from = smt_site_header(site);

    for (size_t i = 0; i < count && i < 64; i++) {
        size_t index = (from + i) % count;
        struct smt_slice value = smt_model_text(site->model, index);
        const char *quote = value.size ? memchr(value.data, '"', value.size) : NULL, *next;

        if (!quote) continue;
        next = memchr(quote + 1, '"', (size_t)(value.data + value.size - quote - 1));
        if (next && smt_site_chance(site, 50)) quote = next;
        return smt_site_replace_text(site, index, smt_slice(quote, 1),
                                     smt_site_chance(site, 70) ? "" : "\"\"");
    }
    return insert_at_token(site, smt_site_value(site), "\"");
}

bool smt_mutate_quote_escape(struct smt_mutation_site *site)
{
    size_t where = smt_site_value(site);
    struct smt_slice value = smt_model_text(site->model, where);
    const char *escape = SMT_SITE_ONE_OF(site, quote_escapes);
    const char *quote = value.size ? memrchr(value.data, '"', value.size) : NULL;

    if (where == SMT_MODEL_NONE) return false;
    if (!quote) {
        const char *whole = smt_site_chance(site, 50) ? "\"a\\\"b\"" : escape;

        return insert_at_token(site, where, whole);
    }
    if (smt_site_chance(site, 40)) escape = "\\\"";
    return smt_site_insert(site, where, (size_t)(quote - value.data), smt_slice_text(escape));
}

/* A header of `from` named like header `index` of the message, else any. */
static size_t find_alike(struct smt_mutation_site *site, const struct smt_model *from, size_t index)
{
    struct smt_slice name = smt_model_name(&site->model->headers[index]);
    size_t start = smt_site_draw(site, from->header_count);

    for (size_t i = 0; i < from->header_count && i < 64; i++) {
        size_t k = (start + i) % from->header_count;
        struct smt_slice other = smt_model_name(&from->headers[k]);

        if (other.size == name.size && memcmp(other.data, name.data, name.size) == 0) return k;
    }
    return start;
}

bool smt_mutate_value_splice(struct smt_mutation_site *site)
{
    size_t index = smt_site_header(site), from;

    if (!site->other->header_count) return false;
    from = find_alike(site, site->other, index);
    return smt_model_set_text(site->model, index, smt_model_text(site->other, from));
}

bool smt_mutate_value_sample(struct smt_mutation_site *site)
{
    size_t index = smt_site_header(site);

    return smt_model_set_text(site->model, index, smt_slice_text(smt_site_sample(site)->value));
}

bool smt_mutate_value_cut(struct smt_mutation_site *site)
{
    size_t where = smt_site_where(site);
    struct smt_slice text = smt_model_text(site->model, where);

    return text.size && smt_model_shorten(site->model, where, smt_site_draw(site, text.size));
}

bool smt_mutate_value_8bit(struct smt_mutation_site *site)
{
    size_t where = smt_site_where(site);

    return insert_at_token(site, where, SMT_SITE_ONE_OF(site, eight_bits));
}

bool smt_mutate_value_nul(struct smt_mutation_site *site)
{
    size_t where = smt_site_where(site);
    struct smt_slice text = smt_model_text(site->model, where);

    if (where == SMT_MODEL_NONE) return false;
    return smt_site_insert(site, where, smt_site_draw(site, text.size + 1), smt_slice("\0", 1));
}
