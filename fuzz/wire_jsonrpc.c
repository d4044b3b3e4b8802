/* JSON-RPC: requests and batches as a server gets them, framed by lines or as
 * netstrings, and the same bytes as an answer that a client gets. Whatever is
 * answered must be JSON itself; what was decoded must survive being encoded. */
#include "wire_feed.h"

static void request_again(const struct smt_wire_request *request)
{
    struct smt_wire_request again = {0};
    struct smt_json_message message;
    struct smt_buffer line, answer;

    smt_buffer_init(&line);
    smt_buffer_init(&answer);
    smt_json_encode_request(&line, 7, request);
    must_hold(!line.failed && !memchr(line.data, '\n', line.size), "a request is one line");
    smt_json_open(&message, line.data, line.size, &answer);
    must_hold(smt_json_next(&message, &again, &answer) == SMT_JSON_REQUEST,
              "an encoded request can be decoded");
    must_hold(request_same(request, &again), "a request survives being encoded");
    must_hold(answer.size == 0 && message.id.size == 1 && *message.id.data == '7',
              "a client's request wants an answer");
    smt_json_clear(&message);
    smt_wire_request_clear(&again);
    smt_buffer_clear(&line);
    smt_buffer_clear(&answer);
}

/* Answers with what was asked, so that every kind of item is written. */
static void request_answer(struct smt_json_message *message, const struct smt_wire_request *request,
                           struct smt_buffer *answer)
{
    struct smt_wire_reply reply = {.results = request->arguments};

    if (request->method.size % 3 == 0)
        smt_wire_fault(&reply, 500, "command %.100s not found", request->method.data);
    else if (request->named)
        reply.results.count = 0;
    smt_json_answer(message, &reply, answer);
}

static void message_take(const char *text, size_t size_bytes)
{
    struct smt_wire_request request = {0};
    struct smt_json_message message;
    enum smt_json_step step;
    struct smt_buffer answer;
    json_t *root;

    smt_buffer_init(&answer);
    smt_json_open(&message, text, size_bytes, &answer);
    while ((step = smt_json_next(&message, &request, &answer)) != SMT_JSON_END) {
        if (step == SMT_JSON_ANSWERED) continue;
        request_again(&request);
        request_answer(&message, &request, &answer);
    }
    smt_json_finish(&message, &answer);
    must_hold(!answer.failed, "answering works");
    root = answer.size ? json_loadb(answer.data, answer.size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    must_hold(!answer.size || root, "an answer is JSON");
    must_hold(!answer.size || !memchr(answer.data, '\n', answer.size), "an answer is one line");
    json_decref(root);
    smt_json_clear(&message);
    smt_wire_request_clear(&request);
    smt_buffer_clear(&answer);
}

static void reply_take(const char *text, size_t size_bytes)
{
    struct smt_wire_reply reply = {0}, again = {0};
    struct smt_buffer encoded;

    smt_buffer_init(&encoded);
    if (smt_json_decode_reply(text, size_bytes, &reply) == SMT_OK) {
        smt_json_add_reply(&encoded, &reply);
        must_hold(smt_json_decode_reply(encoded.data, encoded.size, &again) == SMT_OK,
                  "an encoded reply can be decoded");
        must_hold(reply.code == again.code && reply.list == again.list &&
                      strcmp(reply.fault, again.fault) == 0 &&
                      items_same(&reply.results, &again.results),
                  "a reply survives being encoded");
        smt_buffer_empty(&encoded);
        smt_text_encode_reply(&encoded, &reply, "\r\n");
    }
    smt_buffer_clear(&encoded);
    smt_wire_reply_clear(&reply);
    smt_wire_reply_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    bool netstring = size_bytes && *bytes >= '0' && *bytes <= '9';

    wire_feed_all(bytes, size_bytes, netstring ? SMT_PROTOCOL_NETSTRING : SMT_PROTOCOL_JSON,
                  message_take);
    reply_take((const char *)bytes, size_bytes);
    return 0;
}
