/* report/json.c - JSON lines: the contract other programs rely on.
 *
 * One object a line, flushed at once, so that a run that was killed leaves what
 * it had. Keys are in a fixed order; nothing but `seconds` and the `run` line
 * depends on machine or time. Absent is what is unknown or does not apply. */
#include <stdlib.h>

#include "report/json.h"
#include "report/json_value.h"

struct json_report {
    struct report_sink base;
    const struct smt_sweep_settings *settings; /* NULL when unknown */
};

/* --- pieces ------------------------------------------------------------------ */

static json_t *frame_json(const struct smt_frame *frame)
{
    json_t *object = json_object();
    char offset[32];

    snprintf(offset, sizeof offset, "0x%llx", (unsigned long long)frame->offset);
    if (frame->module) json_object_set_new(object, "module", smt_report_value_bytes(frame->module));
    json_object_set_new(object, "offset", json_string(offset));
    if (frame->function)
        json_object_set_new(object, "function", smt_report_value_bytes(frame->function));
    if (frame->file) json_object_set_new(object, "file", smt_report_value_bytes(frame->file));
    if (frame->file && frame->line > 0)
        json_object_set_new(object, "line", json_integer(frame->line));
    return object;
}

static json_t *trace_json(const struct smt_trace *trace)
{
    json_t *array = json_array();

    for (size_t i = 0; i < trace->count; i++)
        json_array_append_new(array, frame_json(&trace->frames[i]));
    return array;
}

/* {"leak":24,...}: what is not 0, worst first. */
static json_t *counts_json(const uint64_t *counts)
{
    json_t *object = json_object();

    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (counts[v])
            json_object_set_new(object, smt_verdicts[v].name, smt_report_value_number(counts[v]));
    return object;
}

static json_t *verdicts_json(uint32_t set)
{
    json_t *array = json_array();

    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        if (set & (1u << v)) json_array_append_new(array, json_string(smt_verdicts[v].name));
    return array;
}

/* {"transient":31,...} */
static json_t *modes_json(const uint64_t *refused)
{
    json_t *object = json_object();

    for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++)
        if (refused[mode])
            json_object_set_new(object, smt_mode_name(mode),
                                smt_report_value_number(refused[mode]));
    return object;
}

static json_t *line_new(const char *type)
{
    json_t *line = json_object();

    json_object_set_new(line, "type", json_string(type));
    return line;
}

static void line_write(struct smt_sink *sink, json_t *line)
{
    struct report_sink *report = (struct report_sink *)sink;
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

    if (text) {
        fputs(text, report->out);
        putc('\n', report->out);
        fflush(report->out);
    } else {
        report->out_of_memory = true;
    }
    free(text);
    json_decref(line);
}

/* --- lines ------------------------------------------------------------------- */

static void run_line(struct smt_sink *sink, const struct smt_sweep_run *run)
{
    ((struct json_report *)sink)->settings = run->settings;
    line_write(sink, smt_report_json_run(run));
}

static json_t *baseline_json(const struct smt_message_report *message)
{
    const struct smt_run_result *baseline = message->baseline;
    json_t *object = json_object(), *codes = json_object();

    json_object_set_new(object, "code", json_integer(baseline->codes[SMT_OP_PARSE]));
    json_object_set_new(object, "accepted", json_boolean(message->accepted));
    if (baseline->fault.signal || baseline->fault.exited ||
        baseline->verdicts & SMT_VERDICT_BIT(HANG))
        json_object_set_new(object, "unfinished", json_true());
    for (unsigned op = 0; op < SMT_OP_COUNT; op++)
        if (baseline->ops_done & (1u << op))
            json_object_set_new(codes, smt_op_name(op), json_integer(baseline->codes[op]));
    json_object_set_new(object, "codes", codes);
    json_object_set_new(object, "allocations", smt_report_value_number(baseline->heap.attempts));
    return object;
}

json_t *smt_report_json_message(const struct smt_message_report *message)
{
    json_t *line = line_new("message");

    json_object_set_new(line, "index", smt_report_value_number(message->index));
    json_object_set_new(line, "name", smt_report_value_bytes(message->name));
    json_object_set_new(line, "bytes", smt_report_value_number(message->bytes));
    if (message->baseline) json_object_set_new(line, "baseline", baseline_json(message));
    json_object_set_new(line, "verdicts", verdicts_json(message->verdicts));
    json_object_set_new(line, "runs", smt_report_value_number(message->runs));
    if (message->repeat_cut) json_object_set_new(line, "repeat_cut", json_true());
    if (message->cached_blocks)
        json_object_set_new(line, "cached_blocks", smt_report_value_number(message->cached_blocks));
    return line;
}

static void message_line(struct smt_sink *sink, const struct smt_message_report *message)
{
    line_write(sink, smt_report_json_message(message));
}

json_t *smt_report_json_mode(const struct smt_mode_report *mode)
{
    json_t *line = line_new("mode");

    json_object_set_new(line, "index", smt_report_value_number(mode->index));
    json_object_set_new(line, "mode", json_string(smt_mode_name(mode->mode)));
    json_object_set_new(line, "allocations", smt_report_value_number(mode->allocations));
    json_object_set_new(line, "injections", smt_report_value_number(mode->injections));
    json_object_set_new(line, "skipped", smt_report_value_number(mode->skipped));
    json_object_set_new(line, "signs", json_string(mode->sign_map ? mode->sign_map : mode->signs));
    json_object_set_new(line, "verdicts", counts_json(mode->counts));
    return line;
}

static void mode_line(struct smt_sink *sink, const struct smt_mode_report *mode)
{
    line_write(sink, smt_report_json_mode(mode));
}

static json_t *block_json(const struct smt_finding_block *block)
{
    json_t *object = json_object();
    char hex[2 * SMT_HEXDUMP_BYTES + 1] = "";

    for (size_t i = 0; i < block->byte_count && i < SMT_HEXDUMP_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", block->bytes[i]);
    json_object_set_new(object, "allocation", smt_report_value_number(block->allocation));
    json_object_set_new(object, "size", smt_report_value_number(block->size_bytes));
    json_object_set_new(object, "allocated_at", trace_json(&block->allocated_at));
    if (block->freed_at.count)
        json_object_set_new(object, "freed_at", trace_json(&block->freed_at));
    if (block->has_bad_offset)
        json_object_set_new(object, "bad_offset", json_integer(block->bad_offset));
    if (block->is_damaged) {
        json_object_set_new(object, "last_bad_offset", json_integer(block->last_bad_offset));
        json_object_set_new(object, "expected", json_integer(block->expected));
        json_object_set_new(object, "found", json_integer(block->found));
    }
    json_object_set_new(object, "hex", json_string(hex));
    json_object_set_new(object, "hex_offset", json_integer(block->bytes_from));
    return object;
}

static json_t *diff_json(const struct smt_diff *diff)
{
    json_t *object = json_object();

    json_object_set_new(object, "kind", json_string(smt_report_show_diff_kind(diff->kind)));
    json_object_set_new(object, "where", smt_report_value_text(diff->where));
    if (diff->was) json_object_set_new(object, "was", smt_report_value_text(diff->was));
    if (diff->now) json_object_set_new(object, "now", smt_report_value_text(diff->now));
    json_object_set_new(object, "weight", json_integer(diff->weight));
    return object;
}

/* What the contract does not name comes last. */
static void finding_extras(json_t *line, const struct smt_finding *finding)
{
    json_object_set_new(line, "summary", smt_report_value_text(finding->summary));
    if (finding->second_at.count)
        json_object_set_new(line, "second_at", trace_json(&finding->second_at));
    if (finding->leaked_blocks) {
        json_object_set_new(line, "leaked_blocks", smt_report_value_number(finding->leaked_blocks));
        json_object_set_new(line, "leaked_bytes", smt_report_value_number(finding->leaked_bytes));
    }
    if (finding->replay_words)
        json_object_set_new(line, "replay_words", smt_report_value_text(finding->replay_words));
    if (finding->message_words)
        json_object_set_new(line, "message_words", smt_report_value_text(finding->message_words));
    json_object_set_new(line, "message_index", smt_report_value_number(finding->message_index));
    json_object_set_new(line, "message_bytes", smt_report_value_number(finding->message_bytes));
    if (finding->clean_text)
        json_object_set_new(line, "clean_text", json_string(finding->clean_text));
    if (finding->run_text) json_object_set_new(line, "run_text", json_string(finding->run_text));
    json_object_set_new(line, "known", json_boolean(finding->is_known));
    if (finding->is_unconfirmed) json_object_set_new(line, "unconfirmed", json_true());
}

json_t *smt_report_json_finding(const struct smt_finding *finding)
{
    json_t *line = line_new("finding"), *blocks = json_array(), *diff = json_array();

    json_object_set_new(line, "signature", smt_report_value_bytes(finding->signature));
    json_object_set_new(line, "verdict", json_string(smt_verdicts[finding->verdict].name));
    json_object_set_new(line, "message", smt_report_value_bytes(finding->message));
    json_object_set_new(line, "parser", smt_report_value_bytes(finding->parser));
    if (finding->mode) {
        json_object_set_new(line, "mode", smt_report_value_bytes(finding->mode));
        json_object_set_new(line, "allocation", smt_report_value_number(finding->allocation));
    }
    json_object_set_new(line, "occurrences", smt_report_value_number(finding->occurrences));
    json_object_set_new(line, "replay", smt_report_value_text(finding->replay));
    if (finding->mode) json_object_set_new(line, "injected_at", trace_json(&finding->injected_at));
    json_object_set_new(line, "failed_at", trace_json(&finding->failed_at));
    for (size_t i = 0; i < finding->block_count; i++)
        json_array_append_new(blocks, block_json(&finding->blocks[i]));
    json_object_set_new(line, "blocks", blocks);
    for (size_t i = 0; i < finding->diff.count; i++)
        json_array_append_new(diff, diff_json(&finding->diff.items[i]));
    json_object_set_new(line, "diff", diff);
    finding_extras(line, finding);
    return line;
}

static void finding_line(struct smt_sink *sink, const struct smt_finding *finding)
{
    line_write(sink, smt_report_json_finding(finding));
}

json_t *smt_report_json_unusable(const struct smt_unusable_report *unusable)
{
    json_t *line = line_new("unusable");

    json_object_set_new(line, "index", smt_report_value_number(unusable->index));
    json_object_set_new(line, "message", smt_report_value_bytes(unusable->name));
    json_object_set_new(line, "why", smt_report_value_bytes(unusable->why));
    return line;
}

static void unusable_line(struct smt_sink *sink, const struct smt_unusable_report *unusable)
{
    line_write(sink, smt_report_json_unusable(unusable));
}

json_t *smt_report_json_site(const struct smt_site_report *site)
{
    json_t *line = line_new("site");
    char hash[20];

    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)site->hash);
    json_object_set_new(line, "site", json_string(hash));
    json_object_set_new(line, "seen", smt_report_value_number(site->seen));
    json_object_set_new(line, "refused", modes_json(site->refused));
    if (site->trace.count) json_object_set_new(line, "at", trace_json(&site->trace));
    return line;
}

static void site_line(struct smt_sink *sink, const struct smt_site_report *site)
{
    line_write(sink, smt_report_json_site(site));
}

static json_t *coverage_json(const struct smt_summary *summary)
{
    json_t *object = json_object();
    uint64_t refused[SMT_MODE_COUNT];

    for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++)
        refused[mode] = summary->sites_refused[mode];
    json_object_set_new(object, "seen", smt_report_value_number(summary->sites));
    json_object_set_new(object, "refused", modes_json(refused));
    return object;
}

/* Signatures of known findings that were not seen. */
static json_t *fixed_json(const struct smt_sweep_settings *settings)
{
    json_t *array = json_array();
    size_t at = 0;

    for (const struct smt_known_row *row; (row = smt_report_fixed_next(settings, &at));)
        json_array_append_new(array, smt_report_value_bytes(row->signature));
    return array;
}

json_t *smt_report_json_summary(const struct smt_summary *summary,
                                const struct smt_sweep_settings *settings)
{
    json_t *line = line_new("summary");

    json_object_set_new(line, "messages", smt_report_value_number(summary->messages));
    json_object_set_new(line, "injections", smt_report_value_number(summary->injections));
    json_object_set_new(line, "verdicts", counts_json(summary->verdicts));
    json_object_set_new(line, "verdicts_all", counts_json(summary->verdicts_all));
    json_object_set_new(line, "clean_runs", smt_report_value_number(summary->clean_runs));
    json_object_set_new(line, "unique_findings", smt_report_value_number(summary->findings));
    json_object_set_new(line, "new_findings", smt_report_value_number(summary->new_findings));
    json_object_set_new(line, "known_findings", smt_report_value_number(summary->known_findings));
    json_object_set_new(line, "fixed_findings", smt_report_value_number(summary->fixed_findings));
    if (summary->fixed_findings) json_object_set_new(line, "fixed", fixed_json(settings));
    json_object_set_new(line, "unusable_inputs", smt_report_value_number(summary->unusable_inputs));
    json_object_set_new(line, "unsound_messages",
                        smt_report_value_number(summary->unsound_messages));
    json_object_set_new(line, "sites", coverage_json(summary));
    json_object_set_new(line, "truncated", json_boolean(summary->truncated));
    if (summary->truncated)
        json_object_set_new(line, "truncated_by", smt_report_value_text(summary->truncated_by));
    json_object_set_new(line, "budget_spent", json_boolean(summary->budget_spent));
    json_object_set_new(line, "skipped_injections",
                        smt_report_value_number(summary->skipped_injections));
    json_object_set_new(line, "seconds", json_real(summary->seconds));
    return line;
}

static void summary_line(struct smt_sink *sink, const struct smt_summary *summary)
{
    line_write(sink, smt_report_json_summary(summary, ((struct json_report *)sink)->settings));
}

const struct smt_report_format smt_report_json = {
    .name = "json",
    .summary = "JSON lines, for programs and for merge",
    .callbacks =
        {
            .begin = run_line,
            .message = message_line,
            .unusable = unusable_line,
            .mode = mode_line,
            .finding = finding_line,
            .site = site_line,
            .end = summary_line,
        },
    .size_bytes = sizeof(struct json_report),
};
