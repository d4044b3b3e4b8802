/* cli/sipmemtest_session.h - what running, dividing and merging share: reports
 * that are open, the known-findings file, and the exit status, which is the
 * highest of what happened. */
#ifndef SMT_CLI_SIPMEMTEST_SESSION_H
#define SMT_CLI_SIPMEMTEST_SESSION_H

#include <signal.h>

#include "cli/cli_progress.h"
#include "cli/sipmemtest.h"

struct session {
    const struct smt_cli_program *program; /* who complains */
    const struct smt_sipmemtest_options *options;
    struct smt_message_list messages;
    size_t unusable_inputs; /* that gave no message */
    struct smt_known known;
    struct smt_report **reports;
    size_t report_count;
    struct smt_sink **sinks;
    size_t sink_count;
    struct smt_cli_progress progress;
    struct smt_sink complainer; /* says which messages were given up */
    int exit_status;
};

/* Findings that came out, wherever from. */
struct outcome {
    const struct smt_finding *findings;
    size_t count;
    const char *parser, *version;
    bool is_whole; /* what it lacks is fixed */
};

void smt_cli_session_raise(struct session *session, int exit_status);

/* Says what the last smt_fail() said, unless the status is SMT_OK. */
void smt_cli_session_complain(struct session *session, enum smt_status status);

/* Opens what --format asks for; the progress bar is the first sink, who complains
 * of messages that were given up the second. */
SMT_MUST_USE enum smt_status smt_cli_session_reports_open(struct session *session);
void smt_cli_session_close(struct session *session);

/* Signals that end the program become smt_run_interrupted; how many there were. */
void smt_cli_session_signals_catch(void);
extern volatile sig_atomic_t smt_cli_session_interrupts;

/* Loads --known into *ret_known (NULL: none, or to be made); a list made with
 * another version of the parser is noted on standard error. */
SMT_MUST_USE enum smt_status smt_cli_session_known_open(struct session *session, const char *parser,
                                                        const char *version,
                                                        struct smt_known **ret_known);

/* Rewrites the list when that was asked for, else makes new findings an exit
 * status. */
void smt_cli_session_judge(struct session *session, enum smt_status status,
                           const struct outcome *outcome);

#endif
