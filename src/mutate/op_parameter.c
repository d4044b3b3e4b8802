/* Operations on ;name=value parameters, numbers and tokens. */
#include "mutate/operation.h"

#include <stdio.h>

static const char *const parameters[] = {
    ";tag=x",
    ";branch=z9hG4bKx",
    ";rport",
    ";rport=65536",
    ";received=::1",
    ";ttl=256",
    ";maddr=",
    ";expires=4294967296",
    ";q=1.0000",
    ";q=0.",
    ";q=-1",
    ";lr",
    ";boundary=x",
    ";boundary=\"\"",
    ";handling=required",
    ";x=\"a;b,c\"",
    ";x=\"\\\"\"",
    ";x='y'",
    ";x=<y>",
    ";=",
    ";=x",
    ";x==y",
    ";x = y",
    "; x",
    ";\tx\t=\ty",
    ";\r\n x=y",
    ";%00=%00",
    ";x=\"",
    ";x=\\",
    ";X=Y;x=y",
    ";reg-id=1",
    ";+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-000000000000>\"",
    ";x=[::1]",
    ";x=a=b"};
/* RFC 7616, 3261 22, and what NTLM adds. */
static const char *const digest_names[] = {
    "realm",    "nonce",   "opaque",     "nextnonce", "cnonce",      "nc",      "qop",
    "response", "rspauth", "username",   "uri",       "domain",      "stale",   "algorithm",
    "snum",     "srand",   "targetname", "version",   "gssapi-data", "charset", "userhash"};
static const char *const digest_values[] = {
    "\"x\"",    "\"x\"", "\"\"", "x",  "auth",     "\"auth,auth-int\"",
    "00000001", "MD5",   "",     "\"", "\"\\\"\"", "FALSE"};
static const char *const empties[] = {";",  ";;",     ";=",         ";name", ";name=", ";=value",
                                      "; ", ";\r\n ", ";name=\"\"", ";,",    ";\t=\t"};

/* A header with a parameter, walking on from a random one. */
static size_t find_parameter(struct smt_mutation_site *site, struct smt_view_parameter *ret_view)
{
    size_t count = site->model->header_count, from = smt_site_header(site);

    for (size_t i = 0; i < count && i < 64; i++) {
        size_t index = (from + i) % count;

        if (smt_site_parameter(site, index, ret_view)) return index;
    }
    return SMT_MODEL_NONE;
}

/* In front of a parameter, or at the end of a value that has none. */
bool smt_mutate_parameter_add(struct smt_mutation_site *site)
{
    struct smt_slice what = smt_slice_text(SMT_SITE_ONE_OF(site, parameters)), text;
    struct smt_view_parameter view;
    size_t where;

    if (smt_site_chance(site, 50)) {
        where = find_parameter(site, &view);
        if (where != SMT_MODEL_NONE)
            return smt_site_replace(site, where, smt_slice(view.whole.data, 0), what);
    }
    where = smt_site_header(site);
    text = smt_model_text(site->model, where);
    return smt_site_insert(site, where, text.size, what);
}

bool smt_mutate_parameter_duplicate(struct smt_mutation_site *site)
{
    struct smt_view_parameter view;
    size_t where = find_parameter(site, &view);

    return where != SMT_MODEL_NONE &&
           smt_site_replace(site, where, smt_slice(view.whole.data, 0), view.whole);
}

bool smt_mutate_parameter_delete(struct smt_mutation_site *site)
{
    struct smt_view_parameter view;
    size_t where = find_parameter(site, &view);

    return where != SMT_MODEL_NONE && smt_site_replace(site, where, view.whole, smt_slice("", 0));
}

bool smt_mutate_parameter_swap(struct smt_mutation_site *site)
{
    struct smt_view_parameter a, b;
    size_t where = find_parameter(site, &a);
    struct smt_buffer *text = smt_site_text(site);
    const char *end;

    if (where == SMT_MODEL_NONE || !smt_site_parameter(site, where, &b)) return false;
    if (b.whole.data < a.whole.data) {
        struct smt_view_parameter kept = a;

        a = b, b = kept;
    }
    if (a.whole.data == b.whole.data) return false;
    end = a.whole.data + a.whole.size;
    smt_buffer_add(text, b.whole.data, b.whole.size);
    smt_buffer_add(text, end, (size_t)(b.whole.data - end));
    smt_buffer_add(text, a.whole.data, a.whole.size);
    end = b.whole.data + b.whole.size;
    return smt_site_replace(site, where, smt_slice(a.whole.data, (size_t)(end - a.whole.data)),
                            smt_site_text_slice(site));
}

bool smt_mutate_parameter_empty(struct smt_mutation_site *site)
{
    struct smt_view_parameter view;
    size_t where = find_parameter(site, &view);

    return where != SMT_MODEL_NONE &&
           smt_site_replace_text(site, where, view.whole, SMT_SITE_ONE_OF(site, empties));
}

bool smt_mutate_parameter_value(struct smt_mutation_site *site)
{
    struct smt_view_parameter view;
    size_t where = find_parameter(site, &view);
    struct smt_buffer *text = smt_site_text(site);

    if (where == SMT_MODEL_NONE) return false;
    if (!view.has_value) smt_buffer_add_text(text, "=");
    if (smt_site_chance(site, 60))
        smt_buffer_add_text(text, smt_site_word(site));
    else
        smt_site_fill(site, smt_site_length(site), 'p');
    return smt_site_replace(site, where, view.value, smt_site_text_slice(site));
}

bool smt_mutate_parameter_many(struct smt_mutation_site *site)
{
    size_t where = smt_site_header(site), room = smt_site_length(site);
    struct smt_slice text = smt_model_text(site->model, where);
    struct smt_buffer *buffer = smt_site_text(site);

    for (unsigned i = 0; buffer->size + 12 < room && !buffer->failed; i++) {
        char name[12] = {';', 'p', (char)('a' + i % 26), (char)('a' + i / 26 % 26)};

        smt_buffer_add(buffer, name, 4);
    }
    return buffer->size && smt_site_insert(site, where, text.size, smt_site_text_slice(site));
}

/* A header of Digest's, walking on from a random one; a piece may be one. */
static size_t find_digest(struct smt_mutation_site *site)
{
    const struct smt_model *model = site->model;
    size_t count = model->header_count, from = smt_site_header(site);

    if (site->is_piece) return from;
    for (size_t i = 0; i < count && i < 64; i++) {
        size_t index = (from + i) % count;
        struct smt_slice name = smt_model_name(&model->headers[index]);

        if (name.size && memmem(name.data, name.size, "uth", 3)) return index;
    }
    return SMT_MODEL_NONE;
}

static void add_digest_parameter(struct smt_mutation_site *site)
{
    smt_buffer_add_text(&site->text, SMT_SITE_ONE_OF(site, digest_names));
    smt_buffer_add_text(&site->text, "=");
    smt_buffer_add_text(&site->text, SMT_SITE_ONE_OF(site, digest_values));
}

static bool add_digest_header(struct smt_mutation_site *site)
{
    static const char *const names[] = {"Authorization",       "WWW-Authenticate",
                                        "Proxy-Authorization", "Proxy-Authenticate",
                                        "Authentication-Info", "Proxy-Authentication-Info"};
    const char *name = SMT_SITE_ONE_OF(site, names);
    size_t count = 1 + smt_site_draw(site, 4);

    if (!strstr(name, "Info")) smt_buffer_add_text(&site->text, "Digest ");
    for (size_t i = 0; i < count; i++) {
        if (i) smt_buffer_add_text(&site->text, ", ");
        add_digest_parameter(site);
    }
    site->focus = smt_site_draw(site, site->model->header_count + 1);
    return smt_model_insert_header(site->model, site->focus, smt_slice_text(name),
                                   smt_site_text_slice(site));
}

/* Behind an item; where there is no header of Digest's, a new one. */
bool smt_mutate_list_parameter(struct smt_mutation_site *site)
{
    size_t index = find_digest(site), at = 0, seen = 0;
    struct smt_slice item, drawn = {"", 0};

    smt_site_text(site);
    if (index == SMT_MODEL_NONE) return add_digest_header(site);
    while (seen < 64 && smt_view_item(smt_model_text(site->model, index), &at, &item))
        if (smt_site_draw(site, ++seen) == 0) drawn = item;
    drawn.data += drawn.size, drawn.size = 0;
    smt_buffer_add_text(&site->text, smt_site_chance(site, 50) ? "," : ", ");
    add_digest_parameter(site);
    return smt_site_replace(site, index, drawn, smt_site_text_slice(site));
}

/* The digits drawn, in a text drawn. */
static size_t find_number(struct smt_mutation_site *site, struct smt_slice *ret_digits)
{
    for (int i = 0; i < 4; i++) {
        size_t where = smt_site_where(site);

        if (where == SMT_MODEL_NONE) continue;
        if (smt_site_digits(site, smt_model_text(site->model, where), ret_digits)) return where;
    }
    return SMT_MODEL_NONE;
}

bool smt_mutate_number_limit(struct smt_mutation_site *site)
{
    struct smt_slice digits;
    size_t where = find_number(site, &digits);

    return where != SMT_MODEL_NONE &&
           smt_site_replace_text(site, where, digits, smt_site_number(site));
}

bool smt_mutate_number_nudge(struct smt_mutation_site *site)
{
    struct smt_slice digits;
    size_t where = find_number(site, &digits);
    unsigned long long number = 0;
    char text[24];
    int size;

    if (where == SMT_MODEL_NONE) return false;
    for (size_t i = 0; i < digits.size && i < 18; i++)
        number = number * 10 + (unsigned)(digits.data[i] - '0');
    number = smt_site_chance(site, 50) || number == 0 ? number + 1 : number - 1;
    size = snprintf(text, sizeof text, "%llu", number);
    return smt_site_replace(site, where, digits, smt_slice(text, (size_t)size));
}

bool smt_mutate_number_form(struct smt_mutation_site *site)
{
    static const char *const before[] = {"0", "000000000000000000000000", "+", "-", " ", "0x", "\t",
                                         "\""};
    static const char *const behind[] = {".", ".0", ".5", "e1", " ",    "x",
                                         "h", ",5", "'",  "\"", ".1.1", "L"};
    struct smt_slice digits;
    size_t where = find_number(site, &digits);

    if (where == SMT_MODEL_NONE) return false;
    if (smt_site_chance(site, 50))
        return smt_site_replace_text(site, where, smt_slice(digits.data, 0),
                                     SMT_SITE_ONE_OF(site, before));
    return smt_site_replace_text(site, where, smt_slice(digits.data + digits.size, 0),
                                 SMT_SITE_ONE_OF(site, behind));
}

/* A token drawn, in a text drawn. */
static size_t find_token(struct smt_mutation_site *site, struct smt_slice *ret_token)
{
    size_t where = smt_site_where(site);

    if (where == SMT_MODEL_NONE ||
        !smt_site_token(site, smt_model_text(site->model, where), ret_token))
        return SMT_MODEL_NONE;
    return where;
}

/* Repeats the token's own bytes, so that it stays a token, a number, ... */
bool smt_mutate_token_length(struct smt_mutation_site *site)
{
    struct smt_slice token;
    size_t where = find_token(site, &token), length = smt_site_length(site);
    struct smt_buffer *text = smt_site_text(site);

    if (where == SMT_MODEL_NONE) return false;
    while (text->size + token.size <= length && !text->failed)
        smt_buffer_add(text, token.data, token.size);
    smt_buffer_add(text, token.data, length - text->size);
    return smt_site_replace(site, where, token, smt_site_text_slice(site));
}

bool smt_mutate_token_replace(struct smt_mutation_site *site)
{
    struct smt_slice token;
    size_t where = find_token(site, &token);

    return where != SMT_MODEL_NONE &&
           smt_site_replace_text(site, where, token, smt_site_word(site));
}

bool smt_mutate_token_splice(struct smt_mutation_site *site)
{
    struct smt_slice token, other;
    size_t where = find_token(site, &token), from;

    if (where == SMT_MODEL_NONE || !site->other->header_count) return false;
    from = smt_site_draw(site, site->other->header_count);
    return smt_site_token(site, smt_model_text(site->other, from), &other) &&
           smt_site_replace(site, where, token, other);
}
