/* control/server.h - commands over sockets, one libuv loop.
 *
 *      listener ──accept──> connection ──frames──> session ──> command table
 *        unix, tcp, telnet     bytes      wire/     protocol      (worker)
 *
 * Light commands run on the loop, heavy ones in libuv's worker threads, one
 * at a time for each connection, so answers keep their order while others are
 * served. A client that does not read is not read from; one that leaves a
 * message or an answer lying for a minute is dropped. Only a telnet listener
 * speaks first, with a prompt. */
#ifndef SMT_CONTROL_SERVER_H
#define SMT_CONTROL_SERVER_H

#include "wire/wire.h"

struct smt_control;
struct smt_server;

/* A menu of the telnet session: typing `key` at the top prompt opens it; then
 * each line goes to `line`, on the loop's thread. */
struct smt_server_menu {
    const char *key;
    const char *title;                          /* for the top menu's help */
    const char *prompt;                         /* when it has just been opened */
    void *(*open)(struct smt_control *control); /* its state; NULL: out of memory */
    void (*close)(void *state);
    /* Adds what is answered, lines ended by \r\n; the next prompt, NULL to leave. */
    const char *(*line)(void *state, const char *line, struct smt_buffer *answer);
};

struct smt_server_options {
    const struct smt_address *addresses;
    size_t address_count;
    const struct smt_server_menu *menus; /* ended by a row without key; may be NULL */
};

/* Binds every address or none. A unix socket has mode 0600; one that a dead
 * server left is replaced, one that answers is SMT_EIO. */
SMT_MUST_USE enum smt_status smt_server_new(struct smt_control *control,
                                            const struct smt_server_options *options,
                                            struct smt_server **ret_server);

/* The addresses really listened on (port 0 becomes a number). */
void smt_server_address(const struct smt_server *server, size_t i, struct smt_address *ret_address);

/* Serves until SIGTERM, SIGINT or smt_server_stop(). */
void smt_server_run(struct smt_server *server);

void smt_server_stop(struct smt_server *server); /* from any thread */

void smt_server_free(struct smt_server *server);

#endif
