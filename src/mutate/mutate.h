/* mutate/mutate.h - front door of mutate/: changes SIP messages the way SIP
 * messages go wrong.
 *
 * One table of operations, each a small function on the tolerant model of
 * message/. A mutation is one to eight operations drawn by weight among those
 * the message has something for, then fix-ups (an exact Content-Length, a
 * boundary that agrees, ...), each with its own probability, so that most
 * results still reach the code behind the first checks.
 *
 * A target may read a piece of a message only. One line without an end that is no
 * start line is taken for a header's value, what begins like SDP for a body: they
 * get the operations of a value or a body, and no lines of a message around them.
 *
 * Everything is decided by the seed, the input and the message to splice from:
 * same three, same bytes, on every machine. Any bytes are a valid input. No
 * state is kept from one call to the next but memory, so that the usual call
 * allocates nothing. One mutator, one thread. Knows no engine: fuzz/ has the
 * faces for libFuzzer and AFL++, cli/ the one for the command line. */
#ifndef SMT_MUTATE_MUTATE_H
#define SMT_MUTATE_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct smt_mutator;

/* What an operation needs to find in the message, as bits. */
enum smt_mutation_need {
    SMT_NEED_START = 1u << 0,     /* a start line */
    SMT_NEED_HEADER = 1u << 1,    /* a header line */
    SMT_NEED_HEADERS = 1u << 2,   /* two of them */
    SMT_NEED_BODY = 1u << 3,      /* a body that is not empty */
    SMT_NEED_MULTIPART = 1u << 4, /* a multipart body with its boundary */
    SMT_NEED_SDP = 1u << 5,       /* a body that begins like SDP */
    SMT_NEED_OTHER = 1u << 6,     /* a message to splice from */
    SMT_NEED_LINES = 1u << 7,     /* a message or nothing yet, not one value or one body */
};

struct smt_mutation_site; /* mutate/operation.h */

/* A row: one operation, or one fix-up. */
struct smt_mutation {
    const char *name;    /* "header-duplicate": the group is in front of the dash */
    const char *summary; /* one line */
    unsigned weight;     /* operations: share among all; fix-ups: percent */
    unsigned needs;      /* enum smt_mutation_need; 0: nothing */
    /* Does it. False: found nothing to do, and changed nothing. */
    bool (*run)(struct smt_mutation_site *site);
};

/* The tables, ended by a row without a name. */
extern const struct smt_mutation smt_mutations[];
extern const struct smt_mutation smt_mutation_fixups[];

/* The operation called `name`, or NULL. */
const struct smt_mutation *smt_mutation_find(const char *name);

/* NULL when out of memory. Free accepts NULL. */
struct smt_mutator *smt_mutator_new(void);
void smt_mutator_free(struct smt_mutator *mutator);

/* The message that operations splice from; borrowed until the next call of this
 * function. size_bytes 0: there is none. */
void smt_mutator_set_other(struct smt_mutator *mutator, const uint8_t *data, size_t size_bytes);

/* Writes a mutation of `data` to `out` and returns its size, at most
 * capacity_bytes: a longer one is cut there. `out` may be `data` itself. When out
 * of memory the result is `data`. */
size_t smt_mutate(struct smt_mutator *mutator, const uint8_t *data, size_t size_bytes,
                  uint64_t seed, uint8_t *out, size_t capacity_bytes);

/* The same with exactly one operation and no fix-up. smt_mutator_describe() is
 * "" when it found nothing to do. */
size_t smt_mutate_with(struct smt_mutator *mutator, const struct smt_mutation *operation,
                       const uint8_t *data, size_t size_bytes, uint64_t seed, uint8_t *out,
                       size_t capacity_bytes);

/* A cross of two messages: start line, headers and body each from one or the
 * other, then fix-ups. */
size_t smt_mutate_cross(struct smt_mutator *mutator, const uint8_t *first, size_t first_bytes,
                        const uint8_t *second, size_t second_bytes, uint64_t seed, uint8_t *out,
                        size_t capacity_bytes);

/* Only the fix-ups, all that apply: what a message needs to be read to its end. */
size_t smt_mutate_fix(struct smt_mutator *mutator, const uint8_t *data, size_t size_bytes,
                      uint8_t *out, size_t capacity_bytes);

/* Names of what the last call did, comma separated; valid until the next call. */
const char *smt_mutator_describe(struct smt_mutator *mutator);

/* Makes a message smaller by its structure: headers in ever smaller groups, list
 * items, parameters, body parts, body lines, halves of values. The caller says
 * of each candidate whether it is as interesting as what it came from.
 *
 *     steps = smt_trim_start(trim, data, size);
 *     while (step < steps) { size = smt_trim_next(trim, &bytes); step = smt_trim_accept(trim, ok);
 * }
 */
struct smt_trim;

struct smt_trim *smt_trim_new(void);
void smt_trim_free(struct smt_trim *trim);

/* Takes a copy of the message. Returns the highest number of steps, 0 when there
 * is nothing to trim or no memory. */
size_t smt_trim_start(struct smt_trim *trim, const uint8_t *data, size_t size_bytes);

/* The next candidate, valid until the next call; smaller than the best so far,
 * or the best itself once nothing is left to try. */
size_t smt_trim_next(struct smt_trim *trim, const uint8_t **ret_bytes);

/* Returns the number of steps done: that of smt_trim_start() when all are. */
size_t smt_trim_accept(struct smt_trim *trim, bool is_good);

/* The smallest good message so far. */
size_t smt_trim_best(const struct smt_trim *trim, const uint8_t **ret_bytes);

#endif
