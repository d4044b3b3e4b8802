/* The core: draws operations, lets them edit the model, writes the result. */
#include <stdlib.h>

#include "mutate/operation.h"

#define STACK_MAX     8  /* operations in one mutation */
#define DRAWS_MAX     16 /* tries to find an operation that has something to do */
#define DESCRIBE_SIZE 320

struct smt_mutator {
    struct smt_model model;
    struct smt_model other;
    struct smt_model second; /* of a cross */
    struct smt_mutation_site site;
    const uint8_t *other_data;
    size_t other_bytes;
    bool other_is_parsed;
    uint8_t *bytes; /* result, while `out` is the input */
    size_t bytes_capacity;
    size_t picks_size;
    uint16_t *picks; /* row numbers, each as often as its weight says */
    const struct smt_mutation *done[STACK_MAX + 8];
    size_t done_count;
    char described[DESCRIBE_SIZE];
};

static bool mutator_fill_picks(struct smt_mutator *mutator)
{
    size_t total = 0, at = 0;

    for (const struct smt_mutation *row = smt_mutations; row->name; row++) total += row->weight;
    mutator->picks = malloc(total * sizeof *mutator->picks);
    if (!mutator->picks) return false;
    for (const struct smt_mutation *row = smt_mutations; row->name; row++)
        for (unsigned i = 0; i < row->weight; i++)
            mutator->picks[at++] = (uint16_t)(row - smt_mutations);
    mutator->picks_size = total;
    return true;
}

struct smt_mutator *smt_mutator_new(void)
{
    struct smt_mutator *mutator = calloc(1, sizeof *mutator);

    if (!mutator) return NULL;
    if (!mutator_fill_picks(mutator)) {
        free(mutator);
        return NULL;
    }
    mutator->site.model = &mutator->model;
    return mutator;
}

void smt_mutator_free(struct smt_mutator *mutator)
{
    if (!mutator) return;
    smt_model_clear(&mutator->model);
    smt_model_clear(&mutator->other);
    smt_model_clear(&mutator->second);
    smt_buffer_clear(&mutator->site.text);
    free(mutator->picks);
    free(mutator->bytes);
    free(mutator);
}

void smt_mutator_set_other(struct smt_mutator *mutator, const uint8_t *data, size_t size_bytes)
{
    mutator->other_data = data;
    mutator->other_bytes = size_bytes;
    mutator->other_is_parsed = false;
}

/* The message to splice from, split when first wanted; NULL when there is none. */
static const struct smt_model *mutator_other(struct smt_mutator *mutator)
{
    if (!mutator->other_bytes) return NULL;
    if (!mutator->other_is_parsed) {
        if (smt_model_parse(&mutator->other, (const char *)mutator->other_data,
                            mutator->other_bytes) != SMT_OK)
            mutator->other_bytes = 0;
        else
            smt_site_take_piece(&mutator->other,
                                smt_slice((const char *)mutator->other_data, mutator->other_bytes));
        mutator->other_is_parsed = true;
    }
    return mutator->other_bytes ? &mutator->other : NULL;
}

/* What the message has of what operations need. */
static unsigned site_has(const struct smt_mutation_site *site)
{
    const struct smt_model *model = site->model;
    struct smt_slice boundary;
    unsigned has = 0;

    if (model->start.size) has |= SMT_NEED_START;
    if (model->header_count) has |= SMT_NEED_HEADER;
    if (model->header_count > 1) has |= SMT_NEED_HEADERS;
    if (model->body.size) has |= SMT_NEED_BODY;
    if (smt_view_boundary(model, &boundary)) has |= SMT_NEED_MULTIPART;
    if (model->body.size > 1 && model->body.data[1] == '=') has |= SMT_NEED_SDP;
    if (site->other) has |= SMT_NEED_OTHER;
    if (!site->is_piece) has |= SMT_NEED_LINES;
    return has;
}

static bool mutator_load(struct smt_mutator *mutator, const uint8_t *data, size_t size_bytes,
                         uint64_t seed, size_t capacity_bytes)
{
    struct smt_mutation_site *site = &mutator->site;

    mutator->done_count = 0;
    if (smt_model_parse(&mutator->model, (const char *)data, size_bytes) != SMT_OK) return false;
    smt_random_init(&site->random, seed);
    site->other = mutator_other(mutator);
    site->is_piece =
        smt_site_take_piece(&mutator->model, smt_slice((const char *)data, size_bytes));
    site->intents = 0;
    site->focus = SMT_MODEL_NONE;
    site->room = capacity_bytes > size_bytes ? capacity_bytes - size_bytes : 0;
    smt_buffer_empty(&site->text);
    return true;
}

/* Runs a row; remembers it when it did something. */
static bool mutator_run(struct smt_mutator *mutator, const struct smt_mutation *row)
{
    if (!row->run(&mutator->site)) return false;
    if (mutator->done_count < sizeof mutator->done / sizeof *mutator->done)
        mutator->done[mutator->done_count++] = row;
    return true;
}

/* Draws rows until one does something. */
static void mutator_step(struct smt_mutator *mutator, size_t capacity_bytes)
{
    struct smt_mutation_site *site = &mutator->site;
    unsigned has = site_has(site);
    size_t size = smt_model_size(site->model);

    site->room = capacity_bytes > size ? capacity_bytes - size : 0;
    for (int i = 0; i < DRAWS_MAX; i++) {
        const struct smt_mutation *row =
            smt_mutations + mutator->picks[smt_site_draw(site, mutator->picks_size)];

        if ((row->needs & has) == row->needs && mutator_run(mutator, row)) return;
    }
}

static void mutator_fix(struct smt_mutator *mutator, bool all)
{
    unsigned has = site_has(&mutator->site);

    for (const struct smt_mutation *row = smt_mutation_fixups; row->name; row++)
        if ((row->needs & has) == row->needs &&
            (all || smt_site_chance(&mutator->site, row->weight)))
            mutator_run(mutator, row);
}

static size_t copy_input(const uint8_t *data, size_t size_bytes, uint8_t *out,
                         size_t capacity_bytes)
{
    if (size_bytes > capacity_bytes) size_bytes = capacity_bytes;
    if (size_bytes) memmove(out, data, size_bytes);
    return size_bytes;
}

/* Writes the model, by way of our own memory when `out` overlaps the input. */
static size_t mutator_write(struct smt_mutator *mutator, const uint8_t *data, size_t size_bytes,
                            uint8_t *out, size_t capacity_bytes)
{
    size_t size;

    if (mutator->model.failed || mutator->site.text.failed)
        return copy_input(data, size_bytes, out, capacity_bytes);
    if (out + capacity_bytes <= data || data + size_bytes <= out)
        return smt_model_write(&mutator->model, (char *)out, capacity_bytes);
    size = smt_model_size(&mutator->model);
    if (size > capacity_bytes) size = capacity_bytes;
    if (size > mutator->bytes_capacity) {
        uint8_t *bytes = realloc(mutator->bytes, size * 2);

        if (!bytes) return copy_input(data, size_bytes, out, capacity_bytes);
        mutator->bytes = bytes;
        mutator->bytes_capacity = size * 2;
    }
    size = smt_model_write(&mutator->model, (char *)mutator->bytes, size);
    if (size) memcpy(out, mutator->bytes, size);
    return size;
}

size_t smt_mutate(struct smt_mutator *mutator, const uint8_t *data, size_t size_bytes,
                  uint64_t seed, uint8_t *out, size_t capacity_bytes)
{
    size_t steps = 1;

    if (!mutator_load(mutator, data, size_bytes, seed, capacity_bytes))
        return copy_input(data, size_bytes, out, capacity_bytes);
    while (steps < STACK_MAX && smt_random_next(&mutator->site.random) >> 63) steps++;
    for (size_t i = 0; i < steps; i++) mutator_step(mutator, capacity_bytes);
    mutator_fix(mutator, false);
    return mutator_write(mutator, data, size_bytes, out, capacity_bytes);
}

size_t smt_mutate_with(struct smt_mutator *mutator, const struct smt_mutation *operation,
                       const uint8_t *data, size_t size_bytes, uint64_t seed, uint8_t *out,
                       size_t capacity_bytes)
{
    if (!mutator_load(mutator, data, size_bytes, seed, capacity_bytes))
        return copy_input(data, size_bytes, out, capacity_bytes);
    if ((operation->needs & site_has(&mutator->site)) == operation->needs)
        mutator_run(mutator, operation);
    return mutator_write(mutator, data, size_bytes, out, capacity_bytes);
}

/* A run of one message's headers, then a run of the other's, two or three times:
 * like a cross of chromosomes, so what belongs together mostly stays together. */
static void cross_headers(struct smt_mutation_site *site, const struct smt_model *second)
{
    struct smt_model *model = site->model;
    size_t cuts = 1 + smt_site_draw(site, 2);

    for (size_t i = 0; i < cuts; i++) {
        size_t at = smt_site_draw(site, model->header_count + 1);
        size_t gone = smt_site_draw(site, model->header_count - at + 1);
        size_t from = smt_site_draw(site, second->header_count);
        size_t taken = 1 + smt_site_draw(site, second->header_count - from);

        if (taken > 4096) taken = 4096; /* one by one into an array */
        smt_model_delete_headers(model, at, gone);
        for (size_t k = taken; k-- > 0;)
            smt_model_insert_lines(model, at, second->headers[from + k], 1);
    }
}

static size_t piece_where(const struct smt_model *piece)
{
    return piece->header_count ? 0 : SMT_MODEL_BODY;
}

/* From a delimiter of a piece on; where it is a body, from the start of a line on. */
static struct smt_slice piece_tail(struct smt_mutation_site *site, const struct smt_model *piece)
{
    size_t where = piece_where(piece);
    struct smt_slice text = smt_model_text(piece, where);
    const char *end = text.data + text.size, *cut = text.data;

    if (where == SMT_MODEL_BODY && text.size) {
        cut += smt_site_draw(site, text.size);
        cut = memchr(cut, '\n', (size_t)(end - cut));
        cut = cut ? cut + 1 : end;
    } else {
        smt_site_delimiter(site, text, &cut);
    }
    return smt_slice(cut, (size_t)(end - cut));
}

/* The first one up to a place, the other from one on. */
static void cross_pieces(struct smt_mutation_site *site, const struct smt_model *second)
{
    struct smt_slice gone = piece_tail(site, site->model), taken = piece_tail(site, second);

    smt_site_replace(site, piece_where(site->model), gone, taken);
}

static void cross_body(struct smt_mutation_site *site, const struct smt_model *second)
{
    struct smt_model *model = site->model;
    size_t type = smt_model_find(second, "Content-Type", 0);
    size_t own = smt_model_find(model, "Content-Type", 0);

    model->body = second->body;
    if (!model->blank.size) model->blank = smt_model_line_end(model);
    if (own != SMT_MODEL_NONE) smt_model_delete_headers(model, own, 1);
    if (type != SMT_MODEL_NONE)
        smt_model_insert_lines(model, model->header_count, second->headers[type], 1);
}

size_t smt_mutate_cross(struct smt_mutator *mutator, const uint8_t *first, size_t first_bytes,
                        const uint8_t *second, size_t second_bytes, uint64_t seed, uint8_t *out,
                        size_t capacity_bytes)
{
    struct smt_mutation_site *site = &mutator->site;
    struct smt_model *other = &mutator->second;

    if (!mutator_load(mutator, first, first_bytes, seed, capacity_bytes) ||
        smt_model_parse(other, (const char *)second, second_bytes) != SMT_OK)
        return copy_input(first, first_bytes, out, capacity_bytes);
    smt_site_take_piece(other, smt_slice((const char *)second, second_bytes));
    if (site->is_piece) {
        cross_pieces(site, other);
        return mutator_write(mutator, first, first_bytes, out, capacity_bytes);
    }
    if (smt_site_chance(site, 25)) site->model->start = other->start;
    if (other->header_count && smt_site_chance(site, 90)) cross_headers(site, other);
    if (smt_site_chance(site, 40)) cross_body(site, other);
    mutator_fix(mutator, false);
    return mutator_write(mutator, first, first_bytes, out, capacity_bytes);
}

size_t smt_mutate_fix(struct smt_mutator *mutator, const uint8_t *data, size_t size_bytes,
                      uint8_t *out, size_t capacity_bytes)
{
    if (!mutator_load(mutator, data, size_bytes, 0, capacity_bytes))
        return copy_input(data, size_bytes, out, capacity_bytes);
    mutator_fix(mutator, true);
    return mutator_write(mutator, data, size_bytes, out, capacity_bytes);
}

const char *smt_mutator_describe(struct smt_mutator *mutator)
{
    char *text = mutator->described;
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < mutator->done_count; i++) {
        size_t size = strlen(mutator->done[i]->name);

        if (at + size + 2 > DESCRIBE_SIZE) break;
        if (at) text[at++] = ',';
        memcpy(text + at, mutator->done[i]->name, size + 1);
        at += size;
    }
    return text;
}
