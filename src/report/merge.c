/* report/merge.c - files of JSON results, one a shard, become one result. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/results.h"

#define SCHEMA 1

/* One file while it is read. */
struct input {
    struct results_place place;
    FILE *file;
    char *line;
    size_t line_capacity;
    uint64_t shard, shards; /* of its run line; 0: not divided */
    bool ended;             /* its summary was read */
};

struct merge {
    struct smt_results *results;
    const char *first_path;
    uint64_t shards;
    const char **path_of; /* by shard, from 1 */
};

static uint64_t number(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

/* How two values read in a sentence. */
static char *value_text(const json_t *value)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("missing");

    return text ? text : strdup("?");
}

static enum smt_status values_differ(const struct merge *merge, const struct input *input,
                                     const char *name, const json_t *here, const json_t *there)
{
    char *mine = value_text(here), *theirs = value_text(there);
    enum smt_status status = smt_fail(
        SMT_EINPUT, "%s: does not belong to %s: %s is %.80s here and %.80s there",
        input->place.path, merge->first_path, name, mine ? mine : "", theirs ? theirs : "");

    free(mine);
    free(theirs);
    return status;
}

/* All members but the shard's number and a budget's seed agree. */
static enum smt_status run_compare(const struct merge *merge, const struct input *input,
                                   const json_t *here, const json_t *there)
{
    static const char *const apart[] = {"shard", "seed"};
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)here, name, value)
    {
        const json_t *other = json_object_get(there, name);

        if (strcmp(name, apart[0]) == 0 || strcmp(name, apart[1]) == 0) continue;
        if (strcmp(name, "options") == 0 && json_is_object(value) && json_is_object(other)) {
            enum smt_status status = run_compare(merge, input, value, other);

            if (status == SMT_OK) status = run_compare(merge, input, other, value);
            if (status != SMT_OK) return status;
        } else if (!json_equal(value, (json_t *)other)) {
            return values_differ(merge, input, name, value, other);
        }
    }
    return SMT_OK;
}

static enum smt_status shard_note(struct merge *merge, const struct input *input)
{
    if (input->shards != merge->shards || (input->shards && input->shard - 1 >= input->shards))
        return smt_fail(SMT_EINPUT, "%s: is shard %llu of %llu", input->place.path,
                        (unsigned long long)input->shard, (unsigned long long)input->shards);
    if (!merge->shards && input->place.source)
        return smt_fail(SMT_EINPUT,
                        "%s and %s are both whole results; merged are those of shards (--shard)",
                        merge->first_path, input->place.path);
    if (!merge->shards) return SMT_OK;
    if (merge->path_of[input->shard])
        return smt_fail(SMT_EINPUT, "%s and %s are both shard %llu of %llu",
                        merge->path_of[input->shard], input->place.path,
                        (unsigned long long)input->shard, (unsigned long long)input->shards);
    merge->path_of[input->shard] = input->place.path;
    return SMT_OK;
}

static enum smt_status run_take(struct merge *merge, struct input *input, json_t *run)
{
    struct smt_results *results = merge->results;
    enum smt_status status = SMT_OK;

    if (number(run, "schema") != SCHEMA)
        return smt_fail(SMT_EINPUT, "%s:%zu: schema %llu, and this program knows %d",
                        input->place.path, input->place.line,
                        (unsigned long long)number(run, "schema"), SCHEMA);
    input->shard = number(run, "shard");
    input->shards = number(run, "shards");
    if (input->shards > 1u << 20) input->shards = 0;
    if (!results->run) {
        results->run = json_incref(run);
        merge->first_path = input->place.path;
        merge->shards = input->shards;
        merge->path_of = calloc((size_t)input->shards + 1, sizeof *merge->path_of);
        if (!merge->path_of) return smt_fail(SMT_ENOMEM, "out of memory for shards");
        status = smt_report_results_run_read(results, &input->place);
    } else {
        status = run_compare(merge, input, run, results->run);
        if (status == SMT_OK) status = run_compare(merge, input, results->run, run);
    }
    return status == SMT_OK ? shard_note(merge, input) : status;
}

static enum smt_status line_take(struct merge *merge, struct input *input, json_t *line)
{
    const char *type = json_string_value(json_object_get(line, "type"));
    bool is_run = type && strcmp(type, "run") == 0;

    if (is_run != (input->place.line == 1))
        return smt_fail(SMT_EINPUT, "%s:%zu: %s", input->place.path, input->place.line,
                        is_run ? "a second run in one file"
                               : "no results of `--format json`: the first line is no run");
    if (input->ended)
        return smt_fail(SMT_EINPUT, "%s:%zu: a line behind the summary", input->place.path,
                        input->place.line);
    if (is_run) return run_take(merge, input, line);
    if (type && strcmp(type, "summary") == 0) input->ended = true;
    return smt_report_results_read(merge->results, line, &input->place);
}

/* Everything the summary counted was there? */
static enum smt_status input_check(const struct merge *merge, const struct input *input,
                                   size_t messages_before)
{
    size_t messages = merge->results->message_count - messages_before;

    if (!input->ended)
        return smt_fail(SMT_EINPUT, "%s:%zu: ends without a summary: that run was cut off",
                        input->place.path, input->place.line);
    if (merge->results->summary.messages != merge->results->message_count)
        return smt_fail(SMT_EINPUT, "%s: has %zu messages, its summary counts others",
                        input->place.path, messages);
    return SMT_OK;
}

static enum smt_status input_read(struct merge *merge, struct input *input)
{
    size_t messages = merge->results->message_count;
    enum smt_status status = SMT_OK;
    ssize_t size;

    input->file = strcmp(input->place.path, "-") ? fopen(input->place.path, "re") : stdin;
    if (!input->file)
        return smt_fail(SMT_EINPUT, "%s: cannot read: %s", input->place.path, strerror(errno));
    while (status == SMT_OK &&
           (size = getline(&input->line, &input->line_capacity, input->file)) > 0) {
        json_t *line;

        input->place.line++;
        status = smt_report_results_parse(&input->place, input->line, (size_t)size, &line);
        if (status != SMT_OK) break;
        status = line_take(merge, input, line);
        json_decref(line);
    }
    if (status == SMT_OK && ferror(input->file))
        status = smt_fail(SMT_EINPUT, "%s: cannot read: %s", input->place.path, strerror(errno));
    if (status == SMT_OK) status = input_check(merge, input, messages);
    if (input->file != stdin) fclose(input->file);
    free(input->line);
    return status;
}

/* Says which shards are not there; no result without them looks like a pass. */
static void missing_note(struct merge *merge)
{
    struct smt_summary *summary = &merge->results->summary;
    struct smt_buffer missing;

    smt_buffer_init(&missing);
    for (uint64_t shard = 1; shard <= merge->shards; shard++)
        if (!merge->path_of[shard])
            smt_buffer_addf(&missing, "%s %llu", missing.size ? "," : "missing shards",
                            (unsigned long long)shard);
    if (missing.size && !summary->truncated) {
        summary->truncated = true;
        summary->truncated_by = smt_report_results_text(merge->results, missing.data);
    }
    smt_buffer_clear(&missing);
}

enum smt_status smt_results_merge(const char *const *paths, size_t count,
                                  struct smt_results **ret_results)
{
    struct merge merge = {.results = smt_report_results_new(count)};
    enum smt_status status = SMT_OK;

    if (!merge.results) return smt_fail(SMT_ENOMEM, "out of memory for results");
    for (size_t i = 0; i < count && status == SMT_OK; i++) {
        struct input input = {.place = {.path = paths[i], .source = i}};

        status = input_read(&merge, &input);
    }
    if (status == SMT_OK) missing_note(&merge);
    if (status == SMT_OK) status = smt_report_results_finish(merge.results);
    free(merge.path_of);
    if (status != SMT_OK) {
        smt_results_free(merge.results);
        return status;
    }
    *ret_results = merge.results;
    return SMT_OK;
}
