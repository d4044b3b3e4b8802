/* report/read.c - lines of JSON results, read back into what they were made
 * from. Members that are missing count as 0 or nothing; without those that tell
 * what a line is about it is refused. */
#include <stdlib.h>
#include <string.h>

#include "report/results.h"

static uint64_t number(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Undoes smt_buffer_add_escaped() in place. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *at = text; *at; at++) {
        if (*at != '\\') {
            *to++ = *at;
        } else if (at[1] == 'x' && hex_digit(at[2]) >= 0 && hex_digit(at[3]) >= 0) {
            *to++ = (char)(hex_digit(at[2]) << 4 | hex_digit(at[3]));
            at += 3;
        } else if (at[1]) {
            const char *letters = "rnt\\", *letter = strchr(letters, *++at);

            *to++ = letter ? "\r\n\t\\"[letter - letters] : *at;
        }
    }
    *to = '\0';
}

/* A name as it was, of the results' texts; NULL when it is not there. */
static const char *name_read(struct smt_results *results, const json_t *object, const char *name)
{
    const char *escaped = text(object, name), *kept;
    char *copy;

    if (!escaped) return NULL;
    if (!strchr(escaped, '\\')) return smt_report_results_text(results, escaped);
    copy = strdup(escaped);
    if (!copy) return NULL;
    unescape(copy);
    kept = smt_report_results_text(results, copy);
    free(copy);
    return kept;
}

static char *text_copy(const json_t *object, const char *name)
{
    const char *value = text(object, name);

    return value ? strdup(value) : NULL;
}

static void trace_read(struct smt_results *results, const json_t *array, struct smt_trace *ret)
{
    size_t count = json_array_size(array);

    if (!count) return;
    ret->frames = calloc(count, sizeof *ret->frames);
    if (!ret->frames) return;
    ret->count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *object = json_array_get(array, i);
        const char *offset = text(object, "offset");

        ret->frames[i] = (struct smt_frame){
            .module = name_read(results, object, "module"),
            .offset = offset ? strtoull(offset, NULL, 16) : 0,
            .function = name_read(results, object, "function"),
            .file = name_read(results, object, "file"),
            .line = (int)number(object, "line"),
        };
    }
}

static void counts_read(const json_t *object, uint64_t *counts)
{
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++)
        counts[v] += number(object, smt_verdicts[v].name);
}

static enum smt_status complain(const struct results_place *place, const char *what)
{
    return smt_fail(SMT_EINPUT, "%s:%zu: %s", place->path, place->line, what);
}

static void *grow(void *items, size_t count, size_t *capacity, size_t size_bytes)
{
    void *more = items;

    if (count < *capacity) return items;
    more = reallocarray(items, *capacity ? 2 * *capacity : 64, size_bytes);
    if (more) *capacity = *capacity ? 2 * *capacity : 64;
    return more;
}

/* --- lines ------------------------------------------------------------------- */

static void baseline_read(const json_t *object, struct results_message *message)
{
    const json_t *codes = json_object_get(object, "codes");

    message->report.accepted = json_is_true(json_object_get(object, "accepted"));
    message->baseline.heap.attempts = number(object, "allocations");
    message->baseline.fault.exited = json_is_true(json_object_get(object, "unfinished"));
    message->baseline.codes[SMT_OP_PARSE] = (int)number(object, "code");
    for (unsigned op = 0; op < SMT_OP_COUNT; op++) {
        const json_t *code = json_object_get(codes, smt_op_name((enum smt_op)op));

        if (!code) continue;
        message->baseline.ops_done |= 1u << op;
        message->baseline.codes[op] = (int)json_integer_value(code);
    }
}

static enum smt_status message_read(struct smt_results *results, const json_t *line,
                                    const struct results_place *place)
{
    struct results_message *messages = grow(results->messages, results->message_count,
                                            &results->message_capacity, sizeof *messages);
    struct results_message *message;
    size_t i;
    json_t *name;

    if (!messages) return smt_fail(SMT_ENOMEM, "out of memory for results");
    results->messages = messages;
    message = &messages[results->message_count];
    *message = (struct results_message){
        .report =
            {
                .index = (size_t)number(line, "index"),
                .name = name_read(results, line, "name"),
                .bytes = (size_t)number(line, "bytes"),
                .runs = number(line, "runs"),
                .repeat_cut = json_is_true(json_object_get(line, "repeat_cut")),
                .cached_blocks = number(line, "cached_blocks"),
            },
    };
    if (!message->report.index || !message->report.name)
        return complain(place, "a message without index or name");
    baseline_read(json_object_get(line, "baseline"), message);
    json_array_foreach(json_object_get(line, "verdicts"), i, name)
    {
        const char *verdict = json_string_value(name);

        if (verdict && smt_verdict_find(verdict) != SMT_VERDICT_COUNT)
            message->report.verdicts |= 1u << smt_verdict_find(verdict);
    }
    results->message_count++;
    return SMT_OK;
}

static enum smt_status unusable_read(struct smt_results *results, const json_t *line,
                                     const struct results_place *place)
{
    struct results_unusable *items = grow(results->unusable, results->unusable_count,
                                          &results->unusable_capacity, sizeof *items);
    struct smt_unusable_report *report;

    if (!items) return smt_fail(SMT_ENOMEM, "out of memory for results");
    results->unusable = items;
    items[results->unusable_count].source = place->source;
    report = &items[results->unusable_count].report;
    *report = (struct smt_unusable_report){
        .index = (size_t)number(line, "index"),
        .name = name_read(results, line, "message"),
        .why = name_read(results, line, "why"),
    };
    if (!report->index || !report->name || !report->why)
        return complain(place, "an unusable message without index, name or reason");
    results->unusable_count++;
    return SMT_OK;
}

static enum smt_status mode_read(struct smt_results *results, const json_t *line,
                                 const struct results_place *place)
{
    struct results_mode *modes =
        grow(results->modes, results->mode_count, &results->mode_capacity, sizeof *modes);
    const char *name = text(line, "mode");
    struct results_mode *mode;

    if (!modes) return smt_fail(SMT_ENOMEM, "out of memory for results");
    results->modes = modes;
    mode = &modes[results->mode_count];
    *mode = (struct results_mode){
        .report =
            {
                .index = (size_t)number(line, "index"),
                .mode = name ? smt_mode_find(name) : SMT_MODE_COUNT,
                .allocations = number(line, "allocations"),
                .injections = number(line, "injections"),
            },
    };
    if (!mode->report.index || mode->report.mode == SMT_MODE_COUNT || !text(line, "signs"))
        return complain(place, "a mode without index, name or signs");
    mode->sign_map = text_copy(line, "signs");
    if (!mode->sign_map) return smt_fail(SMT_ENOMEM, "out of memory for results");
    counts_read(json_object_get(line, "verdicts"), mode->report.counts);
    results->mode_count++;
    return SMT_OK;
}

static void block_read(struct smt_results *results, const json_t *object,
                       struct smt_finding_block *block)
{
    const char *hex = text(object, "hex");

    block->allocation = number(object, "allocation");
    block->size_bytes = (size_t)number(object, "size");
    trace_read(results, json_object_get(object, "allocated_at"), &block->allocated_at);
    trace_read(results, json_object_get(object, "freed_at"), &block->freed_at);
    block->has_bad_offset = json_object_get(object, "bad_offset") != NULL;
    block->is_damaged = json_object_get(object, "last_bad_offset") != NULL;
    block->bad_offset = block->last_bad_offset = (ptrdiff_t)number(object, "bad_offset");
    if (block->is_damaged) block->last_bad_offset = (ptrdiff_t)number(object, "last_bad_offset");
    block->expected = (unsigned char)number(object, "expected");
    block->found = (unsigned char)number(object, "found");
    block->bytes_from = (ptrdiff_t)number(object, "hex_offset");
    for (; hex && hex_digit(hex[0]) >= 0 && hex_digit(hex[1]) >= 0 &&
           block->byte_count < SMT_HEXDUMP_BYTES;
         hex += 2)
        block->bytes[block->byte_count++] =
            (unsigned char)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
}

static void diff_read(const json_t *object, struct smt_diff *diff)
{
    static const char *const kinds[] = {"lost", "changed", "gained"};
    const char *kind = text(object, "kind");

    for (unsigned i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0) diff->kind = (enum smt_diff_kind)i;
    diff->where = text(object, "where") ? text_copy(object, "where") : strdup("");
    diff->was = text_copy(object, "was");
    diff->now = text_copy(object, "now");
    diff->weight = (int)number(object, "weight");
}

static bool lists_read(struct smt_results *results, const json_t *line, struct smt_finding *finding)
{
    const json_t *blocks = json_object_get(line, "blocks"), *diff = json_object_get(line, "diff");
    size_t i;
    json_t *item;

    finding->blocks = calloc(json_array_size(blocks) + 1, sizeof *finding->blocks);
    finding->diff.items = calloc(json_array_size(diff) + 1, sizeof *finding->diff.items);
    if (!finding->blocks || !finding->diff.items) return false;
    finding->diff.capacity = json_array_size(diff) + 1;
    json_array_foreach(blocks, i, item)
        block_read(results, item, &finding->blocks[finding->block_count++]);
    json_array_foreach(diff, i, item) diff_read(item, &finding->diff.items[finding->diff.count++]);
    return true;
}

static enum smt_status finding_read(struct smt_results *results, const json_t *line,
                                    const struct results_place *place)
{
    const char *signature = text(line, "signature"), *verdict = text(line, "verdict");
    const char *message = name_read(results, line, "message"), *mode = text(line, "mode");
    struct smt_finding finding = {0};
    enum smt_status status = SMT_OK;

    if (!signature || strlen(signature) >= sizeof finding.signature || !verdict || !message ||
        smt_verdict_find(verdict) == SMT_VERDICT_COUNT || !text(line, "replay") ||
        (mode && smt_mode_find(mode) == SMT_MODE_COUNT))
        return complain(place, "a finding without signature, verdict, message or replay");
    strcpy(finding.signature, signature);
    finding.verdict = smt_verdict_find(verdict);
    finding.parser = name_read(results, line, "parser");
    finding.message = strdup(message);
    finding.message_words = text_copy(line, "message_words");
    finding.message_bytes = (size_t)number(line, "message_bytes");
    finding.message_index = (size_t)number(line, "message_index");
    finding.mode = mode ? strdup(mode) : NULL;
    finding.allocation = number(line, "allocation");
    finding.occurrences = number(line, "occurrences");
    finding.replay = text_copy(line, "replay");
    finding.replay_words = text_copy(line, "replay_words");
    finding.summary = text(line, "summary") ? text_copy(line, "summary") : strdup("");
    finding.clean_text = text_copy(line, "clean_text");
    finding.run_text = text_copy(line, "run_text");
    trace_read(results, json_object_get(line, "injected_at"), &finding.injected_at);
    trace_read(results, json_object_get(line, "second_at"), &finding.second_at);
    trace_read(results, json_object_get(line, "failed_at"), &finding.failed_at);
    finding.leaked_blocks = number(line, "leaked_blocks");
    finding.leaked_bytes = number(line, "leaked_bytes");
    finding.is_known = json_is_true(json_object_get(line, "known"));
    finding.is_unconfirmed = json_is_true(json_object_get(line, "unconfirmed"));
    if (!finding.parser || !lists_read(results, line, &finding))
        status = smt_fail(SMT_ENOMEM, "out of memory for results");
    if (status == SMT_OK) status = smt_report_results_keep(results, &finding);
    smt_finding_clear(&finding);
    return status;
}

/* A finding that was told before was met again. */
static enum smt_status again_read(struct smt_results *results, const json_t *line,
                                  const struct results_place *place)
{
    const char *signature = text(line, "signature");
    struct results_finding *row = NULL;

    if (signature) HASH_FIND_STR(results->findings, signature, row);
    if (!row) return complain(place, "the finding that is met again was never met");
    row->finding.occurrences += number(line, "occurrences");
    return SMT_OK;
}

static enum smt_status site_read(struct smt_results *results, const json_t *line,
                                 const struct results_place *place)
{
    const json_t *refused = json_object_get(line, "refused");
    struct results_site *site;

    if (!text(line, "site")) return complain(place, "a site without its hash");
    site = smt_report_results_site_of(results, strtoull(text(line, "site"), NULL, 16));
    if (!site) return smt_fail(SMT_ENOMEM, "out of memory for results");
    site->seen[place->source] += number(line, "seen");
    for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++)
        site->refused[mode] += number(refused, smt_mode_name((enum smt_mode)mode));
    if (!site->trace.count) trace_read(results, json_object_get(line, "at"), &site->trace);
    return SMT_OK;
}

static enum smt_status summary_read(struct smt_results *results, const json_t *line,
                                    const struct results_place *place)
{
    struct smt_summary *sum = &results->summary;
    size_t unusable = (size_t)number(line, "unusable_inputs");

    /* the messages among them have lines of their own; the rest every shard met */
    for (size_t i = 0; i < results->unusable_count; i++)
        unusable -= unusable && results->unusable[i].source == place->source;
    sum->messages += (size_t)number(line, "messages");
    sum->injections += number(line, "injections");
    counts_read(json_object_get(line, "verdicts"), sum->verdicts);
    counts_read(json_object_get(line, "verdicts_all"), sum->verdicts_all);
    sum->clean_runs += number(line, "clean_runs");
    if (unusable > sum->unusable_inputs) sum->unusable_inputs = unusable;
    sum->unsound_messages += (size_t)number(line, "unsound_messages");
    sum->budget_spent |= json_is_true(json_object_get(line, "budget_spent"));
    if (json_is_true(json_object_get(line, "truncated"))) {
        const char *by = text(line, "truncated_by");

        if (!sum->truncated) sum->truncated_by = smt_report_results_text(results, by ? by : "?");
        sum->truncated = true;
    }
    sum->seconds += json_number_value(json_object_get(line, "seconds"));
    return SMT_OK;
}

static const struct {
    const char *type;
    enum smt_status (*read)(struct smt_results *results, const json_t *line,
                            const struct results_place *place);
} rows[] = {
    {"message", message_read}, {"unusable", unusable_read}, {"mode", mode_read},
    {"finding", finding_read}, {"again", again_read},       {"site", site_read},
    {"summary", summary_read},
};

enum smt_status smt_report_results_read(struct smt_results *results, const json_t *line,
                                        const struct results_place *place)
{
    const char *type = text(line, "type");

    for (size_t i = 0; type && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].type, type) == 0) return rows[i].read(results, line, place);
    return complain(place, "a line of a type that is not known here");
}

enum smt_status smt_report_results_run_read(struct smt_results *results,
                                            const struct results_place *place)
{
    const json_t *run = results->run;
    const char *hash = text(run, "messages_hash");
    enum smt_status status = smt_report_json_settings_read(run, &results->read);

    if (status != SMT_OK) return complain(place, smt_fail_text());
    results->told = (struct smt_sweep_run){
        .settings = &results->read.settings,
        .parser = name_read(results, run, "parser"),
        .parser_version = name_read(results, run, "parser_version"),
        .build_id = name_read(results, run, "build_id"),
        .messages = (size_t)number(run, "messages"),
        .messages_hash = hash ? strtoull(hash, NULL, 16) : 0,
    };
    if (!results->told.parser || !results->told.parser_version || !hash)
        return complain(place, "a run without parser, its version or the messages' hash");
    return SMT_OK;
}

enum smt_status smt_report_results_parse(const struct results_place *place, const char *text,
                                         size_t size_bytes, json_t **ret_line)
{
    json_error_t error;
    json_t *line = json_loadb(text, size_bytes, 0, &error);

    if (!json_is_object(line)) {
        json_decref(line);
        return complain(place, "no whole line of JSON results; was the file cut off?");
    }
    *ret_line = line;
    return SMT_OK;
}
