/* What a connection's bytes mean: takes messages off its input, has commands
 * carried out, writes answers. */
#include <string.h>

#include "control/server_inside.h"

#define TOP_PROMPT "> "

/* RFC 854 */
#define TELNET_IAC 255
#define TELNET_SB  250 /* an option's parameters follow, up to IAC SE */
#define TELNET_SE  240

static const char *line_end(const struct connection *connection)
{
    return connection->telnet ? "\r\n" : "\n";
}

static void prompt_add(struct connection *connection, const char *prompt)
{
    if (connection->telnet) smt_buffer_add_text(&connection->out, prompt);
}

void smt_control_session_greet(struct connection *connection)
{
    connection->greeted = true;
    connection->finder.protocol = SMT_PROTOCOL_TEXT;
    prompt_add(connection, TOP_PROMPT);
}

void smt_control_session_clear(struct connection *connection)
{
    if (connection->menu) connection->menu->close(connection->menu_state);
    connection->menu = NULL;
    smt_json_clear(&connection->json);
    smt_wire_request_clear(&connection->request);
    smt_wire_reply_clear(&connection->reply);
    smt_buffer_clear(&connection->answer);
}

/* --- answers --- */

static void text_answer(struct connection *connection)
{
    const struct smt_wire_reply *reply = &connection->reply;

    smt_text_encode_reply(&connection->out, reply, line_end(connection));
    /* Whoever reads lines needs one to know it is done. */
    if (!reply->code && !reply->results.count && !reply->list)
        smt_buffer_addf(&connection->out, "ok%s", line_end(connection));
    prompt_add(connection, TOP_PROMPT);
}

/* In lines, what is answered may go before the rest is; nobody can make the
 * server keep a batch's answers. A netstring's length comes first. */
static void answer_flush(struct connection *connection)
{
    struct smt_buffer *text = &connection->answer;

    if (text->failed || text->size > ANSWER_MAX) connection->out.failed = true;
    if (connection->finder.protocol == SMT_PROTOCOL_NETSTRING) return;
    smt_buffer_add(&connection->out, text->data ? text->data : "", text->size);
    smt_buffer_empty(text);
}

static void json_answer(struct connection *connection)
{
    struct smt_wire_reply *reply = &connection->reply;

    if (reply->code == 500 && !smt_command_find(connection->request.method.data))
        smt_wire_fault(reply, SMT_JSON_METHOD_NOT_FOUND, "Method not found");
    smt_json_answer(&connection->json, reply, &connection->answer);
    answer_flush(connection);
}

static void answer(struct connection *connection)
{
    switch (connection->finder.protocol) {
    case SMT_PROTOCOL_BINRPC:
        smt_binrpc_encode_reply(&connection->out, connection->cookie, &connection->reply);
        break;
    case SMT_PROTOCOL_JSON:
    case SMT_PROTOCOL_NETSTRING:
        json_answer(connection);
        break;
    default:
        text_answer(connection);
        break;
    }
}

/* --- carrying out --- */

/* A worker gives the connection back; false: closed meanwhile, and maybe gone. */
static bool connection_take_back(struct connection *connection)
{
    connection->busy = false;
    if (!connection->closing) return true;
    if (connection->closed) smt_control_connection_free(connection);
    return false;
}

static void on_work(uv_work_t *work)
{
    struct connection *connection = work->data;

    smt_command_execute(connection->server->control, &connection->request, &connection->reply);
}

static void on_work_done(uv_work_t *work, int error)
{
    struct connection *connection = work->data;

    if (!connection_take_back(connection)) return;
    if (error) smt_wire_fault(&connection->reply, 500, "the server is stopping");
    answer(connection);
    smt_control_connection_go_on(connection);
}

static void request_run(struct connection *connection)
{
    const char *name = connection->request.method.data;
    const struct smt_command *command = smt_command_find(name ? name : "");

    if (command && (command->flags & SMT_COMMAND_HEAVY)) {
        connection->work.data = connection;
        connection->busy =
            uv_queue_work(&connection->server->loop, &connection->work, on_work, on_work_done) == 0;
        if (connection->busy) return;
    }
    smt_command_execute(connection->server->control, &connection->request, &connection->reply);
    answer(connection);
}

/* --- text --- */

/* How many bytes the option command has that begins here: IAC, verb, and for
 * WILL, WONT, DO and DONT an option; SB has what ends it, others two bytes. */
static size_t telnet_command_size(const unsigned char *at, size_t left)
{
    if (left < 2 || at[1] < TELNET_SB || at[1] == TELNET_IAC) return 2;
    if (at[1] > TELNET_SB) return 3;
    for (size_t size = 3; size < left; size++)
        if (at[size - 1] == TELNET_IAC && at[size] == TELNET_SE) return size + 1;
    return left;
}

/* Removes telnet's option commands and the NUL it puts behind a bare carriage
 * return. */
static size_t telnet_strip(char *line, size_t size_bytes)
{
    size_t kept = 0;

    for (size_t i = 0; i < size_bytes; i++) {
        const unsigned char *at = (const unsigned char *)line + i;

        if (!*at) continue;
        if (*at == TELNET_IAC)
            i += telnet_command_size(at, size_bytes - i) - 1;
        else
            line[kept++] = line[i];
    }
    return kept;
}

/* A browser can be made to send anything to a port of this host: nothing that
 * begins like HTTP is read any further. */
static bool line_is_http(const char *line, size_t size_bytes)
{
    static const char *const verbs[] = {"GET ",    "POST ",    "PUT ",   "HEAD ",
                                        "DELETE ", "OPTIONS ", "PATCH ", "CONNECT "};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (size_bytes >= strlen(verbs[i]) && memcmp(line, verbs[i], strlen(verbs[i])) == 0)
            return true;
    return false;
}

static void menu_leave(struct connection *connection)
{
    connection->menu->close(connection->menu_state);
    connection->menu = NULL;
    prompt_add(connection, TOP_PROMPT);
}

static void menu_line(struct connection *connection, const char *line)
{
    const char *prompt = connection->menu->line(connection->menu_state, line, &connection->out);

    if (prompt)
        prompt_add(connection, prompt);
    else
        menu_leave(connection);
}

/* Opens the menu `line` is the key of; false when there is none. */
static bool menu_enter(struct connection *connection, const char *line)
{
    const struct smt_server_menu *menu = connection->server->menus;

    if (!connection->telnet || !menu) return false;
    while (menu->key && strcmp(menu->key, line) != 0) menu++;
    if (!menu->key) return false;
    connection->menu_state = menu->open(connection->server->control);
    if (!connection->menu_state) {
        smt_buffer_add_text(&connection->out, "error: 400 - memory allocation failed\r\n");
        prompt_add(connection, TOP_PROMPT);
        return true;
    }
    connection->menu = menu;
    prompt_add(connection, menu->prompt);
    return true;
}

static void command_line(struct connection *connection, const char *line, size_t size_bytes)
{
    struct smt_wire_request *request = &connection->request;
    const char *name;

    if (smt_text_decode_request(line, size_bytes, request) != SMT_OK) {
        smt_wire_reply_empty(&connection->reply);
        smt_wire_fault(&connection->reply, 400, "%s", smt_fail_text());
        text_answer(connection);
        return;
    }
    name = request->method.size ? request->method.data : "";
    if (!*name)
        prompt_add(connection, TOP_PROMPT);
    else if (strcmp(name, "quit") == 0 || strcmp(name, "exit") == 0)
        connection->finished = true;
    else
        request_run(connection);
}

static void text_take(struct connection *connection, char *line, size_t size_bytes)
{
    if (!connection->greeted && line_is_http(line, size_bytes)) {
        smt_buffer_add_text(&connection->out, "error: 400 - this is no web server\n");
        connection->finished = true;
        return;
    }
    connection->greeted = true;
    size_bytes = telnet_strip(line, size_bytes);
    line[size_bytes] = '\0'; /* where the line's end was */
    if (connection->menu)
        menu_line(connection, line);
    else if (!menu_enter(connection, line))
        command_line(connection, line, size_bytes);
}

/* --- the others --- */

static void binrpc_take(struct connection *connection, const char *packet, size_t size_bytes)
{
    struct smt_binrpc_header header = {0};

    (void)smt_binrpc_header(packet, size_bytes, &header); /* the frame was found by it */
    connection->cookie = header.cookie;
    if (smt_binrpc_decode_request(packet + header.header_bytes, header.payload_bytes,
                                  &connection->request)) {
        request_run(connection);
        return;
    }
    smt_wire_reply_empty(&connection->reply);
    smt_wire_fault(&connection->reply, 400, "malformed packet");
    answer(connection);
}

/* One request of the open message; at its end, sends the answer. */
static void json_step(struct connection *connection)
{
    struct smt_buffer *text = &connection->answer;

    enum smt_json_step step = smt_json_next(&connection->json, &connection->request, text);

    if (step == SMT_JSON_REQUEST) request_run(connection);
    if (step == SMT_JSON_ANSWERED) answer_flush(connection);
    if (step != SMT_JSON_END) return;
    smt_json_finish(&connection->json, text);
    if (connection->finder.protocol == SMT_PROTOCOL_NETSTRING && text->size) {
        smt_buffer_addf(&connection->out, "%zu:", text->size);
        smt_buffer_add(&connection->out, text->data, text->size);
        smt_buffer_add_text(&connection->out, ",");
    } else if (connection->json.answered) {
        smt_buffer_add_text(text, "\n");
    }
    answer_flush(connection);
    smt_json_clear(&connection->json);
    connection->json_open = false;
    if (text->capacity > IDLE_KEEP)
        smt_buffer_clear(text);
    else
        smt_buffer_empty(text);
}

static void on_parse(uv_work_t *work)
{
    struct connection *connection = work->data;

    smt_json_open(&connection->json, connection->json_text, connection->json_bytes,
                  &connection->answer);
}

static void on_parse_done(uv_work_t *work, int error)
{
    struct connection *connection = work->data;

    if (!connection_take_back(connection)) return;
    connection->json_open = !error;
    connection->finished = error;
    smt_control_connection_go_on(connection);
}

/* A long text takes a worker: a megabyte of it may be parsed for a quarter of a
 * second. It stays where it is meanwhile: with so much there nothing more is
 * read, and while a worker is at it nothing is dropped. */
static void json_take(struct connection *connection, const char *text, size_t size_bytes)
{
    smt_buffer_empty(&connection->answer);
    connection->json_text = text;
    connection->json_bytes = size_bytes;
    connection->work.data = connection;
    connection->busy =
        size_bytes > READ_BYTES &&
        uv_queue_work(&connection->server->loop, &connection->work, on_parse, on_parse_done) == 0;
    if (connection->busy) return;
    on_parse(&connection->work);
    connection->json_open = true;
}

/* Tells the client, in its own protocol as far as it has one, and hangs up. */
static void bad_input(struct connection *connection)
{
    static const char json[] = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,"
                               "\"message\":\"malformed or oversized message\"},\"id\":null}";
    struct smt_wire_reply fault = {0};

    smt_wire_fault(&fault, 400, "malformed or oversized message");
    switch (connection->finder.protocol) {
    case SMT_PROTOCOL_BINRPC:
        smt_binrpc_encode_reply(&connection->out, 0, &fault);
        break;
    case SMT_PROTOCOL_JSON:
        smt_buffer_addf(&connection->out, "%s\n", json);
        break;
    case SMT_PROTOCOL_NETSTRING:
        smt_buffer_addf(&connection->out, "%zu:%s,", sizeof json - 1, json);
        break;
    default:
        smt_text_encode_reply(&connection->out, &fault, line_end(connection));
        break;
    }
    connection->finished = true;
}

bool smt_control_session_step(struct connection *connection)
{
    struct smt_buffer *input = &connection->input;
    char *at = input->data + connection->consumed;
    struct smt_wire_frame frame;
    enum smt_wire_progress progress;

    if (connection->json_open) {
        json_step(connection);
        return true;
    }
    if (connection->consumed == input->size) return false;
    progress = smt_frame_find(&connection->finder, at, input->size - connection->consumed, &frame);
    if (progress == SMT_WIRE_MORE) {
        connection->consumed += frame.skip;
        return false;
    }
    if (progress == SMT_WIRE_BAD) {
        bad_input(connection);
        return true;
    }
    connection->consumed += frame.end;
    if (connection->finder.protocol == SMT_PROTOCOL_BINRPC)
        binrpc_take(connection, at + frame.begin, frame.size);
    else if (connection->finder.protocol == SMT_PROTOCOL_TEXT)
        text_take(connection, at + frame.begin, frame.size);
    else
        json_take(connection, at + frame.begin, frame.size);
    return true;
}
