/* control/server_inside.h - what the server's files share. */
#ifndef SMT_CONTROL_SERVER_INSIDE_H
#define SMT_CONTROL_SERVER_INSIDE_H

#include <uv.h>

#include "control/control.h"

#define READ_BYTES  65536
#define OUT_ENOUGH  65536      /* answers waiting: first they must go */
#define ANSWER_MAX  (64 << 20) /* of a netstring: who wants more is dropped */
#define IDLE_KEEP   4096       /* larger buffers of an idle connection are freed */
#define PATIENCE_MS 60000      /* for half a message, or an answer nobody reads */
#define SWEEP_MS    5000
#define TURN_NS     2000000 /* how long one client's messages may keep the others waiting */

union socket_handle {
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
    uv_handle_t any;
};

struct listener {
    union socket_handle handle;
    struct smt_server *server;
    struct smt_address address;
    uint64_t device, inode; /* of a unix socket, to remove only our own */
    bool open, waiting;     /* waiting: a client could not be accepted yet */
};

struct smt_server {
    uv_loop_t loop;
    struct smt_control *control;
    const struct smt_server_menu *menus;
    struct listener *listeners;
    size_t listener_count;
    struct connection *connections;
    struct connection *spare; /* for a client that is taken only to be dropped */
    uv_signal_t signals[3];
    uv_async_t stop;
    uv_timer_t sweep;
    uv_idle_t turns; /* runs while a client has used up its turn */
    bool stopping;
    char bytes[READ_BYTES]; /* what any connection reads into */
};

struct connection {
    union socket_handle handle;
    struct smt_server *server;
    struct connection *prev, *next;
    bool telnet;

    struct smt_buffer input;
    size_t consumed; /* of input */
    struct smt_frame_finder finder;
    bool reading, ended; /* ended: the client sends no more */

    struct smt_buffer out;     /* answers not yet being sent */
    struct smt_buffer sending; /* being sent */
    uv_write_t write;
    bool writing;

    bool busy;     /* a worker has request and reply, or the message's text */
    bool more;     /* its turn was over before its messages were */
    bool finished; /* close when all is sent */
    bool closing, closed;
    uint64_t since_ms; /* 0, or since when something waits for the client */

    /* session.c's */
    struct smt_wire_request request;
    struct smt_wire_reply reply;
    uv_work_t work;
    uint32_t cookie;
    const char *json_text; /* to be parsed; in `input` */
    size_t json_bytes;
    bool json_open;
    struct smt_json_message json;
    struct smt_buffer answer; /* what is answered to it, as far as it is not in `out` */
    const struct smt_server_menu *menu;
    void *menu_state;
    bool greeted;
};

/* listener.c */
enum smt_status smt_control_listener_open(struct listener *listener, struct smt_server *server,
                                          const struct smt_address *address);
void smt_control_listener_close(struct listener *listener);

/* connection.c */
void smt_control_connection_accept(struct listener *listener);
void smt_control_connections_wanted(
    struct smt_server *server); /* takes whoever could not be taken */
void smt_control_connection_close(struct connection *connection);
void smt_control_connection_free(struct connection *connection); /* closed, and no worker has it */
void smt_control_connection_sweep(struct smt_server *server, uint64_t now_ms);
void smt_control_connection_go_on(struct connection *connection);

/* session.c: takes one message, or the next request of one; false when there
 * is nothing to do until more comes. */
bool smt_control_session_step(struct connection *connection);
void smt_control_session_greet(struct connection *connection);
void smt_control_session_clear(struct connection *connection);

#endif
