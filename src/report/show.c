/* report/show.c - the words that all formats share. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "report/inside.h"

void smt_report_show_bytes(const char *bytes, struct smt_buffer *text)
{
    if (bytes) smt_buffer_add_escaped(text, bytes, strlen(bytes));
}

void smt_report_show_text(const char *escaped, struct smt_buffer *text)
{
    while (escaped && *escaped) {
        size_t plain = strcspn(escaped, "\\");

        smt_buffer_add_escaped(text, escaped, plain);
        escaped += plain;
        if (*escaped) smt_buffer_add(text, escaped++, 1);
    }
}

void smt_report_show_place(const struct smt_frame *frame, struct smt_buffer *text)
{
    smt_report_show_bytes(frame->file ? frame->file : frame->module ? frame->module : "?", text);
    if (frame->file && frame->line)
        smt_buffer_addf(text, ":%d", frame->line);
    else if (!frame->file)
        smt_buffer_addf(text, "+0x%llx", (unsigned long long)frame->offset);
}

void smt_report_show_function(const struct smt_frame *frame, struct smt_buffer *text)
{
    smt_report_show_bytes(frame->function ? frame->function : "?", text);
}

size_t smt_report_frames_alike(const struct smt_trace *trace, size_t at)
{
    size_t count = 1;

    while (at + count < trace->count &&
           trace->frames[at + count].offset == trace->frames[at].offset &&
           trace->frames[at + count].module == trace->frames[at].module)
        count++;
    return count;
}

void smt_report_show_counts(const uint64_t *counts, struct smt_buffer *text)
{
    const char *between = "";

    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++) {
        if (!counts[v]) continue;
        smt_buffer_addf(text, "%s%llu %s", between, (unsigned long long)counts[v],
                        smt_verdicts[v].name);
        between = ", ";
    }
    if (!*between) smt_buffer_add_text(text, "none");
}

void smt_report_show_verdicts(uint32_t set, struct smt_buffer *text)
{
    uint32_t defects = smt_verdict_defects(set);
    const char *between = "";

    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++) {
        if (!(defects & (1u << v))) continue;
        smt_buffer_add_text(text, between);
        for (const char *c = smt_verdicts[v].name; *c; c++)
            smt_buffer_addf(text, "%c", toupper((unsigned char)*c));
        between = ", ";
    }
}

void smt_report_show_mode(enum smt_mode mode, const struct smt_sweep_settings *settings,
                          struct smt_buffer *text)
{
    smt_buffer_add_text(text, smt_mode_name(mode));
    if (mode == SMT_MODE_WINDOW && settings)
        smt_buffer_addf(text, ":%llu", (unsigned long long)settings->window);
}

const char *smt_report_show_diff_kind(enum smt_diff_kind kind)
{
    static const char *const kinds[] = {"lost", "changed", "gained"};

    return kinds[kind];
}

static void show_quoted(const char *escaped, struct smt_buffer *text)
{
    smt_buffer_add_text(text, "\"");
    smt_report_show_text(escaped, text);
    smt_buffer_add_text(text, "\"");
}

void smt_report_show_diff(const struct smt_diff *diff, struct smt_buffer *text)
{
    smt_buffer_addf(text, "%s: ", smt_report_show_diff_kind(diff->kind));
    smt_report_show_text(diff->where, text);
    if (!diff->was && !diff->now) return;
    smt_buffer_add_text(text, ": ");
    if (diff->was) show_quoted(diff->was, text);
    if (diff->was && diff->now) smt_buffer_add_text(text, " -> ");
    if (diff->now) show_quoted(diff->now, text);
}

/* --- the replay command ------------------------------------------------------ */

static void replay_add(const struct smt_finding *finding, const char *options, const char *parser,
                       struct smt_buffer *text)
{
    const char *name = finding->message ? finding->message : "FILE";

    smt_buffer_addf(text, "sipmemtest %s", options);
    if (finding->parser && strcmp(finding->parser, smt_parsers[0]->name) != 0) {
        smt_buffer_add_text(text, "--parser ");
        smt_buffer_add_shell_word(text, parser);
        smt_buffer_add_text(text, " ");
    }
    smt_buffer_add_text(text, "--replay ");
    smt_buffer_add_shell_word(text, finding->replay ? finding->replay : "");
    smt_buffer_add_text(text, " ");
    if (finding->replay_words) smt_buffer_addf(text, "%s ", finding->replay_words);
    if (finding->message_words) {
        smt_buffer_add_text(text, finding->message_words);
        return;
    }
    if (name[0] == '-' && name[1]) smt_buffer_add_text(text, "./");
    smt_buffer_add_shell_word(text, name);
}

/* As --parser takes it. */
static const char *parser_of(const struct smt_finding *finding)
{
    return finding->parser ? smt_parser_argument(finding->parser) : "";
}

void smt_report_show_replay(const struct smt_finding *finding, struct smt_buffer *text)
{
    replay_add(finding, "", parser_of(finding), text);
}

void smt_report_show_replay_apart(const struct smt_finding *finding, struct smt_buffer *text)
{
    const char *parser = parser_of(finding);
    char *path = strchr(parser, '/') ? realpath(parser, NULL) : NULL;

    replay_add(finding, "", path ? path : parser, text);
    free(path);
}

bool smt_report_show_reader(const struct smt_finding *finding, struct smt_buffer *text)
{
    if (finding->verdict != SMT_VERDICT_UNINITIALIZED || finding->failed_at.count) return false;
    smt_buffer_add_text(text, "valgrind --track-origins=yes ");
    replay_add(finding, "--heap=libc --in-process ", parser_of(finding), text);
    return true;
}

/* --- blocks ------------------------------------------------------------------ */

void smt_report_show_block(const struct smt_finding_block *block, struct smt_buffer *text)
{
    smt_buffer_addf(text, "block %llu (", (unsigned long long)block->allocation);
    smt_report_show_count(block->size_bytes, "byte", text);
    smt_buffer_add_text(text, ")");
    if (block->is_damaged)
        smt_buffer_addf(text, ": byte %+td is 0x%02x, was 0x%02x", block->bad_offset, block->found,
                        block->expected);
    else if (block->has_bad_offset)
        smt_buffer_addf(text, ": accessed at byte %+td", block->bad_offset);
}

/* What stands in front of the byte at `offset`. A row is
 *
 *     +16  00 00 00 00 00 00 00 00|fd fd[41]fd fd  |............|
 */
static char hexdump_separator(const struct smt_finding_block *block, ptrdiff_t offset)
{
    if (block->has_bad_offset) {
        if (offset == block->bad_offset) return '[';
        if (offset == block->bad_offset + 1) return ']';
    }
    return offset == 0 || offset == (ptrdiff_t)block->size_bytes ? '|' : ' ';
}

static bool hexdump_has(const struct smt_finding_block *block, ptrdiff_t offset)
{
    return offset >= block->bytes_from && offset - block->bytes_from < (ptrdiff_t)block->byte_count;
}

static void hexdump_row(const struct smt_finding_block *block, ptrdiff_t row,
                        struct smt_buffer *text)
{
    smt_buffer_addf(text, "%+6td ", row);
    for (ptrdiff_t at = row; at < row + 16; at++) {
        if (hexdump_has(block, at))
            smt_buffer_addf(text, "%c%02x", hexdump_separator(block, at),
                            block->bytes[at - block->bytes_from]);
        else
            smt_buffer_addf(text, "%c  ",
                            hexdump_has(block, at - 1) ? hexdump_separator(block, at) : ' ');
    }
    smt_buffer_addf(text, "%c  ",
                    hexdump_has(block, row + 15) && //
                            hexdump_separator(block, row + 16) == ']'
                        ? ']'
                        : ' ');
    for (ptrdiff_t at = row; at < row + 16 && at < block->bytes_from + (ptrdiff_t)block->byte_count;
         at++) {
        unsigned char byte = hexdump_has(block, at) ? block->bytes[at - block->bytes_from] : ' ';

        smt_buffer_addf(text, "%c", byte < 0x20 || byte > 0x7E ? '.' : byte);
    }
    smt_buffer_add_text(text, "\n");
}

void smt_report_show_hexdump(const struct smt_finding_block *block, const char *indent,
                             struct smt_buffer *text)
{
    ptrdiff_t row = block->bytes_from - ((block->bytes_from % 16) + 16) % 16;

    for (; row < block->bytes_from + (ptrdiff_t)block->byte_count; row += 16) {
        smt_buffer_add_text(text, indent);
        hexdump_row(block, row, text);
    }
}

void smt_report_show_where(const struct smt_finding *finding, struct smt_buffer *text)
{
    const struct smt_trace *trace = &finding->failed_at;
    const char *word = "in ";

    if (!trace->count) {
        trace = &finding->injected_at;
        word = "refused in ";
    }
    if (!trace->count && finding->block_count) {
        trace = &finding->blocks[0].allocated_at;
        word = "allocated in ";
    }
    for (size_t i = 0; i < trace->count && i < 2; i++) {
        smt_buffer_add_text(text, i ? " < " : word);
        smt_report_show_function(&trace->frames[i], text);
    }
}

void smt_report_show_headline(const struct smt_finding *finding, struct smt_buffer *text)
{
    struct smt_buffer where;

    smt_buffer_add_text(text, smt_verdicts[finding->verdict].name);
    smt_buffer_add_text(text, ": ");
    smt_report_show_text(finding->summary && *finding->summary
                             ? finding->summary
                             : smt_verdicts[finding->verdict].text,
                         text);
    smt_buffer_init(&where);
    smt_report_show_where(finding, &where);
    if (where.size) smt_buffer_addf(text, ", %s", where.data);
    smt_buffer_clear(&where);
}

/* --- numbers and sentences --------------------------------------------------- */

void smt_report_show_times(uint64_t count, struct smt_buffer *text)
{
    if (count == 1)
        smt_buffer_add_text(text, "once");
    else
        smt_buffer_addf(text, "%llu times", (unsigned long long)count);
}

void smt_report_show_count(uint64_t count, const char *noun, struct smt_buffer *text)
{
    smt_buffer_addf(text, "%llu %s%s", (unsigned long long)count, noun, smt_number_ending(count));
}

void smt_report_show_truncation(const struct smt_summary *summary, size_t messages,
                                struct smt_buffer *text)
{
    if (!summary->truncated) return;
    smt_buffer_addf(text, "stopped early: %s",
                    summary->truncated_by ? summary->truncated_by : "reason unknown");
    if (messages)
        smt_buffer_addf(text, "; %zu of %zu message%s %s run", summary->messages, messages,
                        smt_number_ending(messages), messages == 1 ? "was" : "were");
    if (summary->skipped_injections) {
        smt_buffer_add_text(text, "; ");
        smt_report_show_count(summary->skipped_injections, "injection", text);
        smt_buffer_add_text(text, " left out");
    }
}

void smt_report_show_budget(const struct smt_summary *summary, struct smt_buffer *text)
{
    if (!summary->budget_spent) return;
    smt_buffer_add_text(text, "the budget ran out; ");
    smt_report_show_count(summary->skipped_injections, "injection", text);
    smt_buffer_add_text(text, " left out");
}

const struct smt_known_row *smt_report_fixed_next(const struct smt_sweep_settings *settings,
                                                  size_t *at)
{
    const struct smt_known *known = settings ? settings->known : NULL;

    while (known && *at < known->count) {
        const struct smt_known_row *row = &known->rows[(*at)++];

        if (!row->was_seen) return row;
    }
    return NULL;
}

void smt_report_show_known_row(const struct smt_known_row *row, struct smt_buffer *text)
{
    const char *at = row->line ? row->line : row->signature;

    for (;;) {
        size_t length = strcspn(at, "\t");

        smt_buffer_add_escaped(text, at, length);
        if (!at[length]) return;
        smt_buffer_add_text(text, "  ");
        at += length + 1;
    }
}
