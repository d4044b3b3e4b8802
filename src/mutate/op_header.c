/* Operations on header lines and comma lists. */
#include "mutate/operation.h"

static const char *const separators[] = {":",  " :",       " : ",       "\t:\t",  ":\r\n ",
                                         "::", ": :",      "",          " ",      ";",
                                         "=",  ": \t \t ", ":\xc2\xa0", "\r\n :", ":\v"};
static const char *const voids[] = {
    " ", "\t", "   \t", "\r\n ", " \r\n\t", "\r\n \r\n ", "\n ", "\r ", "\r\n  \r\n\t\r\n ", "\v"};
static const char *const list_gaps[] = {",", ",,", ", ,", ",\r\n ,", ",\t,,", " , "};

bool smt_mutate_header_duplicate(struct smt_mutation_site *site)
{
    size_t index = smt_site_header(site), to = smt_site_draw(site, site->model->header_count + 1);

    if (smt_site_chance(site, 50)) to = index + 1;
    site->focus = to;
    return smt_model_insert_lines(site->model, to, site->model->headers[index], 1);
}

bool smt_mutate_header_delete(struct smt_mutation_site *site)
{
    size_t count = smt_site_chance(site, 80) ? 1 : 1 + smt_site_draw(site, 4);

    return smt_model_delete_headers(site->model, smt_site_header(site), count);
}

bool smt_mutate_header_swap(struct smt_mutation_site *site)
{
    size_t a = smt_site_header(site), b = smt_site_draw(site, site->model->header_count);
    struct smt_model_header kept = site->model->headers[a];

    if (a == b) return false;
    site->model->headers[a] = site->model->headers[b];
    site->model->headers[b] = kept;
    return true;
}

bool smt_mutate_header_swap_values(struct smt_mutation_site *site)
{
    size_t a = smt_site_header(site), b = smt_site_draw(site, site->model->header_count);
    struct smt_slice kept = smt_model_text(site->model, a);

    return a != b && smt_model_set_text(site->model, a, smt_model_text(site->model, b)) &&
           smt_model_set_text(site->model, b, kept);
}

bool smt_mutate_header_splice(struct smt_mutation_site *site)
{
    const struct smt_model *other = site->other;
    size_t to = smt_site_draw(site, site->model->header_count + 1);

    if (!other->header_count) return false;
    site->focus = to;
    return smt_model_insert_lines(site->model, to,
                                  other->headers[smt_site_draw(site, other->header_count)], 1);
}

bool smt_mutate_header_add(struct smt_mutation_site *site)
{
    const struct smt_mutation_sample *sample = smt_site_sample(site);
    size_t to = smt_site_draw(site, site->model->header_count + 1);

    site->focus = to;
    return smt_model_insert_header(site->model, to, smt_slice_text(sample->name),
                                   smt_slice_text(sample->value));
}

/* The next header of the same name as `index`, in either spelling. */
static size_t next_of_name(const struct smt_model *model, size_t index)
{
    struct smt_slice name = smt_model_name(&model->headers[index]);
    char text[64];

    if (!name.size || name.size >= sizeof text || memchr(name.data, 0, name.size))
        return SMT_MODEL_NONE;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return smt_model_find(model, text, index + 1);
}

/* First header from a random one on that has another of its name behind it. */
static size_t find_twin(struct smt_mutation_site *site, size_t *ret_twin)
{
    size_t count = site->model->header_count, from = smt_site_header(site);

    for (size_t i = 0; i < count && i < 64; i++) {
        size_t index = (from + i) % count, twin = next_of_name(site->model, index);

        if (twin == SMT_MODEL_NONE) continue;
        *ret_twin = twin;
        return index;
    }
    return SMT_MODEL_NONE;
}

bool smt_mutate_header_merge(struct smt_mutation_site *site)
{
    struct smt_buffer *text = smt_site_text(site);
    size_t twin = 0, index = find_twin(site, &twin);
    struct smt_slice first, second;

    if (index == SMT_MODEL_NONE) return false;
    first = smt_model_text(site->model, index);
    second = smt_model_text(site->model, twin);
    smt_buffer_add(text, first.data, first.size);
    smt_buffer_add_text(text, SMT_SITE_ONE_OF(site, list_gaps));
    smt_buffer_add(text, second.data, second.size);
    return smt_model_set_text(site->model, index, smt_site_text_slice(site)) &&
           smt_model_delete_headers(site->model, twin, 1);
}

/* A header whose value has a comma outside quotes and <>, with one such item;
 * walks on from a random header. The first and the last item count too. */
static size_t find_list(struct smt_mutation_site *site, struct smt_slice *ret_item)
{
    size_t count = site->model->header_count, from = smt_site_draw(site, count);

    for (size_t i = 0; i < count && i < 64; i++) {
        size_t index = (from + i) % count, at = 0, items = 0;
        struct smt_slice value = smt_model_text(site->model, index), item;

        if (!value.size || !memchr(value.data, ',', value.size)) continue;
        while (items < 64 && smt_view_item(value, &at, &item))
            if (smt_site_draw(site, ++items) == 0 || items == 1) *ret_item = item;
        if (items > 1) return index;
    }
    return SMT_MODEL_NONE;
}

bool smt_mutate_header_split(struct smt_mutation_site *site)
{
    struct smt_model *model = site->model;
    struct smt_slice item, value, rest;
    size_t index = find_list(site, &item);

    if (index == SMT_MODEL_NONE) return false;
    value = smt_model_text(model, index);
    if (item.data + item.size == value.data + value.size) { /* the last: cut in front of it */
        rest = item;
        value.size -= item.size + 1;
    } else {
        rest = smt_slice(item.data + item.size + 1,
                         value.size - (size_t)(item.data + item.size + 1 - value.data));
        value.size = (size_t)(item.data + item.size - value.data);
    }
    return smt_model_insert_header(model, index + 1, smt_model_name(&model->headers[index]),
                                   smt_view_trim(rest)) &&
           smt_model_set_text(model, index, value);
}

/* Gives header `index` another name. */
static bool rename_header(struct smt_mutation_site *site, size_t index, struct smt_slice name)
{
    struct smt_model_header *header = &site->model->headers[index];

    return smt_model_set_header(site->model, index, name,
                                header->separator_size ? smt_model_separator(header)
                                                       : smt_slice(":", 1),
                                smt_model_value(header), smt_model_end(header));
}

bool smt_mutate_header_name_form(struct smt_mutation_site *site)
{
    size_t count = site->model->header_count, from = smt_site_header(site);

    for (size_t i = 0; i < count && i < 64; i++) {
        size_t index = (from + i) % count;
        struct smt_slice name = smt_view_other_name(smt_model_name(&site->model->headers[index]));

        if (name.size) return rename_header(site, index, name);
    }
    return false;
}

bool smt_mutate_header_name_case(struct smt_mutation_site *site)
{
    size_t index = smt_site_header(site), how = smt_site_draw(site, 3);
    struct smt_slice name = smt_model_name(&site->model->headers[index]);
    struct smt_buffer *text = smt_site_text(site);

    smt_buffer_add(text, name.data, name.size);
    if (!name.size || text->failed) return false;
    for (size_t i = 0; i < name.size; i++) {
        char *c = &text->data[i];
        bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');

        if (is_letter && (how < 2 || i % 2)) *c = (char)(how == 1 ? *c & ~0x20 : *c | 0x20);
    }
    if (memcmp(text->data, name.data, name.size) == 0) text->data[0] ^= 0x20;
    return rename_header(site, index, smt_site_text_slice(site));
}

bool smt_mutate_header_name_other(struct smt_mutation_site *site)
{
    size_t index = smt_site_header(site);

    return rename_header(site, index, smt_slice_text(smt_site_sample(site)->name));
}

bool smt_mutate_header_unknown(struct smt_mutation_site *site)
{
    smt_buffer_add_text(smt_site_text(site), "X-");
    if (smt_site_chance(site, 50)) smt_site_fill(site, smt_site_length(site), 'n');
    return rename_header(site, smt_site_header(site), smt_site_text_slice(site));
}

bool smt_mutate_header_separator(struct smt_mutation_site *site)
{
    size_t index = smt_site_header(site);
    struct smt_model_header *header = &site->model->headers[index];

    return smt_model_set_header(site->model, index, smt_model_name(header),
                                smt_slice_text(SMT_SITE_ONE_OF(site, separators)),
                                smt_model_value(header), smt_model_end(header));
}

bool smt_mutate_header_empty(struct smt_mutation_site *site)
{
    size_t index = smt_site_value(site);

    return index != SMT_MODEL_NONE && smt_model_set_text(site->model, index, smt_slice("", 0));
}

bool smt_mutate_header_blank(struct smt_mutation_site *site)
{
    size_t index = smt_site_header(site);

    return smt_model_set_text(site->model, index, smt_slice_text(SMT_SITE_ONE_OF(site, voids)));
}

/* Mostly tens, now and then as many as fit: a parser's limits are at 2^n too. */
bool smt_mutate_header_repeat(struct smt_mutation_site *site)
{
    size_t index = smt_site_header(site), count = smt_site_length(site);
    size_t fits = site->room / (smt_model_line_size(&site->model->headers[index]) + 1);

    if (smt_site_chance(site, 80)) count %= 64;
    if (count > fits) count = fits;
    if (count > 70000) count = 70000;
    return count && smt_model_insert_lines(site->model, index, site->model->headers[index], count);
}

bool smt_mutate_list_duplicate(struct smt_mutation_site *site)
{
    struct smt_slice item = {"", 0};
    size_t index = find_list(site, &item);
    struct smt_buffer *text = smt_site_text(site);

    if (index == SMT_MODEL_NONE) { /* a list of one: its only item */
        index = smt_site_value(site);
        if (index == SMT_MODEL_NONE) return false;
        item = smt_model_text(site->model, index);
    }
    smt_buffer_add(text, item.data, item.size);
    smt_buffer_add_text(text, ",");
    smt_buffer_add(text, item.data, item.size);
    return smt_site_replace(site, index, item, smt_site_text_slice(site));
}

bool smt_mutate_list_delete(struct smt_mutation_site *site)
{
    struct smt_slice item;
    size_t index = find_list(site, &item);

    if (index == SMT_MODEL_NONE) return false;
    if (item.data > smt_model_text(site->model, index).data)
        item.data--, item.size++;
    else
        item.size++;
    return smt_site_replace(site, index, item, smt_slice("", 0));
}

bool smt_mutate_list_empty(struct smt_mutation_site *site)
{
    struct smt_slice item = {"", 0};
    size_t index = find_list(site, &item);
    const char *gap = SMT_SITE_ONE_OF(site, list_gaps);

    if (index == SMT_MODEL_NONE) {
        index = smt_site_header(site);
        item = smt_model_text(site->model, index);
    }
    if (smt_site_chance(site, 50)) item.data += item.size;
    item.size = 0;
    return smt_site_replace(site, index, item, smt_slice_text(gap));
}
