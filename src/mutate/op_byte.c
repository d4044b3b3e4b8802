/* Operations on bytes, blind to what they mean. They work on what is not shared:
 * one text of the model, drawn by its share of the message. */
#include "mutate/operation.h"

static const char special[] = "\0\t\n\r \"%&'()*+,-./0:;<=>?@[\\]{|}~\x7f\x80\xff";

/* A text that has bytes; the whole header line counts, not only its value. */
static size_t find_text(struct smt_mutation_site *site, struct smt_slice *ret_text)
{
    for (int i = 0; i < 4; i++) {
        size_t where = smt_site_where(site);

        if (where == SMT_MODEL_NONE) continue;
        *ret_text = smt_model_text(site->model, where);
        if (ret_text->size) return where;
    }
    return SMT_MODEL_NONE;
}

/* Up to `most` bytes at a random place of a text. */
static size_t find_bytes(struct smt_mutation_site *site, size_t most, struct smt_slice *ret_bytes)
{
    struct smt_slice text;
    size_t where = find_text(site, &text), from, size;

    if (where == SMT_MODEL_NONE) return where;
    from = smt_site_draw(site, text.size);
    size = 1 + smt_site_draw(site, most);
    if (size > text.size - from) size = text.size - from;
    *ret_bytes = smt_slice(text.data + from, size);
    return where;
}

bool smt_mutate_byte_flip(struct smt_mutation_site *site)
{
    struct smt_slice bytes;
    size_t where = find_bytes(site, 1, &bytes);
    char byte;

    if (where == SMT_MODEL_NONE) return false;
    byte = (char)(*bytes.data ^ (1 << smt_site_draw(site, 8)));
    return smt_site_replace(site, where, bytes, smt_slice(&byte, 1));
}

bool smt_mutate_byte_set(struct smt_mutation_site *site)
{
    struct smt_slice bytes;
    size_t where = find_bytes(site, 1, &bytes);
    char byte = special[smt_site_draw(site, sizeof special - 1)];

    return where != SMT_MODEL_NONE && smt_site_replace(site, where, bytes, smt_slice(&byte, 1));
}

bool smt_mutate_byte_insert(struct smt_mutation_site *site)
{
    struct smt_slice bytes;
    size_t where = find_bytes(site, 1, &bytes);
    size_t count = smt_site_chance(site, 80) ? 1 : smt_site_length(site);

    if (where == SMT_MODEL_NONE) return false;
    smt_site_text(site);
    smt_site_fill(site, count, special[smt_site_draw(site, sizeof special - 1)]);
    bytes.size = 0;
    return smt_site_replace(site, where, bytes, smt_site_text_slice(site));
}

bool smt_mutate_byte_delete(struct smt_mutation_site *site)
{
    struct smt_slice bytes;
    size_t where = find_bytes(site, 16, &bytes);

    return where != SMT_MODEL_NONE && smt_site_replace(site, where, bytes, smt_slice("", 0));
}

bool smt_mutate_byte_copy(struct smt_mutation_site *site)
{
    struct smt_slice bytes, place;
    size_t where = find_bytes(site, 64, &bytes), to = find_bytes(site, 1, &place);

    if (where == SMT_MODEL_NONE || to == SMT_MODEL_NONE) return false;
    place.size = 0;
    return smt_site_replace(site, to, place, bytes);
}
