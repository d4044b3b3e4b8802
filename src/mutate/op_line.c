/* Operations on line ends, folds and blank lines. */
#include "mutate/operation.h"

static const char *const folds[] = {"\r\n ", "\r\n\t",     "\r\n  \t ", "\n ",   "\r ",
                                    "\n\t",  "\r\n \r\n ", "\r\r\n ",   "\n\r ", "\r\n \t\r\n\t"};
static const char *const ends[] = {"\r\n",  "\n",   "\r", "\n\r", "\r\r\n",       "\r\n\n", "",
                                   " \r\n", "\t\n", "\v", "\x85", "\xe2\x80\xa8", "\r\n\r"};
static const char *const tails[] = {
    "\r\n",       "\r\n\r\n", "\n",     "\r",       " ",       "\t",      " \t \t", "\r\n ",
    "\r\n \r\n ", "\r\n\t",   "\r \n ", "\n\n\n\n", "\r\n   ", "\r\n\t ", "\n \t ", "\r    "};

bool smt_mutate_line_fold(struct smt_mutation_site *site)
{
    size_t where = smt_site_header(site), at;
    struct smt_slice value = smt_model_text(site->model, where);
    struct smt_slice fold = smt_slice_text(SMT_SITE_ONE_OF(site, folds));
    const char *blank;

    at = smt_site_draw(site, value.size + 1);
    if (smt_site_chance(site, 70) && value.size) { /* at a blank, where it is harmless */
        blank = memchr(value.data + at, ' ', value.size - at);
        if (blank) return smt_site_replace(site, where, smt_slice(blank, 1), fold);
    }
    return smt_site_insert(site, where, at, fold);
}

/* The first fold of a value: line end and the blanks behind it. */
static bool find_fold(struct smt_slice value, struct smt_slice *ret_fold)
{
    size_t from = 0, to;

    while (from < value.size && value.data[from] != '\r' && value.data[from] != '\n') from++;
    if (from == value.size) return false;
    for (to = from; to < value.size && memchr("\r\n \t", value.data[to], 4);) to++;
    *ret_fold = smt_slice(value.data + from, to - from);
    return true;
}

bool smt_mutate_line_unfold(struct smt_mutation_site *site)
{
    size_t count = site->model->header_count, from = smt_site_header(site);
    struct smt_slice fold;

    for (size_t i = 0; i < count && i < 64; i++) {
        size_t index = (from + i) % count;

        if (find_fold(smt_model_text(site->model, index), &fold))
            return smt_site_replace_text(site, index, fold, smt_site_chance(site, 80) ? " " : "");
    }
    return false;
}

static bool set_end(struct smt_mutation_site *site, size_t index, struct smt_slice end)
{
    struct smt_model_header *header = &site->model->headers[index];

    return smt_model_set_header(site->model, index, smt_model_name(header),
                                smt_model_separator(header), smt_model_value(header), end);
}

bool smt_mutate_line_end(struct smt_mutation_site *site)
{
    struct smt_slice end = smt_slice_text(SMT_SITE_ONE_OF(site, ends));
    size_t index = smt_site_draw(site, site->model->header_count + 2);

    site->intents |= SMT_INTENT_BLANK;
    if (index < site->model->header_count) return set_end(site, index, end);
    if (index == site->model->header_count)
        site->model->start_end = end;
    else
        site->model->blank = end;
    return true;
}

bool smt_mutate_line_ends(struct smt_mutation_site *site)
{
    struct smt_slice end = smt_slice_text(ends[smt_site_draw(site, 5)]);
    struct smt_model *model = site->model;

    if (model->header_count > 4096) return false; /* a copy of each: keep it cheap */
    for (size_t i = 0; i < model->header_count; i++)
        if (!set_end(site, i, end)) return false;
    model->start_end = model->blank = end;
    site->intents |= SMT_INTENT_BLANK;
    return true;
}

bool smt_mutate_line_blank(struct smt_mutation_site *site)
{
    struct smt_model_header line = {.data = "\r\n", .end_size = 2};
    struct smt_model *model = site->model;

    site->intents |= SMT_INTENT_BLANK;
    switch (smt_site_draw(site, 3)) {
    case 0:
        if (!model->blank.size) return false;
        model->blank.size = 0;
        return true;
    case 1:
        model->blank = smt_slice("\r\n\r\n", 4);
        return true;
    default:
        return smt_model_insert_lines(model, smt_site_draw(site, model->header_count + 1), line, 1);
    }
}

bool smt_mutate_line_leading(struct smt_mutation_site *site)
{
    site->model->leading = smt_slice_text(SMT_SITE_ONE_OF(site, tails));
    return true;
}

bool smt_mutate_line_tail(struct smt_mutation_site *site)
{
    struct smt_slice body = site->model->body;

    site->intents |= smt_site_chance(site, 50) ? SMT_INTENT_LENGTH : 0;
    return smt_site_insert(site, SMT_MODEL_BODY, body.size,
                           smt_slice_text(SMT_SITE_ONE_OF(site, tails)));
}

/* Nothing follows a header line that has lost its end, or has gained blanks behind it. */
bool smt_mutate_line_cut(struct smt_mutation_site *site)
{
    struct smt_model *model = site->model;
    struct smt_slice value;
    size_t last;

    if (!model->header_count) return false;
    last = smt_site_header(site);
    value = smt_model_text(model, last);
    smt_model_delete_headers(model, last + 1, SIZE_MAX);
    model->blank = model->body = smt_slice("", 0);
    site->intents |= SMT_INTENT_BLANK | SMT_INTENT_LENGTH;
    if (smt_site_chance(site, 20)) return true;
    if (smt_site_chance(site, 40))
        return set_end(site, last, smt_slice_text(SMT_SITE_ONE_OF(site, tails)));
    return set_end(site, last, smt_slice("", 0)) &&
           (!value.size || smt_site_chance(site, 50) ||
            smt_model_shorten(model, last, smt_site_draw(site, value.size)));
}
