/* Lines as people type them: what was read, quoted and escaped, must read the
 * same again. Answers of any content must be written. */
#include <inttypes.h>

#include "wire_feed.h"

static void quoted_add(struct smt_buffer *line, const char *text, size_t size_bytes)
{
    smt_buffer_add_text(line, "\"");
    for (size_t i = 0; i < size_bytes; i++)
        smt_buffer_addf(line, "\\x%02x", (unsigned char)text[i]);
    smt_buffer_add_text(line, "\"");
}

static void line_add(struct smt_buffer *line, const struct smt_wire_request *request)
{
    const struct smt_wire_items *items = &request->arguments;

    quoted_add(line, request->method.data, request->method.size);
    for (size_t i = 0; i < items->count; i++) {
        const struct smt_wire_item *item = &items->items[i];

        smt_buffer_add_text(line, " ");
        if (item->type == SMT_WIRE_INTEGER)
            smt_buffer_addf(line, "%" PRId64, item->integer);
        else
            quoted_add(line, smt_wire_text(items, item), item->text_size);
    }
}

static void answer_write(const struct smt_wire_request *request)
{
    struct smt_wire_reply reply = {0};
    struct smt_buffer answer;

    smt_buffer_init(&answer);
    reply.results = request->arguments;
    smt_text_encode_reply(&answer, &reply, "\n");
    reply.code = 400;
    snprintf(reply.fault, sizeof reply.fault, "%s", request->method.data);
    smt_text_encode_reply(&answer, &reply, "\r\n");
    must_hold(!answer.failed, "answering works");
    smt_buffer_clear(&answer);
}

static void line_take(const char *text, size_t size_bytes)
{
    struct smt_wire_request request = {0}, again = {0};
    struct smt_buffer line;

    smt_buffer_init(&line);
    if (smt_text_decode_request(text, size_bytes, &request) == SMT_OK && request.method.data) {
        must_hold(!request.arguments.failed && !request.method.failed, "reading works");
        line_add(&line, &request);
        must_hold(smt_text_decode_request(line.data, line.size, &again) == SMT_OK,
                  "a quoted line can be read");
        must_hold(request_same(&request, &again), "a line survives being quoted");
        answer_write(&request);
    }
    smt_buffer_clear(&line);
    smt_wire_request_clear(&request);
    smt_wire_request_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    wire_feed_all(bytes, size_bytes, SMT_PROTOCOL_TEXT, line_take);
    return 0;
}
