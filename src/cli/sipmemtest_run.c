/* cli/sipmemtest_run.c - messages together, reports open, the sweep, and the
 * exit status that is the highest of what happened. */
#include <stdlib.h>

#include "cli/sipmemtest_jobs.h"

/* --- messages ------------------------------------------------------------------------------- */

static void part_complain(void *context, const char *sentence)
{
    fprintf(stderr, "%s: %s\n", smt_sipmemtest_program.name, sentence);
    smt_cli_session_raise(context, smt_status_exit(SMT_EINPUT));
}

static void input_complain(void *context, const char *sentence)
{
    struct session *session = context;

    session->unusable_inputs++;
    part_complain(context, sentence);
}

static void input_check(struct session *session, enum smt_status status)
{
    session->unusable_inputs += status != SMT_OK;
    smt_cli_session_complain(session, status);
}

static enum smt_status input_load(struct session *session, const struct smt_sipmemtest_input *input)
{
    switch (input->source) {
    case SMT_SOURCE_FILE:
        return smt_message_add_file(&session->messages, input->text);
    case SMT_SOURCE_DATA:
        return smt_message_add_data(&session->messages, NULL, input->text);
    default:
        return smt_message_add_path(&session->messages, input->text, input_complain, session);
    }
}

/* --crlf on each message; those it refuses are left out. */
static void line_ends_apply(struct session *session)
{
    struct smt_message_list *list = &session->messages;
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        enum smt_status status =
            smt_message_apply_crlf(&list->items[i], (enum smt_crlf)session->options->crlf);

        input_check(session, status);
        if (status == SMT_OK) {
            list->items[kept++] = list->items[i];
        } else {
            smt_message_clear(&list->items[i]);
        }
    }
    list->count = kept;
}

/* Reads all there is; an unusable input does not keep the others from running. */
static void messages_load(struct session *session)
{
    const struct smt_sipmemtest_options *options = session->options;

    for (size_t i = 0; i < options->input_count; i++)
        input_check(session, input_load(session, &options->inputs[i]));
    if (options->split)
        smt_cli_session_complain(session,
                                 smt_message_split(&session->messages, part_complain, session));
    line_ends_apply(session);
}

/* --- the run ---------------------------------------------------------------------------------- */

/* One finding into its folder, its message made as small as it goes if wanted. */
static enum smt_status finding_save(const struct session *session, struct smt_sweep *sweep,
                                    const struct smt_message_list *messages,
                                    const struct smt_finding *finding)
{
    const struct smt_sipmemtest_options *options = session->options;
    const struct smt_message *message = &messages->items[finding->message_index - 1];
    struct smt_buffer smallest;
    char *token = NULL;
    enum smt_status status;

    if (!options->minimize)
        return smt_report_save_finding(options->save_findings, finding, finding->replay,
                                       message->data, message->size_bytes);
    smt_buffer_init(&smallest);
    status = smt_sweep_minimize(sweep, finding, &smallest, &token);
    if (status == SMT_OK)
        status = smt_report_save_finding(options->save_findings, finding, token, smallest.data,
                                         smallest.size);
    free(token);
    smt_buffer_clear(&smallest);
    return status;
}

/* `sweep` is the one that found them; NULL when other processes did. */
static enum smt_status findings_save(const struct session *session, struct smt_sweep *sweep,
                                     const struct smt_message_list *messages,
                                     const struct outcome *outcome)
{
    struct smt_sweep *own = NULL;
    enum smt_status status = SMT_OK;

    if (!session->options->save_findings) return SMT_OK;
    if (!sweep) status = smt_sweep_new(&session->options->sweep, messages, NULL, 0, &own);
    for (size_t i = 0; i < outcome->count && status == SMT_OK; i++)
        status = finding_save(session, sweep ? sweep : own, messages, &outcome->findings[i]);
    smt_sweep_free(own);
    return status;
}

/* --replay is about one message: the only one, or the only one in --range. */
static enum smt_status replay_choose(const struct session *session,
                                     struct smt_message_list *ret_one)
{
    const struct smt_sweep_settings *settings = &session->options->sweep;
    const struct smt_message_list *all = &session->messages;
    struct smt_span span = {1, all->count};

    if (settings->message_span_count == 1) span = settings->messages[0];
    if (span.first != span.last || settings->message_span_count > 1)
        return smt_fail(SMT_EUSAGE,
                        "--replay: repeats one run of one message, %zu are given; choose one with "
                        "--range",
                        all->count);
    if (span.first > all->count)
        return smt_fail(SMT_EINPUT, "--range: the last message is number %zu", all->count);
    *ret_one = *all;
    ret_one->items += span.first - 1;
    ret_one->count = 1;
    return SMT_OK;
}

static void outcome_use(struct session *session, enum smt_status status, struct smt_sweep *sweep,
                        const struct smt_message_list *messages, const struct outcome *outcome)
{
    if (status == SMT_EINTERRUPTED)
        status = smt_fail(status, "interrupted; what was found until then is reported");
    smt_cli_session_complain(session, status);
    smt_cli_session_complain(session, findings_save(session, sweep, messages, outcome));
    smt_cli_session_judge(session, status, outcome);
}

/* In this process, results told as they come. */
static void sweep_run(struct session *session, const struct smt_sweep_settings *settings)
{
    const struct smt_sipmemtest_options *options = session->options;
    const struct smt_parser *parser = settings->worker.parser;
    struct outcome outcome = {.parser = parser->name, .version = parser->version()};
    struct smt_message_list messages = session->messages;
    struct smt_sweep *sweep = NULL;
    enum smt_status status = SMT_OK;

    if (options->replay) status = replay_choose(session, &messages);
    if (status == SMT_OK)
        status = smt_sweep_new(settings, &messages, session->sinks, session->sink_count, &sweep);
    if (status == SMT_OK) {
        status = options->replay ? smt_sweep_replay(sweep, options->replay, options->do_break)
                                 : smt_sweep_run(sweep);
        smt_cli_progress_erase(&session->progress);
        if (smt_sweep_summary(sweep)->replayed_by_number)
            fprintf(stderr,
                    "sipmemtest: note: the token's call stack is not in this message with this "
                    "library: the allocation of its number was refused instead\n");
    }
    if (sweep) {
        outcome.findings = smt_sweep_finding(sweep, 0);
        outcome.count = smt_sweep_finding_count(sweep);
        outcome.is_whole = smt_sweep_is_whole(settings, smt_sweep_summary(sweep));
    }
    outcome_use(session, status, sweep, &messages, &outcome);
    smt_sweep_free(sweep);
}

/* In several processes or sittings, results told at the end. */
static void sweep_divide(struct session *session, const struct smt_sweep_settings *settings,
                         struct smt_journal *journal)
{
    char build_id[128] = "";
    struct smt_sweep_run run =
        smt_sweep_run_of(settings, &session->messages, build_id, sizeof build_id);
    struct outcome outcome = {.parser = run.parser, .version = run.parser_version};
    struct smt_results *results = NULL;
    enum smt_status status =
        smt_cli_jobs_run(session, settings, &session->messages, journal, &results);

    if (results) {
        smt_results_mark(results, &run);
        smt_results_tell(results, &run, session->sinks, session->sink_count);
        outcome.findings = smt_results_findings(results, &outcome.count);
        outcome.is_whole = smt_sweep_is_whole(settings, smt_results_summary(results));
    }
    outcome_use(session, status, NULL, &session->messages, &outcome);
    smt_results_free(results);
}

static enum smt_status journal_open(struct session *session,
                                    const struct smt_sweep_settings *settings,
                                    struct smt_journal **ret_journal)
{
    const struct smt_sipmemtest_options *options = session->options;
    char build_id[128] = "";
    struct smt_sweep_run run =
        smt_sweep_run_of(settings, &session->messages, build_id, sizeof build_id);

    if (options->jobs < 2 && !options->resume) return SMT_OK;
    return smt_journal_open(options->resume, &run, options->jobs, ret_journal);
}

int smt_sipmemtest_run(struct smt_sipmemtest_options *options)
{
    struct session session = {.program = &smt_sipmemtest_program, .options = options};
    const struct smt_parser *parser = options->sweep.worker.parser;
    struct smt_sweep_settings settings = options->sweep;
    struct smt_journal *journal = NULL;
    enum smt_status status;

    smt_message_list_init(&session.messages);
    messages_load(&session);
    settings.unusable_inputs = session.unusable_inputs;
    if (session.messages.count) {
        smt_cli_session_signals_catch();
        /* what may be refused comes before the reports, which overwrite files */
        status =
            smt_cli_session_known_open(&session, parser->name, parser->version(), &settings.known);
        if (status == SMT_OK) status = journal_open(&session, &settings, &journal);
        if (status == SMT_OK) status = smt_cli_session_reports_open(&session);
        smt_cli_session_complain(&session, status);
        if (status == SMT_OK && journal)
            sweep_divide(&session, &settings, journal);
        else if (status == SMT_OK)
            sweep_run(&session, &settings);
    }
    smt_journal_free(journal);
    smt_cli_session_close(&session);
    return session.exit_status;
}
