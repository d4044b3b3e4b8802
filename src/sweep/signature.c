/* sweep/signature.c - names instead of addresses: what makes two findings the
 * same one on any build. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sweep/inside.h"

/* Is the address in the tool itself, and the parser is not? Then the frame is
 * the adapter's, not the parser's. */
static bool frame_is_adapter(const struct smt_sweep *sweep, uintptr_t address)
{
    const char *tool = NULL, *parser = NULL, *here = NULL;

    if (!smt_symbol_module(address, NULL, &here)) return false;
    smt_symbol_module((uintptr_t)&frame_is_adapter, NULL, &tool);
    smt_symbol_module((uintptr_t)sweep->settings.worker.parser->anchor, NULL, &parser);
    return here && tool && parser && strcmp(here, tool) == 0 && strcmp(here, parser) != 0;
}

void smt_sweep_trace_build(const struct smt_sweep *sweep, const struct smt_stack *stack,
                           struct smt_trace *ret_trace)
{
    uint32_t depth = stack->depth;

    *ret_trace = (struct smt_trace){0};
    while (depth && frame_is_adapter(sweep, stack->frames[depth - 1])) depth--;
    if (!depth) return;
    ret_trace->frames = calloc(depth, sizeof *ret_trace->frames);
    if (!ret_trace->frames) return;
    ret_trace->count = depth;
    for (uint32_t i = 0; i < depth; i++)
        smt_symbol_frame(stack->frames[i], i == 0 && stack->exact_top, &ret_trace->frames[i]);
}

void smt_sweep_trace_clear(struct smt_trace *trace)
{
    free(trace->frames);
    *trace = (struct smt_trace){0};
}

void smt_trace_format(const struct smt_trace *trace, size_t most, struct smt_buffer *text)
{
    for (size_t i = 0; i < trace->count && (!most || i < most); i++)
        smt_buffer_addf(text, "%s%s", i ? " < " : "",
                        trace->frames[i].function ? trace->frames[i].function : "?");
}

/* The innermost frame inside the parser's own module; the innermost of all when
 * there is none. */
static const struct smt_frame *trace_parser_frame(const struct smt_sweep *sweep,
                                                  const struct smt_trace *trace)
{
    const char *module = NULL;

    smt_symbol_module((uintptr_t)sweep->settings.worker.parser->anchor, &module, NULL);
    for (size_t i = 0; module && i < trace->count; i++)
        if (trace->frames[i].module && strcmp(trace->frames[i].module, module) == 0)
            return &trace->frames[i];
    return trace->count ? &trace->frames[0] : NULL;
}

static uint64_t trace_hash(const struct smt_trace *trace, uint64_t hash)
{
    for (size_t i = 0; i < trace->count; i++) {
        const char *name = trace->frames[i].identity ? trace->frames[i].identity : "?";

        hash = XXH3_64bits_withSeed(name, strlen(name), hash);
    }
    return hash;
}

uint64_t smt_sweep_stack_loose_hash(const struct smt_sweep *sweep, const struct smt_stack *stack)
{
    struct smt_trace trace;
    uint64_t hash;

    smt_sweep_trace_build(sweep, stack, &trace);
    hash = trace_hash(&trace, 1);
    smt_sweep_trace_clear(&trace);
    return hash;
}

bool smt_sweep_verdict_has_place(enum smt_verdict verdict)
{
    return (SMT_VERDICT_BIT(CRASH) | SMT_VERDICT_BIT(HANG) | SMT_VERDICT_BIT(CORRUPT) |
            SMT_VERDICT_BIT(OVER_READ) | SMT_VERDICT_BIT(USE_AFTER_FREE) |
            SMT_VERDICT_BIT(BAD_FREE) | SMT_VERDICT_BIT(UNINITIALIZED)) &
           (1u << verdict);
}

bool smt_sweep_verdict_has_block(enum smt_verdict verdict)
{
    return (SMT_VERDICT_BIT(CORRUPT) | SMT_VERDICT_BIT(OVER_READ) |
            SMT_VERDICT_BIT(USE_AFTER_FREE) | SMT_VERDICT_BIT(BAD_FREE) | SMT_VERDICT_BIT(LEAK) |
            SMT_VERDICT_BIT(UNINITIALIZED)) &
           (1u << verdict);
}

static void signature_write(const char *parser, const char *verdict, uint64_t hash,
                            char *ret_signature)
{
    snprintf(ret_signature, SMT_SIGNATURE_BYTES, "%s/%s/%016llx", parser, verdict,
             (unsigned long long)hash);
}

void smt_signature_of_place(const char *parser, enum smt_verdict verdict, const char *place,
                            const char *owner, char *ret_signature)
{
    const char *name = smt_verdicts[verdict].name;
    uint64_t hash = XXH3_64bits_withSeed(place, strlen(place), XXH3_64bits(name, strlen(name)));

    if (owner) hash = XXH3_64bits_withSeed(owner, strlen(owner), hash + 1);
    signature_write(parser, name, hash, ret_signature);
}

/* Where a hang was interrupted, or a stack ended, is chance: it is shown and signs nothing. */
void smt_sweep_finding_sign(const struct smt_sweep *sweep, struct smt_finding *finding,
                            const char *place, bool is_chance)
{
    const struct smt_frame *failed = trace_parser_frame(sweep, &finding->failed_at);
    const char *verdict = smt_verdicts[finding->verdict].name;
    uint64_t hash = XXH3_64bits(verdict, strlen(verdict));

    hash = trace_hash(&finding->injected_at, hash);
    hash = trace_hash(&finding->second_at, hash);
    hash = XXH3_64bits_withSeed(place, strlen(place), hash);
    if (failed && failed->identity && !is_chance)
        hash = XXH3_64bits_withSeed(failed->identity, strlen(failed->identity), hash);
    if (finding->block_count && finding->verdict != SMT_VERDICT_BAD_FREE) {
        /* the function alone: what groups are made by, so that every show of a group agrees */
        const struct smt_frame *owner = trace_parser_frame(sweep, &finding->blocks[0].allocated_at);

        if (owner && owner->identity)
            hash = XXH3_64bits_withSeed(owner->identity, strlen(owner->identity), hash + 1);
    }
    signature_write(finding->parser, verdict, hash, finding->signature);
}

void smt_finding_clear(struct smt_finding *finding)
{
    smt_sweep_trace_clear(&finding->injected_at);
    smt_sweep_trace_clear(&finding->second_at);
    smt_sweep_trace_clear(&finding->failed_at);
    for (size_t i = 0; i < finding->block_count; i++) {
        smt_sweep_trace_clear(&finding->blocks[i].allocated_at);
        smt_sweep_trace_clear(&finding->blocks[i].freed_at);
    }
    free(finding->blocks);
    free(finding->message);
    free(finding->message_words);
    free(finding->mode);
    free(finding->replay);
    free(finding->replay_words);
    free(finding->summary);
    free(finding->clean_text);
    free(finding->run_text);
    smt_sweep_diff_clear(&finding->diff);
    *finding = (struct smt_finding){0};
}

int smt_finding_compare(const struct smt_finding *a, const struct smt_finding *b)
{
    if (a->verdict != b->verdict) return a->verdict < b->verdict ? -1 : 1;
    if (smt_diff_weight(&a->diff) != smt_diff_weight(&b->diff))
        return smt_diff_weight(&a->diff) > smt_diff_weight(&b->diff) ? -1 : 1;
    if (a->occurrences != b->occurrences) return a->occurrences > b->occurrences ? -1 : 1;
    return strcmp(a->signature, b->signature);
}
