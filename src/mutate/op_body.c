/* Operations on Content-Length and bodies of any type; fix-ups. */
#include "mutate/operation.h"

#include <stdio.h>

static const char *const lengths[] = {"-1",
                                      "-0",
                                      "+0",
                                      "",
                                      " ",
                                      "4294967295",
                                      "4294967296",
                                      "2147483647",
                                      "2147483648",
                                      "-2147483648",
                                      "18446744073709551615",
                                      "65536",
                                      "0x10",
                                      "1e3",
                                      "0 0",
                                      "0,0",
                                      "00000000000000000000000000000000",
                                      "99999999",
                                      "18446744073709551616",
                                      "NaN",
                                      "1.0",
                                      "\"0\"",
                                      "0;x=y",
                                      "*"};

/* Content-Length becomes `value`; a new line when there is none. */
static bool set_length(struct smt_mutation_site *site, struct smt_slice value)
{
    struct smt_model *model = site->model;
    size_t index = smt_model_find(model, "Content-Length", 0);

    if (index != SMT_MODEL_NONE) return smt_model_set_text(model, index, value);
    return smt_model_insert_header(model, model->header_count, smt_slice_text("Content-Length"),
                                   value);
}

static bool set_length_number(struct smt_mutation_site *site, size_t number)
{
    char text[24];

    return set_length(site, smt_slice(text, (size_t)snprintf(text, sizeof text, "%zu", number)));
}

bool smt_mutate_length_exact(struct smt_mutation_site *site)
{
    if (smt_model_length_is_exact(site->model)) return false;
    return set_length_number(site, site->model->body.size);
}

bool smt_mutate_length_off(struct smt_mutation_site *site)
{
    static const size_t offsets[] = {1, 1, 1, 2, 2, 3, 4, 8, 16, 100};
    size_t size = site->model->body.size, offset = SMT_SITE_ONE_OF(site, offsets);

    site->intents |= SMT_INTENT_LENGTH;
    return set_length_number(site, smt_site_chance(site, 50) && offset <= size ? size - offset
                                                                               : size + offset);
}

bool smt_mutate_length_limit(struct smt_mutation_site *site)
{
    site->intents |= SMT_INTENT_LENGTH;
    return set_length(site, smt_slice_text(SMT_SITE_ONE_OF(site, lengths)));
}

bool smt_mutate_length_missing(struct smt_mutation_site *site)
{
    size_t index = smt_model_find(site->model, "Content-Length", 0);

    return index != SMT_MODEL_NONE && smt_model_delete_headers(site->model, index, 1);
}

bool smt_mutate_length_doubled(struct smt_mutation_site *site)
{
    static const char *const names[] = {"Content-Length", "l", "content-length", "L"};
    struct smt_model *model = site->model;
    const char *name = SMT_SITE_ONE_OF(site, names), *length = SMT_SITE_ONE_OF(site, lengths);

    if (smt_site_chance(site, 50)) site->intents |= SMT_INTENT_LENGTH;
    return smt_model_insert_header(model, smt_site_draw(site, model->header_count + 1),
                                   smt_slice_text(name), smt_slice_text(length));
}

bool smt_mutate_body_delete(struct smt_mutation_site *site)
{
    site->model->body = smt_slice("", 0);
    if (smt_site_chance(site, 30)) site->intents |= SMT_INTENT_LENGTH;
    return true;
}

bool smt_mutate_body_splice(struct smt_mutation_site *site)
{
    struct smt_model *model = site->model;
    size_t from = smt_model_find(site->other, "Content-Type", 0);
    size_t to = smt_model_find(model, "Content-Type", 0);

    if (!site->other->body.size) return false;
    model->body = site->other->body;
    if (from == SMT_MODEL_NONE) return true;
    if (to == SMT_MODEL_NONE)
        return smt_model_insert_lines(model, model->header_count, site->other->headers[from], 1);
    return smt_model_set_text(model, to, smt_model_text(site->other, from));
}

bool smt_mutate_body_nul(struct smt_mutation_site *site)
{
    static const uint8_t counts[] = {1, 1, 1, 2, 3, 8, 64};
    size_t at = smt_site_draw(site, site->model->body.size + 1);

    smt_site_text(site);
    smt_site_fill(site, SMT_SITE_ONE_OF(site, counts), '\0');
    return smt_site_insert(site, SMT_MODEL_BODY, at, smt_site_text_slice(site));
}

bool smt_mutate_body_8bit(struct smt_mutation_site *site)
{
    struct smt_slice body = site->model->body;
    size_t at = smt_site_draw(site, body.size), size = 1 + smt_site_draw(site, 8);
    char bytes[8];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(0x80 | smt_site_draw(site, 0x80));
    if (size > body.size - at) size = body.size - at;
    return smt_site_replace(site, SMT_MODEL_BODY, smt_slice(body.data + at, size),
                            smt_slice(bytes, size));
}

bool smt_mutate_body_cut(struct smt_mutation_site *site)
{
    struct smt_slice *body = &site->model->body;

    if (smt_site_chance(site, 40)) site->intents |= SMT_INTENT_LENGTH;
    body->size = smt_site_draw(site, body->size);
    return true;
}

bool smt_mutate_fix_length(struct smt_mutation_site *site)
{
    if (site->intents & SMT_INTENT_LENGTH) return false;
    if (smt_model_length_is_exact(site->model)) return false;
    return smt_model_fix_length(site->model);
}

bool smt_mutate_fix_blank(struct smt_mutation_site *site)
{
    if (site->intents & SMT_INTENT_BLANK || site->model->blank.size) return false;
    if (!site->model->header_count) return false;
    site->model->blank = smt_model_line_end(site->model);
    return true;
}

/* The body's first line that is "--" and something: the boundary it has. */
static bool body_boundary(struct smt_slice body, struct smt_slice *ret_boundary)
{
    struct smt_view_line line;
    size_t at = 0;

    for (int i = 0; i < 16 && smt_view_line(body, &at, &line); i++) {
        if (line.text.size < 3 || line.text.data[0] != '-' || line.text.data[1] != '-') continue;
        *ret_boundary = smt_slice(line.text.data + 2, line.text.size - 2);
        return true;
    }
    return false;
}

bool smt_mutate_fix_boundary(struct smt_mutation_site *site)
{
    struct smt_slice wanted, named;
    struct smt_view_part part;
    size_t at = 0, type;
    struct smt_buffer *text;

    if (site->intents & SMT_INTENT_BOUNDARY) return false;
    if (!smt_view_boundary(site->model, &named) || !body_boundary(site->model->body, &wanted))
        return false;
    if (smt_view_part(site->model->body, named, &at, &part)) return false;
    type = smt_model_find(site->model, "Content-Type", 0);
    text = smt_site_text(site);
    smt_buffer_add_text(text, "multipart/mixed;boundary=\"");
    smt_buffer_add(text, wanted.data, wanted.size);
    smt_buffer_add_text(text, "\"");
    return smt_model_set_text(site->model, type, smt_site_text_slice(site));
}

/* The first word of a request's start line, and what CSeq says. */
bool smt_mutate_fix_cseq(struct smt_mutation_site *site)
{
    struct smt_slice line = site->model->start, method = line, value, old;
    size_t index = smt_model_find(site->model, "CSeq", 0);
    const char *blank = line.size ? memchr(line.data, ' ', line.size) : NULL;

    if (site->intents & SMT_INTENT_CSEQ || index == SMT_MODEL_NONE || !blank) return false;
    if (line.size >= 4 && smt_view_is(smt_slice(line.data, 4), "SIP/")) return false;
    method.size = (size_t)(blank - line.data);
    value = smt_model_text(site->model, index);
    for (old = smt_slice(value.data + value.size, 0); old.data > value.data; old.data--, old.size++)
        if (old.data[-1] == ' ' || old.data[-1] == '\t') break;
    if (old.data == value.data) return false;
    if (old.size == method.size && memcmp(old.data, method.data, old.size) == 0) return false;
    return smt_site_replace(site, index, old, method);
}
