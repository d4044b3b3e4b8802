#include "wire/client.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "wire/json.h"

#define ANSWER_MAX ((size_t)64 << 20)

enum smt_status smt_wire_client_open(struct smt_wire_client *client,
                                     const struct smt_address *address)
{
    const char *name = client->name;
    int error;

    *client = (struct smt_wire_client){.fd = -1};
    smt_address_format(address, client->name, sizeof client->name);
    if (address->telnet)
        return smt_fail(SMT_EUSAGE,
                        "%s: a telnet: listener is for people; name the server's unix: "
                        "or tcp: one",
                        name);
    client->fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) return smt_fail(SMT_ESYS, "%s: %s", name, strerror(errno));
    if (connect(client->fd, &address->socket.any, address->size_bytes) == 0) return SMT_OK;
    error = errno;
    close(client->fd);
    client->fd = -1;
    return smt_fail(SMT_EIO, "%s: cannot connect: %s; is `mtctl serve` running?", name,
                    strerror(error));
}

void smt_wire_client_close(struct smt_wire_client *client)
{
    if (client->fd >= 0) close(client->fd);
    smt_buffer_clear(&client->received);
    client->fd = -1;
}

/* A server that hung up may have said why: that is received next. */
static enum smt_status bytes_send(const struct smt_wire_client *client, const char *bytes,
                                  size_t size_bytes)
{
    while (size_bytes) {
        ssize_t sent = send(client->fd, bytes, size_bytes, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) break;
        if (sent < 0)
            return smt_fail(SMT_EIO, "%s: cannot send: %s", client->name, strerror(errno));
        bytes += sent;
        size_bytes -= (size_t)sent;
    }
    return SMT_OK;
}

/* Receives until there is a whole line; its size without the newline. */
static enum smt_status line_receive(struct smt_wire_client *client, size_t *ret_size)
{
    struct smt_buffer *received = &client->received;
    size_t looked = 0;

    for (;;) {
        char bytes[16384];
        const char *newline = received->size > looked
                                  ? memchr(received->data + looked, '\n', received->size - looked)
                                  : NULL;
        ssize_t got;

        if (newline) {
            *ret_size = (size_t)(newline - received->data);
            return SMT_OK;
        }
        looked = received->size;
        got = recv(client->fd, bytes, sizeof bytes, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return smt_fail(SMT_EIO, "%s: cannot receive: %s", client->name, strerror(errno));
        if (got == 0)
            return smt_fail(SMT_EIO, "%s: the server closed the connection", client->name);
        smt_buffer_add(received, bytes, (size_t)got);
        if (received->failed) return smt_fail(SMT_ENOMEM, "out of memory for the answer");
        if (received->size > ANSWER_MAX)
            return smt_fail(SMT_EIO, "%s: the answer is too long", client->name);
    }
}

enum smt_status smt_wire_client_call(struct smt_wire_client *client,
                                     const struct smt_wire_request *request,
                                     struct smt_wire_reply *reply)
{
    struct smt_buffer line;
    enum smt_status status;
    size_t size;

    smt_buffer_init(&line);
    smt_json_encode_request(&line, ++client->last_id, request);
    smt_buffer_add_text(&line, "\n");
    status = line.failed ? smt_fail(SMT_ENOMEM, "out of memory for the request")
                         : bytes_send(client, line.data, line.size);
    smt_buffer_clear(&line);
    if (status == SMT_OK) status = line_receive(client, &size);
    if (status != SMT_OK) return status;
    status = smt_json_decode_reply(client->received.data, size, reply);
    if (status == SMT_OK && reply->code == SMT_JSON_METHOD_NOT_FOUND)
        smt_wire_fault(reply, 500, "command %.100s not found", request->method.data);
    size++;
    memmove(client->received.data, client->received.data + size, client->received.size - size);
    client->received.size -= size;
    return status;
}
