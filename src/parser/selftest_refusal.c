/* Planted bugs that wait for a refused allocation: without one, each of these
 * does its work properly. */
#include "parser/selftest.h"

#include <string.h>

#define BUG(function)                                                                              \
    SMT_SELFTEST_KEEP int smt_selftest_bug_##function(struct smt_selftest_state *state,            \
                                                      const struct smt_parser_input *input)
#define UNUSED (void)state, (void)input

static bool poisoned;

void smt_selftest_refusal_init(void)
{
    poisoned = false;
}

static int planted_header(struct smt_selftest_state *state, const char *value)
{
    return smt_selftest_header_add(&state->message->headers, "X-Planted", 9, value, strlen(value));
}

BUG(swallowed_header)
{
    (void)input;
    (void)planted_header(state, "here");
    return SMT_SELFTEST_OK;
}

BUG(swallowed_body)
{
    struct smt_selftest_text *body = &state->message->body;
    char *copy = smt_selftest_hooks.malloc(body->size_bytes + 1);

    (void)input;
    if (!copy) {
        smt_selftest_text_clear(body);
        return SMT_SELFTEST_OK;
    }
    smt_selftest_hooks.free(copy);
    return SMT_SELFTEST_OK;
}

/* Both texts alike, or it would be a mismatch. */
BUG(swallowed_text)
{
    char *block = smt_selftest_hooks.malloc(24);

    (void)input;
    if (!block) {
        state->message_text.size_bytes /= 2;
        state->clone_text.size_bytes /= 2;
        return SMT_SELFTEST_OK;
    }
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(wrong_code)
{
    char *block = smt_selftest_hooks.malloc(24);

    UNUSED;
    if (!block) return SMT_SELFTEST_SYNTAX;
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(crash_unchecked)
{
    char *volatile block = smt_selftest_hooks.malloc(24);

    UNUSED;
    SMT_SELFTEST_POKE(&block[0]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(leak_on_error)
{
    char *block = smt_selftest_hooks.malloc(24), *second;

    UNUSED;
    if (!block) return SMT_SELFTEST_NOMEM;
    second = smt_selftest_hooks.malloc(16);
    if (!second) return SMT_SELFTEST_NOMEM;
    smt_selftest_hooks.free(second);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(double_free_on_error)
{
    char *volatile block = smt_selftest_hooks.malloc(24);
    char *second;

    UNUSED;
    if (!block) return SMT_SELFTEST_NOMEM;
    second = smt_selftest_hooks.malloc(16);
    if (second)
        smt_selftest_hooks.free(second);
    else
        smt_selftest_hooks.free(block);
    smt_selftest_hooks.free(block);
    return second ? SMT_SELFTEST_OK : SMT_SELFTEST_NOMEM;
}

BUG(hang_on_error)
{
    char *block;

    UNUSED;
    do block = smt_selftest_hooks.malloc(24);
    while (!block);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}

BUG(poison)
{
    char *block = smt_selftest_hooks.malloc(24);

    (void)input;
    if (!block) {
        poisoned = true;
        return SMT_SELFTEST_NOMEM;
    }
    smt_selftest_hooks.free(block);
    return poisoned ? SMT_SELFTEST_OK : planted_header(state, "unharmed");
}

BUG(benign)
{
    char *optional = smt_selftest_hooks.malloc(24);

    UNUSED;
    if (optional) smt_selftest_hooks.free(optional);
    return SMT_SELFTEST_OK;
}

BUG(use_after_free_on_error)
{
    char *volatile block = smt_selftest_hooks.malloc(24);
    char *second;

    UNUSED;
    if (!block) return SMT_SELFTEST_NOMEM;
    second = smt_selftest_hooks.malloc(16);
    smt_selftest_hooks.free(block);
    if (!second) {
        SMT_SELFTEST_POKE(&block[5]);
        return SMT_SELFTEST_NOMEM;
    }
    smt_selftest_hooks.free(second);
    return SMT_SELFTEST_OK;
}

BUG(uninitialized_on_error)
{
    char *block = smt_selftest_hooks.malloc(5), *second;
    int code;

    (void)input;
    if (!block) return SMT_SELFTEST_NOMEM;
    second = smt_selftest_hooks.malloc(16);
    if (second) {
        memcpy(block, "whole", 5);
        smt_selftest_hooks.free(second);
    }
    code = smt_selftest_header_add(&state->message->headers, "X-Planted", 9, block, 5);
    smt_selftest_hooks.free(block);
    return code;
}

BUG(corrupt_on_error)
{
    char *block = smt_selftest_hooks.malloc(13), *second;

    UNUSED;
    if (!block) return SMT_SELFTEST_NOMEM;
    second = smt_selftest_hooks.malloc(16);
    if (!second) SMT_SELFTEST_POKE(&block[13]);
    if (second) smt_selftest_hooks.free(second);
    smt_selftest_hooks.free(block);
    return second ? SMT_SELFTEST_OK : SMT_SELFTEST_NOMEM;
}

/* The checked allocation in between keeps a persistent refusal, and a window
 * of two, from getting to the crash. */
BUG(second_fault)
{
    char *block = smt_selftest_hooks.malloc(24), *report;
    char *volatile reason;

    UNUSED;
    if (block) {
        smt_selftest_hooks.free(block);
        return SMT_SELFTEST_OK;
    }
    report = smt_selftest_hooks.malloc(16);
    if (!report) return SMT_SELFTEST_NOMEM;
    reason = smt_selftest_hooks.malloc(8);
    SMT_SELFTEST_POKE(&reason[0]);
    smt_selftest_hooks.free(reason);
    smt_selftest_hooks.free(report);
    return SMT_SELFTEST_NOMEM;
}

/* Three in a row: refusing one or two of them does not get to the crash. */
BUG(persistent_only)
{
    char *volatile block = NULL;

    UNUSED;
    for (int attempt = 0; attempt < 3 && !block; attempt++) block = smt_selftest_hooks.malloc(24);
    SMT_SELFTEST_POKE(&block[0]);
    smt_selftest_hooks.free(block);
    return SMT_SELFTEST_OK;
}
