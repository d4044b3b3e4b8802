/* control/live_client.h - asks the engine inside another process (preload/).
 *
 * The address is `pid:N`, N as this process sees it. The socket's name is made
 * of the other's process-id namespace and its id there, so containers are
 * reached from outside; where its network namespace is another, ours is left for
 * the connection (that takes the right to do so). Who answers must be N itself. */
#ifndef SMT_CONTROL_LIVE_CLIENT_H
#define SMT_CONTROL_LIVE_CLIENT_H

#include <sys/types.h>

#include "base/base.h"

struct smt_live_client {
    int fd; /* -1: closed */
    pid_t process;
};

/* True: it begins with `pid:`. SMT_EUSAGE, *ret_process untouched: no number. */
bool smt_live_address_is(const char *address);
SMT_MUST_USE enum smt_status smt_live_address_parse(const char *address, pid_t *ret_process);

/* SMT_ENOTFOUND: no such process, or no engine in it. */
SMT_MUST_USE enum smt_status smt_live_client_open(struct smt_live_client *client, pid_t process);
void smt_live_client_close(struct smt_live_client *client);

/* One command line; the whole answer (preload/out.h's lines). */
SMT_MUST_USE enum smt_status smt_live_client_ask(struct smt_live_client *client, const char *line,
                                                 struct smt_buffer *answer);

#endif
