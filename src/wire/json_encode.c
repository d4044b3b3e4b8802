#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "wire/json.h"
#include "wire/json_text.h"

static bool text_is_plain(const char *text, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\') return false;
    return true;
}

/* JSON must be UTF-8: other bytes are shown as \xHH, as everywhere here. */
static void text_add_escaped(struct smt_buffer *buffer, const char *text, size_t size_bytes)
{
    json_t *string = json_stringn(text, size_bytes);
    char *dumped = string ? json_dumps(string, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    if (dumped) {
        smt_buffer_add_text(buffer, dumped);
    } else {
        struct smt_buffer escaped;

        smt_buffer_init(&escaped);
        smt_buffer_add_escaped(&escaped, text, size_bytes);
        smt_buffer_add_text(buffer, "\"");
        for (size_t i = 0; i < escaped.size; i++) { /* has only \ and " to escape */
            if (escaped.data[i] == '\\' || escaped.data[i] == '"') smt_buffer_add(buffer, "\\", 1);
            smt_buffer_add(buffer, &escaped.data[i], 1);
        }
        smt_buffer_add_text(buffer, "\"");
        if (escaped.failed) buffer->failed = true;
        smt_buffer_clear(&escaped);
    }
    free(dumped);
    json_decref(string);
}

void smt_json_add_string(struct smt_buffer *buffer, const char *text, size_t size_bytes)
{
    if (!text_is_plain(text, size_bytes)) {
        text_add_escaped(buffer, text, size_bytes);
        return;
    }
    smt_buffer_add_text(buffer, "\"");
    smt_buffer_add(buffer, text, size_bytes);
    smt_buffer_add_text(buffer, "\"");
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
        if (is_struct) {
            smt_json_add_string(buffer, smt_wire_text(items, &items->items[i]),
                                items->items[i].text_size);
            smt_buffer_add_text(buffer, ":");
            i++;
        }
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
    smt_buffer_add_text(buffer, ",\"params\":[");
    for (size_t i = 0; i < items->count;) {
        smt_buffer_add_text(buffer, separator);
        i = value_add(buffer, items, i);
        separator = ",";
    }
    smt_buffer_add_text(buffer, "]}");
}
