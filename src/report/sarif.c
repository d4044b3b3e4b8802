/* report/sarif.c - SARIF 2.1.0 (OASIS), for code scanning in GitHub, Azure and
 * editors: a rule for each verdict, a result for each finding, its signature as
 * the fingerprint, stacks as stacks and as a code flow that leads from the
 * refused allocation to the failure. Written at the end, in one piece. */
#include <string.h>

#include "report/json_value.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

struct sarif_report {
    struct report_sink base;
    json_t *artifacts, *results, *properties;
    size_t messages;
};

/* How a rule is weighed: the level, and GitHub's score (above 0, to 10). */
static const struct {
    const char *level, *severity;
} weights[SMT_VERDICT_COUNT] = {
    [SMT_VERDICT_CRASH] = {"error", "7.5"},
    [SMT_VERDICT_HANG] = {"error", "7.5"},
    [SMT_VERDICT_CORRUPT] = {"error", "9.0"},
    [SMT_VERDICT_OVER_READ] = {"error", "7.5"},
    [SMT_VERDICT_USE_AFTER_FREE] = {"error", "9.0"},
    [SMT_VERDICT_BAD_FREE] = {"error", "9.0"},
    [SMT_VERDICT_LEAK] = {"warning", "5.0"},
    [SMT_VERDICT_UNINITIALIZED] = {"error", "6.0"},
    [SMT_VERDICT_MISMATCH] = {"warning", "3.0"},
    [SMT_VERDICT_UNEXPECTED] = {"warning", "3.0"},
    [SMT_VERDICT_SWALLOWED] = {"error", "6.0"},
    [SMT_VERDICT_WRONG_CODE] = {"warning", "3.0"},
    [SMT_VERDICT_POISONED] = {"error", "6.0"},
    [SMT_VERDICT_NONDETERMINISTIC] = {"warning", "3.0"},
    [SMT_VERDICT_CACHED] = {"note", NULL},
    [SMT_VERDICT_BENIGN] = {"note", NULL},
    [SMT_VERDICT_CLEAN] = {"note", NULL},
};

/* --- pieces ------------------------------------------------------------------ */

static json_t *message_take(struct smt_buffer *text)
{
    json_t *object = json_object();

    json_object_set_new(object, "text", smt_report_value_take(text));
    return object;
}

/* The schema asks for items that differ. Takes the reference. */
static void append_once(json_t *array, json_t *item)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_equal(json_array_get(array, i), item)) {
            json_decref(item);
            return;
        }
    json_array_append_new(array, item);
}

static json_t *message_of(const char *sentence)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_buffer_add_text(&text, sentence);
    return message_take(&text);
}

/* A path as a URI reference (RFC 3986): what is not unreserved or a slash is
 * percent-encoded, so that no name can pose as a scheme. */
static json_t *uri_of(const char *path)
{
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~/";
    struct smt_buffer text;

    smt_buffer_init(&text);
    if (path[0] == '/') smt_buffer_add_text(&text, "file://");
    for (; *path; path++)
        if (strchr(kept, *path))
            smt_buffer_add(&text, path, 1);
        else
            smt_buffer_addf(&text, "%%%02X", (unsigned char)*path);
    return smt_report_value_take(&text);
}

static json_t *physical_of(const char *path, int line)
{
    json_t *physical = json_object(), *artifact = json_object(), *region = json_object();

    json_object_set_new(artifact, "uri", uri_of(path));
    json_object_set_new(physical, "artifactLocation", artifact);
    json_object_set_new(region, "startLine", json_integer(line > 0 ? line : 1));
    json_object_set_new(physical, "region", region);
    return physical;
}

static json_t *logical_of(const struct smt_frame *frame)
{
    json_t *array = json_array(), *logical = json_object();
    struct smt_buffer name;

    smt_buffer_init(&name);
    smt_report_show_function(frame, &name);
    json_object_set_new(logical, "name", smt_report_value_take(&name));
    json_object_set_new(logical, "kind", json_string("function"));
    json_array_append_new(array, logical);
    return array;
}

/* Where a frame is; `sentence` (NULL: none) says what happens there. */
static json_t *location_of(const struct smt_frame *frame, const char *sentence)
{
    json_t *location = json_object();
    struct smt_buffer text;

    smt_buffer_init(&text);
    if (sentence) smt_buffer_addf(&text, "%s: ", sentence);
    smt_report_show_function(frame, &text);
    smt_buffer_add_text(&text, " at ");
    smt_report_show_place(frame, &text);
    if (frame->file)
        json_object_set_new(location, "physicalLocation", physical_of(frame->file, frame->line));
    json_object_set_new(location, "logicalLocations", logical_of(frame));
    json_object_set_new(location, "message", message_take(&text));
    return location;
}

static json_t *frame_of(const struct smt_frame *frame)
{
    json_t *object = json_object();

    json_object_set_new(object, "location", location_of(frame, NULL));
    if (frame->module) json_object_set_new(object, "module", smt_report_value_bytes(frame->module));
    return object;
}

static void stack_append(json_t *stacks, const char *sentence, const struct smt_trace *trace)
{
    json_t *stack, *frames;

    if (!trace->count) return;
    stack = json_object();
    frames = json_array();
    for (size_t i = 0; i < trace->count; i++)
        json_array_append_new(frames, frame_of(&trace->frames[i]));
    json_object_set_new(stack, "message", message_of(sentence));
    json_object_set_new(stack, "frames", frames);
    append_once(stacks, stack);
}

static json_t *stacks_of(const struct smt_finding *finding)
{
    json_t *stacks = json_array();

    stack_append(stacks, "memory refused", &finding->injected_at);
    stack_append(stacks, "memory refused again", &finding->second_at);
    stack_append(stacks, "failed", &finding->failed_at);
    for (size_t i = 0; i < finding->block_count; i++) {
        char sentence[64];

        snprintf(sentence, sizeof sentence, "block %llu allocated",
                 (unsigned long long)finding->blocks[i].allocation);
        stack_append(stacks, sentence, &finding->blocks[i].allocated_at);
        snprintf(sentence, sizeof sentence, "block %llu released",
                 (unsigned long long)finding->blocks[i].allocation);
        stack_append(stacks, sentence, &finding->blocks[i].freed_at);
    }
    return stacks;
}

/* The calls that lead to a place, outermost first as they happened. */
static void steps_append(json_t *steps, const char *sentence, const struct smt_trace *trace)
{
    for (size_t i = trace->count; i-- > 0;) {
        json_t *step = json_object();

        json_object_set_new(step, "location", location_of(&trace->frames[i], i ? NULL : sentence));
        json_object_set_new(step, "nestingLevel", smt_report_value_number(trace->count - 1 - i));
        json_object_set_new(step, "executionOrder",
                            smt_report_value_number(json_array_size(steps) + 1));
        json_object_set_new(step, "importance", json_string(i ? "important" : "essential"));
        json_array_append_new(steps, step);
    }
}

static json_t *flow_of(const struct smt_finding *finding)
{
    json_t *flow = json_object(), *threads = json_array(), *thread = json_object(),
           *steps = json_array();

    if (finding->block_count) {
        steps_append(steps, "the block is allocated", &finding->blocks[0].allocated_at);
        steps_append(steps, "the block is released", &finding->blocks[0].freed_at);
    }
    steps_append(steps, "memory is refused", &finding->injected_at);
    steps_append(steps, "memory is refused again", &finding->second_at);
    steps_append(steps, "it fails", &finding->failed_at);
    if (!json_array_size(steps)) {
        json_decref(flow);
        json_decref(threads);
        json_decref(thread);
        json_decref(steps);
        return NULL;
    }
    json_object_set_new(thread, "locations", steps);
    json_array_append_new(threads, thread);
    json_object_set_new(flow, "threadFlows", threads);
    return flow;
}

/* --- results ------------------------------------------------------------------ */

static json_t *result_message(const struct smt_finding *finding)
{
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_report_show_headline(finding, &text);
    for (size_t i = 0; i < finding->diff.count; i++) {
        smt_buffer_add_text(&text, "\n");
        smt_report_show_diff(&finding->diff.items[i], &text);
    }
    if (finding->mode)
        smt_buffer_addf(&text, "\nrefused: allocation %llu (%s)",
                        (unsigned long long)finding->allocation, finding->mode);
    smt_buffer_add_text(&text, "\nreplay: ");
    smt_report_show_replay(finding, &text);
    return message_take(&text);
}

static json_t *result_locations(const struct smt_finding *finding)
{
    json_t *locations = json_array(), *location = json_object();
    const struct smt_trace *trace =
        finding->failed_at.count ? &finding->failed_at : &finding->injected_at;

    json_object_set_new(location, "physicalLocation",
                        physical_of(finding->message ? finding->message : "", 1));
    if (trace->count)
        json_object_set_new(location, "logicalLocations", logical_of(&trace->frames[0]));
    json_array_append_new(locations, location);
    return locations;
}

static json_t *result_properties(const struct smt_finding *finding)
{
    json_t *properties = json_object();
    struct smt_buffer text;

    smt_buffer_init(&text);
    smt_report_show_replay(finding, &text);
    json_object_set_new(properties, "replay", smt_report_value_take(&text));
    json_object_set_new(properties, "message", smt_report_value_bytes(finding->message));
    json_object_set_new(properties, "parser", smt_report_value_bytes(finding->parser));
    if (finding->mode) {
        json_object_set_new(properties, "mode", smt_report_value_bytes(finding->mode));
        json_object_set_new(properties, "allocation", smt_report_value_number(finding->allocation));
    }
    for (size_t i = 0; i < finding->block_count; i++) {
        smt_report_show_block(&finding->blocks[i], &text);
        smt_buffer_add_text(&text, "\n");
        smt_report_show_hexdump(&finding->blocks[i], "", &text);
    }
    if (text.size) json_object_set_new(properties, "blocks", smt_report_value_take(&text));
    return properties;
}

static void result_state(json_t *result, const struct smt_finding *finding)
{
    json_t *suppressions, *suppression;

    json_object_set_new(result, "baselineState",
                        json_string(finding->is_known ? "unchanged" : "new"));
    if (!finding->is_known) return;
    suppressions = json_array();
    suppression = json_object();
    json_object_set_new(suppression, "kind", json_string("external"));
    json_object_set_new(suppression, "justification",
                        json_string("listed in the known-findings file"));
    json_array_append_new(suppressions, suppression);
    json_object_set_new(result, "suppressions", suppressions);
}

static void sarif_finding(struct smt_sink *sink, const struct smt_finding *finding)
{
    struct sarif_report *report = (struct sarif_report *)sink;
    json_t *result = json_object(), *fingerprints = json_object(), *flows = json_array(),
           *flow = flow_of(finding);

    json_object_set_new(result, "ruleId", json_string(smt_verdicts[finding->verdict].name));
    json_object_set_new(result, "ruleIndex", json_integer(finding->verdict));
    json_object_set_new(result, "level", json_string(weights[finding->verdict].level));
    json_object_set_new(result, "message", result_message(finding));
    json_object_set_new(result, "locations", result_locations(finding));
    json_object_set_new(fingerprints, "sipmemtest/v1", smt_report_value_bytes(finding->signature));
    json_object_set_new(result, "partialFingerprints", fingerprints);
    result_state(result, finding);
    if (finding->occurrences)
        json_object_set_new(result, "occurrenceCount",
                            smt_report_value_number(finding->occurrences));
    json_object_set_new(result, "stacks", stacks_of(finding));
    if (flow) json_array_append_new(flows, flow);
    json_object_set_new(result, "codeFlows", flows);
    json_object_set_new(result, "properties", result_properties(finding));
    json_array_append_new(report->results, result);
}

static void sarif_message(struct smt_sink *sink, const struct smt_message_report *message)
{
    struct sarif_report *report = (struct sarif_report *)sink;
    json_t *artifact = json_object(), *location = json_object(), *roles = json_array();

    json_object_set_new(location, "uri", uri_of(message->name));
    json_object_set_new(artifact, "location", location);
    json_object_set_new(artifact, "length", smt_report_value_number(message->bytes));
    json_array_append_new(roles, json_string("analysisTarget"));
    json_object_set_new(artifact, "roles", roles);
    append_once(report->artifacts, artifact);
}

/* --- the whole ------------------------------------------------------------------ */

static json_t *rule_of(unsigned verdict)
{
    json_t *rule = json_object(), *configuration = json_object(), *properties = json_object(),
           *tags = json_array();

    json_object_set_new(rule, "id", json_string(smt_verdicts[verdict].name));
    json_object_set_new(rule, "shortDescription", message_of(smt_verdicts[verdict].text));
    json_object_set_new(rule, "fullDescription",
                        message_of(smt_report_show_help((enum smt_verdict)verdict)));
    json_object_set_new(rule, "help", message_of(smt_report_show_help((enum smt_verdict)verdict)));
    json_object_set_new(configuration, "level", json_string(weights[verdict].level));
    json_object_set_new(rule, "defaultConfiguration", configuration);
    if (weights[verdict].severity)
        json_object_set_new(properties, "security-severity",
                            json_string(weights[verdict].severity));
    json_array_append_new(tags, json_string("memory"));
    if (smt_verdicts[verdict].is_defect) json_array_append_new(tags, json_string("security"));
    json_object_set_new(properties, "tags", tags);
    json_object_set_new(rule, "properties", properties);
    return rule;
}

static json_t *tool_json(void)
{
    json_t *tool = json_object(), *driver = json_object(), *rules = json_array();

    json_object_set_new(driver, "name", json_string("sipmemtest"));
    json_object_set_new(driver, "semanticVersion", json_string(SMT_VERSION));
    for (unsigned v = 0; v < SMT_VERDICT_COUNT; v++) json_array_append_new(rules, rule_of(v));
    json_object_set_new(driver, "rules", rules);
    json_object_set_new(tool, "driver", driver);
    return tool;
}

static void notification_append(json_t *notifications, const char *level, struct smt_buffer *text)
{
    json_t *notification;

    if (!text->size) return;
    notification = json_object();
    json_object_set_new(notification, "level", json_string(level));
    json_object_set_new(notification, "message", message_take(text));
    json_array_append_new(notifications, notification);
}

static json_t *invocations_json(const struct sarif_report *report,
                                const struct smt_summary *summary)
{
    json_t *array = json_array(), *invocation = json_object(), *notifications = json_array();
    struct smt_buffer text;

    smt_buffer_init(&text);
    json_object_set_new(invocation, "executionSuccessful",
                        json_boolean(!summary->truncated && !summary->unusable_inputs));
    if (summary->truncated) smt_buffer_add_text(&text, "TRUNCATED ");
    smt_report_show_truncation(summary, report->messages, &text);
    notification_append(notifications, "error", &text);
    if (summary->unusable_inputs) {
        smt_report_show_count(summary->unusable_inputs, "input", &text);
        smt_buffer_add_text(&text, " could not be used");
    }
    notification_append(notifications, "error", &text);
    smt_report_show_budget(summary, &text);
    notification_append(notifications, "note", &text);
    json_object_set_new(invocation, "toolExecutionNotifications", notifications);
    json_array_append_new(array, invocation);
    return array;
}

static void sarif_begin(struct smt_sink *sink, const struct smt_sweep_run *run)
{
    struct sarif_report *report = (struct sarif_report *)sink;

    report->artifacts = json_array();
    report->results = json_array();
    report->properties = json_object();
    report->messages = run->messages;
    json_object_set_new(report->properties, "parser", smt_report_value_bytes(run->parser));
    json_object_set_new(report->properties, "parserVersion",
                        smt_report_value_bytes(run->parser_version));
    if (run->build_id)
        json_object_set_new(report->properties, "parserBuildId",
                            smt_report_value_bytes(run->build_id));
}

static void sarif_end(struct smt_sink *sink, const struct smt_summary *summary)
{
    struct sarif_report *report = (struct sarif_report *)sink;
    json_t *document = json_object(), *runs = json_array(), *run = json_object();

    json_object_set_new(document, "$schema", json_string(SCHEMA));
    json_object_set_new(document, "version", json_string("2.1.0"));
    json_object_set_new(run, "tool", tool_json());
    json_object_set_new(run, "invocations", invocations_json(report, summary));
    json_object_set_new(run, "columnKind", json_string("unicodeCodePoints"));
    json_object_set(run, "artifacts", report->artifacts);
    json_object_set(run, "results", report->results);
    json_object_set_new(report->properties, "messages", smt_report_value_number(summary->messages));
    json_object_set_new(report->properties, "injections",
                        smt_report_value_number(summary->injections));
    json_object_set_new(report->properties, "fixedFindings",
                        smt_report_value_number(summary->fixed_findings));
    json_object_set(run, "properties", report->properties);
    json_array_append_new(runs, run);
    json_object_set_new(document, "runs", runs);
    if (json_dumpf(document, report->base.out, JSON_INDENT(1)) != 0)
        report->base.out_of_memory = true;
    putc('\n', report->base.out);
    json_decref(document);
}

static void sarif_clear(struct smt_sink *sink)
{
    struct sarif_report *report = (struct sarif_report *)sink;

    json_decref(report->artifacts);
    json_decref(report->results);
    json_decref(report->properties);
}

const struct smt_report_format smt_report_sarif = {
    .name = "sarif",
    .summary = "SARIF 2.1.0, for code scanning",
    .callbacks =
        {
            .begin = sarif_begin,
            .message = sarif_message,
            .finding = sarif_finding,
            .end = sarif_end,
        },
    .size_bytes = sizeof(struct sarif_report),
    .clear = sarif_clear,
};
