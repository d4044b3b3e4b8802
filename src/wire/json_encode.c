#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "wire/json.h"
#include "wire/json_text.h"

/* A quote, a backslash or a control character. */
static void special_add(struct smt_buffer *buffer, unsigned char byte)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *special = byte ? memchr(from, byte, sizeof from - 1) : NULL;

    if (special)
        smt_buffer_addf(buffer, "\\%c", to[special - from]);
    else
        smt_buffer_addf(buffer, "\\u%04x", byte);
}

static bool byte_is_plain(char byte)
{
    return (unsigned char)byte >= ' ' && byte != '"' && byte != '\\';
}

/* Writes text, which is UTF-8, between quotes. */
static void quoted_add(struct smt_buffer *buffer, const char *text, size_t size_bytes)
{
    smt_buffer_add_text(buffer, "\"");
    for (size_t i = 0; i < size_bytes;) {
        size_t plain = i;

        while (plain < size_bytes && byte_is_plain(text[plain])) plain++;
        smt_buffer_add(buffer, text + i, plain - i);
        if (plain < size_bytes) special_add(buffer, (unsigned char)text[plain++]);
        i = plain;
    }
    smt_buffer_add_text(buffer, "\"");
}

/* JSON must be UTF-8: other bytes are shown as \xHH, as everywhere here. */
void smt_json_add_string(struct smt_buffer *buffer, const char *text, size_t size_bytes)
{
    struct smt_buffer escaped;

    if (smt_text_is_utf8(text, size_bytes)) {
        quoted_add(buffer, text, size_bytes);
        return;
    }
    smt_buffer_init(&escaped);
    smt_buffer_add_escaped(&escaped, text, size_bytes);
    if (escaped.failed) buffer->failed = true;
    quoted_add(buffer, escaped.data, escaped.size);
    smt_buffer_clear(&escaped);
}

/* Returns the index of the value that belongs to the name. */
static size_t name_add(struct smt_buffer *buffer, const struct smt_wire_items *items, size_t i)
{
    smt_json_add_string(buffer, smt_wire_text(items, &items->items[i]), items->items[i].text_size);
    smt_buffer_add_text(buffer, ":");
    return i + 1;
}

/* Writes one value, members and all; returns the index after it. */
static size_t value_add(struct smt_buffer *buffer, const struct smt_wire_items *items, size_t i)
{
    const struct smt_wire_item *item = &items->items[i++];
    bool is_struct = item->type == SMT_WIRE_STRUCT;
    enum smt_wire_type end = is_struct ? SMT_WIRE_STRUCT_END : SMT_WIRE_ARRAY_END;
    const char *separator = "";

    if (item->type == SMT_WIRE_INTEGER) {
        smt_buffer_addf(buffer, "%" PRId64, item->integer);
        return i;
    }
    if (item->type == SMT_WIRE_DOUBLE) {
        smt_buffer_addf(buffer, "%.17g", isfinite(item->number) ? item->number : 0.0);
        return i;
    }
    if (item->type == SMT_WIRE_STRING) {
        smt_json_add_string(buffer, smt_wire_text(items, item), item->text_size);
        return i;
    }
    smt_buffer_add_text(buffer, is_struct ? "{" : "[");
    while (i < items->count && items->items[i].type != end) {
        smt_buffer_add_text(buffer, separator);
        if (is_struct) i = name_add(buffer, items, i);
        i = value_add(buffer, items, i);
        separator = ",";
    }
    smt_buffer_add_text(buffer, is_struct ? "}" : "]");
    return i + 1;
}

/* How many values stand at the outermost level, up to two. */
static size_t values_count(const struct smt_wire_items *items)
{
    size_t count = 0, depth = 0;

    for (size_t i = 0; i < items->count && count < 2; i++) {
        enum smt_wire_type type = items->items[i].type;

        if (type == SMT_WIRE_STRUCT_END || type == SMT_WIRE_ARRAY_END) {
            depth--;
            continue;
        }
        if (depth == 0) count++;
        if (type == SMT_WIRE_STRUCT || type == SMT_WIRE_ARRAY) depth++;
    }
    return count;
}

static void results_add(struct smt_buffer *buffer, const struct smt_wire_reply *reply)
{
    size_t count = values_count(&reply->results);
    bool list = reply->list || count > 1;
    const char *separator = "";

    if (reply->results.failed) buffer->failed = true;
    if (!list && count == 0) {
        smt_buffer_add_text(buffer, "null");
        return;
    }
    if (list) smt_buffer_add_text(buffer, "[");
    for (size_t i = 0; i < reply->results.count;) {
        smt_buffer_add_text(buffer, separator);
        i = value_add(buffer, &reply->results, i);
        separator = ",";
    }
    if (list) smt_buffer_add_text(buffer, "]");
}

void smt_json_add_body(struct smt_buffer *buffer, const struct smt_wire_reply *reply)
{
    if (!reply->code) {
        smt_buffer_add_text(buffer, "\"result\":");
        results_add(buffer, reply);
        return;
    }
    smt_buffer_addf(buffer, "\"error\":{\"code\":%d,\"message\":", reply->code);
    smt_json_add_string(buffer, reply->fault, strlen(reply->fault));
    smt_buffer_add_text(buffer, "}");
}

void smt_json_add_reply(struct smt_buffer *buffer, const struct smt_wire_reply *reply)
{
    smt_buffer_add_text(buffer, "{");
    smt_json_add_body(buffer, reply);
    smt_buffer_add_text(buffer, "}");
}

void smt_json_encode_request(struct smt_buffer *buffer, uint64_t id,
                             const struct smt_wire_request *request)
{
    const struct smt_wire_items *items = &request->arguments;
    const char *separator = "";

    if (items->failed) buffer->failed = true;
    smt_buffer_addf(buffer, "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64 ",\"method\":", id);
    smt_json_add_string(buffer, request->method.data, request->method.size);
    smt_buffer_add_text(buffer, request->named ? ",\"params\":{" : ",\"params\":[");
    for (size_t i = 0; i < items->count;) {
        smt_buffer_add_text(buffer, separator);
        if (request->named) i = name_add(buffer, items, i);
        i = value_add(buffer, items, i);
        separator = ",";
    }
    smt_buffer_add_text(buffer, request->named ? "}}" : "]}");
}
