#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/output.h"

static const char *const judged_keys[SMT_MONITOR_JUDGED_COUNT] = {"rss", "private", "live_bytes"};

/* Bytes of any kind as a JSON string: what is no UTF-8 is escaped. */
static json_t *text_json(const char *text)
{
    struct smt_buffer escaped;
    json_t *json;

    if (!text) return json_null();
    json = json_string(text);
    if (json) return json;
    smt_buffer_init(&escaped);
    smt_buffer_add_escaped(&escaped, text, strlen(text));
    json = json_string(escaped.data ? escaped.data : "");
    smt_buffer_clear(&escaped);
    return json;
}

static json_t *number_json(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *sample_json(const struct smt_monitor_sample *sample)
{
    json_t *json =
        json_pack("{s:I, s:I, s:s}", "round", (json_int_t)sample->round, "time_ms",
                  (json_int_t)sample->time_ms, "look", smt_monitor_look_key(sample->look));

    for (enum smt_monitor_metric metric = 0; metric < SMT_MONITOR_METRICS; metric++)
        if (smt_monitor_sample_has(sample, metric))
            json_object_set_new(json, smt_monitor_metric_key(metric),
                                json_integer((json_int_t)sample->value[metric]));
    return json;
}

static json_t *judged_json(const struct smt_monitor_judged *judged)
{
    const struct smt_monitor_trend *trend = &judged->trend;

    if (!judged->present) return json_null();
    return json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:[ooo]}", "rises",
                     judged->rise == SMT_MONITOR_RISES, "because",
                     smt_monitor_rise_text(judged->rise), "slope", number_json(trend->slope), "low",
                     number_json(trend->low), "high", number_json(trend->high), "level",
                     number_json(trend->level), "noise", number_json(trend->noise), "growth",
                     number_json(trend->growth), "warmup", (json_int_t)trend->warmup, "kept",
                     (json_int_t)trend->kept, "thirds", number_json(trend->thirds[0]),
                     number_json(trend->thirds[1]), number_json(trend->thirds[2]));
}

static json_t *decision_json(const struct smt_monitor_decision *decision, bool limited)
{
    json_t *json =
        json_pack("{s:s, s:s, s:b, s:o, s:o}", "verdict",
                  smt_monitor_verdict_text(decision->verdict), "reason", decision->reason, "known",
                  decision->known, "bytes_per_round", number_json(decision->bytes_per_round),
                  "seconds_per_round", number_json(decision->seconds_per_round));

    for (size_t i = 0; i < SMT_MONITOR_JUDGED_COUNT; i++)
        json_object_set_new(json, judged_keys[i], judged_json(&decision->figures[i]));
    if (limited && decision->seconds_to_limit >= 0) {
        json_object_set_new(json, "rounds_to_limit",
                            json_integer((json_int_t)decision->rounds_to_limit));
        json_object_set_new(json, "seconds_to_limit", number_json(decision->seconds_to_limit));
    }
    return json;
}

static json_t *changes_json(const struct smt_monitor_changes *changes)
{
    static const char *const kinds[] = {"new", "grown", "gone"};
    json_t *json = json_array();

    for (size_t i = 0; i < changes->count; i++) {
        const struct smt_monitor_change *change = &changes->list[i];

        json_array_append_new(
            json,
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:o}", "kind", kinds[change->kind], "count",
                      (json_int_t)change->count, "size", (json_int_t)change->size, "size_delta",
                      (json_int_t)change->size_delta, "rss_delta", (json_int_t)change->rss_delta,
                      "rights", change->rights, "name", text_json(change->name)));
    }
    return json;
}

static json_t *process_json(const struct smt_monitor_process *process, bool limited)
{
    json_t *samples = json_array(), *looks = json_object();

    for (enum smt_monitor_look_kind look = 0; look < SMT_MONITOR_LOOKS; look++)
        json_object_set_new(looks, smt_monitor_look_key(look),
                            json_integer((json_int_t)process->looks[look]));
    for (size_t i = 0; i < process->count; i++)
        json_array_append_new(samples, sample_json(&process->samples[i]));
    return json_pack("{s:i, s:i, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "pid", process->pid, "parent", process->parent, "name",
                     text_json(process->name), "ended", process->gone, "private_estimated",
                     process->estimated, "decision", decision_json(&process->decision, limited),
                     "looks", looks, "samples", samples, "changes", changes_json(&process->changes),
                     "stacks", text_json(process->stacks), "ps_start", text_json(process->ps_start),
                     "ps_end", text_json(process->ps_end), "smaps_start",
                     text_json(process->smaps_start), "smaps_end", text_json(process->smaps_end));
}

static json_t *events_json(const struct smt_monitor_result *result)
{
    json_t *json = json_array();

    for (size_t i = 0; i < result->event_count; i++)
        json_array_append_new(json, json_pack("{s:I, s:I, s:o}", "round",
                                              (json_int_t)result->events[i].round, "time_ms",
                                              (json_int_t)result->events[i].time_ms, "text",
                                              text_json(result->events[i].text)));
    return json;
}

static json_t *all_json(const struct smt_monitor_result *result)
{
    json_t *json = json_array();

    for (size_t i = 0; i < result->options.all_count; i++) {
        const struct smt_monitor_all *all = &result->all[i];

        json_array_append_new(
            json, json_pack("{s:o, s:I, s:I, s:I, s:I}", "name", text_json(all->name),
                            "processes_start", (json_int_t)all->processes_start, "processes_end",
                            (json_int_t)all->processes_end, "rss_start", (json_int_t)all->rss_start,
                            "rss_end", (json_int_t)all->rss_end));
    }
    return json;
}

enum smt_status smt_monitor_json(const struct smt_monitor_result *result, bool verbose,
                                 struct smt_buffer *output)
{
    json_t *processes = json_array(), *json;
    char *text;

    (void)verbose;
    for (size_t i = 0; i < result->process_count; i++)
        json_array_append_new(processes,
                              process_json(&result->processes[i], result->options.limit_bytes > 0));
    json =
        json_pack("{s:s, s:i, s:I, s:s, s:b, s:o, s:I, s:f, s:f, s:o, s:o, s:o, s:o}", "type",
                  "monitor", "schema", 1, "started_at", (json_int_t)result->started_at, "verdict",
                  smt_monitor_verdict_text(result->verdict), "interrupted", result->interrupted,
                  "abnormal", text_json(result->abnormal), "rounds", (json_int_t)result->rounds,
                  "cpu_budget", result->options.cpu_share * 100, "look_cpu_s",
                  (double)result->look_ns / 1e9, "step", text_json(result->options.step), "events",
                  events_json(result), "all", all_json(result), "processes", processes);
    text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text) return smt_fail(SMT_ENOMEM, "out of memory for the json report");
    smt_buffer_add_text(output, text);
    smt_buffer_add_text(output, "\n");
    free(text);
    return output->failed ? smt_fail(SMT_ENOMEM, "out of memory for the json report") : SMT_OK;
}

void smt_monitor_baseline_clear(struct smt_monitor_baseline *baseline)
{
    free(baseline->rows);
    *baseline = (struct smt_monitor_baseline){0};
}

static void row_load(const json_t *process, bool stepped, const char *name,
                     struct smt_monitor_baseline_row *row)
{
    const json_t *decision = json_object_get(process, "decision");
    const json_t *seconds = json_object_get(decision, "seconds_per_round");

    snprintf(row->name, sizeof(row->name), "%s", name);
    row->known.present = true;
    row->known.seconds_per_round = stepped ? 0 : json_number_value(seconds);
    for (size_t i = 0; i < SMT_MONITOR_JUDGED_COUNT; i++) {
        const json_t *figure = json_object_get(decision, judged_keys[i]);

        /* Several processes of one name: the steepest counts. */
        if (json_is_true(json_object_get(figure, "rises")))
            row->known.high[i] =
                fmax(row->known.high[i], json_number_value(json_object_get(figure, "high")));
    }
}

static struct smt_monitor_baseline_row *row_find(struct smt_monitor_baseline *baseline,
                                                 const char *name)
{
    size_t i = 0;

    while (i < baseline->count && strcmp(baseline->rows[i].name, name) != 0) i++;
    if (i == baseline->count) baseline->count++;
    return &baseline->rows[i];
}

enum smt_status smt_monitor_baseline_load(const char *path,
                                          struct smt_monitor_baseline *ret_baseline)
{
    struct smt_monitor_baseline baseline = {0};
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error), *processes, *process;
    const char *type = json_string_value(json_object_get(json, "type"));
    enum smt_status status = SMT_OK;
    size_t i;

    processes = json_object_get(json, "processes");
    if (!json)
        status = smt_fail(SMT_EINPUT, "%s: no baseline: %s", path, error.text);
    else if (!type || strcmp(type, "monitor") != 0 || !json_is_array(processes))
        status = smt_fail(SMT_EINPUT, "%s: is not the json report of an earlier run", path);
    else
        baseline.rows = calloc(json_array_size(processes) + 1, sizeof(*baseline.rows));
    if (!status && !baseline.rows) status = smt_fail(SMT_ENOMEM, "out of memory");
    if (!status) {
        baseline.stepped = json_is_string(json_object_get(json, "step"));
        json_array_foreach(processes, i, process)
        {
            const char *name = json_string_value(json_object_get(process, "name"));

            if (name) row_load(process, baseline.stepped, name, row_find(&baseline, name));
        }
        *ret_baseline = baseline;
    }
    json_decref(json);
    return status;
}
