/* mutate/operation.h - what operations work on. Inside mutate/ only.
 *
 * A site is one mutation under way: the model of the message, the random
 * numbers, room left to grow. An operation reads the model through views, builds
 * new text in `text`, edits the model. It draws every choice from the site, and
 * never two in one argument list: C leaves their order to the compiler, and the
 * same seed would give other bytes. */
#ifndef SMT_MUTATE_OPERATION_H
#define SMT_MUTATE_OPERATION_H

#include <string.h>

#include "message/message.h"
#include "mutate/mutate.h"

/* What operations tell fix-ups: this was done on purpose, leave it. */
enum smt_mutation_intent {
    SMT_INTENT_LENGTH = 1u << 0,
    SMT_INTENT_BOUNDARY = 1u << 1,
    SMT_INTENT_BLANK = 1u << 2,
    SMT_INTENT_CSEQ = 1u << 3,
};

struct smt_mutation_site {
    struct smt_model *model;
    const struct smt_model *other; /* NULL when there is none */
    struct smt_random random;
    struct smt_buffer text; /* scratch; its memory is kept between calls */
    bool is_piece;          /* of a message: one header without a name, or a body */
    size_t room;            /* bytes the message may still grow by */
    unsigned intents;       /* enum smt_mutation_intent */
    size_t focus;           /* header worked on last in this mutation; may be none any more */
};

/* 0 .. below - 1; 0 when below is 0. A multiplication instead of the division
 * in smt_random_below(): the bias, under 2^-32 * below, does not matter here. */
static inline size_t smt_site_draw(struct smt_mutation_site *site, size_t below)
{
    return (size_t)(((unsigned __int128)smt_random_next(&site->random) * below) >> 64);
}

static inline bool smt_site_chance(struct smt_mutation_site *site, unsigned percent)
{
    return smt_site_draw(site, 100) < percent;
}

/* One of a table of texts. */
#define SMT_SITE_ONE_OF(site, table)                                                               \
    ((table)[smt_site_draw((site), sizeof(table) / sizeof *(table))])

/* A header at random; the model has at least one. Half of the time the one of
 * the operation before: what takes two changes to one header is found sooner. */
static inline size_t smt_site_header(struct smt_mutation_site *site)
{
    if (site->focus >= site->model->header_count || smt_site_chance(site, 50))
        site->focus = smt_site_draw(site, site->model->header_count);
    return site->focus;
}

/* Is what was parsed from these bytes a piece of a message? The model then has it as
 * the value of a header without a name, or as the body. */
bool smt_site_take_piece(struct smt_model *model, struct smt_slice bytes);

/* A header value with something in it, now and then the start line or the body;
 * SMT_MODEL_NONE when the text drawn is empty. */
size_t smt_site_where(struct smt_mutation_site *site);

/* A header value only. */
size_t smt_site_value(struct smt_mutation_site *site);

/* smt_model_splice() at a view of the text `where`. */
bool smt_site_replace(struct smt_mutation_site *site, size_t where, struct smt_slice view,
                      struct smt_slice with);
bool smt_site_replace_text(struct smt_mutation_site *site, size_t where, struct smt_slice view,
                           const char *with);

/* Inserts at an offset of the text `where`. */
bool smt_site_insert(struct smt_mutation_site *site, size_t where, size_t offset,
                     struct smt_slice what);

/* The scratch buffer, emptied. */
struct smt_buffer *smt_site_text(struct smt_mutation_site *site);
struct smt_slice smt_site_text_slice(const struct smt_mutation_site *site);

/* Adds `count` times the byte or text to the scratch. */
void smt_site_fill(struct smt_mutation_site *site, size_t count, char byte);

/* A length worth trying: a power of two ± 1 or a parser's buffer size ± 1, never
 * more than the room left (then what is left). */
size_t smt_site_length(struct smt_mutation_site *site);

/* A number worth trying, as text. */
const char *smt_site_number(struct smt_mutation_site *site);

/* The first run of digits from a random place of the text on; false when there
 * is none. */
bool smt_site_digits(struct smt_mutation_site *site, struct smt_slice text,
                     struct smt_slice *ret_digits);

/* The same for a run of token bytes (letters, digits, "-._"). */
bool smt_site_token(struct smt_mutation_site *site, struct smt_slice text,
                    struct smt_slice *ret_token);

/* The first delimiter from a random place of the text on, else the first of all: a
 * byte that ends one thing and begins another; false when there is none. */
bool smt_site_delimiter(struct smt_mutation_site *site, struct smt_slice text,
                        const char **ret_delimiter);

/* Is it one? */
bool smt_site_is_delimiter(char c);

/* A parameter at random in the text `where`; false when it has none. */
bool smt_site_parameter(struct smt_mutation_site *site, size_t where,
                        struct smt_view_parameter *ret_parameter);

/* A well-formed header with a value, from a built-in table. */
struct smt_mutation_sample {
    const char *name, *value;
};
const struct smt_mutation_sample *smt_site_sample(struct smt_mutation_site *site);

/* A word of the built-in dictionary. */
const char *smt_site_word(struct smt_mutation_site *site);

/* Their functions; a row each in operations.inc. */
#define OPERATION(name, weight, needs, function, summary) bool function(struct smt_mutation_site *);
#define FIXUP(name, weight, needs, function, summary)     bool function(struct smt_mutation_site *);
#include "mutate/operations.inc"
#undef OPERATION
#undef FIXUP

#endif
