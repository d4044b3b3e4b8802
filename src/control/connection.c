/* Bytes in and out of one client.
 *
 *      read ──> input ──> smt_control_session_step() ──> out ──> sending ──> written
 *
 * Processing stops while a worker has the request, and while answers wait to
 * be sent; reading stops while processing does and enough is there. Who sends
 * much at once is served in turns with the others. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/server_inside.h"

static uint64_t now_ms(const struct connection *connection)
{
    return uv_now(&connection->server->loop) + 1; /* never 0 */
}

/* Its memory: kept for one who comes when there is no other. */
static void memory_give(struct smt_server *server, struct connection *connection)
{
    if (server->spare)
        free(connection);
    else
        server->spare = connection;
}

void smt_control_connection_free(struct connection *connection)
{
    struct smt_server *server = connection->server;

    DL_DELETE(server->connections, connection);
    smt_control_session_clear(connection);
    smt_buffer_clear(&connection->input);
    smt_buffer_clear(&connection->out);
    smt_buffer_clear(&connection->sending);
    memory_give(server, connection);
    smt_control_connections_wanted(server);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;

    connection->closed = true;
    if (!connection->busy) smt_control_connection_free(connection);
}

void smt_control_connection_close(struct connection *connection)
{
    if (connection->closing) return;
    connection->closing = true;
    uv_close(&connection->handle.any, on_closed);
}

/* --- out --- */

static void on_written(uv_write_t *write, int error)
{
    struct connection *connection = write->data;

    connection->writing = false;
    connection->since_ms = 0;
    smt_buffer_empty(&connection->sending);
    if (error)
        smt_control_connection_close(connection);
    else
        smt_control_connection_go_on(connection);
}

/* Sends what is in `out`: at once as far as the socket takes it. */
static void out_send(struct connection *connection)
{
    struct smt_buffer *out = &connection->out, swap;
    uv_buf_t bytes;
    int sent;

    if (connection->writing || connection->closing || !out->size) return;
    bytes = uv_buf_init(out->data, (unsigned)out->size);
    sent = uv_try_write(&connection->handle.stream, &bytes, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
        smt_control_connection_close(connection);
        return;
    }
    if (sent > 0 && (size_t)sent == out->size) {
        smt_buffer_empty(out);
        return;
    }
    swap = connection->sending;
    connection->sending = *out;
    *out = swap;
    sent = sent > 0 ? sent : 0;
    bytes = uv_buf_init(connection->sending.data + sent,
                        (unsigned)(connection->sending.size - (size_t)sent));
    connection->write.data = connection;
    connection->writing = true;
    connection->since_ms = now_ms(connection);
    if (uv_write(&connection->write, &connection->handle.stream, &bytes, 1, on_written) != 0)
        smt_control_connection_close(connection);
}

/* --- in --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_bytes)
{
    struct connection *connection = handle->data;

    (void)suggested;
    *ret_bytes = uv_buf_init(connection->server->bytes, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct connection *connection = stream->data;

    if (size < 0 && size != UV_EOF) {
        smt_control_connection_close(connection);
        return;
    }
    if (size == UV_EOF) {
        enum smt_protocol protocol = connection->finder.protocol;

        connection->ended = true;
        /* A last line may lack its end. */
        if (connection->input.size &&
            (protocol == SMT_PROTOCOL_TEXT || protocol == SMT_PROTOCOL_JSON))
            smt_buffer_add(&connection->input, "\n", 1);
    } else {
        smt_buffer_add(&connection->input, bytes->base, (size_t)size);
    }
    if (connection->input.failed)
        smt_control_connection_close(connection);
    else
        smt_control_connection_go_on(connection);
}

static void reading_set(struct connection *connection, bool reading)
{
    if (connection->reading == reading || connection->closing) return;
    connection->reading = reading;
    if (!reading)
        uv_read_stop(&connection->handle.stream);
    else if (uv_read_start(&connection->handle.stream, on_alloc, on_read) != 0)
        smt_control_connection_close(connection);
}

/* Drops what is consumed; an idle connection keeps no large buffer. */
static void input_compact(struct connection *connection)
{
    struct smt_buffer *input = &connection->input;
    size_t left = input->size - connection->consumed;

    if (connection->consumed && left)
        memmove(input->data, input->data + connection->consumed, left);
    input->size = left;
    connection->consumed = 0;
    if (!left && input->capacity > IDLE_KEEP) smt_buffer_clear(input);
    if (!connection->out.size && connection->out.capacity > IDLE_KEEP)
        smt_buffer_clear(&connection->out);
    if (!connection->writing && connection->sending.capacity > IDLE_KEEP)
        smt_buffer_clear(&connection->sending);
}

/* Whether the session may go on with what is there. */
static bool may_step(const struct connection *connection)
{
    return !connection->busy && !connection->closing && !connection->finished &&
           !(connection->writing && connection->out.size > OUT_ENOUGH);
}

static void on_turns(uv_idle_t *turns);

/* Works off messages while its turn lasts; true when it waits for more bytes. */
static bool messages_take(struct connection *connection)
{
    uint64_t end_ns = smt_clock_ns() + TURN_NS;
    bool waits = false;

    connection->more = false;
    while (may_step(connection) && !waits && !connection->more) {
        waits = !smt_control_session_step(connection);
        if (!waits && !connection->writing) connection->since_ms = 0;
        if (connection->out.size > OUT_ENOUGH) out_send(connection);
        connection->more = !waits && smt_clock_ns() > end_ns;
    }
    connection->more = connection->more && may_step(connection);
    return waits;
}

void smt_control_connection_go_on(struct connection *connection)
{
    bool waits = messages_take(connection);

    if (connection->closing) return;
    if (connection->out.failed) {
        smt_control_connection_close(connection);
        return;
    }
    out_send(connection);
    if (connection->closing) return;
    if (!connection->busy) input_compact(connection);
    if (waits && connection->ended) connection->finished = true;
    if (connection->finished && !connection->busy && !connection->writing) {
        smt_control_connection_close(connection);
        return;
    }
    if (!connection->writing && !connection->busy && !connection->more && connection->input.size &&
        !connection->since_ms)
        connection->since_ms = now_ms(connection); /* half a message */
    reading_set(connection, !connection->ended && !connection->finished && !connection->more &&
                                (waits || connection->input.size < READ_BYTES));
    if (connection->more) uv_idle_start(&connection->server->turns, on_turns);
}

/* The next turn of everyone whose last was over too early. */
static void on_turns(uv_idle_t *turns)
{
    struct smt_server *server = turns->data;
    struct connection *connection, *next;
    bool more = false;

    DL_FOREACH_SAFE(server->connections, connection, next)
    {
        if (connection->more) smt_control_connection_go_on(connection);
        more = more || connection->more;
    }
    if (!more) uv_idle_stop(turns);
}

/* --- coming and going --- */

/* Without memory the spare one is taken, and *ret_drop. NULL: that is in use too,
 * and the client is accepted when it is free again. */
static struct connection *connection_new(struct smt_server *server, bool *ret_drop)
{
    struct connection *connection = calloc(1, sizeof *connection);

    *ret_drop = !connection;
    if (!connection) {
        connection = server->spare;
        server->spare = NULL;
        if (connection) memset(connection, 0, sizeof *connection);
    }
    if (connection) connection->server = server;
    return connection;
}

void smt_control_connection_accept(struct listener *listener)
{
    struct smt_server *server = listener->server;
    bool local = listener->address.socket.any.sa_family == AF_UNIX, drop;
    struct connection *connection = connection_new(server, &drop);
    int error;

    listener->waiting = !connection;
    if (!connection) return;
    connection->telnet = listener->address.telnet;
    error = local ? uv_pipe_init(&server->loop, &connection->handle.pipe, 0)
                  : uv_tcp_init(&server->loop, &connection->handle.tcp);
    if (error) {
        listener->waiting = true; /* the next sweep tries again */
        memory_give(server, connection);
        return;
    }
    connection->handle.any.data = connection;
    DL_APPEND(server->connections, connection);
    if (uv_accept(&listener->handle.stream, &connection->handle.stream) != 0 || drop) {
        smt_control_connection_close(connection);
        return;
    }
    if (!local) uv_tcp_nodelay(&connection->handle.tcp, 1);
    if (connection->telnet) smt_control_session_greet(connection);
    smt_control_connection_go_on(connection);
}

void smt_control_connections_wanted(struct smt_server *server)
{
    for (size_t i = 0; i < server->listener_count && !server->stopping; i++)
        if (server->listeners[i].waiting) smt_control_connection_accept(&server->listeners[i]);
}

void smt_control_connection_sweep(struct smt_server *server, uint64_t now)
{
    struct connection *connection, *next;

    DL_FOREACH_SAFE(server->connections, connection, next)
    if (connection->since_ms && now > connection->since_ms + PATIENCE_MS)
        smt_control_connection_close(connection);
}
