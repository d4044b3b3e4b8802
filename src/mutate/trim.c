/* Makes a message smaller by its structure.
 *
 * Stages go from coarse to fine. A stage tries its edits by number; after one
 * that was good the same number is tried again, since the next element has
 * moved there, after a bad one the next number. */
#include <stdlib.h>

#include "mutate/operation.h"

#define STEPS_MAX 4096 /* an engine runs the target once a step */
#define PASSES    2    /* what a late stage took away may have been what held the rest */

struct smt_trim {
    struct smt_model model;
    uint8_t *best, *candidate;
    size_t best_bytes, candidate_bytes;
    size_t pass;
    bool has_progressed; /* in this pass */
    size_t stage;
    size_t number; /* of the edit within the stage */
    size_t outer;  /* header looked at, in stages that go through headers */
    size_t steps;
    size_t steps_max;
    bool length_is_exact; /* so it is kept exact */
};

enum trim_answer {
    TRIM_NO, /* no edit of this number or a later one: the stage is over */
    TRIM_DONE
};

/* Headers in groups of 1/2, 1/4, ... of what is there, then one by one. */
static enum trim_answer trim_header_group(struct smt_trim *trim, unsigned share)
{
    size_t size = trim->model.header_count / share;

    if (size < 2) return TRIM_NO;
    return smt_model_delete_headers(&trim->model, trim->number * size, size) ? TRIM_DONE : TRIM_NO;
}

static enum trim_answer trim_headers_2(struct smt_trim *trim)
{
    return trim_header_group(trim, 2);
}

static enum trim_answer trim_headers_8(struct smt_trim *trim)
{
    return trim_header_group(trim, 8);
}

static enum trim_answer trim_body(struct smt_trim *trim)
{
    if (trim->number || !trim->model.body.size) return TRIM_NO;
    trim->model.body.size = 0;
    return TRIM_DONE;
}

static enum trim_answer trim_part(struct smt_trim *trim)
{
    return smt_model_delete_part(&trim->model, trim->number) ? TRIM_DONE : TRIM_NO;
}

static enum trim_answer trim_header(struct smt_trim *trim)
{
    return smt_model_delete_headers(&trim->model, trim->number, 1) ? TRIM_DONE : TRIM_NO;
}

static enum trim_answer trim_body_line(struct smt_trim *trim)
{
    return smt_model_delete_body_line(&trim->model, trim->number) ? TRIM_DONE : TRIM_NO;
}

/* An edit for each header: when this one has no more, the next. */
static enum trim_answer trim_each(struct smt_trim *trim,
                                  bool (*edit)(struct smt_model *, size_t, size_t))
{
    for (; trim->outer < trim->model.header_count; trim->outer++, trim->number = 0)
        if (edit(&trim->model, trim->outer, trim->number)) return TRIM_DONE;
    return TRIM_NO;
}

/* A list of one item is a value: that is for trim_half(). */
static bool edit_item(struct smt_model *model, size_t where, size_t number)
{
    struct smt_slice text = smt_model_text(model, where), item;
    size_t at = 0;

    return smt_view_item(text, &at, &item) && item.size < text.size &&
           smt_model_delete_item(model, where, number);
}

static enum trim_answer trim_item(struct smt_trim *trim)
{
    return trim_each(trim, edit_item);
}

static enum trim_answer trim_parameter(struct smt_trim *trim)
{
    return trim_each(trim, smt_model_delete_parameter);
}

/* Values of one byte are passed over here, not by the caller, which would split
 * the message anew for each. */
static enum trim_answer trim_half(struct smt_trim *trim)
{
    for (; trim->number < trim->model.header_count; trim->number++) {
        size_t size = smt_model_text(&trim->model, trim->number).size;

        if (size > 1 && smt_model_shorten(&trim->model, trim->number, size / 2)) return TRIM_DONE;
    }
    return TRIM_NO;
}

static enum trim_answer (*const stages[])(struct smt_trim *) = {
    trim_headers_2, trim_body,      trim_headers_8, trim_part, trim_header,
    trim_body_line, trim_parameter, trim_item,      trim_half};

#define STAGE_COUNT (sizeof stages / sizeof *stages)

struct smt_trim *smt_trim_new(void)
{
    return calloc(1, sizeof(struct smt_trim));
}

static void trim_empty(struct smt_trim *trim)
{
    free(trim->best);
    free(trim->candidate);
    trim->best = trim->candidate = NULL;
    trim->best_bytes = trim->candidate_bytes = 0;
    trim->pass = 0;
    trim->has_progressed = false;
    trim->stage = trim->number = trim->outer = trim->steps = trim->steps_max = 0;
}

void smt_trim_free(struct smt_trim *trim)
{
    if (!trim) return;
    smt_model_clear(&trim->model);
    trim_empty(trim);
    free(trim);
}

static bool trim_parse(struct smt_trim *trim)
{
    return smt_model_parse(&trim->model, (const char *)trim->best, trim->best_bytes) == SMT_OK;
}

size_t smt_trim_start(struct smt_trim *trim, const uint8_t *data, size_t size_bytes)
{
    trim_empty(trim);
    if (size_bytes < 2) return 0;
    trim->best = malloc(size_bytes);
    /* exact lengths may become longer by a digit; +32 is for that */
    trim->candidate = malloc(size_bytes + 32);
    if (!trim->best || !trim->candidate) {
        trim_empty(trim);
        return 0;
    }
    memcpy(trim->best, data, size_bytes);
    trim->best_bytes = size_bytes;
    if (!trim_parse(trim)) {
        trim_empty(trim);
        return 0;
    }
    trim->length_is_exact = smt_model_length_is_exact(&trim->model);
    trim->steps_max = STEPS_MAX;
    return trim->steps_max;
}

/* To the next stage, or once more from the first. */
static void trim_advance(struct smt_trim *trim)
{
    trim->number = trim->outer = 0;
    if (++trim->stage < STAGE_COUNT || !trim->has_progressed || ++trim->pass == PASSES) return;
    trim->has_progressed = false;
    trim->stage = 0;
}

/* The next edit that makes the message smaller; false when there is none left. */
static bool trim_edit(struct smt_trim *trim)
{
    while (trim->stage < STAGE_COUNT && trim_parse(trim)) {
        enum trim_answer answer = stages[trim->stage](trim);

        if (answer == TRIM_NO) {
            trim_advance(trim);
            continue;
        }
        if (trim->length_is_exact) smt_model_fix_length(&trim->model);
        if (!trim->model.failed && smt_model_size(&trim->model) < trim->best_bytes) return true;
        trim->number++;
    }
    return false;
}

size_t smt_trim_next(struct smt_trim *trim, const uint8_t **ret_bytes)
{
    if (!trim_edit(trim)) {
        trim->steps = trim->steps_max;
        return smt_trim_best(trim, ret_bytes);
    }
    trim->candidate_bytes =
        smt_model_write(&trim->model, (char *)trim->candidate, trim->best_bytes);
    *ret_bytes = trim->candidate;
    return trim->candidate_bytes;
}

size_t smt_trim_accept(struct smt_trim *trim, bool is_good)
{
    if (trim->steps >= trim->steps_max) return trim->steps_max;
    if (is_good && trim->candidate_bytes) {
        memcpy(trim->best, trim->candidate, trim->candidate_bytes);
        trim->best_bytes = trim->candidate_bytes;
        trim->has_progressed = true;
    } else {
        trim->number++;
    }
    return ++trim->steps;
}

size_t smt_trim_best(const struct smt_trim *trim, const uint8_t **ret_bytes)
{
    *ret_bytes = trim->best;
    return trim->best_bytes;
}
