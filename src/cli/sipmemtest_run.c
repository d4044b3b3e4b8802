/* cli/sipmemtest_run.c - messages together, reports open, the sweep, and the
 * exit status that is the highest of what happened. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_progress.h"
#include "cli/sipmemtest.h"

#define FINDINGS_EXIT 1

struct session {
    const struct smt_sipmemtest_options *options;
    struct smt_message_list messages;
    struct smt_known known;
    struct smt_report **reports;
    size_t report_count;
    struct smt_sink **sinks;
    size_t sink_count;
    struct smt_cli_progress progress;
    int exit_status;
};

static void exit_raise(struct session *session, int exit_status)
{
    if (exit_status > session->exit_status) session->exit_status = exit_status;
}

static void complain(struct session *session, enum smt_status status)
{
    if (status == SMT_OK) return;
    smt_cli_complain(&smt_sipmemtest_program);
    exit_raise(session, smt_status_exit(status));
}

/* --- messages ------------------------------------------------------------------------------- */

static void input_complain(void *context, const char *sentence)
{
    fprintf(stderr, "%s: %s\n", smt_sipmemtest_program.name, sentence);
    exit_raise(context, smt_status_exit(SMT_EINPUT));
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

        complain(session, status);
        if (status == SMT_OK) {
            list->items[kept++] = list->items[i];
        } else {
            free(list->items[i].name);
            free(list->items[i].data);
        }
    }
    list->count = kept;
}

/* Reads all there is; an unusable input does not keep the others from running. */
static void messages_load(struct session *session)
{
    const struct smt_sipmemtest_options *options = session->options;

    for (size_t i = 0; i < options->input_count; i++)
        complain(session, input_load(session, &options->inputs[i]));
    if (options->split)
        complain(session, smt_message_split(&session->messages, input_complain, session));
    line_ends_apply(session);
}

/* --- reports --------------------------------------------------------------------------------- */

static bool color_decide(const struct smt_sipmemtest_options *options, const char *spec)
{
    if (options->color != SMT_CLI_AUTO) return options->color == SMT_CLI_ALWAYS;
    return !strchr(spec, ':') && !getenv("NO_COLOR") && smt_cli_is_terminal(stdout);
}

static enum smt_status report_add(struct session *session, const char *spec)
{
    const struct smt_sipmemtest_options *options = session->options;
    struct smt_report_settings settings = {
        .quiet = options->quiet,
        .verbose = options->verbose,
        .color = color_decide(options, spec),
        .debug = options->debug,
        .trace = options->trace,
    };
    struct smt_report *report;
    enum smt_status status = smt_report_open(spec, &settings, &report);

    if (status != SMT_OK) return status;
    session->reports[session->report_count++] = report;
    session->sinks[session->sink_count++] = smt_report_sink(report);
    return SMT_OK;
}

/* Two reports in one stream would be neither. */
static enum smt_status formats_check(const struct smt_cli_texts *formats)
{
    const char *first = NULL;

    for (size_t i = 0; i < formats->count; i++) {
        if (strchr(formats->items[i], ':')) continue;
        if (first)
            return smt_fail(SMT_EUSAGE,
                            "--format: %s and %s both go to standard output; give one a file, as "
                            "%s:FILE",
                            first, formats->items[i], formats->items[i]);
        first = formats->items[i];
    }
    return SMT_OK;
}

static enum smt_status reports_open(struct session *session)
{
    const struct smt_sipmemtest_options *options = session->options;
    const struct smt_cli_texts *formats = &options->formats;
    bool bar = options->progress == SMT_CLI_ALWAYS ||
               (options->progress == SMT_CLI_AUTO && smt_cli_is_terminal(stderr));
    enum smt_status status = formats_check(formats);

    session->reports = calloc(formats->count + 1, sizeof(struct smt_report *));
    session->sinks = calloc(formats->count + 2, sizeof(struct smt_sink *));
    if (!session->reports || !session->sinks) return smt_fail(SMT_ENOMEM, "out of memory");
    smt_cli_progress_init(&session->progress);
    if (bar) session->sinks[session->sink_count++] = &session->progress.sink;
    if (status == SMT_OK && !formats->count) status = report_add(session, "text");
    for (size_t i = 0; i < formats->count && status == SMT_OK; i++)
        status = report_add(session, formats->items[i]);
    return status;
}

/* --- the run ---------------------------------------------------------------------------------- */

/* The first signal ends the runs, the second the explaining of what was found,
 * the third this process. */
static void interrupt_note(int signal)
{
    static volatile sig_atomic_t count;

    (void)signal;
    smt_run_interrupted = 1;
    if (++count > 2) _exit(128 + SIGINT);
}

static void signals_catch(void)
{
    static const int ends[] = {SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = interrupt_note};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) sigaction(ends[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a reader that left is told by the report */
}

static enum smt_status known_open(struct session *session, struct smt_sweep_settings *settings)
{
    const struct smt_sipmemtest_options *options = session->options;
    enum smt_status status;

    if (!options->known) return SMT_OK;
    status = smt_known_load(options->known, &session->known);
    if (status == SMT_ENOTFOUND && options->update_known) return SMT_OK;
    if (status == SMT_OK) settings->known = &session->known;
    return status;
}

static enum smt_status known_write(const struct session *session, const struct smt_sweep *sweep)
{
    const struct smt_parser *parser = session->options->sweep.worker.parser;

    return smt_known_save(session->options->known, smt_sweep_finding(sweep, 0),
                          smt_sweep_finding_count(sweep), parser->name, parser->version());
}

static bool has_new_defect(const struct smt_sweep *sweep)
{
    for (size_t i = 0; i < smt_sweep_finding_count(sweep); i++) {
        const struct smt_finding *finding = smt_sweep_finding(sweep, i);

        if (smt_verdicts[finding->verdict].is_defect && !finding->is_known) return true;
    }
    return false;
}

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

static enum smt_status findings_save(const struct session *session, struct smt_sweep *sweep,
                                     const struct smt_message_list *messages)
{
    enum smt_status status = SMT_OK;

    for (size_t i = 0; i < smt_sweep_finding_count(sweep) && status == SMT_OK; i++)
        status = finding_save(session, sweep, messages, smt_sweep_finding(sweep, i));
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
        return smt_fail(SMT_EINPUT, "--range: there are only %zu messages", all->count);
    *ret_one = *all;
    ret_one->items += span.first - 1;
    ret_one->count = 1;
    return SMT_OK;
}

static void sweep_run(struct session *session)
{
    const struct smt_sipmemtest_options *options = session->options;
    struct smt_sweep_settings settings = options->sweep;
    struct smt_message_list messages = session->messages;
    struct smt_sweep *sweep = NULL;
    enum smt_status status = known_open(session, &settings);

    if (status == SMT_OK && options->replay) status = replay_choose(session, &messages);
    if (status == SMT_OK)
        status = smt_sweep_new(&settings, &messages, session->sinks, session->sink_count, &sweep);
    if (status == SMT_OK) {
        signals_catch();
        status = options->replay ? smt_sweep_replay(sweep, options->replay, options->do_break)
                                 : smt_sweep_run(sweep);
        smt_cli_progress_erase(&session->progress);
        if (smt_sweep_summary(sweep)->replayed_by_number)
            fprintf(stderr,
                    "sipmemtest: note: the token's call stack is not in this message with this "
                    "library: the allocation of its number was refused instead\n");
    }
    if (status == SMT_EINTERRUPTED)
        status = smt_fail(status, "interrupted; what was found until then is reported");
    complain(session, status);
    if (sweep && options->save_findings)
        complain(session, findings_save(session, sweep, &messages));
    if (status == SMT_OK && options->update_known)
        complain(session, known_write(session, sweep));
    else if (sweep && has_new_defect(sweep))
        exit_raise(session, FINDINGS_EXIT);
    smt_sweep_free(sweep);
}

int smt_sipmemtest_run(struct smt_sipmemtest_options *options)
{
    struct session session = {.options = options};
    enum smt_status status;

    smt_message_list_init(&session.messages);
    messages_load(&session);
    if (session.messages.count) {
        status = reports_open(&session);
        complain(&session, status);
        if (status == SMT_OK) sweep_run(&session);
    }
    for (size_t i = 0; i < session.report_count; i++)
        complain(&session, smt_report_close(session.reports[i]));
    free(session.reports);
    free(session.sinks);
    smt_known_clear(&session.known);
    smt_message_list_clear(&session.messages);
    return session.exit_status;
}
