#include "cli/sipmemtest_merge.h"

#include <stdlib.h>

#include "cli/sipmemtest_session.h"

#define AT(member) offsetof(struct smt_sipmemtest_options, member)

/* The first member is what rows and session know. */
struct merge {
    struct smt_sipmemtest_options options;
    struct smt_cli_request request;
};

static const struct smt_cli_option table[] = {
    {0, "format", "NAME[:FILE]", 0,
     "How results are written, and where: default json to standard output; repeatable", NULL, NULL,
     smt_cli_set_texts, AT(formats)},
    {0, "known", "FILE", 0,
     "Findings listed in FILE are known: only new ones make exit "
     "status 1; repeatable",
     "FILE", NULL, smt_cli_set_texts, AT(known)},
    {0, "update-known", NULL, 0, "Write all findings to the file of --known and exit 0", NULL, NULL,
     smt_cli_set_true, AT(update_known)},
    {'q', "quiet", NULL, 0, "Text: summary and findings only", NULL, NULL, smt_cli_set_true,
     AT(quiet)},
    {'v', "verbose", NULL, 0, "Text: all frames and blocks", NULL, NULL, smt_cli_set_true,
     AT(verbose)},
    {0, "color", "auto|always|never", 0, "Colours; default auto", SMT_CLI_WHEN_WORDS, NULL,
     smt_cli_set_choice, AT(color)},
    SMT_CLI_HELP_ROW(offsetof(struct merge, request)),
    {0},
};

static const struct smt_cli_example examples[] = {
    {"sipmemtest merge 1.json 2.json 3.json >all.json", "What one machine would have written."},
    {"sipmemtest merge --format text shard-*.json", "The same for people."},
    {"sipmemtest merge --format junit:oom.xml all.json", "Results in another format."},
    {NULL, NULL},
};

static enum smt_status file_add(void *options, const char *argument)
{
    return smt_sipmemtest_input_add(options, SMT_SOURCE_FILE, argument);
}

const struct smt_cli_program smt_sipmemtest_merge_program = {
    .name = "sipmemtest merge",
    .summary = "shards' results become one",
    .usage = "[OPTION...] FILE...",
    .description = "Lays the JSON results of all shards of one sweep together: what one machine "
                   "would have given. A shard that is missing makes the result truncated; results "
                   "that do not belong together are refused.",
    .options = table,
    .examples = examples,
    .add_argument = file_add,
    .argument_words = "FILE",
};

static enum smt_status options_check(const struct smt_sipmemtest_options *options)
{
    if (!options->input_count)
        return smt_fail(SMT_EUSAGE, "which results? name the FILEs that --format json:FILE wrote");
    if (options->update_known && options->known.count != 1)
        return smt_fail(SMT_EUSAGE, "--update-known: which file? add one --known FILE");
    return SMT_OK;
}

static enum smt_status files_merge(const struct smt_sipmemtest_options *options,
                                   struct smt_results **ret_results)
{
    const char **paths = calloc(options->input_count, sizeof *paths);
    enum smt_status status;

    if (!paths) return smt_fail(SMT_ENOMEM, "out of memory for results");
    for (size_t i = 0; i < options->input_count; i++) paths[i] = options->inputs[i].text;
    status = smt_results_merge(paths, options->input_count, ret_results);
    free(paths);
    return status;
}

static void results_tell(struct session *session, struct smt_results *results)
{
    struct smt_sweep_run *run = smt_results_run(results);
    struct smt_sweep_settings settings = *run->settings;
    const struct smt_summary *summary = smt_results_summary(results);
    struct outcome outcome = {.parser = run->parser, .version = run->parser_version};
    struct smt_sweep_run told = *run;
    enum smt_status status =
        smt_cli_session_known_open(session, run->parser, run->parser_version, &settings.known);

    told.settings = &settings;
    if (status == SMT_OK) status = smt_cli_session_reports_open(session);
    smt_cli_session_complain(session, status);
    if (status != SMT_OK) return;
    smt_results_mark(results, &told);
    smt_results_tell(results, &told, session->sinks, session->sink_count);
    outcome.findings = smt_results_findings(results, &outcome.count);
    outcome.is_whole = smt_sweep_is_whole(&settings, summary);
    if (summary->truncated)
        status = smt_fail(SMT_EIO, "the result is incomplete: %s", summary->truncated_by);
    smt_cli_session_complain(session, status);
    if (summary->unusable_inputs) smt_cli_session_raise(session, smt_status_exit(SMT_EINPUT));
    smt_cli_session_judge(session, status, &outcome);
}

static void merge_run(struct session *session, struct smt_sipmemtest_options *options)
{
    struct smt_results *results = NULL;
    enum smt_status status = options_check(options);

    smt_message_list_init(&session->messages);
    if (status == SMT_OK && !options->formats.count)
        status = smt_cli_set_texts(options, &table[0], "json");
    if (status == SMT_OK) status = files_merge(options, &results);
    smt_cli_session_complain(session, status);
    if (status == SMT_OK) results_tell(session, results);
    smt_cli_session_close(session);
    smt_results_free(results);
}

int smt_sipmemtest_merge(int argc, char **argv)
{
    struct merge merge = {.options = {.progress = SMT_CLI_NEVER}};
    struct session session = {.program = &smt_sipmemtest_merge_program, .options = &merge.options};
    int code = smt_cli_start(&smt_sipmemtest_merge_program, argc, argv, &merge, &merge.request);

    if (code == SMT_CLI_GO_ON) {
        merge_run(&session, &merge.options);
        code = session.exit_status;
    }
    smt_sipmemtest_options_clear(&merge.options);
    return code;
}
