/* cli/sipmemtest_jobs.h - a sweep done by several processes, or in several
 * sittings: --jobs and --resume.
 *
 * Each process does one shard and keeps what it has in one journal; at the end
 * the journal is laid together as `merge` does it and told to the reports. So
 * the result is that of one process, whatever was killed in between. */
#ifndef SMT_CLI_SIPMEMTEST_JOBS_H
#define SMT_CLI_SIPMEMTEST_JOBS_H

#include "cli/sipmemtest_session.h"

/* `status` of the runs; *ret_results is untouched when there are none, which the
 * status then says. */
SMT_MUST_USE enum smt_status smt_cli_jobs_run(struct session *session,
                                              const struct smt_sweep_settings *settings,
                                              const struct smt_message_list *messages,
                                              struct smt_journal *journal,
                                              struct smt_results **ret_results);

#endif
