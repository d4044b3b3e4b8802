/* report/json_run.c - the first line of JSON results: what was run, with which
 * options. Options that are as usual are left out. */
#include <stdlib.h>
#include <string.h>

#include "report/json.h"
#include "report/json_value.h"

/* Options that are one number. */
static const struct {
    const char *name;
    size_t at;
} numbers[] = {
    {"timeout_ns", offsetof(struct smt_sweep_settings, worker.timeout_ns)},
    {"quarantine", offsetof(struct smt_sweep_settings, worker.quarantine_bytes)},
    {"decoys", offsetof(struct smt_sweep_settings, worker.decoys)},
    {"heap_limit", offsetof(struct smt_sweep_settings, heap_limit_bytes)},
    {"window", offsetof(struct smt_sweep_settings, window)},
    {"first", offsetof(struct smt_sweep_settings, range.first)},
    {"last", offsetof(struct smt_sweep_settings, range.last)},
    {"budget_injections", offsetof(struct smt_sweep_settings, budget_injections)},
    {"budget_ns", offsetof(struct smt_sweep_settings, budget_ns)},
};
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "the table takes all of them for 64 bits");

/* Options that are on or off. */
static const struct {
    const char *name;
    size_t at;
} flags[] = {
    {"content", offsetof(struct smt_sweep_settings, worker.check_content)},
    {"libc", offsetof(struct smt_sweep_settings, worker.libc_backend)},
    {"in_process", offsetof(struct smt_sweep_settings, worker.in_process)},
};

#define MEMBER(settings, row, type) (*(type *)((char *)(settings) + (row).at))

/* --- writing ------------------------------------------------------------------- */

static json_t *modes_json(const struct smt_sweep_settings *settings)
{
    json_t *array = json_array();

    for (unsigned mode = 0; mode < SMT_MODE_COUNT; mode++) {
        struct smt_buffer name;

        if (!settings->oom || !(settings->modes & (1u << mode))) continue;
        smt_buffer_init(&name);
        smt_report_show_mode(mode, settings, &name);
        json_array_append_new(array, smt_report_value_take(&name));
    }
    return array;
}

static json_t *ops_json(unsigned ops)
{
    json_t *array = json_array();

    for (unsigned op = 0; op < SMT_OP_COUNT; op++)
        if (ops & (1u << op)) json_array_append_new(array, json_string(smt_op_name(op)));
    return array;
}

static json_t *texts_json(const char *const *texts)
{
    json_t *array = json_array();

    for (; *texts; texts++) json_array_append_new(array, smt_report_value_bytes(*texts));
    return array;
}

static json_t *spans_json(const struct smt_sweep_settings *settings)
{
    json_t *array = json_array();

    for (size_t i = 0; i < settings->message_span_count; i++) {
        json_array_append_new(array, json_integer((json_int_t)settings->messages[i].first));
        json_array_append_new(array, json_integer((json_int_t)settings->messages[i].last));
    }
    return array;
}

static json_t *options_json(const struct smt_sweep_settings *settings)
{
    json_t *object = json_object();

    json_object_set_new(object, "checks", json_integer(settings->checks));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint64_t number = MEMBER(settings, numbers[i], uint64_t);

        if (number) json_object_set_new(object, numbers[i].name, json_integer((json_int_t)number));
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (MEMBER(settings, flags[i], bool))
            json_object_set_new(object, flags[i].name, json_true());
    if (settings->messages) json_object_set_new(object, "range", spans_json(settings));
    if (settings->only_sites)
        json_object_set_new(object, "only_sites", texts_json(settings->only_sites));
    if (settings->skip_sites)
        json_object_set_new(object, "skip_sites", texts_json(settings->skip_sites));
    if (settings->has_plan) {
        struct smt_buffer plan;

        smt_buffer_init(&plan);
        smt_fault_plan_format(&settings->plan, &plan);
        json_object_set_new(object, "plan", smt_report_value_take(&plan));
    }
    return object;
}

json_t *smt_report_json_run(const struct smt_sweep_run *run)
{
    const struct smt_sweep_settings *settings = run->settings;
    json_t *line = json_object();
    char hash[20];

    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)run->messages_hash);
    json_object_set_new(line, "type", json_string("run"));
    json_object_set_new(line, "schema", json_integer(1));
    json_object_set_new(line, "version", json_string(SMT_VERSION));
    json_object_set_new(line, "parser", smt_report_value_bytes(run->parser));
    json_object_set_new(line, "parser_version", smt_report_value_bytes(run->parser_version));
    if (run->build_id) json_object_set_new(line, "build_id", smt_report_value_bytes(run->build_id));
    json_object_set_new(line, "messages", json_integer((json_int_t)run->messages));
    json_object_set_new(line, "messages_hash", json_string(hash));
    if (!settings) return line;
    json_object_set_new(line, "ops", ops_json(settings->worker.ops));
    json_object_set_new(line, "repeat", json_integer((json_int_t)settings->repeat));
    json_object_set_new(line, "modes", modes_json(settings));
    if (settings->shards) {
        json_object_set_new(line, "shard", json_integer(settings->shard));
        json_object_set_new(line, "shards", json_integer(settings->shards));
    }
    if (settings->budget_injections || settings->budget_ns)
        json_object_set_new(line, "seed", json_integer((json_int_t)settings->seed));
    json_object_set_new(line, "options", options_json(settings));
    return line;
}

/* --- reading ------------------------------------------------------------------- */

/* A list of texts that point into the line; NULL when there is none. */
static const char **texts_read(const json_t *array)
{
    const char **texts =
        json_array_size(array) ? calloc(json_array_size(array) + 1, sizeof *texts) : NULL;
    size_t i;
    json_t *text;

    if (texts)
        json_array_foreach(array, i, text) texts[i] =
            json_string_value(text) ? json_string_value(text) : "";
    return texts;
}

static bool modes_read(const json_t *run, struct smt_sweep_settings *settings)
{
    const json_t *modes = json_object_get(run, "modes");
    size_t i;
    json_t *name;

    settings->oom = json_array_size(modes) > 0;
    json_array_foreach(modes, i, name)
    {
        const char *text = json_string_value(name);
        uint64_t window;
        unsigned mode;

        if (!text || smt_mode_parse_list(text, &mode, &window) != SMT_OK) return false;
        settings->modes |= mode;
    }
    return true;
}

static bool ops_read(const json_t *run, struct smt_sweep_settings *settings)
{
    size_t i;
    json_t *name;

    json_array_foreach(json_object_get(run, "ops"), i, name)
    {
        unsigned op;

        if (!json_string_value(name) || smt_op_parse_list(json_string_value(name), &op) != SMT_OK)
            return false;
        settings->worker.ops |= op;
    }
    return true;
}

static bool spans_read(const json_t *array, struct json_settings *read)
{
    size_t count = json_array_size(array) / 2;

    if (!count) return true;
    read->spans = calloc(count, sizeof *read->spans);
    if (!read->spans) return false;
    for (size_t i = 0; i < count; i++)
        read->spans[i] =
            (struct smt_span){(uint64_t)json_integer_value(json_array_get(array, 2 * i)),
                              (uint64_t)json_integer_value(json_array_get(array, 2 * i + 1))};
    read->settings.messages = read->spans;
    read->settings.message_span_count = count;
    return true;
}

enum smt_status smt_report_json_settings_read(const json_t *run, struct json_settings *ret)
{
    const json_t *options = json_object_get(run, "options");
    const char *plan = json_string_value(json_object_get(options, "plan"));
    const char *parser = json_string_value(json_object_get(run, "parser"));
    struct json_settings read = {0};
    struct smt_sweep_settings *settings = &read.settings;
    bool is_good;

    settings->checks = (unsigned)json_integer_value(json_object_get(options, "checks"));
    settings->repeat = (uint64_t)json_integer_value(json_object_get(run, "repeat"));
    settings->seed = (uint64_t)json_integer_value(json_object_get(run, "seed"));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        MEMBER(settings, numbers[i], uint64_t) =
            (uint64_t)json_integer_value(json_object_get(options, numbers[i].name));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        MEMBER(settings, flags[i], bool) = json_is_true(json_object_get(options, flags[i].name));
    is_good = modes_read(run, settings) && ops_read(run, settings) &&
              spans_read(json_object_get(options, "range"), &read);
    settings->only_sites = read.only_sites = texts_read(json_object_get(options, "only_sites"));
    settings->skip_sites = read.skip_sites = texts_read(json_object_get(options, "skip_sites"));
    settings->has_plan = plan != NULL;
    if (plan && smt_fault_plan_parse(plan, &settings->plan) != SMT_OK) is_good = false;
    for (size_t i = 0; parser && smt_parsers[i]; i++)
        if (strcmp(smt_parsers[i]->name, parser) == 0) settings->worker.parser = smt_parsers[i];
    if (!is_good) {
        smt_report_json_settings_clear(&read);
        return smt_fail(SMT_EINPUT, "its options are not those of this version");
    }
    *ret = read;
    return SMT_OK;
}

void smt_report_json_settings_clear(struct json_settings *settings)
{
    free(settings->spans);
    free(settings->only_sites);
    free(settings->skip_sites);
    *settings = (struct json_settings){0};
}
