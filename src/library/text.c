/* library/text.c - a finding, as a person reads it. */
#include "library/inside.h"

#define FRAMES_MOST 5 /* of a stack, unless verbose */
#define BLOCKS_MOST 3 /* of a finding, unless verbose */
#define DIFFS_MOST  12

static void trace_add(const struct smt_trace *trace, bool verbose, struct smt_buffer *text)
{
    size_t most = verbose ? trace->count : FRAMES_MOST;

    for (size_t i = 0; i < trace->count && i < most; i++) {
        const struct smt_frame *frame = &trace->frames[i];

        smt_buffer_addf(text, "      #%-2zu %-30s ", i, frame->function ? frame->function : "?");
        if (frame->file)
            smt_buffer_addf(text, "%s:%d\n", frame->file, frame->line);
        else
            smt_buffer_addf(text, "%s+0x%llx\n", frame->module, (unsigned long long)frame->offset);
    }
    if (trace->count > most) smt_buffer_addf(text, "      ... and %zu more\n", trace->count - most);
}

static void stack_add(const char *heading, const struct smt_trace *trace, bool verbose,
                      struct smt_buffer *text)
{
    if (!trace->count) return;
    smt_buffer_addf(text, "   %s\n", heading);
    trace_add(trace, verbose, text);
}

static void block_add(const struct smt_finding_block *block, bool verbose, struct smt_buffer *text)
{
    smt_buffer_addf(text, "   block %llu (%zu byte%s)", (unsigned long long)block->allocation,
                    block->size_bytes, smt_number_ending(block->size_bytes));
    if (block->is_damaged)
        smt_buffer_addf(text, ": byte %+td is 0x%02x, was 0x%02x", block->bad_offset, block->found,
                        block->expected);
    else if (block->has_bad_offset)
        smt_buffer_addf(text, ": accessed at byte %+td", block->bad_offset);
    smt_buffer_add_text(text, block->allocated_at.count ? ", allocated:\n" : "\n");
    trace_add(&block->allocated_at, verbose, text);
    stack_add("released:", &block->freed_at, verbose, text);
}

static void blocks_add(const struct smt_finding *finding, bool verbose, struct smt_buffer *text)
{
    size_t most = verbose ? finding->block_count : BLOCKS_MOST;

    for (size_t i = 0; i < finding->block_count && i < most; i++)
        block_add(&finding->blocks[i], verbose, text);
    if (finding->block_count > most)
        smt_buffer_addf(text, "   ... and %zu more block%s\n", finding->block_count - most,
                        smt_number_ending(finding->block_count - most));
}

static void diffs_add(const struct smt_diff_list *diff, bool verbose, struct smt_buffer *text)
{
    static const char *const kinds[] = {
        [SMT_DIFF_LOST] = "lost", [SMT_DIFF_CHANGED] = "changed", [SMT_DIFF_GAINED] = "gained"};
    size_t most = verbose ? diff->count : DIFFS_MOST;

    for (size_t i = 0; i < diff->count && i < most; i++) {
        const struct smt_diff *one = &diff->items[i];

        smt_buffer_addf(text, "   %s: %s", kinds[one->kind], one->where);
        if (one->was) smt_buffer_addf(text, "%s \"%s\"", one->now ? ": was" : ":", one->was);
        if (one->now) smt_buffer_addf(text, "%s \"%s\"", one->was ? ", now" : ":", one->now);
        smt_buffer_add_text(text, "\n");
    }
    if (diff->count > most)
        smt_buffer_addf(text, "   ... and %zu more difference%s\n", diff->count - most,
                        smt_number_ending(diff->count - most));
}

void smt_library_text_finding_add(const struct smt_finding *finding, bool verbose,
                                  struct smt_buffer *text)
{
    smt_buffer_addf(text, "%s: %s, %llu time%s%s\n", finding->parser,
                    smt_verdicts[finding->verdict].name, (unsigned long long)finding->occurrences,
                    smt_number_ending(finding->occurrences), finding->is_known ? " (known)" : "");
    if (finding->summary && *finding->summary) smt_buffer_addf(text, "   %s\n", finding->summary);
    if (finding->mode)
        smt_buffer_addf(text, "   refused: allocation %llu (%s)\n",
                        (unsigned long long)finding->allocation, finding->mode);
    trace_add(&finding->injected_at, verbose, text);
    stack_add("refused again:", &finding->second_at, verbose, text);
    stack_add("failed:", &finding->failed_at, verbose, text);
    diffs_add(&finding->diff, verbose, text);
    blocks_add(finding, verbose, text);
    smt_buffer_addf(text, "   signature: %s\n   again: MEMTEST_REPLAY='%s'\n", finding->signature,
                    finding->replay ? finding->replay : "");
}
