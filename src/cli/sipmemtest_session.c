#include "cli/sipmemtest_session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FINDINGS_EXIT 1

volatile sig_atomic_t smt_cli_session_interrupts;

void smt_cli_session_raise(struct session *session, int exit_status)
{
    if (exit_status > session->exit_status) session->exit_status = exit_status;
}

void smt_cli_session_complain(struct session *session, enum smt_status status)
{
    if (status == SMT_OK) return;
    smt_cli_complain(session->program);
    smt_cli_session_raise(session, smt_status_exit(status));
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
        .trace = options->trace,
    };
    struct smt_report *report;
    enum smt_status status = smt_report_open(spec, &settings, &report);

    if (status != SMT_OK) return status;
    session->reports[session->report_count++] = report;
    session->sinks[session->sink_count++] = smt_report_sink(report);
    return SMT_OK;
}

/* As of an input that could not be read at all. */
static void unusable_complain(struct smt_sink *sink, const struct smt_unusable_report *report)
{
    struct session *session =
        (struct session *)((char *)sink - offsetof(struct session, complainer));

    smt_cli_progress_erase(&session->progress);
    smt_cli_session_complain(
        session, smt_fail(SMT_EINPUT, "%s: left out from here on: %s", report->name, report->why));
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

enum smt_status smt_cli_session_reports_open(struct session *session)
{
    const struct smt_sipmemtest_options *options = session->options;
    const struct smt_cli_texts *formats = &options->formats;
    bool bar = options->progress == SMT_CLI_ALWAYS ||
               (options->progress == SMT_CLI_AUTO && smt_cli_is_terminal(stderr));
    enum smt_status status = formats_check(formats);

    session->reports = calloc(formats->count + 1, sizeof(struct smt_report *));
    session->sinks = calloc(formats->count + 3, sizeof(struct smt_sink *));
    if (!session->reports || !session->sinks) return smt_fail(SMT_ENOMEM, "out of memory");
    smt_cli_progress_init(&session->progress, bar,
                          !options->quiet && !options->sweep.budget_injections &&
                              !options->sweep.budget_ns);
    session->sinks[session->sink_count++] = &session->progress.sink;
    session->complainer.unusable = unusable_complain;
    session->sinks[session->sink_count++] = &session->complainer;
    if (status == SMT_OK && !formats->count) status = report_add(session, "text");
    for (size_t i = 0; i < formats->count && status == SMT_OK; i++)
        status = report_add(session, formats->items[i]);
    return status;
}

void smt_cli_session_close(struct session *session)
{
    for (size_t i = 0; i < session->report_count; i++)
        smt_cli_session_complain(session, smt_report_close(session->reports[i]));
    free(session->reports);
    free(session->sinks);
    smt_known_clear(&session->known);
    smt_message_list_clear(&session->messages);
}

/* --- signals ---------------------------------------------------------------------------------- */

/* The first signal ends the runs, the second the explaining of what was found,
 * the third this process. */
static void interrupt_note(int signal)
{
    (void)signal;
    smt_run_interrupted = 1;
    smt_cli_session_interrupts = smt_cli_session_interrupts + 1;
    if (smt_cli_session_interrupts > 2) _exit(128 + SIGINT);
}

void smt_cli_session_signals_catch(void)
{
    static const int ends[] = {SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = interrupt_note};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) sigaction(ends[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a reader that left is told by the report */
}

/* --- known findings -----------------------------------------------------------------------------
 */

/* The list just loaded from `path` is of another version of the parser. */
static void known_version_note(const struct session *session, const char *path, const char *parser,
                               const char *version)
{
    struct smt_buffer here;

    smt_buffer_init(&here);
    smt_buffer_addf(&here, "%s %s", parser, version);
    if (session->known.version && here.data && strcmp(session->known.version, here.data) != 0)
        fprintf(stderr, "%s: note: %s was made with parser %s, this is %s\n",
                session->program->name, path, session->known.version, here.data);
    smt_buffer_clear(&here);
}

enum smt_status smt_cli_session_known_open(struct session *session, const char *parser,
                                           const char *version, struct smt_known **ret_known)
{
    const struct smt_sipmemtest_options *options = session->options;

    *ret_known = NULL;
    for (size_t i = 0; i < options->known.count; i++) {
        enum smt_status status = smt_known_load(options->known.items[i], &session->known);

        if (status == SMT_ENOTFOUND && options->update_known) return SMT_OK;
        if (status != SMT_OK) return status;
        known_version_note(session, options->known.items[i], parser, version);
    }
    if (options->known.count) *ret_known = &session->known;
    return SMT_OK;
}

static bool has_new_defect(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->count; i++)
        if (smt_verdicts[outcome->findings[i].verdict].is_defect && !outcome->findings[i].is_known)
            return true;
    return false;
}

void smt_cli_session_judge(struct session *session, enum smt_status status,
                           const struct outcome *outcome)
{
    if (status == SMT_OK && session->options->update_known)
        smt_cli_session_complain(session,
                                 smt_known_save(session->options->known.items[0], outcome->findings,
                                                outcome->count, outcome->parser, outcome->version,
                                                &session->known, outcome->is_whole));
    else if (has_new_defect(outcome))
        smt_cli_session_raise(session, FINDINGS_EXIT);
}
