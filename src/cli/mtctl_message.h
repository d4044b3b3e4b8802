/* cli/mtctl_message.h - parameter `message`: what sipmemtest does without
 * options, on one message, inside mtctl. */
#ifndef SMT_CLI_MTCTL_MESSAGE_H
#define SMT_CLI_MTCTL_MESSAGE_H

#include "control/control.h"
#include "parser/parser.h"

/* For smt_control_hooks.message_test; the context is the parser, NULL for the
 * first of the table. From any thread; one test at a time runs, others wait. */
enum smt_status smt_mtctl_message_test(void *context, const char *name, const void *bytes,
                                       size_t size_bytes, const atomic_bool *cancelled,
                                       struct smt_buffer *report, bool *ret_findings);
void smt_mtctl_message_cancel(void); /* .message_cancel */

#endif
