/* sweep/describe.c - makes a finding of what the replays gave: traces, blocks,
 * the sentence for people. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/inside.h"

#define SAME_ADDRESS_BELOW 0x500000000000u /* heap and messages lie below, in every process */

static const char *code_text(const struct smt_sweep *sweep, int code, char *text, size_t size)
{
    const struct smt_parser *parser = sweep->settings.worker.parser;
    const char *name = parser->code_name ? parser->code_name(code) : NULL;

    if (name)
        snprintf(text, size, "%s (%d)", name, code);
    else
        snprintf(text, size, "code %d", code);
    return text;
}

static const char *op_text(const struct smt_sweep *sweep, enum smt_op op)
{
    if (op == SMT_OP_PARSE && sweep->settings.function) return sweep->settings.function;
    return op < SMT_OP_COUNT ? smt_op_name(op) : "release";
}

/* An address that the next process would have elsewhere says nothing. */
static void address_text(uint64_t address, struct smt_buffer *text)
{
    const char *file = NULL;
    struct smt_frame frame;

    if (smt_symbol_module((uintptr_t)address, &file, NULL)) {
        smt_symbol_frame((uintptr_t)address, true, &frame);
        smt_buffer_addf(text, "%s+0x%llx", frame.module, (unsigned long long)frame.offset);
    } else if (address < SAME_ADDRESS_BELOW) {
        smt_buffer_addf(text, "0x%llx", (unsigned long long)address);
    } else {
        smt_buffer_add_text(text, "outside the heap and all modules");
    }
}

static void place_text(const struct smt_run_fault *fault, struct smt_buffer *text)
{
    const char *what = fault->place == SMT_PLACE_MESSAGE ? "the message" : "block";
    long long offset = fault->offset, size = (long long)fault->size_bytes;

    switch (fault->place) {
    case SMT_PLACE_BLOCK:
    case SMT_PLACE_MESSAGE:
        if (offset < 0)
            smt_buffer_addf(text, "%lld byte%s before ", -offset,
                            smt_number_ending((uint64_t)-offset));
        else if (offset >= size)
            smt_buffer_addf(text, "%lld byte%s past the end of ", offset - size,
                            smt_number_ending((uint64_t)(offset - size)));
        else
            smt_buffer_addf(text, "at byte %lld of ", offset);
        if (fault->place == SMT_PLACE_BLOCK)
            smt_buffer_addf(text, "%s %llu (%lld byte%s)", what, (unsigned long long)fault->attempt,
                            size, smt_number_ending(fault->size_bytes));
        else
            smt_buffer_addf(text, "%s (%lld byte%s)", what, size,
                            smt_number_ending(fault->size_bytes));
        return;
    case SMT_PLACE_NULL:
        smt_buffer_addf(text, "through a null pointer (address 0x%llx)",
                        (unsigned long long)fault->address);
        return;
    case SMT_PLACE_STACK:
        smt_buffer_add_text(text, "beyond the end of the stack");
        return;
    default:
        smt_buffer_add_text(text, "at address ");
        address_text(fault->address, text);
    }
}

static void fault_text(const struct smt_sweep *sweep, const struct smt_run_fault *fault,
                       struct smt_buffer *text)
{
    const char *what = sweep->settings.function ? sweep->settings.function : "the parser";

    if (fault->exited) {
        smt_buffer_addf(text, "%s calls exit(%d)", what, fault->code);
        return;
    }
    if (fault->signal == SIGABRT) {
        smt_buffer_addf(text, "%s calls abort()", what);
        return;
    }
    if (fault->signal != SIGSEGV && fault->signal != SIGBUS) {
        smt_buffer_addf(text, "signal %d (%s)", fault->signal, strsignal(fault->signal));
        return;
    }
    if (fault->holds_fill || fault->holds_poison) {
        smt_buffer_addf(text, "uses a pointer read from %s",
                        fault->holds_fill ? "memory never written" : "a released block");
        return;
    }
    smt_buffer_add_text(text, fault->is_write ? "writes " : "reads ");
    place_text(fault, text);
}

static void damage_text(const struct smt_run_damage *damage, struct smt_buffer *text)
{
    long long offset = damage->offset, size = (long long)damage->size_bytes;

    if (damage->after_free)
        smt_buffer_addf(text, "byte %lld of released", offset);
    else if (offset < 0)
        smt_buffer_addf(text, "byte %lld before", -offset);
    else
        smt_buffer_addf(text, "byte %lld past the end of", offset - size + 1);
    smt_buffer_addf(text, " block %llu (%lld byte%s) was written: 0x%02x, was 0x%02x",
                    (unsigned long long)damage->attempt, size,
                    smt_number_ending(damage->size_bytes), damage->found, damage->expected);
}

static void bad_address_text(uint64_t address, struct smt_buffer *text)
{
    smt_buffer_add_text(text, "address ");
    address_text(address, text);
    smt_buffer_add_text(text, " is ");
}

static void bad_free_text(const struct smt_heap_stats *heap, struct smt_buffer *text)
{
    static const char *const kinds[] = {"", "released twice", "released though it is no block",
                                        "released from its middle"};

    if (heap->bad_free_attempt)
        smt_buffer_addf(text, "block %llu is ", (unsigned long long)heap->bad_free_attempt);
    else
        bad_address_text(heap->bad_free_address, text);
    smt_buffer_add_text(text, kinds[heap->bad_free]);
}

static void swallowed_text(const struct smt_sweep *sweep, const struct explained *explained,
                           struct smt_buffer *text)
{
    static const char *const kinds[] = {"lost", "changed", "gained"};
    unsigned ops = explained->result.differing_ops;
    const struct smt_diff *worst = NULL;

    for (size_t i = 0; i < explained->diff.count; i++)
        if (!worst || explained->diff.items[i].weight > worst->weight)
            worst = &explained->diff.items[i];
    smt_buffer_addf(text, "%s reports success, ",
                    op_text(sweep, ops ? (enum smt_op)__builtin_ctz(ops) : SMT_OP_COUNT));
    if (!worst)
        smt_buffer_add_text(text, "the result differs");
    else
        smt_buffer_addf(text, "%s: %s", kinds[worst->kind], worst->where);
    if (explained->diff.count > 1)
        smt_buffer_addf(text, " and %zu more", explained->diff.count - 1);
}

static void wrong_code_text(const struct smt_sweep *sweep, const struct smt_run_result *result,
                            struct smt_buffer *text)
{
    char code[80];

    if (result->failed_op == SMT_OP_COUNT) return;
    smt_buffer_addf(text, "%s returns %s instead of out of memory",
                    op_text(sweep, result->failed_op),
                    code_text(sweep, result->codes[result->failed_op], code, sizeof code));
}

static void unexpected_text(const struct smt_sweep *sweep, const struct explained *explained,
                            struct smt_buffer *text)
{
    bool accepted = explained->result.codes[SMT_OP_PARSE] == 0;
    char code[80];

    if (accepted)
        smt_buffer_add_text(text, "is accepted; the manifest says reject");
    else
        smt_buffer_addf(text, "is rejected with %s; the manifest says accept",
                        code_text(sweep, explained->result.codes[SMT_OP_PARSE], code, sizeof code));
}

static void summary_text(const struct smt_sweep *sweep, const struct explained *explained,
                         struct smt_buffer *text)
{
    const struct smt_run_result *result = &explained->result;

    switch (explained->group->key.verdict) {
    case SMT_VERDICT_CRASH:
    case SMT_VERDICT_OVER_READ:
        fault_text(sweep, &result->fault, text);
        break;
    case SMT_VERDICT_HANG:
        smt_buffer_addf(text, "%s does not end within the limit", op_text(sweep, result->last_op));
        break;
    case SMT_VERDICT_CORRUPT:
    case SMT_VERDICT_USE_AFTER_FREE:
        if (result->fault.signal)
            fault_text(sweep, &result->fault, text);
        else
            damage_text(&result->damage, text);
        break;
    case SMT_VERDICT_BAD_FREE:
        bad_free_text(&result->heap, text);
        break;
    case SMT_VERDICT_LEAK:
        smt_buffer_addf(
            text, "%llu block%s, %llu byte%s, left after release",
            (unsigned long long)result->leak.blocks, smt_number_ending(result->leak.blocks),
            (unsigned long long)result->leak.bytes, smt_number_ending(result->leak.bytes));
        break;
    case SMT_VERDICT_UNINITIALIZED:
        if (result->fault.signal)
            fault_text(sweep, &result->fault, text);
        else
            smt_buffer_add_text(text, "the result changes with what fresh memory holds");
        break;
    case SMT_VERDICT_MISMATCH:
        smt_buffer_add_text(text, result->contradiction ? result->contradiction : "");
        break;
    case SMT_VERDICT_UNEXPECTED:
        unexpected_text(sweep, explained, text);
        break;
    case SMT_VERDICT_SWALLOWED:
        swallowed_text(sweep, explained, text);
        break;
    case SMT_VERDICT_WRONG_CODE:
        wrong_code_text(sweep, result, text);
        break;
    case SMT_VERDICT_POISONED:
        smt_buffer_add_text(text, "afterwards a clean run gives another result");
        break;
    case SMT_VERDICT_NONDETERMINISTIC:
        smt_buffer_add_text(text, "the same run makes other allocations than before");
        break;
    default:
        break;
    }
}

/* What the signature says of the place beside the failing function. */
static void place_name(const struct smt_sweep *sweep, const struct explained *explained,
                       struct smt_buffer *text)
{
    const struct smt_run_result *result = &explained->result;
    char code[80];

    switch (explained->group->key.verdict) {
    case SMT_VERDICT_CRASH:
        smt_buffer_add_text(text, result->fault.exited ? "exit" : "");
        break;
    case SMT_VERDICT_SWALLOWED:
        if (result->differing_ops)
            smt_buffer_add_text(text,
                                op_text(sweep, (enum smt_op)__builtin_ctz(result->differing_ops)));
        break;
    case SMT_VERDICT_WRONG_CODE:
        if (result->failed_op != SMT_OP_COUNT)
            smt_buffer_addf(text, "%s %s", op_text(sweep, result->failed_op),
                            code_text(sweep, result->codes[result->failed_op], code, sizeof code));
        break;
    case SMT_VERDICT_MISMATCH:
        smt_buffer_add_text(text, result->contradiction ? result->contradiction : "");
        break;
    case SMT_VERDICT_HANG:
        smt_buffer_add_text(text, op_text(sweep, result->last_op));
        break;
    case SMT_VERDICT_UNEXPECTED:
        smt_buffer_add_text(text, sweep->messages->items[explained->group->message].name);
        break;
    default:
        break;
    }
}

static void block_build(const struct smt_sweep *sweep, const struct explained *explained,
                        const struct smt_block_evidence *seen, struct smt_finding_block *block)
{
    const struct smt_run_damage *damage = &explained->result.damage;
    const struct smt_run_fault *fault = &explained->result.fault;

    block->allocation = seen->attempt;
    block->size_bytes = seen->size_bytes;
    smt_sweep_trace_build(sweep, &seen->allocated_at, &block->allocated_at);
    if (seen->was_freed) smt_sweep_trace_build(sweep, &seen->freed_at, &block->freed_at);
    block->bytes_from = seen->bytes_from;
    block->byte_count = seen->byte_count;
    memcpy(block->bytes, seen->bytes, sizeof block->bytes);
    if (damage->count && damage->attempt == seen->attempt) {
        block->is_damaged = block->has_bad_offset = true;
        block->bad_offset = damage->offset;
        block->last_bad_offset = damage->last_offset;
        block->expected = damage->expected;
        block->found = damage->found;
    } else if (fault->place == SMT_PLACE_BLOCK && fault->attempt == seen->attempt) {
        block->has_bad_offset = true;
        block->bad_offset = block->last_bad_offset = fault->offset;
    }
}

static bool blocks_build(const struct smt_sweep *sweep, const struct explained *explained,
                         struct smt_finding *finding)
{
    finding->blocks = calloc(SMT_WATCH_MAX, sizeof *finding->blocks);
    if (!finding->blocks) return false;
    for (size_t i = 0; i < SMT_WATCH_MAX; i++)
        if (explained->evidence.blocks[i].attempt)
            block_build(sweep, explained, &explained->evidence.blocks[i],
                        &finding->blocks[finding->block_count++]);
    return true;
}

static void traces_build(const struct smt_sweep *sweep, const struct explained *explained,
                         struct smt_finding *finding)
{
    const struct smt_evidence *evidence = &explained->evidence;
    const struct site *site = explained->group->is_clean_run
                                  ? NULL
                                  : smt_sweep_site_of(sweep, explained->group->allocation);

    if (site)
        smt_sweep_trace_build(sweep, &site->stack, &finding->injected_at);
    else if (evidence->refused_count)
        smt_sweep_trace_build(sweep, &evidence->refused_at[0], &finding->injected_at);
    if (explained->group->mode == SMT_MODE_DOUBLE && evidence->refused_count > 1)
        smt_sweep_trace_build(sweep, &evidence->refused_at[1], &finding->second_at);
    if (evidence->has_failed_at && smt_sweep_verdict_has_place(finding->verdict))
        smt_sweep_trace_build(sweep, &evidence->failed_at, &finding->failed_at);
}

static char *text_copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

enum smt_status smt_sweep_finding_build(struct smt_sweep *sweep, struct explained *explained,
                                        struct smt_finding *ret_finding)
{
    const struct group *group = explained->group;
    const struct smt_message *message = &sweep->messages->items[group->message];
    struct smt_finding finding = {.verdict = (enum smt_verdict)group->key.verdict};
    struct smt_buffer summary, place, token;
    enum smt_status status;

    smt_buffer_init(&summary);
    smt_buffer_init(&place);
    smt_buffer_init(&token);
    finding.parser = sweep->settings.worker.parser->name;
    finding.message = strdup(message->name);
    finding.message_words = text_copy(message->words);
    finding.replay_words = text_copy(sweep->settings.replay_words);
    finding.message_bytes = message->size_bytes;
    finding.message_index = group->message + 1;
    finding.mode = group->is_clean_run ? NULL : strdup(smt_mode_name(group->mode));
    finding.allocation = group->is_clean_run ? 0 : group->allocation;
    finding.occurrences = group->occurrences;
    finding.leaked_blocks = explained->result.leak.blocks;
    finding.leaked_bytes = explained->result.leak.bytes;
    finding.is_unconfirmed = !explained->is_confirmed;
    summary_text(sweep, explained, &summary);
    place_name(sweep, explained, &place);
    finding.diff = explained->diff;
    explained->diff = (struct smt_diff_list){0};
    finding.clean_text = explained->clean_text;
    finding.run_text = explained->run_text;
    explained->clean_text = explained->run_text = NULL;
    traces_build(sweep, explained, &finding);
    status = blocks_build(sweep, explained, &finding)
                 ? SMT_OK
                 : smt_fail(SMT_ENOMEM, "out of memory for a finding");
    if (status == SMT_OK) status = smt_sweep_token_format(sweep, group, &token);
    smt_sweep_finding_sign(sweep, &finding, place.data ? place.data : "",
                           finding.verdict == SMT_VERDICT_HANG ||
                               explained->result.fault.place == SMT_PLACE_STACK);
    finding.summary = smt_buffer_take(&summary);
    finding.replay = smt_buffer_take(&token);
    smt_buffer_clear(&place);
    *ret_finding = finding;
    return status;
}
