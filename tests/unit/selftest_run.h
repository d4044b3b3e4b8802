/* What the tests of the parser with planted bugs share: one run, with a hash
 * of what it showed. The allocator comes from the test. */
#ifndef SELFTEST_RUN_H
#define SELFTEST_RUN_H

#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "parser/parser.h"
#include "parser/selftest.h"

/* One run: codes until the first error when `stop`, else all of them. */
struct selftest_run {
    int codes[SMT_OP_COUNT];
    int first_error;                    /* 0 when there was none */
    uint64_t shown;                     /* hash of all that operations showed, in order */
    uint64_t shown_by[SMT_OP_COUNT];    /* the same after each operation that succeeded */
    uint64_t attempts_by[SMT_OP_COUNT]; /* *attempts after it */
    bool contradicted;
};

struct hash_walk {
    struct smt_walk walk;
    uint64_t hash;
};

static inline void hash_add(struct smt_walk *walk, const void *bytes, size_t size_bytes)
{
    struct hash_walk *self = (struct hash_walk *)walk;

    self->hash = (self->hash ^ size_bytes) * 0x100000001B3ull;
    for (size_t i = 0; i < size_bytes; i++)
        self->hash = (self->hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001B3ull;
}

static inline void hash_enter(struct smt_walk *walk, const char *name, int index)
{
    hash_add(walk, name, strlen(name));
    hash_add(walk, &index, sizeof index);
}

static inline void hash_leave(struct smt_walk *walk)
{
    hash_add(walk, "<", 1);
}

static inline void hash_field(struct smt_walk *walk, const char *name, const void *bytes,
                              size_t size_bytes)
{
    hash_add(walk, name, strlen(name));
    hash_add(walk, bytes, size_bytes);
}

/* All operations and release; `stop`: the first error ends it. */
static inline struct selftest_run selftest_run_of(const struct smt_parser *parser,
                                                  const struct smt_parser_input *input, bool stop,
                                                  const uint64_t *attempts)
{
    struct hash_walk walk = {{hash_enter, hash_leave, hash_field}, 0xCBF29CE484222325ull};
    struct smt_selftest_state state = {0};
    struct selftest_run run = {.first_error = 0};

    for (int op = 0; op < SMT_OP_COUNT; op++) {
        int code = parser->ops[op].run(&state, input);

        run.codes[op] = code;
        if (code && !run.first_error) run.first_error = code;
        if (code && stop) break;
        if (code) continue;
        parser->ops[op].show(&state, &walk.walk);
        if (parser->ops[op].contradiction && parser->ops[op].contradiction(&state))
            run.contradicted = true;
        run.shown_by[op] = walk.hash;
        run.attempts_by[op] = *attempts;
    }
    parser->release(&state);
    run.shown = walk.hash;
    return run;
}

static inline struct selftest_run selftest_run(const struct smt_parser_input *input, bool stop,
                                               const uint64_t *attempts)
{
    return selftest_run_of(&smt_parser_selftest, input, stop, attempts);
}

#endif
