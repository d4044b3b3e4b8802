/* Planted bugs that wait for a certain message: what a fuzzer has to find on
 * its own once X-Deep: 1 is there. */
#include "parser/selftest.h"

#include <string.h>

#define BUG(function)                                                                              \
    SMT_SELFTEST_KEEP int smt_selftest_bug_##function(struct smt_selftest_state *state,            \
                                                      const struct smt_parser_input *input)

/* A block of the size that most rows here misuse. */
static char *deep_block(size_t size_bytes)
{
    char *block = smt_selftest_hooks.malloc(size_bytes);

    if (block) memset(block, 'd', size_bytes);
    return block;
}

BUG(deep_part)
{
    (void)input;
    for (const struct smt_selftest_part *at = state->message->parts; at; at = at->next) {
        char *volatile freed;

        if (at->body.size_bytes < 4 || memcmp(at->body.data, "deep", 4) != 0) continue;
        freed = deep_block(32);
        if (!freed) return SMT_SELFTEST_NOMEM;
        smt_selftest_hooks.free(freed);
        SMT_SELFTEST_POKE(&freed[5]);
        break;
    }
    return SMT_SELFTEST_OK;
}

BUG(deep_length)
{
    char *block;

    (void)input;
    if (state->message->body.size_bytes != 77) return SMT_SELFTEST_OK;
    block = deep_block(77);
    if (!block) return SMT_SELFTEST_NOMEM;
    SMT_SELFTEST_POKE(&block[77]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

static bool has_long_fold(const struct smt_selftest_headers *headers)
{
    for (const struct smt_selftest_header *at = headers->first; at; at = at->next)
        if (at->folded && at->value.size_bytes > 20) return true;
    return false;
}

BUG(deep_fold)
{
    (void)input;
    for (const struct smt_selftest_part *at = state->message->parts; at; at = at->next) {
        char *volatile freed;

        if (!has_long_fold(&at->headers)) continue;
        freed = deep_block(24);
        if (!freed) return SMT_SELFTEST_NOMEM;
        smt_selftest_hooks.free(freed);
        smt_selftest_hooks.free(freed);
        break;
    }
    return SMT_SELFTEST_OK;
}

/* Copies into 40 bytes without asking; at most 9 too many, as overflow-far. */
BUG(deep_render)
{
    const struct smt_selftest_text *word = &state->message->start[1];
    size_t size = word->size_bytes < 49 ? word->size_bytes : 49;
    char *block;

    (void)input;
    if (size <= 40) return SMT_SELFTEST_OK;
    block = deep_block(40);
    if (!block) return SMT_SELFTEST_NOMEM;
    memcpy(block, word->data, size);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}
